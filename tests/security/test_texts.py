"""What people type and what errors say: injections, absurd texts, and secrets in what the database answers."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.errors import GenbaError, Invalid
from core.production.orders import list_orders, note_order
from core.store.base import Db
from core.users.accounts import create_user, list_users
from core.users.proof import badge_word
from tests.security.picture import differences, picture
from tests.security.rig import BADGE, PINS, Plant

pytestmark = pytest.mark.early

_BREAKS = (
    "'",
    '"',
    "''",
    "\\'",
    "$$",
    "';",
    '";',
    "')",
    "'))",
    "%27",
    "’",
    "＇",
    "/*",
    "--",
    "\\",
    "`",
    "E'",
    "U&'",
    "$1",
    ":x",
    "%s",
    "{0}",
    "%(x)s",
)
_TAILS = (
    " OR 1=1 --",
    "; DROP TABLE genba.work_order; --",
    " UNION SELECT verifier::text FROM genba.credential --",
    "; UPDATE genba.app_user SET active = true; --",
    " || pg_sleep(5) || ",
    "; COPY genba.line TO PROGRAM 'id'; --",
    " AND ascii(substring((SELECT code FROM genba.app_user LIMIT 1) FROM 1 FOR 1)) > 0 --",
    "); SELECT genba.end_operation('null', '', '{}'); --",
    "%",
    "_",
    "\\",
    "",
)
_LIKE = ("%", "%%", "_", "\\", "\\%", "%\\", "[a-z]", "*", "?", ".*", "(", ")", "^$", "\\Q", "\\\\", "%_%", "a%b_c\\d")
_MORE = (
    "{{7*7}}", "${jndi:ldap://x}", "<script>alert(1)</script>", "=HYPERLINK(1)", "@SUM(1)", "+1", "-1", "../../../etc/passwd", "con", "nul",
    "true", "NULL", "None", "undefined", "NaN", "1e999", "0x1F", "\ufeff", "\u200b", "\u202e", "𝕎𝕆", "ｷﾞｬﾗﾘｰ", "表ポあA鷗", "🏭",
    "é", "e\u0301", "ß",
)  # fmt: skip
PAYLOADS = sorted({head + tail for head, tail in itertools.product(("", "WO", *_BREAKS), _TAILS)} | set(_LIKE) | set(_MORE))
while len(PAYLOADS) < 500:
    PAYLOADS += [f"x{one}" for one in PAYLOADS[: 500 - len(PAYLOADS)]]


@pytest.fixture
def db(plant: Plant) -> Iterator[Db]:
    """The station's own log-in, as its program has it."""
    engine = create_engine(plant.here.url, poolclass=NullPool)
    with Db(engine) as session:
        yield session
    engine.dispose()


def test_five_hundred_injections_into_every_search_find_what_they_say(plant: Plant, db: Db) -> None:
    assert len(PAYLOADS) >= 500
    before = picture(plant)
    for number, payload in enumerate(PAYLOADS):
        fields: list[tuple[Any, dict[str, str]]] = [(list_orders, {}), (list_users, {})]
        if number % 10 == 0:
            fields += [(list_orders, {"line_code": payload}), (list_orders, {"product_code": payload})]
        for query, named in fields:
            try:
                asked = query.validate(named or {"search": payload})
            except Invalid:
                continue
            found = query.function(db, **dict(asked))
            words = str(dict(asked).get("search") or dict(asked).get("line_code") or dict(asked).get("product_code") or "").casefold()
            for item in found.items if words else ():
                shown = (getattr(item, name, "") for name in ("number", "code", "product_code", "note", "line_code", "name"))
                assert words.replace("%", "").replace("_", "") in " ".join(str(one) for one in shown).casefold(), (payload, item)
    db.rollback()
    assert not differences(before, picture(plant))


def test_five_hundred_injections_into_every_text_that_is_kept_are_kept_as_they_are(plant: Plant) -> None:
    """Through the same columns and functions; each value comes back as it went in."""
    before = picture(plant)
    (order,) = plant.sql("SELECT id FROM genba.work_order WHERE number = 'WO-L1'")[0]
    with closing(plant.here.connect()) as connection:
        plant.here.begin(connection, "production:order:note", plant.here.token)
        for payload in PAYLOADS:
            try:
                meant = dict(note_order.validate({"order_id": order, "note": payload}))["note"]
            except Invalid:
                continue
            kept = connection.execute("UPDATE genba.work_order SET note = %s WHERE id = %s RETURNING note", (meant, order)).fetchone()
            assert kept == (meant,)
        connection.rollback()
    for payload in PAYLOADS[::5]:
        claim = uuid4()
        plant.here.sql("SELECT genba.claim(%s, %s, %s, NULL, %s)", claim, payload, "", payload.encode("utf-8", "replace"))
        plant.here.sql("SELECT salt FROM genba.credential_params(%s, %s)", payload, payload)
        plant.sql("DELETE FROM genba_guard.attempt")
    plant.sql("DELETE FROM genba_guard.claim")
    assert not differences(before, picture(plant))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["code", "name_ja", "name_en"]))
