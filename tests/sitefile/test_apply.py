"""Site files against the real database: planned, applied, applied again, changed, written back; through the door as well."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import select, text

from core.clock import SystemClock
from core.equipment.models import Line, Tag
from core.equipment.site import site_view
from core.equipment.units import BUILTIN
from core.errors import Invalid, Refused
from core.inventory.models import Product
from core.inventory.products import bom_of, list_products
from core.sitefile.apply import _unpack, apply, apply_site, arguments
from core.sitefile.entries import SiteFile
from core.sitefile.export import export
from core.sitefile.plan import Change, plan
from core.sitefile.read import read
from core.store.base import Db
from core.store.door import Door
from core.store.engine import Database
from core.store.journal import Journal
from core.store.operation import Secret
from core.store.readstore import ReadStore
from core.users.models import User
from core.users.proof import Credential, Params
from core.users.prover import PanelProver
from core.users.roles import system_actor
from core.users.sign_in import Claim, sign_in
from core.users.views import SignedIn
from tests.postgres import plain
from tests.sitefile.plants import GOOD, TAGS, sites

DEMO = Path(__file__).parents[2] / "resources" / "demo" / "site.yaml"


def load(folder: Path, site: str = GOOD, tags: str = TAGS) -> SiteFile:
    (folder / "tags.csv").write_text(tags, encoding="utf-8")
    (folder / "site.yaml").write_text(site, encoding="utf-8")
    return read(folder / "site.yaml")


def put(db: Db, site: SiteFile) -> tuple[Change, ...]:
    pin = Credential(Params(bytes(16)), bytes(32)).text()
    return apply(db, site, db.actor, dict.fromkeys(site.pins, pin)).changes


@contextmanager
def undone(db: Db) -> Iterator[None]:
    """What happens inside is rolled back: one generated plant must not meet the rows of the one before."""
    savepoint = db.begin_nested()
    yield
    savepoint.rollback()
    db.expunge_all()


def read_back(db: Db, folder: Path) -> SiteFile:
    folder.mkdir(exist_ok=True)
    export(db).write(folder / "site.yaml")
    return read(folder / "site.yaml")


def test_a_plant_is_planned_applied_and_then_there_is_nothing_to_do(db: Db, tmp_path: Path) -> None:
    site = load(tmp_path)
    planned = plan(db, site)
    assert {change.action for change in planned[:-1]} == {"add"}
    assert str(planned[-1]) == "~ user 0123  pin: — → •••"
    assert "+ line L1" in map(str, planned)
    assert put(db, site) == planned
    assert plan(db, site) == ()
    assert put(db, site) == ()
    assert read_back(db, tmp_path / "back") == site


def test_stations_see_what_was_applied(db: Db, tmp_path: Path) -> None:
    put(db, load(tmp_path))
    seen = site_view(db)
    assert [line.code for line in seen.lines] == ["L1", "L2"]
    first = seen.lines[0]
    assert (first.site, first.time_zone, first.constraint_unit, first.capacity_per_hour) == ("DEMO", "Asia/Tokyo", "L1-M1", 120.0)
    assert [unit.code for unit in first.work_units] == ["L1-M1", "L1-M2"]
    assert [tag.name for tag in seen.tags] == ["L1.State", "L1.Good", "L1.Ready", "L1.Pressure", "L1.Recipe"]
    pressure = seen.tags[3]
    assert pressure.write is not None
    assert (pressure.write.permission, pressure.write.low, pressure.write.high, pressure.write.interlock) == (
        "equipment:setpoint:write", 80, 120, "L1.Ready",
    )  # fmt: skip
    assert (pressure.unit, pressure.low, pressure.high, pressure.work_unit) == ("psi", 0, 200, "L1-M1")
    assert seen.tags[0].states == {"0": "IDLE", "1": "RUNNING"}
    assert set(seen.tag_ids) == {tag.name for tag in seen.tags}
    assert set(seen.units) == {*BUILTIN, "psi"}
    assert [source.simulated for source in seen.sources] == [True, False]
    assert seen.line_of("L2-M1") == seen.line("L2")
    assert seen.line("L9") is None
    assert [product.code for product in list_products(db).items] == ["A-1", "B-1", "C-1"]
    bom = bom_of(db, product_code="A-1", on=db.now.date())
    assert [(part.product_code, part.unit) for part in bom.components] == [("B-1", "pcs"), ("C-1", "g")]
    with pytest.raises(Invalid, match="X-9"):
        bom_of(db, product_code="X-9", on=db.now.date())


def test_lines_keep_the_order_of_the_file(db: Db, tmp_path: Path) -> None:
    site = load(tmp_path, GOOD.replace("L1", "L9"), TAGS.replace("L1", "L9"))
    put(db, site)
    assert [line.code for line in site_view(db).lines] == ["L9", "L2"]
    assert read_back(db, tmp_path / "back") == site


def test_only_what_differs_changes_and_says_so(db: Db, tmp_path: Path) -> None:
    put(db, load(tmp_path))
    changed = load(
        tmp_path, GOOD.replace("capacity_per_hour: 120", "capacity_per_hour: 150").replace("constraint: L1-M1", "constraint: L1-M2")
    )
    assert [str(change) for change in plan(db, changed)] == ["~ line L1  capacity_per_hour: 120 → 150, constraint_unit: L1-M1 → L1-M2"]
    version = db.scalars(select(Line.version).where(Line.code == "L2")).one()
    put(db, changed)
    assert db.scalars(select(Line.version).where(Line.code == "L2")).one() == version, "what does not change is not written"
    assert read_back(db, tmp_path / "back") == changed


def test_what_leaves_the_file_is_retired_and_may_return(db: Db, tmp_path: Path) -> None:
    site = load(tmp_path)
    put(db, site)
    key = db.scalars(select(Tag.id).where(Tag.name == "L1.Good")).one()
    fewer = load(tmp_path, tags="\n".join(line for line in TAGS.splitlines() if not line.startswith("L1.Good")) + "\n")
    changes = put(db, fewer)
    assert "- tag L1.Good" in map(str, changes)
    assert "L1.Good" not in {tag.name for tag in site_view(db).tags}
    assert db.scalars(select(Tag).where(Tag.name == "L1.Good")).one().retired_at is not None
    assert plan(db, fewer) == ()
    assert read_back(db, tmp_path / "back") == fewer
    assert [change.action for change in put(db, load(tmp_path)) if change.key == "L1.Good"] == ["return"]
    assert db.scalars(select(Tag.id).where(Tag.name == "L1.Good")).one() == key, "its history goes on under the same number"
    assert read_back(db, tmp_path / "back") == site


def test_what_was_made_on_screens_stays_out_of_the_file(db: Db, tmp_path: Path) -> None:
    site = load(tmp_path)
    put(db, site)
    name = {"ja": "x", "en": "x"}
    db.add_all([User(code="screen", name=name, origin="screen"), Product(code="ERP-1", name=name, origin="ERP")])
    db.flush()
    assert plan(db, site) == ()
    assert read_back(db, tmp_path / "back") == site
    user = db.scalars(select(User).where(User.code == "0123")).one()
    user.active = False
    db.flush()
    put(db, load(tmp_path, GOOD.replace("name: 田中", "name: 中田")))
    assert not user.active, "a file does not give access back that an administrator took away"


def test_a_redefined_unit_falls_back_to_the_programs_own(db: Db, tmp_path: Path) -> None:
    bar = "\nunits:\n  - {code: bar, quantity: pressure, name: Bar, base: Pa, factor: 100001}\n"
    put(db, load(tmp_path, GOOD.replace("\nunits:\n", bar)))
    assert site_view(db).units["bar"].factor == 100001
    put(db, load(tmp_path))
    assert site_view(db).units["bar"] == BUILTIN["bar"]


def test_the_demo_plant_goes_in_and_comes_out(db: Db, tmp_path: Path) -> None:
    site = read(DEMO)
    put(db, site)
    assert plan(db, site) == ()
    assert read_back(db, tmp_path / "back") == site


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(sites(), sites())
def test_any_plant_follows_any_other(db: Db, tmp_path: Path, first: SiteFile, second: SiteFile) -> None:
    with undone(db):
        for site in (first, second, first):
            planned = plan(db, site)
            assert put(db, site) == planned
            assert plan(db, site) == ()
            assert read_back(db, tmp_path / "back") == site


class Rig:
    """A station's door on a real database."""

    def __init__(self, url: str, home: Path) -> None:
        self.clock = SystemClock()
        self.database = Database(url, "P1", clock=self.clock)
        self.journal = Journal(home / "journal.db", self.clock)
        self.readstore = ReadStore(home / "readstore.db", self.clock)
        self.database.start()
        end = time.monotonic() + 60
        while not self.database.up and time.monotonic() < end:
            time.sleep(0.01)
        self.prover = PanelProver(self.run, "P1", lambda: None)
        self.door = Door(self.database, self.journal, self.readstore, self.clock, "P1", self.prover)

    def run(self, work: Any) -> Any:
        def committed(db: Db) -> Any:
            result = work(db)
            db.commit()
            return result

        return self.database.submit("operations", committed, deadline_s=10).result()

    def sign_in(self, code: str, secret: str) -> SignedIn:
        signed = sign_in(self.run, Claim(Secret(secret), code), "P1")
        assert signed.actor.session_id is not None
        self.prover.hold(signed.actor.session_id, token=signed.token)
        return signed

    def close(self) -> None:
        self.database.close(1)
        self.journal.close()
        self.readstore.close()


