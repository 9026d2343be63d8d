"""The plant as it stands in the database: what a station asks once at start and again after a site file was applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.equipment.views import SiteView, StopReasonView
from core.store.query import query

if TYPE_CHECKING:
    from core.store.base import Db


@query("equipment:site:view", snapshot=True)
def site_view(db: Db) -> SiteView:
    """Everything that is not retired: lines with their work units, sources, tags, units of measure."""
    from core.equipment import rows

    return rows.site(db)


@query("equipment:stop_reason:list", snapshot=True)
def list_stop_reasons(db: Db) -> tuple[StopReasonView, ...]:
    """The reasons an operator can choose for a stop, in the order of the catalogue."""
    from core.equipment import rows

    return rows.stop_reasons(db)
