from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from core.errors import Invalid
from core.store.operation import GUEST, OPERATIONS, Actor, Note, Proof, Request, Secret, describe, operation

ORDER = UUID("0192f0c1-0000-7000-8000-000000000001")


@dataclass(frozen=True, slots=True)
class ThingView:
    entity: ClassVar[str] = "thing"
    id: UUID
    quantity: Decimal
    at: datetime | None


@pytest.fixture(autouse=True)
def _own_names() -> Iterator[None]:
    before = dict(OPERATIONS)
    yield
    OPERATIONS.clear()
    OPERATIONS.update(before)


def _declare(**options: Any) -> Any:
    @operation("test:thing:book", kind="fact", writes=(), **options)
    def book(
        db: Any, actor: Actor, *, thing_id: UUID, quantity: Annotated[Decimal, Field(gt=0)], label: str = "", comment: Note = "",
        when: datetime | None = None, tags: list[str] = [], share: float = 0.5, pin: Proof | None = None,  # noqa: B006
    ) -> ThingView:  # fmt: skip
        """Books a thing.

        More words.
        """
        return ThingView(thing_id, quantity, when)

    return book


def _actor(*permissions: str) -> Actor:
    return Actor("u1", "山田", frozenset(), frozenset(permissions), "ST1", None)


@pytest.mark.parametrize(
    ("held", "asked", "may"),
    [
        ("production:order:start", "production:order:start", True),
        ("production:*", "production:order:start", True),
        ("production:order:*", "production:order:start", True),
        ("*", "production:order:start", True),
        ("production:order:start", "production:order:start_all", False),
        ("production:ord*", "production:order:start", False),
        ("prod:*", "production:order:start", False),
        ("production:order:start:*", "production:order:start", False),
    ],
)
def test_permissions_are_exact_or_wildcards_on_whole_parts(held: str, asked: str, may: bool) -> None:
    assert _actor(held).may(asked) is may
    assert not GUEST.may(asked)


def test_arguments_survive_the_way_through_json_unchanged() -> None:
    book = _declare()
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    first = book.validate({"thing_id": ORDER, "quantity": Decimal("1.500"), "label": " ﾛｯﾄ①　", "when": at, "tags": ("a", "b")})
    again = book.validate(json.loads(json.dumps(first.model_dump(mode="json"))))
    assert again == first
    assert book.values(again)["label"] == "ロット1"
    assert book.values(again)["quantity"] == Decimal("1.500")
    assert book.values(again)["when"] == at


@pytest.mark.parametrize(
    "args",
    [
        {"quantity": float("nan")},
        {"quantity": Decimal("Infinity")},
        {"quantity": Decimal("1e999999")},
        {"quantity": "nan"},
        {"quantity": 0},
        {"share": float("inf")},
        {"share": "inf"},
        {"label": "a\x00b"},
        {"label": "a\nb"},
        {"label": "a\u202eb"},
        {"label": "\ud800"},
        {"label": "x" * 201},
        {"comment": "x" * 4_001},
        {"comment": "a\x1bb"},
        {"tags": ["x"] * 1_001},
        {"tags": ["a\x00"]},
        {"when": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"when": "2026-01-01T00:00:00"},
        {"thing_id": "nonsense"},
        {"quantity": 2**70},
        {"stranger": 1},
    ],
)
def test_what_no_operator_means_is_refused_in_words_without_repeating_it(args: dict[str, Any]) -> None:
    book = _declare()
    with pytest.raises(Invalid) as refused:
        book.validate({"thing_id": ORDER, "quantity": 1} | args)
    assert refused.value.code == "store.request_invalid"
    for language in ("ja", "en"):
        what = refused.value.lines(language).what
        assert "—" not in what
        assert next(iter(args)) in what


def test_a_note_may_have_lines() -> None:
    book = _declare()
    assert book.values(book.validate({"thing_id": ORDER, "quantity": 1, "comment": "one\r\ntwo "}))["comment"] == "one\ntwo"


