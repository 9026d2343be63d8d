"""Where something stands in a site file, and what is wrong there: every problem is three lines that begin with file and line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from core.errors import Invalid

Finding = tuple[str, str, Mapping[str, object]]
"""What is wrong with one entry: the key it is about, problem code, parameters."""

_SHOWN_MAX: Final = 60


class Where(NamedTuple):
    """A line of a file; line 0 for the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Raw(dict[str, Any]):
    """One mapping of the file as it was written, with the line of each key.

    Attributes:
        where: Where it begins.
        lines: Line of each key.
    """

    def __init__(self, where: Where, values: Mapping[str, Any] | None = None, lines: Mapping[str, int] | None = None) -> None:
        super().__init__(values or {})
        self.where = where
        self.lines = dict(lines or {})

    def at(self, *path: str | int) -> Where:
        """Where the value at ``path`` stands; the nearest place above it when it does not stand there."""
        here: Any = self
        where = self.where
        for step in path:
            lines = getattr(here, "lines", None)
            if isinstance(here, Raw) and step in here.lines:
                where = Where(self.where.file, here.lines[str(step)])
            elif isinstance(lines, list) and isinstance(step, int) and step < len(lines):
                where = Where(self.where.file, lines[step])
            try:
                here = here[step]
            except (LookupError, TypeError):
                break
        return where

    def without(self, keys: Iterable[str]) -> Raw:
        """A copy without ``keys``."""
        dropped = set(keys)
        return Raw(self.where, {key: value for key, value in self.items() if key not in dropped}, self.lines)


class RawList(list[Any]):
    """One sequence of the file, with the line of each item."""

    def __init__(self, values: Iterable[Any] = (), lines: Iterable[int] = ()) -> None:
        super().__init__(values)
        self.lines = list(lines)


class BrokenSiteFile(Invalid):
    """A site file with problems: all of them, in the order of the file."""

    def __init__(self, code: str = "sitefile.broken", /, **params: Any) -> None:
        super().__init__(code, **params)

    @classmethod
    def of(cls, file: str, problems: Iterable[Invalid]) -> BrokenSiteFile:
        """The error for ``problems``, sorted by file and line; at least one is given."""
        ordered = tuple(sorted(problems, key=lambda one: (one.params["at"].file, one.params["at"].line)))
        first = {language: ordered[0].lines(language).what for language in ("ja", "en")}
        return cls(file=file, count=len(ordered), first=first, problems=ordered)

    @property
    def problems(self) -> tuple[Invalid, ...]:
        """Every problem; each has ``params["at"]``, its file and line."""
        found: tuple[Invalid, ...] = self.params["problems"]
        return found


def problem(code: str, where: Where, /, **params: Any) -> Invalid:
    """One problem at one place."""
    return Invalid(code, at=where, **params)


# pydantic's kinds of mistakes in our words, with the name of the context value that goes into them.
_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "extra_forbidden": ("sitefile.unknown_key", ""),
    "missing": ("sitefile.missing_key", ""),
    "greater_than": ("sitefile.not_above", "gt"),
    "greater_than_equal": ("sitefile.below", "ge"),
    "less_than": ("sitefile.not_below", "lt"),
    "less_than_equal": ("sitefile.above", "le"),
    "finite_number": ("sitefile.not_a_number", ""),
    "decimal_parsing": ("sitefile.not_a_number", ""),
    "decimal_type": ("sitefile.not_a_number", ""),
    "float_parsing": ("sitefile.not_a_number", ""),
    "float_type": ("sitefile.not_a_number", ""),
    "int_parsing": ("sitefile.not_whole", ""),
    "int_type": ("sitefile.not_whole", ""),
    "int_from_float": ("sitefile.not_whole", ""),
    "decimal_max_digits": ("sitefile.too_many_digits", ""),
    "decimal_max_places": ("sitefile.too_many_digits", ""),
    "decimal_whole_digits": ("sitefile.too_many_digits", ""),
    "string_too_long": ("sitefile.too_long", "max_length"),
    "string_too_short": ("sitefile.empty", ""),
    "too_short": ("sitefile.empty", ""),
    "too_long": ("sitefile.too_long", "max_length"),
    "string_type": ("sitefile.not_text", ""),
    "string_pattern_mismatch": ("sitefile.bad_code", ""),
    "literal_error": ("sitefile.not_one_of", "expected"),
    "enum": ("sitefile.not_one_of", "expected"),
    "bool_parsing": ("sitefile.not_true_false", ""),
    "bool_type": ("sitefile.not_true_false", ""),
    "date_parsing": ("sitefile.not_a_date", ""),
    "date_type": ("sitefile.not_a_date", ""),
    "date_from_datetime_parsing": ("sitefile.not_a_date", ""),
    "date_from_datetime_inexact": ("sitefile.not_a_date", ""),
    "datetime_parsing": ("sitefile.not_a_time", ""),
    "datetime_from_date_parsing": ("sitefile.not_a_time", ""),
    "datetime_type": ("sitefile.not_a_time", ""),
    "dict_type": ("sitefile.not_a_mapping", ""),
    "list_type": ("sitefile.not_a_list", ""),
    "tuple_type": ("sitefile.not_a_list", ""),
    "model_type": ("sitefile.not_a_mapping", ""),
}


def explain(error: ValidationError, raw: Raw, hidden: frozenset[str] = frozenset()) -> list[Invalid]:
    """Every mistake of ``error`` at its place in ``raw``.

    Args:
        hidden: Keys whose values are never repeated.
    """
    found: dict[tuple[Where, str, str], Invalid] = {}  # a text that serves both languages is wrong once
    for one in error.errors(include_url=False):
        path = tuple(step for step in one["loc"] if step != "[key]")
        key = ".".join(str(step) for step in path)
        code, limit = _KINDS.get(one["type"], ("sitefile.bad_value", ""))
        if one["type"].startswith("sitefile."):
            code = one["type"]
        context = dict(one.get("ctx", {}))
        params = {"limit": str(context.pop(limit))} if limit else {name: str(value) for name, value in context.items() if name != "error"}
        shown = "•••" if hidden & {str(step) for step in path} else show(one["input"])
        where = raw.at(*path)
        found.setdefault((where, code, shown), problem(code, where, key=key, value=shown, **params))
    return list(found.values())


def show(value: Any) -> str:
    """``value`` as it may stand in a message: one line, not endless."""
    text = str(getattr(value, "text", value))
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
