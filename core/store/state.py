"""What a station knows of its database."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import GenbaError, Unavailable


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What is known of the database.

    Attributes:
        up: It answers, and this station may at least read.
        reason: Why it is not up; None when it is, or before the first attempt has ended.
        read_only: Why this station may only read (``store.program_too_old``, ``store.schema_too_old``,
            ``store.name_taken``); None when it may write.
    """

    up: bool
    reason: GenbaError | None = None
    read_only: Unavailable | None = None

    def __bool__(self) -> bool:
        return self.up


def as_reason(error: BaseException) -> GenbaError:
    """Why the database cannot be used, in operator's words."""
    if isinstance(error, GenbaError):
        late = error.code == "store.deadline"
        return Unavailable("store.away", problem={"ja": "応答なし", "en": "no answer"}) if late else error
    return Unavailable("store.away", problem=f"{type(error).__name__}: {error}".splitlines()[0])


def same(one: DatabaseState, other: DatabaseState) -> bool:
    """Whether nobody need be told that one became the other."""

    def told(state: DatabaseState) -> tuple[bool, str | None, str | None]:
        return state.up, state.reason.code if state.reason else None, state.read_only.code if state.read_only else None

    return told(one) == told(other)