@given(st.text())
def test_any_text_is_either_refused_or_safe_to_store(text: str) -> None:
    OPERATIONS.pop("test:thing:book", None)
    book = _declare()
    try:
        label = book.values(book.validate({"thing_id": ORDER, "quantity": 1, "label": text}))["label"]
    except Invalid:
        return
    label.encode("utf-8")
    assert len(label) <= 200
    assert label == label.strip()
    assert all(ord(c) >= 32 and c != "\x7f" for c in label)


def test_an_offline_operation_must_bring_a_preview_and_carry_no_proof() -> None:
    with pytest.raises(ValueError, match="subject and preview"):
        operation("test:thing:x", kind="fact", writes=(), offline=True)
    book = _declare(offline=True, subject=lambda args: ("thing", str(args["thing_id"])), preview=lambda view, request: view)
    with pytest.raises(TypeError, match="proof"):
        book.form  # noqa: B018


def test_names_are_checked_and_unique() -> None:
    for bad in ("start", "Production:order:start", "a:b c", "a:" + "b" * 120):
        with pytest.raises(ValueError, match="feature:thing:verb"):
            operation(bad, kind="fact", writes=())
    _declare()
    with pytest.raises(ValueError, match="twice"):
        _declare()


def test_a_declaration_that_cannot_be_read_says_why() -> None:
    @operation("test:thing:bad", kind="intent", writes=())
    def bad(db: Any, actor: Actor, thing: str) -> None: ...

    with pytest.raises(TypeError, match="keyword-only"):
        bad.form  # noqa: B018

    @operation("test:thing:lost", kind="intent", writes=())
    def lost(db: Any, actor: Actor, *, thing: NowhereDefined) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(TypeError, match="NowhereDefined"):
        lost.form  # noqa: B018


def test_the_catalogue_entry_is_plain_json() -> None:
    entry = json.loads(json.dumps(describe(_declare(meaning="checked", guard="D"))))
    assert entry["summary"] == "Books a thing."
    assert entry["permission"] == "test:thing:book"
    assert entry["secrets"] == ["pin"]
    assert entry["request"]["required"] == ["thing_id", "quantity"]
    assert entry["request"]["additionalProperties"] is False
    assert set(entry["view"]["properties"]) == {"id", "quantity", "at"}


def test_a_request_gives_python_values_to_previews() -> None:
    _declare()
    request = Request(
        id=uuid4(), operation="test:thing:book", station="ST1", user_code="u1", decided_at=datetime.now(UTC),
        args={"thing_id": str(ORDER), "quantity": "2"},
    )  # fmt: skip
    again = Request.model_validate_json(request.model_dump_json())
    assert again == request
    assert again.values["thing_id"] == ORDER
    assert again.values["quantity"] == Decimal(2)


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("planted-4711")
    assert "4711" not in f"{secret!r} {secret!s} {secret} {[secret]} { ({'a': secret}) }"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            leak(secret)
    assert secret != Secret("planted-4711")
    assert secret.reveal() == "planted-4711"


def test_a_secret_is_no_argument() -> None:
    book = _declare()
    with pytest.raises(Invalid) as refused:
        book.validate({"thing_id": ORDER, "quantity": 1, "pin": Secret("planted-4711")})
    assert "4711" not in str(refused.value)


def test_declaring_operations_loads_no_database_library() -> None:
    code = "import core.store.operation, core.store.query, sys; print([m for m in ('sqlalchemy', 'psycopg') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_an_argument_may_be_called_keys() -> None:
    """``dict(model)`` takes a field of that name for the mapping's own method."""
    from core.store import arguments

    def asked(db: object, *, keys: tuple[str, ...] = ()) -> int:
        return len(keys)

    form = arguments.read_signature("test:thing:ask", asked, positional=1)
    assert arguments.by_name(arguments.validate(form, "test:thing:ask", {"keys": ("a", "b")})) == {"keys": ("a", "b")}
