"""The one door for what people and systems decide: declare a function with ``@operation`` and the door does the rest.

Import-light on purpose: panels import the operations they call, and nothing here loads SQLAlchemy.
The door itself is :mod:`core.store.door`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, Literal, ParamSpec, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from core.clock import Reading
from core.store import arguments
from core.store.actor import GUEST, Actor, Authorisation, Prover, Secret, Signature, Signed, holds
from core.store.arguments import Arguments, Note, Proof

if TYPE_CHECKING:
    from core.store.base import Db

__all__ = [
    "GUEST", "OPERATIONS", "Actor", "Authorisation", "Done", "Guard", "Kind", "Note", "Operation", "Proof", "Prover", "Request",
    "Secret", "Signature", "Signed", "frame", "holds", "operation",
]  # fmt: skip

Kind = Literal["intent", "fact"]
Guard = Literal["A", "B", "C", "D"]
P = ParamSpec("P")
V = TypeVar("V")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)+")


class Request(BaseModel):
    """One decision, ready to be kept in the journal and applied once.

    Attributes:
        id: Made by the station's clock before anything else happens; the key of idempotent application.
        decided_at: When the person decided, aware UTC, station clock.
        args: The validated arguments as JSON; a proof stands only in memory, files and rows hold ``null`` for it.
        signed: The verified signature of an operation that declares a meaning, otherwise None.
        seal: Made under the key of the person's session when he decided: by it the database believes a request that waited
            here, whoever could write this file meanwhile. None for systems.
        corrected: ``decided_at`` goes by the server's clock already; False: by this computer's, as the server was never asked before.
        clock_ahead_s: How far this computer's clock was ahead of the server's then, seconds; None while nobody knows. Not sealed: it is
            measured after the decision where that was made in the dark.
        reading: The same moment on a clock that nobody can turn; None: of an earlier version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID
    operation: str = Field(max_length=100)
    station: str = Field(max_length=50)
    user_code: str = Field(max_length=100)
    session_id: UUID | None = None
    decided_at: AwareDatetime
    args: dict[str, JsonValue]
    signed: Signed | None = None
    seal: str | None = None
    corrected: bool = False
    clock_ahead_s: float | None = None
    reading: Reading | None = None

    @property
    def happened_at(self) -> datetime:
        """When the person decided, by the server's clock as far as that is known."""
        if self.corrected or self.clock_ahead_s is None:
            return self.decided_at
        return self.decided_at - timedelta(seconds=self.clock_ahead_s)

    def wire(self, user_name: str = "") -> dict[str, Any]:
        """The request as ``genba.begin_operation`` reads it: its sealed parts are texts, so that both sides hash the same bytes."""
        return {
            "id": str(self.id),
            "operation": self.operation,
            "station": self.station,
            "user_code": self.user_code,
            "user_name": user_name,
            "session_id": None if self.session_id is None else str(self.session_id),
            "decided_at": self.decided_at.astimezone(UTC).isoformat(),
            "args": json.dumps(self.args, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
            "seal": self.seal,
            "corrected": self.corrected,
            "clock_ahead_s": self.clock_ahead_s,
        }

    def message(self) -> bytes:
        """What is sealed: every part with its length, so that no two requests have the same bytes."""
        told = self.wire()
        return frame([told[part] for part in ("id", "operation", "station", "user_code", "session_id", "decided_at", "args")])

    @property
    def values(self) -> Mapping[str, Any]:
        """The arguments as Python values, by name, as the function gets them (for ``preview`` and ``subject``).

        Raises:
            Invalid: The arguments do not fit the operation of this program version.
        """
        declared = OPERATIONS[self.operation]
        return declared.values(declared.validate(self.args))


def frame(parts: Sequence[str | None]) -> bytes:
    """``parts`` as bytes: each with its length in bytes, a missing one as "-"; the same rule as ``genba_guard.frame``."""
    raw = (None if part is None else part.encode() for part in parts)
    return b",".join(b"-" if part is None else b"%d:%b" % (len(part), part) for part in raw)


@dataclass(frozen=True, slots=True)
class Done(Generic[V]):
    """What the door gives back.

    Attributes:
        view: The function's answer, or the preview of an operation that waits for the database.
        request_id: Key of the request, as in the audit trail.
        state: ``applied``: it is in the shared database. ``waiting``: it is safe in this station's journal.
    """

    view: V
    request_id: UUID
    state: Literal["applied", "waiting"]


@dataclass(frozen=True, eq=False)
class Operation(Generic[P, V]):
    """A declared operation; its name is the permission and the audit tag. Calling it calls the plain function.

    Attributes:
        kind: An *intent* may be refused when it is applied late; a *fact* has happened and is never dropped.
        offline: May be decided while the database is away.
        subject: The entity an offline preview works on, from the Python arguments: ``("order", "<id>")``.
        preview: Pure: the view on screen → the view after, or raises Refused; the view is None if unknown here.
        meaning: What a required electronic signature means, as an i18n key or plain words; None: no signature.
        guard: How the screen protects against a slip of the finger (classes A to D of the design language).
        outbox: Topic of the message the operation sends to other systems, None if none.
        undo_s: Seconds in which the operator may undo; outbox messages wait at least that long.
        constraints: Database constraint name → code of the ``Invalid`` it means to the operator.
        writes: Tables the function changes; the database refuses every other one while the operation is open.
        patience_s: How long it may take; None for what people at a screen wait for.
        adopted_by: Of an offline fact: the operation by which somebody who answers for it books it all the same, when the database
            would not take it from who decided it (his right, his session or the thing itself is gone). See ``core.store.attention``.
    """

    name: str
    function: Callable[Concatenate[Db, Actor, P], V]
    kind: Kind
    offline: bool = False
    subject: Callable[[Mapping[str, Any]], tuple[str, str]] | None = None
    preview: Callable[[Any, Request], Any] | None = None
    meaning: str | None = None
    guard: Guard = "B"
    outbox: str | None = None
    undo_s: float = 0.0
    constraints: Mapping[str, str] = field(default_factory=dict)
    writes: frozenset[str] = frozenset()
    patience_s: float | None = None
    adopted_by: str = ""
    doc: str = field(default="", compare=False)

    def __call__(self, db: Db, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> V:
        """The plain function, inside somebody else's transaction: no journal, no request row, one audit row of the caller."""
        return self.function(db, actor, *args, **kwargs)

    @cached_property
    def form(self) -> arguments.Form:
        """Arguments and view as read from the function; built at first use, because feature modules import each other.

        Raises:
            TypeError: The declaration is wrong (a programmer's mistake).
        """
        read = arguments.read_signature(self.name, self.function, positional=2)
        if self.offline and read.proofs:
            raise TypeError(f"{self.name}: an offline operation is kept in a file and cannot carry a proof")
        return read

    @property
    def request_model(self) -> type[Arguments]:
        """The pydantic model of the arguments."""
        return self.form.model

    @property
    def view(self) -> Any:
        """The declared return type."""
        return self.form.view

    @property
    def proofs(self) -> frozenset[str]:
        """Names of the arguments that are given as a :class:`Secret`."""
        return self.form.proofs

    @cached_property
    def view_type(self) -> TypeAdapter[V]:
        """Reads and writes the view as JSON."""
        return TypeAdapter(self.form.view)

    def validate(self, args: Mapping[str, Any]) -> Arguments:
        """``args`` cleaned and checked; Python values or the JSON of a request.

        Raises:
            Invalid: ``store.request_invalid``.
        """
        return arguments.validate(self.form, self.name, args)

    def values(self, validated: Arguments) -> Mapping[str, Any]:
        """The checked arguments by name, as the function gets them."""
        return MappingProxyType(arguments.by_name(validated))


OPERATIONS: dict[str, Operation[Any, Any]] = {}
"""Every declared operation by name; filled by importing the feature modules that ``core.catalogue`` lists."""


def operation(
    name: str,
    *,
    kind: Kind,
    writes: Collection[str],
    offline: bool = False,
    subject: Callable[[Mapping[str, Any]], tuple[str, str]] | None = None,
    preview: Callable[[Any, Request], Any] | None = None,
    meaning: str | None = None,
    guard: Guard = "B",
    outbox: str | None = None,
    undo_s: float = 0.0,
    constraints: Mapping[str, str] | None = None,
    patience_s: float | None = None,
    adopted_by: str = "",
) -> Callable[[Callable[Concatenate[Db, Actor, P], V]], Operation[P, V]]:
    """Declares a function ``(db, actor, *, …) → view`` as an operation; see :class:`Operation` for the arguments.

    Raises:
        ValueError: The name is not ``feature:thing:verb`` in lower case or is taken, or an offline operation
            does not bring the ``subject`` and ``preview`` that a screen without a database needs.
    """
    _check_declaration(name, offline, complete=subject is not None and preview is not None, signed=meaning is not None)

    def declare(function: Callable[Concatenate[Db, Actor, P], V]) -> Operation[P, V]:
        OPERATIONS[name] = declared = Operation(
            name=name,
            function=function,
            kind=kind,
            offline=offline,
            subject=subject,
            preview=preview,
            meaning=meaning,
            guard=guard,
            outbox=outbox,
            undo_s=undo_s,
            constraints=dict(constraints or {}),
            writes=frozenset(writes),
            patience_s=patience_s,
            adopted_by=adopted_by,
            doc=(function.__doc__ or "").strip(),
        )
        return declared

    return declare


def _check_declaration(name: str, offline: bool, *, complete: bool, signed: bool) -> None:
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise ValueError(f"{name!r}: an operation is named feature:thing:verb")
    if name in OPERATIONS:
        raise ValueError(f"{name}: declared twice, the first time in {OPERATIONS[name].function.__module__}")
    if offline and not complete:
        raise ValueError(f"{name}: an offline operation declares subject and preview")
    if offline and signed:
        raise ValueError(f"{name}: a signature is verified by the database, so nothing signed is decided without it")


def describe(declared: Operation[Any, Any]) -> dict[str, Any]:
    """One entry of the interface catalogue: plain JSON with the schemas of request and view."""
    return {
        "name": declared.name,
        "kind": declared.kind,
        "permission": declared.name,
        "offline": declared.offline,
        "meaning": declared.meaning,
        "guard": declared.guard,
        "outbox": declared.outbox,
        "undo_s": declared.undo_s,
        "adopted_by": declared.adopted_by,
        "writes": sorted(declared.writes),
        "secrets": sorted(declared.proofs),
        "summary": declared.doc.partition("\n")[0],
        "request": declared.request_model.model_json_schema(),
        "view": declared.view_type.json_schema(),
    }
