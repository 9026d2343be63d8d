"""Rules of the house that one can see in the source: what is never written, and the few places where it is, with their reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.house.source import ROOT, calls, dotted, modules

Rule = Callable[[ast.AST], Iterator[tuple[int, str]]]


def nested_loops(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """``dialog.exec()`` runs a loop inside the loop: every other task dies with "Cannot enter into task"."""
    for call in calls(tree):
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"exec", "exec_", "processEvents"}:
            yield call.lineno, ast.unparse(call.func)


COLOR = re.compile(r"#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})\b|\b(?:rgb|hsl|hsv)a?\(")
NAMED = {"white", "black", "red", "green", "blue", "yellow", "orange", "grey", "gray", "cyan", "magenta", "lightgray", "darkgray"}
STYLED = re.compile(rf"(?:color|background|border[\w-]*)\s*:\s*[^;{{}}]*\b({'|'.join(NAMED)})\b")


def literal_colors(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """A colour that is not a token stays as it is when the theme changes, and nobody measured its contrast."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            if COLOR.search(node.value) or STYLED.search(node.value):
                yield node.lineno, repr(node.value)[:60]
        elif isinstance(node, ast.Attribute) and dotted(node.value).endswith("GlobalColor") and node.attr != "transparent":
            yield node.lineno, dotted(node)
        elif isinstance(node, ast.Call) and COLOR_MADE.search(dotted(node.func)) and _is_number(node.args):
            yield node.lineno, ast.unparse(node)


COLOR_MADE = re.compile(r"(^|\.)(QColor|fromRgbF?|fromHs[vl]F?)$")


def _is_number(arguments: list[ast.expr]) -> bool:
    return len(arguments) >= 3 or (bool(arguments) and isinstance(arguments[0], ast.Constant))


CLOCKS = re.compile(r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.time(_ns)?|uuid[14])$")


def own_clocks(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Time and identifiers come from the injected clock, so that a test can move it and two parts never disagree."""
    for call in calls(tree):
        if CLOCKS.search(dotted(call.func)):
            yield call.lineno, dotted(call.func)


SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|GRANT|REVOKE|TRUNCATE|NOTIFY|LISTEN|COPY) [\w.{*(]")
EXECUTES = {"text", "execute", "executemany", "exec_driver_sql", "_plain"}


def built_sql(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """SQL put together from pieces: the one piece nobody quoted is the hole. Values are parameters, names are written out."""
    for node in ast.walk(tree):
        handed = node.args[:2] if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in EXECUTES else ()
        if any(map(_is_built, handed)) or (_is_built(node) and SQL.search(_constants(node))):
            yield node.lineno, ast.unparse(node)[:80]  # type: ignore[attr-defined]


def _is_built(node: ast.AST) -> bool:
    """Whether a text is put together from more than constants."""
    if isinstance(node, ast.JoinedStr):
        pieces = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        return not all(isinstance(piece, ast.Name) and piece.id.isupper() for piece in pieces)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Mod) and any(_is_text(side) for side in (node.left, node.right))
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format" and _is_text(node.func.value)


def _is_text(node: ast.AST) -> bool:
    return (isinstance(node, ast.Constant) and isinstance(node.value, str)) or isinstance(node, ast.JoinedStr)


def _constants(node: ast.AST) -> str:
    return "{".join(part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


RULES: Mapping[Rule, tuple[tuple[str, ...], Mapping[str, str]]] = {
    nested_loops: (("hmi",), {"hmi.shell.opening": "the only loop there is: it ends before the loop of the program is made"}),
    literal_colors: (("hmi",), {}),
    own_clocks: (
        ("core",),
        {
            "core.clock": "the clock itself",
            "core.demo.opcua_server": "the machine's own clock: a PLC does not share the station's",
            "core.demo.sparkplug_edge": "as above",
        },
    ),
    built_sql: (
        ("core", "hmi", "installer", "migrations"),
        {
            "core.store.engine": "LISTEN takes no parameter: the channels are constants",
            "core.store.journalrows": "a file of this station: one of two constants, read forwards and backwards",
            "core.store.localfile": "PRAGMA takes no parameter: one of two constants",
            "core.store.logins": "CREATE ROLE takes no parameters: a constant, and what the server's format() quoted",
            "core.declared": "a script for a migration: JSON of this program's own declarations, quoted; no value of anybody else",
            "migrations.versions.0002_people": "DROP FUNCTION takes no parameters: a constant list",
        },
    ),
}
"""Rule → (rooms it holds in, module → why it does not hold there)."""


def broken(rule: Rule) -> dict[str, list[tuple[int, str]]]:
    return {module: found for module, tree in modules(*RULES[rule][0]).items() if (found := list(rule(tree)))}


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_holds(rule: Rule) -> None:
    assert {module: found for module, found in broken(rule).items() if module not in RULES[rule][1]} == {}


@pytest.mark.parametrize("rule", RULES)
def test_every_exception_is_needed(rule: Rule) -> None:
    assert RULES[rule][1].keys() <= broken(rule).keys()


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (nested_loops, "dialog.exec()"),
        (nested_loops, "QMessageBox(self).exec_()"),
        (nested_loops, "QApplication.processEvents()"),
        (literal_colors, "pen = QPen(QColor('#1a2b3c'))"),
        (literal_colors, "label.setStyleSheet('color: red')"),
        (literal_colors, "label.setStyleSheet('background: rgba(1, 2, 3, 0.5)')"),
        (literal_colors, "painter.fillRect(rect, Qt.GlobalColor.red)"),
        (literal_colors, "QColor(10, 20, 30)"),
        (own_clocks, "now = datetime.now(UTC)"),
        (own_clocks, "now = time.time()"),
        (own_clocks, "id = uuid.uuid4()"),
        (built_sql, "db.execute(text(f'SELECT * FROM genba.tag WHERE name = {name!r}'))"),
        (built_sql, "db.execute('DELETE FROM tag WHERE id = %s' % id)"),
        (built_sql, "statement = 'SELECT 1 FROM ' + table"),
        (built_sql, "text('UPDATE {} SET a = 1'.format(table))"),
        (built_sql, "connection.exec_driver_sql(f'{verb} ROLE {name}')"),
    ],
)
def test_a_planted_breach_is_found(rule: Rule, line: str) -> None:
    assert list(rule(ast.parse(line)))


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (nested_loops, "dialog.open()"),
        (literal_colors, "tile.fill(Qt.GlobalColor.transparent)"),
        (literal_colors, "QColor(theme.color('accent'))"),
        (literal_colors, "'order #1181 is red hot'"),
        (own_clocks, "now = self._clock.now()"),
        (built_sql, "db.execute(text('SELECT 1'), {'name': name})"),
        (built_sql, "log.info(f'order {number} is done')"),
        (built_sql, "db.execute(f'{_SELECT} WHERE id = ?', (id,))"),
    ],
)
def test_what_is_right_is_left_alone(rule: Rule, line: str) -> None:
    assert list(rule(ast.parse(line))) == []


def test_names_say_what_a_thing_is() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
    rooms = ("core", "hmi", "installer", "tests")
    names = [path.relative_to(ROOT).with_suffix("") for room in rooms for path in (ROOT / room).rglob("*.py")]
    assert [str(name) for name in names if vague & set(re.split(r"[_/]", str(name)))] == []
    trees = modules("core", "hmi", "installer").values()
    classes = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    assert [name for name in classes if re.search(r"(Manager|Helper|Utils?)$", name)] == []


UNSAID = re.compile(r"(?<![\w.])/(?:home|root|Users|work)/\w|\bTODO\b|\bFIXME\b|\bXXX\b")


def test_the_tree_speaks_of_the_program_alone() -> None:
    """No path of one developer's computer and nothing left for later: a clone has neither."""
    here = "tests/house/test_source_rules.py"
    places = (ROOT / name for name in ("core", "hmi", "installer", "migrations", "resources", "tests", ".ci"))
    files = [ROOT / "README.md", ROOT / "pyproject.toml", *(path for place in places for path in place.rglob("*") if path.is_file())]
    found = []
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        if name == here or path.suffix in {".ttf", ".qm", ".png", ".pyc"} or "licenses/packages" in name:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if UNSAID.search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert found == []