@pytest.fixture
def rig(admin_url: str, tmp_path: Path) -> Iterator[Rig]:
    """With the log-in of whoever administers the database, as the command has it."""
    made = Rig(admin_url, tmp_path)
    yield made
    made.close()


def test_a_site_file_goes_through_the_door(rig: Rig, admin_url: str, tmp_path: Path) -> None:
    planted = "827364"
    site = load(tmp_path, GOOD.replace("initial_pin: 0246", f'initial_pin: "{planted}", pin_must_change: false'))
    actor = system_actor("genba site apply", "P1")
    done = rig.door.do(apply_site, actor, arguments(site))
    assert done.state == "applied"
    assert done.view.changes
    signed = rig.sign_in("0123", planted)
    assert signed.actor.roles == {"operator"}
    assert signed.why_change == ""
    other = load(tmp_path, GOOD.replace("initial_pin: 0246", "initial_pin: 973164"))
    assert rig.run(lambda db: plan(db, other)) == ()
    assert rig.door.do(apply_site, actor, arguments(other)).view.changes == ()
    assert rig.sign_in("0123", planted), "a first PIN never replaces one that is there"
    with pytest.raises(Refused):
        rig.door.do(apply_site, signed.actor, arguments(site))
    with psycopg.connect(plain(admin_url)) as connection:
        rows = connection.execute("SELECT operation, changes::text, detail::text FROM genba.audit").fetchall()
        requests = connection.execute("SELECT r::text FROM genba.request r").fetchall()
    assert any(row[0] == "equipment:site:apply" and "capacity_per_hour" in row[1] for row in rows)
    assert planted not in str(rows) + str(requests)
    assert planted.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("*.db*"))


