"""A whole store for the tests of its doors: things to decide about, a prover, a station that can be restarted."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar
from uuid import UUID

import psycopg
from pydantic import Field
from sqlalchemy import ForeignKey, MetaData, String, make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.clock import SystemClock
from core.errors import Refused
from core.store.base import Db
from core.store.door import Door
from core.store.engine import Database
from core.store.journal import Journal
from core.store.operation import OPERATIONS, Actor, Authorisation, Proof, Request, Secret, Signature, operation
from core.store.query import QUERIES, Page, query
from core.store.readstore import ReadStore
from tests.faults.commit_proxy import CommitProxy
from tests.postgres import owner_url, plain

DECLARED = """
INSERT INTO genba_guard.declared (name, kind, offline, meaning, tables)
SELECT 'test:thing:' || o.verb, o.kind, o.offline, o.meaning, '{test_thing,test_entry,outbox}' FROM (VALUES
    ('create', 'intent', false, NULL), ('count', 'fact', true, NULL), ('close', 'intent', true, NULL), ('rename', 'intent', false, NULL),
    ('set_pin', 'intent', false, 'approval'), ('break', 'intent', false, NULL)) o (verb, kind, offline, meaning) ON CONFLICT DO NOTHING;
INSERT INTO genba_guard.role_permission VALUES ('operator', 'test:*') ON CONFLICT DO NOTHING;
"""
"""What there is to decide about them, as an upgrade declares it anew each time."""
TABLES = (
    """
CREATE TABLE genba.test_thing (
    id uuid PRIMARY KEY, name text NOT NULL CONSTRAINT uq_test_thing_name UNIQUE,
    count int NOT NULL DEFAULT 0 CONSTRAINT ck_test_thing_count CHECK (count >= 0),
    open boolean NOT NULL DEFAULT true, pin text NOT NULL DEFAULT '', version int NOT NULL DEFAULT 1
);
CREATE TABLE genba.test_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, thing_id uuid NOT NULL REFERENCES genba.test_thing, request_id uuid NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON genba.test_thing, genba.test_entry TO genba_station;
SELECT genba_guard.watch('test_thing', 'thing', '{pin}', 'rows');
SELECT genba_guard.watch('test_entry', 'test_entry', '{}', 'rows');
INSERT INTO genba.app_user (code, name) VALUES ('alice', '{"ja": "アリス", "en": "Alice"}'), ('boss', '{"ja": "ボス", "en": "Boss"}');
INSERT INTO genba.user_role (user_id, role_id) SELECT u.id, r.id FROM genba.app_user u, genba.role r WHERE r.code = 'operator';
INSERT INTO genba.credential (user_id, salt, verifier, time_cost, memory_kib, parallelism, must_change, changed_at)
SELECT id, decode(repeat('00', 16), 'hex'), decode(repeat('00', 32), 'hex'), 2, 65536, 1, false, now() FROM genba.app_user;
INSERT INTO genba.session (id, user_id, station, token_hash, started_at, expires_at, roles, seal_inner, seal_outer)
SELECT '00000000-0000-0000-0000-0000000a11ce', u.id, 'ST1', sha256('token of alice'), now() - interval '1 h', now() + interval '11 h',
       '["operator"]', genba_guard.pad(k.key, 54), genba_guard.pad(k.key, 92)
