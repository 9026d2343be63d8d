"""The one door for reading: ``@query`` functions give frozen, serialisable views.

A query marked ``snapshot`` also leaves its answer in this station's read store, so that the same screen can be
drawn while the database is away; the answer then says how old it is. Import-light: no SQLAlchemy here.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, Literal, ParamSpec, TypeVar
from uuid import UUID

from pydantic import TypeAdapter

from core.errors import Invalid
from core.store import arguments
from core.store.arguments import Arguments

if TYPE_CHECKING:
    from core.store.base import Db

PAGE_MAX: Final = 1_000
P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)+")
_DEPTH_MAX: Final = 4
_PLAIN: Final = frozenset({str, int, float, bool, bytes, type(None), Decimal, datetime, UUID})
"""Types that most fields have, and in which no view stands."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list.

    Attributes:
        items: At most ``limit`` rows, in the order of the list.
        total: Rows the filter matches, on all pages.
        limit: Rows asked for, 1 … 1000.
        offset: Rows skipped before the first of ``items``.
    """

    items: tuple[T, ...]
    total: int
    limit: int
    offset: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= PAGE_MAX or len(self.items) > self.limit:
            raise Invalid("store.page_too_large", limit=PAGE_MAX)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A view with its age.

    Attributes:
        as_of: When the database gave it, aware UTC; for a snapshot this may be hours ago.
        origin: Where it comes from now.
        waiting: Entity keys (``order:<uuid>``) shown with decisions that are not yet in the database.
    """

    value: T
    as_of: datetime
    origin: Literal["database", "snapshot"]
    waiting: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Query(Generic[P, V]):
    """A declared query. Calling it calls the plain function.

    Attributes:
        snapshot: Each answer is kept in the read store and shown when the database is away.
        permission: Right needed to ask; None: everybody, guests too.
        report: It reads much and may be a moment old: a standby answers where there is one.
    """

    name: str
    function: Callable[Concatenate[Db, P], V]
    snapshot: bool = False
    permission: str | None = None
    report: bool = False
    doc: str = field(default="", compare=False)

    def __call__(self, db: Db, /, *args: P.args, **kwargs: P.kwargs) -> V:
        """The plain function, inside the caller's transaction."""
        return self.function(db, *args, **kwargs)

    @cached_property
    def form(self) -> arguments.Form:
        """Arguments and view as read from the function, built at first use.

        Raises:
            TypeError: The declaration is wrong (a programmer's mistake).
        """
        read = arguments.read_signature(self.name, self.function, positional=1)
        if read.proofs:
            raise TypeError(f"{self.name}: a query takes no secret")
        return read

    @property
    def args_model(self) -> type[Arguments]:
        """The pydantic model of the arguments."""
        return self.form.model

    @property
    def view(self) -> Any:
        """The declared return type."""
        return self.form.view

    @cached_property
    def view_type(self) -> TypeAdapter[V]:
        """Reads and writes the view as JSON."""
        return TypeAdapter(self.form.view)

    def validate(self, args: Mapping[str, Any]) -> Arguments:
        """``args`` cleaned and checked; ``limit`` is 1 … 1000.

        Raises:
            Invalid: ``store.request_invalid``.
        """
        return arguments.validate(self.form, self.name, args)

    def key(self, validated: Arguments) -> str:
        """The arguments as canonical JSON: the same question has the same text, defaults included."""
        return json.dumps(validated.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


QUERIES: dict[str, Query[Any, Any]] = {}
"""Every declared query by name; filled by importing the feature modules that ``core.catalogue`` lists."""


def query(
    name: str, *, snapshot: bool = False, permission: str | None = None, report: bool = False
) -> Callable[[Callable[Concatenate[Db, P], V]], Query[P, V]]:
    """Declares a function ``(db, *, …) → view`` as a query; see :class:`Query` for the arguments.

    Raises:
        ValueError: The name is not ``feature:thing:verb`` in lower case, or is taken.
    """
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise ValueError(f"{name!r}: a query is named feature:thing:verb")

    def declare(function: Callable[Concatenate[Db, P], V]) -> Query[P, V]:
        if name in QUERIES:
            raise ValueError(f"{name}: declared twice, in {QUERIES[name].function.__module__} and {function.__module__}")
        declared = Query(name, function, snapshot, permission, report, doc=(function.__doc__ or "").strip())
        QUERIES[name] = declared
        return declared

    return declare


def describe(declared: Query[Any, Any]) -> dict[str, Any]:
    """One entry of the interface catalogue: plain JSON with the schemas of arguments and view."""
    return {
        "name": declared.name,
        "kind": "query",
        "permission": declared.permission,
        "snapshot": declared.snapshot,
        "summary": declared.doc.partition("\n")[0],
        "request": declared.args_model.model_json_schema(),
        "view": declared.view_type.json_schema(),
    }


@cache
def _shape(kind: type) -> tuple[str | None, tuple[str, ...]]:
    """The entity that views of ``kind`` are, None for none; and their fields, () for what is no view."""
    if not dataclasses.is_dataclass(kind):
        return None, ()
    entity = getattr(kind, "entity", None)
    return entity if isinstance(entity, str) else None, tuple(part.name for part in dataclasses.fields(kind))


def entity_key(view: Any) -> str | None:
    """``"order:<id>"`` of a view that declares ``entity`` and has an ``id``, otherwise None."""
    entity = getattr(type(view), "entity", None)
    return f"{entity}:{view.id}" if isinstance(entity, str) and hasattr(view, "id") else None


def entities(view: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every ``(key, view)`` inside ``view``: itself, the items of a page, views in its fields and tuples."""
    if depth > _DEPTH_MAX:
        return
    if isinstance(view, tuple | list):
        for item in view:
            if type(item) not in _PLAIN:
                yield from entities(item, depth + 1)
        return
    entity, fields = _shape(type(view))  # type: ignore[arg-type]
    if entity is not None and hasattr(view, "id"):
        yield f"{entity}:{view.id}", view
    for name in fields:
        part = getattr(view, name)
        if type(part) not in _PLAIN:
            yield from entities(part, depth + 1)
