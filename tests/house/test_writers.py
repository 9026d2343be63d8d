"""Who writes to the database: operations, evidence, and a short list with reasons. Nobody else.

A write is found by its syntax: SQL that changes rows, SQLAlchemy's ``insert``/``update``/``delete``, adding or deleting on a
session, setting a column of a row, a call of a database function that writes. What an operation calls writes in its name,
so whoever writes must be reachable from operations alone: a function with one caller outside of every operation is a
second door.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import pytest

from tests.house.source import dotted, modules

ALLOWED = {
    "core.store.evidence._statement": "the recorder's door itself",
    "core.store.evidence._BEGIN": "the recorder's door itself",
    "core.store.application._BEGIN": "the operations' door itself",
    "core.store.application._END": "the operations' door itself: request row, signature and audit row",
    "core.store.application._REFUSE": "the operations' door itself: the audit row of what was refused",
    "core.store.audit._ROWS": "COPY (…) TO STDOUT: reads only",
    "core.store.audit.anchor": "housekeeping: ends of chains, noted by a function of the database in this station's own chain",
    "core.store.outbox.write": "the operations' door itself: messages in the transaction of what they tell",
    "core.store.lease._ACQUIRE": "housekeeping: leases",
    "core.store.lease._RENEW": "housekeeping: leases",
    "core.store.lease._RELEASE": "housekeeping: leases",
    "core.store.lease._TURN": "housekeeping: leases",
    "core.store.presence._KNOWN": "asks the catalogue: reads only",
    "core.store.presence._CLAIM": "housekeeping: presence",
    "core.store.presence._LEAVE": "housekeeping: presence",
    "core.station.floor._PRESENT_SO": "housekeeping: presence",
    "core.store.relay._PUT": "housekeeping: latest values for stations that do not read the source, replaced each second",
    "core.store.journal": "a file of this station, not the database",
    "core.store.drafts": "a file of this station, not the database",
    "core.store.readstore": "a file of this station, not the database",
    "core.store.schema": "migrations, as the schema's owner",
    "core.store.logins": "log-ins of stations, as whoever administers the database",
    "core.store.restore": "a backup brought back, as whoever administers the database",
    "core.store.loading": "as above, and into a server of its own to prove it",
    "core.station.floor._PRESENT": "housekeeping: this station is there, by a function of the database",
    "core.production.automatic._REPORT": "evidence: reports of lines that report by themselves; how much is for the database to say",
    "core.equipment.recorder._END": "evidence: a state learns its end after evidence.begin in the same transaction",
    "core.equipment.recorder._recorded_until": "evidence: states a dead recorder left open are ended, after evidence.begin as well",
    "core.equipment.recorder._end_abandoned": "evidence: states of a machine that its source does not tell about any more, as above",
    "core.users.sign_in": "sessions, counted failures and one-time proofs, by functions of the database that check the secret themselves",
    "core.users.offline": "keys and tries of sign-ins without the database, by functions that check the session or mark the station's word",
}
"""Function, module-level name or whole module → why it may write without being an operation."""

WRITES = re.compile(
    r"^\s*(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|COPY|CREATE|ALTER|DROP|GRANT|REVOKE)\b"
    r"|\bgenba\.(begin_operation|end_operation|note_refusal|audit_anchor|begin_evidence|lease_\w+|relay_put|present|claim|station_claim|station_leave|sign_in|sign_out|prove_for"
    r"|set_credential|give_badge|end_sessions|offline_key|merge_offline|report_counted)\s*\("
)
MAPPED = re.compile(r"^core\.\w+\.(\w*models|\w*rows|tables)\b")
STATEMENTS = {"insert", "update", "delete"}
OF_SESSION = {"add", "add_all", "merge", "delete", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings"}
SESSIONS = {"db", "session", "setup_db"}


class Node:
    """A function, a method or a module-level name: what it writes, and what it refers to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.writes: list[str] = []
        self.refers: set[str] = set()
        self.is_operation = False


def read(trees: Mapping[str, ast.Module], columns: frozenset[str] = frozenset()) -> dict[str, Node]:
    """Every node of these modules by its full name; ``columns`` are the names of all mapped ones."""
    nodes: dict[str, Node] = {}
    for module, tree in trees.items():
        known = _names(tree)
        statements = {name for name, full in known.items() if full.rpartition(".")[2] in STATEMENTS and full.startswith("sqlalchemy")}
        handles_rows = any(MAPPED.search(full) for full in known.values())
        for name, part in _parts(module, tree):
            node = nodes.setdefault(name, Node(name))
            node.writes += _writes(part, statements, columns if handles_rows else frozenset())
            node.refers |= _references(module, part, known | _names(part))
            decorators = [dotted(each.func) for each in getattr(part, "decorator_list", ()) if isinstance(each, ast.Call)]
            node.is_operation |= "operation" in decorators
    return nodes


