"""Everything this station can be asked to do or to tell: the list of modules that declare operations and queries.

Importing this module fills ``OPERATIONS`` and ``QUERIES``. A feature that is not listed here does not exist: explicit
lines survive freezing and can be found with a text search; a test compares them with the source.
"""

from __future__ import annotations

from typing import Any

import core.equipment.calendar
import core.equipment.calls
import core.equipment.machines
import core.equipment.manual
import core.equipment.site
import core.equipment.sources
import core.equipment.stations
import core.equipment.stops
import core.equipment.trust
import core.equipment.writes
import core.inventory.products
import core.production.handover
import core.production.lines
import core.production.orders
import core.production.performance
import core.production.queue
import core.production.readings
import core.production.reports
import core.sitefile.apply
import core.sitefile.importing
import core.store.attention
import core.store.restoring
import core.store.sitesecrets
import core.users.accounts
import core.users.directory
import core.users.rights
import core.users.trail  # noqa: F401 - imported for what it declares, like all of the above
from core.store import operation, query
from core.store.operation import OPERATIONS
from core.store.query import QUERIES

__all__ = ["OPERATIONS", "QUERIES", "described"]


def described() -> dict[str, list[dict[str, Any]]]:
    """The interface specification: every operation and query with the JSON schemas of its request and its view.

    Returns:
        ``{"operations": […], "queries": […]}``, each sorted by name, plain JSON.
    """
    return {
        "operations": [operation.describe(OPERATIONS[name]) for name in sorted(OPERATIONS)],
        "queries": [query.describe(QUERIES[name]) for name in sorted(QUERIES)],
    }