def test_what_a_person_types_as_a_name_is_refused_or_plain(text: str, field: str) -> None:
    given_ = {"code": "x", "name_ja": "x", "name_en": "x", "roles": ("operator",), "new": "proof"} | {field: text}
    try:
        kept = str(dict(create_user.validate(given_))[field])
    except Invalid as refusal:
        assert not text or len(text) < 4 or text not in repr(refusal.params), "repeated"  # noqa: PT017 - either way is right
        return
    assert 1 <= len(kept) <= 100
    assert kept == kept.strip() == unicodedata.normalize("NFKC", kept)
    assert not [mark for mark in kept if unicodedata.category(mark) in ("Cc", "Cs") or mark in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"]


@pytest.mark.parametrize("text", ["x" * 1_000_001, "\ud800", "a\x00b"])
def test_what_does_not_come_through_the_door_is_stopped_by_the_database(plant: Plant, text: str) -> None:
    before = picture(plant)
    with closing(plant.here.connect()) as connection:
        plant.here.begin(connection, "production:order:note", plant.here.token)
        with pytest.raises((psycopg.Error, UnicodeEncodeError)):
            connection.execute("UPDATE genba.work_order SET note = %s", (text,))
        connection.rollback()
    assert not differences(before, picture(plant))


def test_no_error_tells_what_may_not_be_read(plant: Plant) -> None:
    """Messages, details and hints of failing statements, of functions that see everything."""
    hidden = {
        bytes(value).hex()
        for statement in (
            "SELECT verifier FROM genba.credential",
            "SELECT token_hash FROM genba.session",
            "SELECT seal_inner FROM genba.session",
            "SELECT seal_outer FROM genba.session",
            "SELECT secret FROM genba.sign_in_secret",
            "SELECT digest FROM genba.badge",
        )
        for (value,) in plant.sql(statement)
    }
    session = plant.office.signed.actor.session_id  # type: ignore[union-attr]
    badge, claim = badge_word(BADGE), uuid4()
    statements: list[tuple[str, str, tuple[Any, ...]]] = [
        ("users:badge:give", "SELECT genba.give_badge(gen_random_uuid(), %s, %s, 'x')", (plant.people["boss"], badge)),
        ("users:badge:give", "SELECT genba.give_badge((SELECT id FROM genba.badge LIMIT 1), %s, 'other', 'x')", (plant.people["boss"],)),
        ("users:pin:reset", "SELECT genba.set_credential('boss', repeat('s', 16)::bytea, sha256('v'), 0, 8192, 1, false, NULL)", ()),
        ("users:pin:reset", "SELECT genba.set_credential('boss', NULL, sha256('v'), 1, 8192, 1, false, NULL)", ()),
        ("users:badge:block", "UPDATE genba.badge SET blocked_at = now()", ()),
        ("users:user:create", "UPDATE genba.app_user SET code = 'admin'", ()),
    ]
    said = []
    for operation, statement, values in statements:
        with closing(plant.office.connect()) as connection:
            assert plant.office.begin(connection, operation, plant.office.token)[0] == "open"
            with pytest.raises(psycopg.Error) as error:
                connection.execute(statement, values)  # type: ignore[arg-type]
            said.append(f"{error.value} {error.value.diag.message_detail} {error.value.diag.message_hint} {error.value.diag.context}")
            connection.rollback()
    plant.here.sql("SELECT genba.claim(%s, 'tanaka', '', NULL, %s)", claim, plant.proof("tanaka", PINS["tanaka"]))
    with pytest.raises(psycopg.Error) as taken:
        plant.here.sql("SELECT genba.sign_in(%s, %s, NULL, now())", session, claim)
    said.append(f"{taken.value} {taken.value.diag.message_detail}")
    for words in said:
        assert not [one for one in hidden if one in words], words


def test_the_programs_own_words_for_an_error_hold_no_values(plant: Plant, db: Db) -> None:
    from core.store import faults
    from core.users import rows

    with pytest.raises((DBAPIError, GenbaError)) as error:
        rows.store_credential(db, "boss", "argon2id:1:8192:1:" + "ab" * 16 + ":" + "cd" * 32, must_change=False)
    refusal = faults.operator_error(error.value, "users:pin:reset") if isinstance(error.value, DBAPIError) else error.value
    assert "abab" not in f"{refusal} {refusal.params}"


@pytest.fixture(autouse=True)
def failures_of_the_database_are_logged(expect_log: Any, request: pytest.FixtureRequest) -> None:
    if request.function is test_the_programs_own_words_for_an_error_hold_no_values:
        expect_log("the database refused a statement")
