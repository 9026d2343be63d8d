"""What every entry of a site file is made of: texts, names in both languages, numbers, and where it stood in its file."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, StringConstraints
from pydantic_core import PydanticCustomError

from core.sitefile.problems import Raw, Where

# Marks that reorder text on screen: what is shown would not be what is stored.
_REORDERING: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_REFUSED: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))


def written(value: Any) -> Any:
    """A number where text is wanted, as it was written: ``code: 0123`` means 0123."""
    text = getattr(value, "text", value)
    if isinstance(text, str) and any(c in _REORDERING or unicodedata.category(c) in _REFUSED for c in text):
        raise PydanticCustomError("sitefile.control_character", "control character")
    return text


def _both(value: Any) -> Any:
    """A name by language from ``{ja: …, en: …}``, from one of the two, or from plain text that serves both."""
    value = written(value)
    if isinstance(value, str):
        return {"ja": value, "en": value}
    if not isinstance(value, Mapping):
        return value
    if not value or not set(value) <= {"ja", "en"}:
        raise PydanticCustomError("sitefile.bad_languages", "languages")
    first = next(iter(value.values()))
    return {language: value.get(language, first) for language in ("ja", "en")}


def _pairs(value: Any) -> Any:
    """``0=IDLE;1=RUNNING`` as a mapping; a mapping stays one."""
    value = written(value)
    if not isinstance(value, str):
        return value
    pairs: dict[str, str] = {}
    for part in value.split(";"):
        key, equals, item = part.partition("=")
        if not part.strip():
            continue
        if not equals or not key.strip() or key.strip() in pairs:
            raise PydanticCustomError("sitefile.bad_pair", "bad pair", {"part": part.strip()})
        pairs[key.strip()] = item.strip()
    return pairs


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), BeforeValidator(written)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), BeforeValidator(written)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,49}$"), BeforeValidator(written)]
FreeCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), BeforeValidator(written)]
UnitCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20), BeforeValidator(written)]
Names = Annotated[dict[str, Label], BeforeValidator(_both)]
_PairText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern="^[^;]*$"), BeforeValidator(written)
]
_PairKey = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern="^[^;=]*$"), BeforeValidator(written)
]
Pairs = Annotated[dict[_PairKey, _PairText], BeforeValidator(_pairs)]
Positive = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=6)]
Share = Annotated[Decimal, Field(gt=0, le=100, max_digits=9, decimal_places=6)]


class Aside:
    """Something an entry carries that is no part of what it says: equal to any other."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Aside)

    __hash__ = None  # type: ignore[assignment]


class Origin(Aside):
    """The lines an entry was read from."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw


class Pins(Aside):
    """First PINs by user code, and the users who need not change theirs; kept out of everything that is written or compared."""

    def __init__(self, pins: Mapping[str, str], lasting: frozenset[str]) -> None:
        self.pins = pins
        self.lasting = lasting


class Entry(BaseModel):
    """Base: unknown keys refused, immutable, remembers its lines."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True, protected_namespaces=())
    children: ClassVar[Mapping[str, type[Entry]]] = {}
    """Keys that hold lists of entries of their own."""

    _origin: Origin = PrivateAttr(default_factory=lambda: Origin(Raw(Where("", 0))))

    def at(self, *path: str | int) -> Where:
        """Where the value at ``path`` of this entry stands in its file."""
        return self._origin.raw.at(*path)

    def read_from(self, raw: Raw) -> None:
        """Remember the lines; called once by the reader."""
        self._origin = Origin(raw)
