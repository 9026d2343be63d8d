"""The six errors an operator can meet, each with three lines in his language.

An error carries a *code* and parameters, never a finished sentence: the words live in
``resources/i18n/messages/*.json`` (one file per room), so that the same error reads right on a Japanese
panel, in an English log and on the command line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

Language = Literal["ja", "en"]
Severity = Literal["info", "confirm", "warning", "error"]

_MESSAGES = Path(__file__).resolve().parents[1] / "resources" / "i18n" / "messages"


class Lines(NamedTuple):
    """What happened, what to do, what is safe: one sentence each, in one language."""

    what: str
    do: str
    safe: str


@cache
def _texts() -> Mapping[str, dict[str, Any]]:
    texts: dict[str, dict[str, Any]] = {}
    for path in sorted(_MESSAGES.glob("*.json")):
        texts.update(json.loads(path.read_text(encoding="utf-8")))
    return texts


class _Shown(dict[str, Any]):
    """Fills a placeholder nobody gave a value with a dash, so that an error text never raises itself."""

    def __missing__(self, key: str) -> str:
        return "—"


class GenbaError(Exception):
    """Base of the six; raise one of the subclasses.

    Args:
        code: Key into the message files, ``room.subject``, for example ``order.not_found``.
        **params: Values for the placeholders of the three lines; plain and printable.
    """

    kind: ClassVar[str] = "error"

    def __init__(self, code: str, /, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross the border of the acquisition process; keyword arguments need a factory to be rebuilt.
        return (_rebuild, (type(self), self.code, self.params))

    def __str__(self) -> str:
        lines = self.lines("en")
        return f"{lines.what} {lines.do}"

    @property
    def severity(self) -> Severity:
        """How loud the screen shows it; an unknown code counts as an error."""
        severity: Severity = _texts().get(self.code, {}).get("severity", "error")
        return severity

    def lines(self, language: Language) -> Lines:
        """The three operator lines in ``language``; a code without a text says so with its name, never raises."""
        entry = _texts().get(self.code)
        if entry is None:
            entry = _texts().get("core.unknown", {"en": ["{code}", "", ""], "ja": ["{code}", "", ""]})
        what, do, safe = entry[language]
        # A parameter that is itself bilingual (a name from the site file) is given as {"ja": …, "en": …}.
        shown = _Shown(code=self.code)
        for key, value in self.params.items():
            shown[key] = value.get(language, "—") if isinstance(value, Mapping) else value
        return Lines(what.format_map(shown), do.format_map(shown), safe.format_map(shown))


def _rebuild(cls: type[GenbaError], code: str, params: dict[str, Any]) -> GenbaError:
    return cls(code, **params)


class NotConnected(GenbaError):
    """A machine or system cannot be reached now; trying again later may help."""

    kind = "not_connected"


class Refused(GenbaError):
    """The request was understood and is not allowed: no right, wrong state, blocked."""

    kind = "refused"


class Invalid(GenbaError):
    """What was typed, scanned, read from a file or sent by a machine cannot be right."""

    kind = "invalid"


class Conflict(GenbaError):
    """Somebody else changed the same thing meanwhile."""

    kind = "conflict"


class NotConfirmed(GenbaError):
    """It was sent, but the answer that proves it did not come or says something else."""

    kind = "not_confirmed"


class Unavailable(GenbaError):
    """The database, a disk or a service this station needs is away."""

    kind = "unavailable"


def message_codes() -> frozenset[str]:
    """Every code that has texts; house tests compare it with the codes the source raises."""
    return frozenset(_texts())
