"""The tables themselves refuse what must never stand in them, whoever writes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import configure_mappers
from sqlalchemy.orm.exc import StaleDataError

from core.equipment.models import Area, Enterprise, Line, Site, Source, StateSegment, Tag, Unit, WorkUnit
from core.equipment.stop_models import StopReason
from core.equipment.units import BUILTIN
from core.inventory.models import Bom, BomComponent, Location, Lot, Movement, Product
from core.production.models import Blocker, CountEvent, DefectCode, ProductionReport, StandardTime, WorkOrder
from core.production.views import OrderStatus
from core.quality.models import QualityCheck
from core.store.base import Base, Db
from core.users.models import Role, User
from core.users.roles import ROLES

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NAME = {"ja": "名前", "en": "name"}


@pytest.fixture
def plant(db: Db) -> dict[str, Any]:
    """One of everything orders need, flushed."""
    company = Enterprise(code="E", name=NAME)
    site = Site(code="S", name=NAME, enterprise=company, time_zone="Asia/Tokyo")
    area = Area(code="A", name=NAME, site=site)
    line = Line(code="L1", name=NAME, area=area, capacity_per_hour=Decimal(120))
    product = Product(code="A-1010", name=NAME)
    unit = WorkUnit(code="L1-M1", name=NAME, line=line)
    source = Source(code="plc", protocol="opcua", url="opc.tcp://plc", label=NAME)
    db.add_all([company, site, area, line, product, unit, source])
    db.flush()
    return {"line": line, "product": product, "unit": unit, "source": source}


def order(plant: dict[str, Any], **given: Any) -> WorkOrder:
    values: dict[str, Any] = {
        "id": uuid4(),
        "number": "WO-1",
        "product": plant["product"],
        "line": plant["line"],
        "planned": Decimal(500),
        "unit": "pcs",
        "scheduled_start_at": NOW,
        "scheduled_end_at": NOW + timedelta(hours=8),
    }
    return WorkOrder(**{**values, **given})


def put(db: Db, row: Any) -> None:
    """Write ``row``; when it is refused, the transaction goes on without it."""
    with db.begin_nested():
        db.add(row)
        db.flush()


def refused(db: Db, row: Any) -> str:
    """The name of the constraint that refuses ``row``."""
    with pytest.raises(IntegrityError) as error:
        put(db, row)
    return str(error.value.orig.diag.constraint_name)  # type: ignore[union-attr]


def test_an_order_begins_as_the_customer_fixed_it(db: Db, plant: dict[str, Any]) -> None:
    row = order(plant)
    db.add(row)
    db.flush()
    db.refresh(row)
    assert (row.status, row.priority, row.completed, row.scrap, row.version) == ("PLANNED", 5, 0, 0, 1)
    assert (row.product.revision, row.product.target_yield, row.line.efficiency) == ("1.0", 95, 85)
    assert row.scheduled_start_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("given", "constraint"),
    [
        ({"number": "XX-1"}, "ck_work_order_number_starts_with_wo"),
        ({"number": "wo-1"}, "ck_work_order_number_starts_with_wo"),
        ({"planned": Decimal(0)}, "ck_work_order_planned_positive"),
        ({"completed": Decimal(-1)}, "ck_work_order_completed_not_negative"),
        ({"scrap": Decimal(-1)}, "ck_work_order_scrap_not_negative"),
        ({"status": "RUNNING"}, "ck_work_order_status_known"),
        ({"priority": 0}, "ck_work_order_priority_range"),
        ({"priority": 11}, "ck_work_order_priority_range"),
        ({"scheduled_end_at": NOW}, "ck_work_order_scheduled_end_after_start"),
        ({"actual_start_at": NOW, "actual_end_at": NOW - timedelta(1)}, "ck_work_order_actual_end_not_before_start"),
        ({"external_system": "ERP"}, "ck_work_order_external_complete"),
        ({"unit": "parsec"}, "fk_work_order_unit"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused(db: Db, plant: dict[str, Any], given: dict[str, Any], constraint: str) -> None:
    assert refused(db, order(plant, **given)) == constraint


def test_an_order_number_is_at_most_fifty_characters_and_unique(db: Db, plant: dict[str, Any]) -> None:
    db.add(order(plant, number="WO" + "1" * 48))
    db.flush()
    assert refused(db, order(plant, number="WO" + "1" * 48)) == "uq_work_order_number"
    with pytest.raises(DBAPIError, match="character varying"):
        put(db, order(plant, number="WO" + "2" * 49))


def test_one_revision_of_an_external_order_comes_once(db: Db, plant: dict[str, Any]) -> None:
    outside = {"external_system": "ERP", "external_id": "4711", "external_revision": "1"}
    db.add(order(plant, **outside))
    db.flush()
    assert refused(db, order(plant, number="WO-2", **outside)) == "uq_work_order_external_system_external_id_external_revision"
    db.add(order(plant, number="WO-3", **{**outside, "external_revision": "2"}))
    db.flush()


@pytest.mark.parametrize("status", list(OrderStatus))
def test_every_declared_status_is_allowed(db: Db, plant: dict[str, Any], status: OrderStatus) -> None:
    db.add(order(plant, status=status.value))
    db.flush()


def _quantity_columns() -> list[tuple[str, str]]:
    configure_mappers()
    numbers = ("NUMERIC", "DOUBLE", "FLOAT")
    return [
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if any(word in repr(column.type).upper() for word in (*numbers, "QUANTITY"))
    ]


def test_no_number_column_takes_nan(db: Db) -> None:
    """Every numeric column has a check that NaN fails; found by asking PostgreSQL for each check in turn."""
    columns = _quantity_columns()
    assert ("work_order", "planned") in columns
    assert ("tag", "low") in columns
    assert ("unit", "factor") in columns
    for table, column in columns:
        checks = db.scalars(
            text(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = CAST('genba.' || :table AS regclass) AND contype = 'c'"
            ),
            {"table": table},
        ).all()
        naming = [check for check in checks if f'"{column}"' in check or f"({column} " in check or f" {column} " in check]
        assert any("NaN" in check or "Infinity" in check for check in naming), f"{table}.{column}: {naming}"


def test_nan_and_floats_never_reach_the_server(db: Db, plant: dict[str, Any]) -> None:
    for bad in (Decimal("NaN"), Decimal("Infinity"), 1.5, True):
        with pytest.raises(StatementError, match="a quantity is"):
            put(db, order(plant, planned=bad))
    put(db, order(plant))
    with pytest.raises(IntegrityError, match="planned_is_number"):
        db.execute(text("UPDATE genba.work_order SET planned = 'NaN'"))


def test_a_naive_time_is_refused(db: Db, plant: dict[str, Any]) -> None:
    with pytest.raises(StatementError, match="naive"):
        put(db, order(plant, scheduled_start_at=datetime(2026, 3, 2)))  # noqa: DTZ001 - the point of the test


def test_two_people_changing_one_row_notice_each_other(db: Db, plant: dict[str, Any]) -> None:
    row = order(plant)
    db.add(row)
    db.flush()
    db.execute(text("UPDATE genba.work_order SET version = version + 1 WHERE id = :id"), {"id": row.id})
    row.note = "changed"
    with pytest.raises(StaleDataError), db.begin_nested():
        db.flush()


def report(plant: dict[str, Any], **given: Any) -> ProductionReport:
    values = {
        "id": uuid4(),
        "good": Decimal(5),
        "scrap": Decimal(0),
        "unit": "pcs",
        "line": plant["line"],
        "user_code": "op",
        "station": "P1",
        "reported_at": NOW,
        "request_id": uuid4(),
    }
    return ProductionReport(**{**values, **given})


def test_a_report_is_booked_even_without_an_order_and_corrected_once(db: Db, plant: dict[str, Any]) -> None:
    first = report(plant)
    db.add(first)
    db.flush()
    assert refused(db, report(plant, good=Decimal(-5))) == "ck_production_report_sign_fits_correction"
    assert refused(db, report(plant, good=Decimal(0))) == "ck_production_report_not_empty"
    db.add(report(plant, good=Decimal(-5), corrects=first.id))
    db.flush()
    assert refused(db, report(plant, good=Decimal(-5), corrects=first.id)) == "uq_production_report_corrects"


def test_what_was_reported_counted_and_moved_stays(db: Db, plant: dict[str, Any]) -> None:
    first = report(plant)
    moved = Movement(
        id=uuid4(),
        kind="produce",
        product_id=plant["product"].id,
        quantity=Decimal(1),
        unit="pcs",
        user_code="op",
        station="P1",
        moved_at=NOW,
        request_id=uuid4(),
    )
    db.add_all([first, moved])
    db.flush()
    for statement in (
        "UPDATE genba.production_report SET good = 1",
        "DELETE FROM genba.production_report",
        "UPDATE genba.movement SET quantity = 2",
        "DELETE FROM genba.movement",
        "UPDATE genba.count_event SET quantity = 0",
        "UPDATE genba.state_segment SET started_at = now()",
        "DELETE FROM genba.work_order",
        "TRUNCATE genba.audit",
    ):
        with pytest.raises(DBAPIError, match="permission denied"), db.begin_nested():
            db.execute(text(statement))


def test_evidence_comes_once(db: Db, plant: dict[str, Any]) -> None:
    def count(**given: Any) -> CountEvent:
        values = {
            "id": uuid4(),
            "line_id": plant["line"].id,
            "work_unit_id": plant["unit"].id,
            "kind": "good",
            "quantity": Decimal(1),
            "occurred_at": NOW,
            "source": "plc",
            "epoch": 1,
            "seq": 1,
        }
        return CountEvent(**{**values, **given})

    db.add(count())
    db.flush()
    assert refused(db, count()) == "uq_count_event_source_epoch_seq"
    assert refused(db, count(seq=2, kind="bad")) == "ck_count_event_kind_known"
    assert refused(db, count(seq=2, quantity=Decimal(-1))) == "ck_count_event_quantity_not_negative"
    segment = {"work_unit_id": plant["unit"].id, "source": "plc", "epoch": 1, "started_at": NOW}
    db.add(StateSegment(id=uuid4(), seq=1, state="DOWN", ended_at=None, reason_code="D07", **segment))
    db.flush()
    assert refused(db, StateSegment(id=uuid4(), seq=1, state="DOWN", **segment)) == "uq_state_segment_source_epoch_seq"
    assert refused(db, StateSegment(id=uuid4(), seq=2, state="BROKEN", **segment)) == "ck_state_segment_state_known"
    early = StateSegment(id=uuid4(), seq=2, state="DOWN", ended_at=NOW - timedelta(1), **segment)
    assert refused(db, early) == "ck_state_segment_end_not_before_start"


def tag(plant: dict[str, Any], **given: Any) -> Tag:
    values = {"name": "T", "source": plant["source"], "address": "i=1", "type": "float64", "label": NAME}
    return Tag(**{**values, **given})


@pytest.mark.parametrize(
    ("given", "constraint"),
    [
        ({"type": "decimal"}, "ck_tag_type_known"),
        ({"role": "fun"}, "ck_tag_role_known"),
        ({"period_s": 0.0}, "ck_tag_period_positive"),
        ({"scale": 0.0}, "ck_tag_scale_finite"),
        ({"scale": float("nan")}, "ck_tag_scale_finite"),
        ({"offset": float("inf")}, "ck_tag_offset_finite"),
        ({"low": 5.0, "high": 5.0}, "ck_tag_low_below_high"),
        ({"low": float("nan")}, "ck_tag_low_finite"),
        ({"warn_low": 9.0, "warn_high": 5.0}, "ck_tag_warn_low_below_warn_high"),
        ({"write_permission": "a:b"}, "ck_tag_write_complete"),
        ({"write_permission": "a:b", "write_low": 2.0, "write_high": 1.0}, "ck_tag_write_low_not_above_high"),
        ({"label": {"ja": "x"}}, "ck_tag_label_in_both_languages"),
        ({"decimals": 12}, "ck_tag_decimals_range"),
    ],
)
def test_a_tag_that_cannot_be_is_refused(db: Db, plant: dict[str, Any], given: dict[str, Any], constraint: str) -> None:
    assert refused(db, tag(plant, **given)) == constraint


def test_the_rest_of_the_plant_has_its_rules(db: Db, plant: dict[str, Any]) -> None:
    area_id = plant["line"].area_id
    line = {"name": NAME, "area_id": area_id}
    assert refused(db, Line(code="X", capacity_per_hour=Decimal(0), **line)) == "ck_line_capacity_positive"
    assert refused(db, Line(code="X", capacity_per_hour=Decimal(1), efficiency=Decimal(101), **line)) == "ck_line_efficiency_range"
    unit = {"code": "u", "name": NAME, "quantity": "q", "base": "u"}
    assert refused(db, Unit(factor=Decimal(0), **unit)) == "ck_unit_factor_positive"
    assert refused(db, Source(code="s", protocol="opcua", url="", label=NAME, readers="stations")) == "ck_source_stations_listed"
    assert refused(db, Source(code="s", protocol="opcua", url="", label=NAME, readers="some")) == "ck_source_readers_known"
    assert refused(db, Product(code="P", name=NAME, target_yield=Decimal(0))) == "ck_product_target_yield_range"
    assert refused(db, Product(code="P", name=NAME, standard_cycle_min=Decimal(0))) == "ck_product_standard_cycle_positive"
    assert refused(db, User(code="u", name=NAME, language="fr")) == "ck_app_user_language_known"


def test_products_lots_and_checks_have_their_rules(db: Db, plant: dict[str, Any]) -> None:
    product, unit = plant["product"], plant["unit"]
    bom = Bom(product=product, valid_from=date(2026, 1, 1))
    place = Location(code="FG", name=NAME)
    db.add_all([bom, place])
    db.flush()
    assert refused(db, Bom(product_id=product.id, valid_from=date(2026, 1, 1))) == "uq_bom_product_id_valid_from"
    part = BomComponent(bom_id=bom.id, product_id=product.id, quantity=Decimal(0), unit="pcs")
    assert refused(db, part) == "ck_bom_component_quantity_positive"
    day = {"product_id": product.id, "work_unit_id": unit.id, "valid_from": date(2026, 1, 1)}
    assert refused(db, StandardTime(cycle_min=Decimal(0), **day)) == "ck_standard_time_cycle_positive"
    lot = {"number": "240711-03", "product_id": product.id, "unit": "pcs", "created_at": NOW}
    assert refused(db, Lot(id=uuid4(), quantity=Decimal(-1), **lot)) == "ck_lot_quantity_not_negative"
    move = {"product_id": product.id, "unit": "pcs", "user_code": "op", "station": "P1", "moved_at": NOW, "request_id": uuid4()}
    nowhere = Movement(id=uuid4(), kind="move", quantity=Decimal(1), from_location_id=place.id, to_location_id=place.id, **move)
    assert refused(db, nowhere) == "ck_movement_move_goes_somewhere"
    check = {"product_id": product.id, "characteristic": "length", "kind": "measure", "due_at": NOW}
    assert refused(db, QualityCheck(id=uuid4(), result="PASS", **check)) == "ck_quality_check_done_complete"
    assert refused(db, QualityCheck(id=uuid4(), low=Decimal(1), **check)) == "ck_quality_check_measure_has_unit"
    assert refused(db, QualityCheck(id=uuid4(), failed=Decimal(1), **check)) == "ck_quality_check_failed_among_checked"
    blocker = {"target_kind": "order", "target_id": "1", "kind": "quality", "reason": "r", "opened_by": "q", "opened_at": NOW}
    assert refused(db, Blocker(id=uuid4(), released_by="q", **blocker)) == "ck_blocker_release_complete"


def test_the_catalogues_are_there_from_the_first_migration(db: Db) -> None:
    units = {row.code: row for row in db.query(Unit).all()}
    assert set(units) >= set(BUILTIN)
    for code, spec in BUILTIN.items():
        row = units[code]
        assert (row.quantity, row.base, row.factor, row.base_offset, row.name) == (
            spec.quantity,
            spec.base,
            spec.factor,
            spec.offset,
            spec.name,
        )
    reasons = {row.code: row for row in db.query(StopReason).all()}
    assert reasons["D07"].name["ja"] == "ワーク詰まり"
    assert reasons["D99"].grouping == "unplanned"
    assert db.query(DefectCode).count() == 26
    roles = {row.code: row.name for row in db.query(Role).all()}
    assert roles == {code: role.name for code, role in ROLES.items()}


def test_every_mapped_class_names_itself_for_notices_by_one_word() -> None:
    configure_mappers()
    entities = [mapper.class_.__entity__ for mapper in Base.registry.mappers if hasattr(mapper.class_, "__entity__")]
    twice = {entity for entity in entities if entities.count(entity) > 1}
    assert twice == {"role", "user"}, "a rule is news of its role, a badge of its owner"
    assert {"order", "line", "user", "tag"} <= set(entities)
