"""Views as they will be when the decisions that wait in the journal are applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from core.errors import GenbaError
from core.store import faults
from core.store.journal import Entry, Journal
from core.store.operation import OPERATIONS, Operation, Request
from core.store.readstore import ReadStore


class Previews:
    """The waiting decisions of one station painted on what it last saw. Thread-safe: it derives, it keeps no state of its own."""

    def __init__(self, journal: Journal, readstore: ReadStore) -> None:
        self._journal = journal
        self._readstore = readstore
        self._painted: tuple[int, dict[str, Any]] = (-1, {})

    def now(self) -> Mapping[str, Any]:
        """Entity key → view with all its waiting decisions applied, in their order; None where there is no preview.

        Raises:
            Unavailable: The journal cannot be read.
        """
        revision = self._journal.revision
        if self._painted[0] == revision:
            return self._painted[1]
        painted: dict[str, Any] = {}
        # Each preview was made on the one before it, so the newest has them all; after a shift there are a thousand.
        for entry in self._journal.newest_previews() if self._journal.waiting_count else ():
            painted[entry.subject] = _read(entry)
        self._painted = (revision, painted)
        return painted

    def make(self, operation: Operation[Any, Any], request: Request, values: Mapping[str, Any]) -> tuple[str, Any, str]:
        """(entity key, view after ``request``, the same as JSON text), from the newest view this station has.

        Raises:
            Refused, Invalid, Conflict: What the preview itself refuses.
            Unavailable: The preview failed in an unforeseen way.
        """
        assert operation.subject is not None  # declared together with offline
        assert operation.preview is not None
        kind = operation.view if isinstance(operation.view, type) else object
        try:
            key = ":".join(operation.subject(values))
            before = self.now().get(key)
            if not isinstance(before, kind) or before is None:
                before = self._readstore.entity(key, kind)
            view = operation.preview(before, request)
            return key, view, operation.view_type.dump_json(view).decode()
        except GenbaError:
            raise
        except Exception as error:
            raise faults.operator_error(error, operation.name) from error


def _read(entry: Entry) -> Any:
    operation = OPERATIONS.get(entry.request.operation)
    if operation is None or not entry.preview:
        return None
    try:
        return operation.view_type.validate_json(entry.preview)
    except ValidationError:
        return None  # the view changed with the program; the entity is named as waiting all the same