def _parts(module: str, tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for part in tree.body:
        match part:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield f"{module}.{name}", part
            case ast.ClassDef(name=owner, body=body):
                for inner in body:
                    yield f"{module}.{owner}.{getattr(inner, 'name', '')}".rstrip("."), inner
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield f"{module}.{name}", part
            case _:
                yield module, part


def _names(tree: ast.AST) -> dict[str, str]:
    """Local name → full name of what is imported anywhere in ``tree``."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name.partition(".")[0]: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _writes(part: ast.stmt, statements: set[str], columns: frozenset[str]) -> list[str]:
    documentation = {id(node.value) for node in ast.walk(part) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    found = []
    for node in ast.walk(part):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation and WRITES.search(node.value):
            found.append(f"line {node.lineno}: {node.value.strip()[:60]}")
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            owner, _, verb = name.rpartition(".")
            makes_statement = name in statements or (verb in STATEMENTS and owner in {"sqlalchemy", "sa", "postgresql"})
            if makes_statement or (verb in OF_SESSION and owner.rpartition(".")[2] in SESSIONS):
                found.append(f"line {node.lineno}: {name}()")
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in columns - _own(node):
            found.append(f"line {node.lineno}: {dotted(node)} =")
    return found


def _own(target: ast.Attribute) -> set[str]:
    """The attribute itself when it belongs to an object of ours and not to a row."""
    return {target.attr} if dotted(target.value) in SESSIONS | {"self"} else set()


def _references(module: str, part: ast.stmt, known: Mapping[str, str]) -> set[str]:
    found = set()
    for node in ast.walk(part):
        name = dotted(node)
        if name:
            head, _, rest = name.partition(".")
            found.add(f"{known.get(head, f'{module}.{head}')}.{rest}".rstrip("."))
    return found


def second_doors(nodes: Mapping[str, Node], allowed: Mapping[str, str]) -> dict[str, str]:
    """Writer → what it writes and who reaches it from outside of every operation."""
    callers: dict[str, set[str]] = defaultdict(set)
    for node in nodes.values():
        for name in node.refers & nodes.keys() - {node.name}:
            callers[name].add(node.name)
    found = {}
    for node in nodes.values():
        if node.writes and not _is_allowed(node.name, allowed):
            outside = _outside(node.name, nodes, callers, allowed)
            if outside:
                found[node.name] = f"{'; '.join(node.writes)} ← {', '.join(sorted(outside))}"
    return found


def _is_allowed(name: str, allowed: Mapping[str, str]) -> bool:
    return any(name == entry or name.startswith(f"{entry}.") for entry in allowed)


def _outside(name: str, nodes: Mapping[str, Node], callers: Mapping[str, set[str]], allowed: Mapping[str, str]) -> set[str]:
    """Where the ways to ``name`` begin, operations and allowed ones left out."""
    beginnings, seen, look = set(), {name}, [name]
    while look:
        at = look.pop()
        if nodes[at].is_operation or _is_allowed(at, allowed):
            continue
        before = callers.get(at, set())
        if not before:
            beginnings.add(at)
        look += before - seen
        seen |= before
    return beginnings


@pytest.fixture(scope="module")
def columns() -> frozenset[str]:
    import core.quality.models
    import core.sitefile.stored  # noqa: F401 - with it, all mapped classes
    from core.store.base import Base

    return frozenset(attribute.key for mapper in Base.registry.mappers for attribute in mapper.column_attrs)


@pytest.fixture(scope="module")
def nodes(columns: frozenset[str]) -> dict[str, Node]:
    return read(modules("core", "hmi", "installer"), columns)


def test_nobody_else_writes(nodes: dict[str, Node]) -> None:
    assert second_doors(nodes, ALLOWED) == {}


def test_the_list_holds_nobody_who_does_not_write(nodes: dict[str, Node]) -> None:
    for entry, reason in ALLOWED.items():
        assert any(node.writes for node in nodes.values() if _is_allowed(node.name, {entry: ""})), entry
        assert reason, entry


def test_the_operations_are_seen(nodes: dict[str, Node]) -> None:
    from core.catalogue import OPERATIONS

    assert sum(node.is_operation for node in nodes.values()) == len(OPERATIONS)


PLANTED = {
    "db.add(Order())": True,
    "session.delete(order)": True,
    "self._db.add(order)": False,
    "db.execute(update(Order).values(status='DONE'))": True,
    "db.execute(text('UPDATE genba.work_order SET status = 1'))": True,
    "db.execute(text('SELECT genba.set_credential(1)'))": True,
    "db.execute(text('SELECT 1'))": False,
    "db.get(WorkOrder, order).status = 'DONE'": True,
    "order.completed += 1": True,
    "order.seen = True": False,
    "seen.add(order)": False,
}


@pytest.mark.parametrize("line", PLANTED)
def test_a_planted_writer_is_found(line: str, columns: frozenset[str]) -> None:
    imports = "from sqlalchemy import text, update\nfrom core.production.models import WorkOrder\n"
    source = f"{imports}def tidy(db, session, order, seen, self):\n    {line}\n"
    found = second_doors(read({"core.attic": ast.parse(source)}, columns), {})
    assert bool(found) is PLANTED[line]


def test_what_an_operation_calls_may_write_until_somebody_else_calls_it() -> None:
    rows = "def insert(db):\n    db.add(1)\n"
    create = "@operation('a:b:c', kind='fact')\ndef create(db):\n    step(db)\n"
    orders = f"from core.rows import insert\n{create}def step(db):\n    insert(db)\n"
    trees = {"core.rows": ast.parse(rows), "core.orders": ast.parse(orders)}
    assert second_doors(read(trees), {}) == {}
    trees["core.station"] = ast.parse("def tidy(floor):\n    from core import rows\n    floor.run(lambda db: rows.insert(db))\n")
    assert second_doors(read(trees), {}) == {"core.rows.insert": "line 2: db.add() ← core.station.tidy"}