def test_not_even_an_administrator_replaces_a_pin_by_a_file(rig: Rig, tmp_path: Path) -> None:
    users = GOOD + "  - {code: boss, name: Boss, roles: [administrator], initial_pin: 246801, pin_must_change: false}\n"
    rig.door.do(apply_site, system_actor("genba site apply", "P1"), arguments(load(tmp_path, users)))
    boss = rig.sign_in("boss", "246801").actor
    rig.door.do(apply_site, boss, arguments(load(tmp_path, users.replace("initial_pin: 0246", "initial_pin: 973164"))))
    assert rig.sign_in("0123", "0246").why_change == "first"


def test_a_document_from_elsewhere_is_checked_again(db: Db, tmp_path: Path) -> None:
    site = load(tmp_path)
    document = arguments(site)["document"]
    assert _unpack(document) == site
    for broken in ((), ("x",), (*document[:-1], document[-1][:-8])):
        with pytest.raises(Invalid):
            apply_site(db, db.actor, document=broken)
    wrong = json.loads(site.model_dump_json())
    wrong["sites"][0]["time_zone"] = "Mars/Olympus"
    with pytest.raises(Invalid, match="Mars"):
        apply_site(db, db.actor, document=arguments(SiteFile.model_validate(wrong))["document"])
    assert db.execute(text("SELECT count(*) FROM genba.line")).scalar_one() == 0