FROM genba.app_user u, (SELECT sha256('genba seal token of alice') AS key) k WHERE u.code = 'alice';
"""
    + DECLARED
)
"""Things to decide about, watched and declared as a migration does it, and alice, signed in at ST1."""
TICKET = """
INSERT INTO genba_guard.ticket (request_id, purpose, operation, meaning, user_id, session_id, station, proved_at)
SELECT %s, 'signature', %s, %s, u.id, %s, 'ST1', clock_timestamp() FROM genba.app_user u WHERE u.code = %s
"""


THINGS = ("test_thing", "test_entry")


class OwnBase(DeclarativeBase):
    metadata = MetaData(schema="genba")


class Thing(OwnBase):
    __tablename__ = "test_thing"
    __entity__ = "thing"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    count: Mapped[int] = mapped_column(default=0)
    open: Mapped[bool] = mapped_column(default=True)
    pin: Mapped[str] = mapped_column(String, default="", info={"confidential": True})
    version: Mapped[int] = mapped_column()
    __mapper_args__: ClassVar = {"version_id_col": version}


class ThingEntry(OwnBase):
    __tablename__ = "test_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    thing_id: Mapped[UUID] = mapped_column(ForeignKey(Thing.id))
    request_id: Mapped[UUID]


@dataclass(frozen=True, slots=True)
class ThingView:
    entity: ClassVar[str] = "thing"
    id: UUID
    name: str
    count: int
    open: bool
    version: int


def view(thing: Thing) -> ThingView:
    return ThingView(thing.id, thing.name, thing.count, thing.open, thing.version)


def _subject(args: Mapping[str, Any]) -> tuple[str, str]:
    return "thing", str(args["thing_id"])


def _preview_count(before: ThingView | None, request: Request) -> ThingView:
    if before is None:
        raise Refused("store.no_snapshot")
    return replace(before, count=before.count + request.values["by"])


def _preview_close(before: ThingView | None, request: Request) -> ThingView:
    if before is None or not before.open:
        raise Refused("store.no_snapshot")
    return replace(before, open=False)


def declare() -> SimpleNamespace:
    """Declares the operations and queries below; the caller takes them out of the registries afterwards."""

    @operation("test:thing:create", kind="intent", writes=THINGS, constraints={"uq_test_thing_name": "store.changed_meanwhile"})
    def create(db: Db, actor: Actor, *, name: str) -> ThingView:
        """A new thing."""
        thing = Thing(id=db.clock.uuid7(), name=name)
        db.add(thing)
        db.flush()
        db.outbox("thing.created", str(thing.id), {"name": name})
        return view(thing)

    @operation(
        "test:thing:count",
        kind="fact",
        writes=THINGS,
        offline=True,
        subject=_subject,
        preview=_preview_count,
        outbox="thing.counted",
        undo_s=10,
    )
    def count(db: Db, actor: Actor, *, thing_id: UUID, by: int = 1) -> ThingView:
        """Counts."""
        assert db.request is not None
        thing = db.get_one(Thing, thing_id, with_for_update=True)
        if not thing.open and by == 13:
            raise Refused("store.fact_kept")
        thing.count += by
        db.add(ThingEntry(thing_id=thing_id, request_id=db.request.id))
        db.flush()
        db.outbox("thing.counted", str(thing_id), {"count": thing.count})
        return view(thing)

    @operation("test:thing:close", kind="intent", writes=THINGS, offline=True, subject=_subject, preview=_preview_close)
    def close(db: Db, actor: Actor, *, thing_id: UUID, reason: str = "") -> ThingView:
        """Closes, once."""
        thing = db.get_one(Thing, thing_id, with_for_update=True)
        if not thing.open:
            raise Refused("store.no_right", operation="closed already")
        thing.open = False
        assert db.request is not None
        db.add(ThingEntry(thing_id=thing_id, request_id=db.request.id))
        db.note_reason(reason)
        db.flush()
        return view(thing)

    @operation("test:thing:rename", kind="intent", writes=THINGS)
    def rename(
        db: Db, actor: Actor, *, thing_id: UUID, name: Annotated[str, Field(max_length=20)], version: int | None = None
    ) -> ThingView:
        """Online only."""
        thing = db.get_one(Thing, thing_id)
        if version is not None and thing.version != version:
            thing.version = version  # what a form sends that was opened before somebody else saved
        thing.name = name
        assert db.request is not None
        db.add(ThingEntry(thing_id=thing_id, request_id=db.request.id))
        db.flush()
        return view(thing)

    @operation("test:thing:set_pin", kind="intent", writes=THINGS, meaning="approval", guard="D")
    def set_pin(db: Db, actor: Actor, *, thing_id: UUID, pin: Proof) -> ThingView:
        """With a secret and a signature."""
        thing = db.get_one(Thing, thing_id)
        thing.pin = pin
        db.flush()
        return view(thing)

    @operation("test:thing:break", kind="intent", writes=THINGS)
    def break_(db: Db, actor: Actor, *, thing_id: UUID, how: str) -> ThingView:
        """Fails in several ways."""
        thing = db.get_one(Thing, thing_id)
        if how == "bug":
            raise KeyError("nobody thought of this")
        if how == "check":
            thing.count = -1
        if how == "stale":  # somebody else saves between our reading and our writing
            db.connection().exec_driver_sql("UPDATE genba.test_thing SET version = version + 1 WHERE id = %s", (thing_id,))
            thing.count = 1
        if how == "foreign":
            db.add(ThingEntry(thing_id=UUID(int=1), request_id=UUID(int=2)))
        db.flush()
        return view(thing)

    @query("test:thing:list", snapshot=True)
    def list_things(db: Db, *, limit: int = 100) -> Page[ThingView]:
        """Things."""
        things = db.query(Thing).order_by(Thing.id).limit(limit).all()
        return Page(tuple(view(thing) for thing in things), len(things), limit)

    @query("test:thing:one")
    def one_thing(db: Db, *, thing_id: UUID) -> ThingView:
        """Not kept."""
        return view(db.get_one(Thing, thing_id))

    @query("test:thing:secret_list", permission="test:thing:look")
    def hidden(db: Db) -> int:
        """Needs a right."""
        return 1

    return SimpleNamespace(
        create=create,
        count=count,
        close=close,
        rename=rename,
        set_pin=set_pin,
        break_=break_,
        list=list_things,
        one=one_thing,
        hidden=hidden,
    )


@contextlib.contextmanager
def declared() -> Iterator[SimpleNamespace]:
    before = dict(OPERATIONS), dict(QUERIES)
    yield declare()
    for registry, old in zip((OPERATIONS, QUERIES), before, strict=True):
        registry.clear()
        registry.update(old)  # type: ignore[arg-type]


SESSION = UUID(int=0xA11CE)
TOKEN = "token of alice"
ALICE = Actor("alice", "アリス", frozenset({"operator"}), frozenset({"test:*", "store:attention:settle_own"}), "ST1", SESSION)
GOOD_PIN = "planted-pin-4711"
RIGHT = {"alice": GOOD_PIN, "boss": "planted-boss-0815"}


class Prover:
    """Hashes backwards; knows two people, and tells the database of a signature as the function for it would."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url

    def prove(self, request_id: UUID, operation: str, parameter: str, secret: Secret, args: Mapping[str, Any]) -> str:
        return f"proof-of-{len(secret.reveal())}"

    def sign(self, request_id: UUID, operation: str, signature: Signature) -> Actor:
        if RIGHT.get(signature.user_code) != signature.proof.reveal():
            raise Refused("users.wrong")
        ask(self._admin_url, TICKET, request_id, operation, signature.meaning, SESSION, signature.user_code)
        return replace(ALICE, user_code=signature.user_code, name=signature.user_code.title())

    def authorise(self, request_id: UUID, operation: str, authorisation: Authorisation) -> Actor:
        raise Refused("users.wrong")

    def token(self, session_id: UUID | None) -> str | None:
        return TOKEN if session_id == SESSION else None

    def seal(self, session_id: UUID | None, message: bytes) -> str | None:
        key = hashlib.sha256(f"genba seal {TOKEN}".encode()).digest()
        return hmac.new(key, message, hashlib.sha256).hexdigest() if session_id == SESSION else None


