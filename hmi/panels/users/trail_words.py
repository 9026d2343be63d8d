"""One row of the trail in words: what was done, how it ended, what changed from what to what."""

from __future__ import annotations

from typing import Final

from core.users.audit_views import AuditEntry, ColumnChange
from core.words import UNDEFINED, has_word, word
from hmi import theme
from hmi.sheets.decision import operation_word

_GOOD: Final = frozenset({"done", "signed_in", "signed_out", "switched", "expired", "verified"})


def _known(id: str, otherwise: str) -> str:
    return word(id, theme.language()) if has_word(id) else otherwise


def is_good(entry: AuditEntry) -> bool:
    """False for what was refused, mistyped or locked: what an auditor's eye must find."""
    return entry.outcome in _GOOD


def what(entry: AuditEntry) -> str:
    """What was done, or tried."""
    return operation_word(entry.operation)


def outcome(entry: AuditEntry) -> str:
    """How it ended; "" for what was simply done."""
    return "" if entry.outcome == "done" else _known(f"outcome.{entry.outcome}", entry.outcome)


def meaning(code: str) -> str:
    """What a signature means."""
    return _known(f"meaning.{code}", code)


def marks(entry: AuditEntry) -> list[str]:
    """What is special about the row, in a few words each."""
    found = []
    if entry.reason and outcome(entry):
        found.append(outcome(entry))
    if entry.signature is not None:
        found.append(f"{word('mark.signed', theme.language())}: {meaning(entry.signature.meaning)}")
    if entry.authorised_by is not None:
        found.append(f"{word('mark.authorised', theme.language())}: {entry.authorised_by.user_code}")
    if entry.offline or entry.late:
        found.append(word("mark.offline" if entry.offline else "mark.late", theme.language()))
    return found


def from_to(entry: AuditEntry) -> str:
    """The one change that tells most."""
    if entry.main is None:
        return ""
    table = next((change.table for change in entry.changes if entry.main in change.columns), "")
    return f"{value(table, entry.main, entry.main.before)} → {value(table, entry.main, entry.main.after)}"


def column(change: ColumnChange) -> str:
    """The name of a column as people say it."""
    return _known(f"column.{change.column}", change.column)


def table(name: str) -> str:
    """The name of a table as people say it."""
    return _known(f"table.{name}", name)


def value(table: str, change: ColumnChange, told: str | None) -> str:
    """A value as people say it: states of orders and yes or no in words, the rest as it is."""
    if told is None or told == "":
        return UNDEFINED
    if told in ("true", "false"):
        return word("answer.yes" if told == "true" else "answer.no", theme.language())
    if change.column == "status" and table == "work_order":
        return _known(f"order.{told}", told)
    return told


def change_lines(entry: AuditEntry) -> list[str]:
    """Everything that changed, one line for each column."""
    return [
        f"{table(row.table)} · {column(each)}: {value(row.table, each, each.before)} → {value(row.table, each, each.after)}"
        for row in entry.changes
        for each in row.columns
    ]
