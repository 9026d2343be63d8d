"""What may be asked at the doors: argument models derived from the keyword-only parameters of a function.

Both doors (:mod:`core.store.operation`, :mod:`core.store.query`) validate with these models. Everything that
reaches a function was cleaned and checked here first, whether it was typed on a screen, read from the journal
after an outage or sent by another system.
"""

from __future__ import annotations

import inspect
import math
import types
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from core.errors import Invalid

LINE_MAX: Final = 200
NOTE_MAX: Final = 4_000
ITEMS_MAX: Final = 1_000
_DEPTH_MAX: Final = 8
_DIGITS_MAX: Final = 18
# Marks that reorder text on screen: what is shown would not be what is stored.
_REORDERING: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str


_PROOF = _Mark("proof")
_NOTE = _Mark("note")

Proof = Annotated[str, _PROOF]
"""Declares a parameter that a person types as a :class:`~core.store.operation.Secret`; the function gets its proof."""

Note = Annotated[str, _NOTE]
"""Declares free text of several lines, at most 4,000 characters; a plain ``str`` is one line of at most 200."""


class Arguments(BaseModel):
    """Base of every derived argument model: unknown names refused, immutable, never shows its input in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True, protected_namespaces=())


@dataclass(frozen=True, slots=True)
class Form:
    """The part of a function's signature that a door needs.

    Attributes:
        model: Arguments by name, for validation and as a JSON schema.
        view: The return annotation: what the function gives back.
        proofs: Names of the parameters that carry a proof.
        notes: Names of the parameters that may hold several lines.
    """

    model: type[Arguments]
    view: Any
    proofs: frozenset[str]
    notes: frozenset[str]


def read_signature(name: str, function: Callable[..., Any], positional: int) -> Form:
    """The argument model of ``function``, whose first ``positional`` parameters the door itself fills.

    Raises:
        TypeError: A programmer's mistake: a parameter that is not keyword-only, has no annotation, or an
            annotation or return type that does not exist at run time (imported under TYPE_CHECKING only).
    """
    parameters = list(inspect.signature(function).parameters.values())[positional:]
    wrong = [p.name for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY or p.annotation is p.empty]
    if wrong or "return" not in function.__annotations__:
        raise TypeError(f"{name}: parameters {wrong} must be keyword-only and annotated, and the return type declared")
    wanted = {p.name for p in parameters} | {"return"}
    bare = types.SimpleNamespace(__annotations__={k: v for k, v in function.__annotations__.items() if k in wanted})
    try:
        hints = get_type_hints(bare, globalns=getattr(function, "__globals__", {}), include_extras=True)
    except NameError as error:
        raise TypeError(f"{name}: {error}; annotations of arguments and views are needed at run time") from error
    view = hints.pop("return")
    proofs = frozenset(n for n, hint in hints.items() if _marked(hint, _PROOF))
    notes = frozenset(n for n, hint in hints.items() if _marked(hint, _NOTE))
    fields: dict[str, Any] = {}
    for parameter in parameters:
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (_bounded(parameter.name, hints[parameter.name]), default)
    model = create_model("".join(part.title() for part in name.replace(":", "_").split("_")), __base__=Arguments, **fields)
    return Form(model, view, proofs, notes)


def _marked(hint: Any, mark: _Mark) -> bool:
    if get_origin(hint) is Annotated:
        return mark in hint.__metadata__ or _marked(get_args(hint)[0], mark)
    return any(_marked(part, mark) for part in get_args(hint))


def _bounded(name: str, hint: Any) -> Any:
    """``hint`` with the bounds every argument has unless its feature declared narrower ones."""
    if name == "limit":
        return Annotated[hint, Field(ge=1, le=1_000)]
    if name == "offset":
        return Annotated[hint, Field(ge=0, le=10_000_000)]
    if hint is str or hint == (str | None):
        return Annotated[hint, Field(max_length=LINE_MAX)]
    return hint


class _Bad(Exception):
    """Carries the code of the reason out of the recursion."""


def validate(form: Form, name: str, args: Mapping[str, Any]) -> Arguments:
    """``args`` cleaned and checked.

    Raises:
        Invalid: ``store.request_invalid`` with the field and the reason; the value itself is never repeated.
    """
    cleaned: dict[str, Any] = {}
    for key, value in args.items():
        try:
            cleaned[key] = value if key in form.proofs else _clean(value, key in form.notes, 0)
        except _Bad as bad:
            raise refusal(name, str(key), str(bad)) from None
    try:
        model = form.model.model_validate(cleaned)
    except ValidationError as error:
        raise _invalid(name, error) from None
    for key, value in model:
        if _holds_naive_time(value):
            raise refusal(name, key, "store.reason_naive_time")
    return model


def by_name(validated: Arguments) -> dict[str, Any]:
    """The arguments by their names. Not ``dict(validated)``: one that is called ``keys`` would be taken for the mapping's own."""
    return {name: value for name, value in validated}  # noqa: C416 - see above