class Station:
    """Journal, read store, database and door of one station behind a proxy that can lose the database.

    Args:
        url: Of the station's log-in, the host as ``?host=…&port=…``.
        home: Of its files.
        owner: Address of whoever administers that database; "" for one of the running test server.
    """

    def __init__(self, url: str, home: Path, owner: str = "") -> None:
        given = make_url(url)
        self.proxy = CommitProxy(str(given.query["host"]), int(str(given.query["port"])))
        self._given = given
        self._url = self.at(self.proxy.port)
        self._home = home
        self.clock = SystemClock()
        self.prover = Prover(owner or owner_url(url))
        self.start()

    def at(self, port: int) -> str:
        """Its address with another port of this computer."""
        return self._given.update_query_dict({"host": "127.0.0.1", "port": str(port)}).render_as_string(hide_password=False)

    def start(self) -> None:
        self.database = Database(self._url, "ST1", clock=self.clock)
        self.journal = Journal(self._home / "journal.db", self.clock)
        self.readstore = ReadStore(self._home / "readstore.db", self.clock)
        self.database.start()
        self.door = Door(self.database, self.journal, self.readstore, self.clock, "ST1", self.prover, deadline_s=5.0)

    def stop(self) -> None:
        self.database.close(0.2)
        self.journal.close()
        self.readstore.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self.stop()
        self.proxy.close()

    def wait(self, up: bool) -> None:
        end = time.monotonic() + 60
        while self.database.up is not up:
            assert time.monotonic() < end, f"database did not become {'up' if up else 'down'}"
            self.database._lanes["listen"].poke(idle=True)
            time.sleep(0.01)

    def lose(self) -> None:
        self.proxy.down()
        self.wait(False)

    def back(self) -> None:
        self.proxy.back()
        self.wait(True)


def ask(url: str, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(plain(url), autocommit=True) as connection:
        cursor = connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []
