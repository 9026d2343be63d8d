"""A plant to attack: two lines, five people, three panels with a log-in of their own each, and rows in every table that matters.

Everything an attacker is given here is what a stolen panel would give him: the station's password, and what passes through its
memory while somebody is signed in.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from core.store import logins
from core.store.base import Db
from core.store.operation import GUEST, Actor, Secret, frame
from core.store.schema import upgrade
from core.users import sign_in as sessions
from core.users.proof import Params, badge_word, derive
from core.users.sign_in import Claim
from core.users.views import SignedIn
from tests.postgres import TestServer, plain

T = TypeVar("T")

HERE, THERE, OFFICE = "SEC1", "SEC2", "SEC3"
"""The panel that was stolen, another one, and the one in the office."""
PINS = {"tanaka": "204615", "boss": "731902", "admin": "918263", "ito": "550412", "novice": "334455"}
BADGE = "04A1B2C3D4"
COST = Params(b"", 1, 8_192, 1)
"""A derivation takes a hundredth of its time here."""

_PLANT = """
INSERT INTO genba.enterprise (code, name) VALUES ('E', '{"ja": "e", "en": "e"}');
INSERT INTO genba.site (code, name, enterprise_id, time_zone) SELECT 'S', '{"ja": "s", "en": "s"}', id, 'Asia/Tokyo' FROM genba.enterprise;
INSERT INTO genba.area (code, name, site_id) SELECT 'A', '{"ja": "a", "en": "a"}', id FROM genba.site;
INSERT INTO genba.line (code, name, area_id, capacity_per_hour)
SELECT c, '{"ja": "l", "en": "l"}', a.id, 120 FROM genba.area a, unnest('{L1,L2}'::text[]) c;
INSERT INTO genba.work_unit (code, name, line_id) SELECT 'U-' || code, '{"ja": "u", "en": "u"}', id FROM genba.line;
INSERT INTO genba.product (code, name) VALUES ('A-1010', '{"ja": "p", "en": "p"}');
INSERT INTO genba.work_order (id, number, product_id, line_id, planned, unit, status, scheduled_start_at, scheduled_end_at)
SELECT gen_random_uuid(), 'WO-' || l.code, p.id, l.id, 1000, 'pcs', 'RELEASED', now(), now() + interval '8 h'
FROM genba.product p, genba.line l;
INSERT INTO genba.source (code, protocol, url, label)
SELECT c, 'modbus', 'tcp://127.0.0.1', '{"ja": "s", "en": "s"}' FROM unnest('{PLC-1,PLC-2}'::text[]) c;
INSERT INTO genba.tag (name, source_id, address, type, label, work_unit_id, write_permission, write_low, write_high)
SELECT l.code || '.SPEED', s.id, 'hr1', 'float32', '{"ja": "t", "en": "t"}', u.id, 'equipment:setpoint:write', 0, 100
FROM genba.line l JOIN genba.work_unit u ON u.line_id = l.id JOIN genba.source s ON s.code = 'PLC-' || substr(l.code, 2);
INSERT INTO genba.app_user (code, name, language)
SELECT c, jsonb_build_object('ja', c, 'en', c), 'en' FROM unnest('{tanaka,boss,admin,ito,novice}'::text[]) c;
INSERT INTO genba.user_role (user_id, role_id) SELECT u.id, r.id FROM genba.app_user u JOIN genba.role r ON (u.code, r.code) IN
(('tanaka', 'operator'), ('boss', 'supervisor'), ('admin', 'administrator'), ('ito', 'quality'), ('novice', 'operator'));
INSERT INTO genba.lease (name, holder, epoch, acquired_at, renewed_at, expires_at)
SELECT n, h, e, now(), now(), now() + interval '1 h' FROM (VALUES ('source:PLC-1', 'SEC2', 3), ('source:PLC-2', 'SEC1', 2)) v(n, h, e);
INSERT INTO genba.relay (source, epoch, sent_at, payload) VALUES ('PLC-1', 3, now(), '{"tags": []}');
INSERT INTO genba.count_event (id, line_id, work_unit_id, kind, quantity, occurred_at, source, epoch, seq)
SELECT gen_random_uuid(), u.line_id, u.id, 'good', 7, now() - interval '1 h', 'PLC-' || substr(l.code, 2), 1, 1
FROM genba.work_unit u JOIN genba.line l ON l.id = u.line_id;
INSERT INTO genba.state_segment (id, work_unit_id, state, started_at, ended_at, source, epoch, seq)
SELECT gen_random_uuid(), u.id, 'RUNNING', now() - interval '2 h', now() - interval '1 h', 'PLC-' || substr(l.code, 2), 1, 1
FROM genba.work_unit u JOIN genba.line l ON l.id = u.line_id;
INSERT INTO genba.production_report (id, order_id, line_id, good, scrap, unit, user_code, station, reported_at, request_id)
SELECT gen_random_uuid(), id, line_id, 5, 0, 'pcs', 'boss', 'SEC2', now(), gen_random_uuid() FROM genba.work_order;
INSERT INTO genba.lot (id, number, product_id, quantity, unit, created_at)
SELECT gen_random_uuid(), 'LOT-1', id, 50, 'pcs', now() FROM genba.product;
INSERT INTO genba.movement (id, kind, product_id, quantity, unit, user_code, station, moved_at, request_id)
SELECT gen_random_uuid(), 'receive', id, 50, 'pcs', 'boss', 'SEC2', now(), gen_random_uuid() FROM genba.product;
INSERT INTO genba.blocker (id, target_kind, target_id, kind, reason, opened_by, opened_at)
SELECT gen_random_uuid(), 'order', id::text, 'quality', 'first piece', 'ito', now() FROM genba.work_order WHERE number = 'WO-L2';
INSERT INTO genba.external_system (code, name, kind, topics) VALUES ('ERP', '{"ja": "e", "en": "e"}', 'rest', '["*"]');
INSERT INTO genba.outbox (id, system_id, topic, key, payload, station, not_before)
SELECT gen_random_uuid(), id, 'order.started', 'k', '{}', 'SEC2', now() FROM genba.external_system;
INSERT INTO genba.signature (id, request_id, user_id, user_code, printed_name, meaning, station, signed_at)
SELECT gen_random_uuid(), gen_random_uuid(), id, 'boss', name, 'approval', 'SEC2', now() FROM genba.app_user WHERE code = 'boss';
SELECT genba_guard.audit_write('SEC2', gen_random_uuid(), 'production:order:release', 'done', 'boss', 'boss', NULL, now(), '[]', '', '{}')
"""


@dataclass
class Panel:
    """One station's own log-in, used by whoever stole it."""

    station: str
    url: str
    signed: SignedIn | None = None

    def connect(self, **settings: Any) -> psycopg.Connection[Any]:
        """As psql would."""
        return psycopg.connect(plain(self.url), **settings)

    def run(self, work: Callable[[Db], T], *, actor: Actor = GUEST) -> T:
        """As the station's program would: in a transaction of its own, committed."""
        engine = create_engine(self.url, poolclass=NullPool)
        try:
            with Db(engine, actor=actor) as db, db.begin():
                return work(db)
        finally:
            engine.dispose()

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """One statement, committed."""
        with self.connect(autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def sign_in(self, code: str, secret: str = "", badge: str = "") -> SignedIn:
        """Somebody signs in here."""
        self.signed = sessions.sign_in(self.run, Claim(Secret(secret or PINS[code]), "" if badge else code, badge), self.station)
        return self.signed

    def prove(self, asked: dict[str, Any], purpose: Any, code: str, secret: str = "") -> None:
        """Somebody proves himself here for a request: to sign it or to authorise it."""
        claim = Claim(Secret(secret or PINS[code]), code)
        sessions.prove_for(self.run, self.token, self.station, UUID(asked["id"]), asked["operation"], purpose, claim)

    @property
    def token(self) -> str:
        """Of whoever is signed in."""
        assert self.signed is not None
        return self.signed.token

    def request(self, operation: str, *, seal: bool = False, key: bytes | None = None, **told: Any) -> dict[str, Any]:
        """A request of whoever is signed in here as the database reads it; ``told`` replaces parts of it, before it is sealed."""
        actor = None if self.signed is None else self.signed.actor
        asked: dict[str, Any] = {
            "id": str(uuid4()),
            "operation": operation,
            "station": self.station,
            "user_code": actor.user_code if actor else "guest",
            "user_name": actor.name if actor else "guest",
            "session_id": str(actor.session_id) if actor else None,
            "decided_at": datetime.now(UTC).isoformat(),
            "args": "{}",
            "seal": None,
        } | told
        if seal or key:
            parts = [asked[name] for name in ("id", "operation", "station", "user_code", "session_id", "decided_at", "args")]
            secret = key or hashlib.sha256(f"genba seal {self.token}".encode()).digest()
            asked["seal"] = hmac.new(secret, frame(parts), hashlib.sha256).hexdigest()
        return asked

    def begin(
        self, connection: psycopg.Connection[Any], operation: str, token: str | None = None, asked: dict[str, Any] | None = None
    ) -> tuple[str, str]:
        """Begin ``operation`` on ``connection``; gives the outcome and the code of a refusal."""
        asked = asked or self.request(operation)
        words = (token, operation, json.dumps(asked))
        row = connection.execute("SELECT * FROM genba.begin_operation(%s, %s, %s)", words).fetchone()
        assert row is not None
        return row[0], (row[1] or {}).get("code", "") if isinstance(row[1], dict | None) else ""

    @contextmanager
    def operation(self, operation: str, *, end: bool = True, asked: dict[str, Any] | None = None) -> Iterator[psycopg.Connection[Any]]:
        """A connection on which whoever is signed in here has begun ``operation`` as he may; ended and committed afterwards."""
        with self.connect() as connection:
            begun = self.begin(connection, operation, self.token, asked)
            assert begun[0] == "open", begun
            yield connection
            if end:
                connection.execute("SELECT genba.end_operation('null', '', '{}')")
            connection.commit()


@dataclass
class Plant:
    """The database with its panels, and somebody who may look behind everything.

    Attributes:
        people: Id of each user, by code.
    """

    admin_url: str
    panels: dict[str, Panel]
    people: dict[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """As libpq reads it, of whoever may do everything."""
        return plain(self.admin_url)

    @property
    def here(self) -> Panel:
        """The panel of the attacker; tanaka, an operator, is signed in."""
        return self.panels[HERE]

    @property
    def there(self) -> Panel:
        """Another panel; boss, a supervisor, is signed in."""
        return self.panels[THERE]

    @property
    def office(self) -> Panel:
        """Where admin is signed in."""
        return self.panels[OFFICE]

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Past every right, for looking and for turning the time."""
        with psycopg.connect(plain(self.admin_url), autocommit=True) as owner:
            cursor = owner.execute(statement, values or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def last_audit(self, station: str = HERE) -> dict[str, Any]:
        """The newest row of a station's chain."""
        columns = ("operation", "outcome", "user_code", "user_name", "changes", "reason", "detail", "at", "decided_at", "request_id")
        row = self.sql(f"SELECT {', '.join(columns)} FROM genba.audit WHERE station = %s ORDER BY seq DESC LIMIT 1", station)[0]
        return dict(zip(columns, row, strict=True))

    @contextmanager
    def rule(self, role: str, permission: str, line: str | None, *, allowed: bool) -> Iterator[None]:
        """The site decides otherwise for a while."""
        self.sql(
            "INSERT INTO genba.role_rule (role_id, permission, line_id, allowed)"
            " SELECT r.id, %s, (SELECT id FROM genba.line WHERE code = %s), %s FROM genba.role r WHERE r.code = %s",
            permission, line, allowed, role,
        )  # fmt: skip
        yield
        self.sql("DELETE FROM genba.role_rule WHERE permission = %s", permission)

    @contextmanager
    def altered(self, function: str, part: str, other: str) -> Iterator[None]:
        """One function of the database is another one for a while: minutes are moments, or there is a flaw to be found."""
        (definition,) = self.sql("SELECT pg_get_functiondef(%s::regproc)", function)[0]
        assert definition.count(part) == 1, definition.count(part)
        self.sql(definition.replace(part, other))
        try:
            yield
        finally:
            self.sql(definition)

    def forget_failures(self) -> None:
        """Nobody has mistyped anything."""
        self.sql("DELETE FROM genba_guard.attempt")

    def proof(self, code: str, pin: str) -> bytes:
        """What a panel would send for ``pin``: whoever has a log-in can work it out for every PIN there is."""
        (salt,) = self.sql("SELECT salt FROM genba.credential c JOIN genba.app_user u ON u.id = c.user_id WHERE u.code = %s", code)[0]
        return derive(Secret(pin), Params(bytes(salt), COST.time_cost, COST.memory_kib, COST.parallelism))

    def bring_everybody_back(self) -> None:
        """As it was before somebody was shut out, locked or signed off."""
        self.sql("UPDATE genba.app_user SET active = true")
        self.forget_failures()
        self.sign_all_in()

    def sign_all_in(self) -> None:
        """Everybody at his panel, with a fresh session."""
        for panel, code in ((self.here, "tanaka"), (self.there, "boss"), (self.office, "admin")):
            panel.sign_in(code)


@contextmanager
def plant_of(postgres: TestServer) -> Iterator[Plant]:
    """A database of its own, filled; its log-ins are gone with it."""
    with postgres.migrated_database() as name:
        admin_url = postgres.admin_url(name)
        upgrade(admin_url)  # rights on the database itself are not copied with a template
        made = Plant(admin_url, {})
        try:
            _fill(made)
            yield made
        finally:
            codes = ", ".join(f'"{logins.login_of(station)}"' for station in (HERE, THERE, OFFICE))
            made.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'genba_SEC%' AND datname = '{name}'")
            made.sql(f"REVOKE genba_station FROM {codes}")
            for station in (HERE, THERE, OFFICE):
                made.sql(f'DROP OWNED BY "{logins.login_of(station)}"; DROP ROLE "{logins.login_of(station)}"')


def _fill(plant: Plant) -> None:
    for station in (HERE, THERE, OFFICE):
        password = logins.add(plant.admin_url, station)
        url = make_url(plant.admin_url).set(username=logins.login_of(station), password=password)
        plant.panels[station] = Panel(station, url.render_as_string(hide_password=False))
    with psycopg.connect(plain(plant.admin_url), autocommit=True) as owner:
        for part in _PLANT.split(";\n"):
            owner.execute(part)  # type: ignore[arg-type]
        for code, pin in PINS.items():
            salt = hashlib.sha256(code.encode()).digest()[:16]
            verifier = hashlib.sha256(derive(Secret(pin), Params(salt, COST.time_cost, COST.memory_kib, COST.parallelism))).digest()
            owner.execute(
                "INSERT INTO genba.credential (user_id, salt, verifier, time_cost, memory_kib, parallelism, must_change, changed_at)"
                " SELECT id, %s, %s, 1, 8192, 1, %s, now() FROM genba.app_user WHERE code = %s",
                (salt, verifier, code == "novice", code),
            )
        owner.execute(
            "INSERT INTO genba.badge (id, user_id, digest, label) SELECT gen_random_uuid(), id, genba_guard.badge_digest(%s), '3D4'"
            " FROM genba.app_user WHERE code = 'tanaka'",
            (badge_word(BADGE),),
        )
    plant.people = dict(plant.sql("SELECT code, id FROM genba.app_user"))
    plant.sign_all_in()