def _clean(value: Any, note: bool, depth: int) -> Any:
    """``value`` with its texts normalised (NFKC, stripped) and everything refused that no operator means."""
    if depth > _DEPTH_MAX:
        raise _Bad("store.reason_too_many")
    if isinstance(value, str):
        return _clean_text(value, note)
    if isinstance(value, float | Decimal | int):
        return _clean_number(value)
    if isinstance(value, Mapping):
        if len(value) > ITEMS_MAX:
            raise _Bad("store.reason_too_many")
        return {_clean(k, False, depth + 1): _clean(v, note, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        if len(value) > ITEMS_MAX:
            raise _Bad("store.reason_too_many")
        return [_clean(item, note, depth + 1) for item in value]
    return value


def _clean_number(value: float | Decimal | int) -> float | Decimal | int:
    if isinstance(value, float) and not math.isfinite(value):
        raise _Bad("store.reason_not_finite")
    # 1E+999999 is finite and still no quantity of anything: writing it out would fill the memory.
    if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) > _DIGITS_MAX):
        raise _Bad("store.reason_not_finite")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise _Bad("store.reason_not_finite")
    return value


def _clean_text(text: str, note: bool) -> str:
    if len(text) > NOTE_MAX:
        raise _Bad("store.reason_too_long")
    if note:
        text = text.replace("\r\n", "\n")
    text = unicodedata.normalize("NFKC", text).strip()
    allowed = "\n\t" if note else ""
    for character in text:
        if (unicodedata.category(character) in ("Cc", "Cs") and character not in allowed) or character in _REORDERING:
            raise _Bad("store.reason_control_character")
    return text


def _holds_naive_time(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds_naive_time(item) for item in value)
    return isinstance(value, datetime) and value.tzinfo is None


# pydantic's kinds of mistakes in the words of the message file; what is not here is "not of the expected form".
_REASONS: Final = {
    "missing": "store.reason_missing",
    "extra_forbidden": "store.reason_unknown_field",
    "string_too_long": "store.reason_too_long",
    "too_long": "store.reason_too_many",
    "string_too_short": "store.reason_missing",
    "finite_number": "store.reason_not_finite",
    "decimal_max_digits": "store.reason_too_many_digits",
    "decimal_max_places": "store.reason_too_many_digits",
    "decimal_whole_digits": "store.reason_too_many_digits",
    "greater_than": "store.reason_out_of_range",
    "greater_than_equal": "store.reason_out_of_range",
    "less_than": "store.reason_out_of_range",
    "less_than_equal": "store.reason_out_of_range",
}


def _invalid(name: str, error: ValidationError) -> Invalid:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or name
    return refusal(name, field, _REASONS.get(first["type"], "store.reason_wrong_form"))


def refusal(name: str, field: str, reason: str) -> Invalid:
    """What the person is told: which field of request ``name``, and the sentence of the code ``reason``."""
    why = Invalid(reason)
    words = {"ja": why.lines("ja").what, "en": why.lines("en").what}
    return Invalid("store.request_invalid", request=name, field=field, reason=words)
