"""Every error has its three lines in both languages, every line has its values, and no text outlived its error."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from core import errors
from tests.house.source import ROOT, calls, dotted, modules

SIX = {"NotConnected", "Refused", "Invalid", "Conflict", "NotConfirmed", "Unavailable"}
SPEAK = SIX | {"problem", "_Bad", "refusal"}
"""What takes a code as its first argument, or as its last: the six, and the few that make one of them."""

FILES = sorted((ROOT / "resources" / "i18n" / "messages").glob("*.json"))
TEXTS: dict[str, dict[str, Any]] = {code: entry for path in FILES for code, entry in json.loads(path.read_text(encoding="utf-8")).items()}
CODE = re.compile(r"[a-z]+\.[a-z_]+")
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def raised() -> Iterator[tuple[str, str, ast.Call]]:
    """Where, code and call of everything that names a code."""
    for module, tree in modules("core", "hmi", "installer").items():
        for call in calls(tree):
            if dotted(call.func).rpartition(".")[2] in SPEAK:
                for part in (part for argument in call.args for part in ast.walk(argument)):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and CODE.fullmatch(part.value):
                        yield f"{module}:{call.lineno}", part.value, call


def denied() -> set[str]:
    """Codes that the database itself answers with."""
    files = (ROOT / "migrations" / "sql").glob("*.sql")
    return {code for path in files for code in re.findall(r"'((?:store|users)\.[a-z_]+)'", path.read_text(encoding="utf-8"))}


def values(entry: dict[str, Any], language: str) -> set[str]:
    return set(re.findall(r"\{(\w+)", " ".join(entry[language])))


def test_every_code_that_is_raised_has_a_text() -> None:
    assert [(where, code) for where, code, _ in raised() if code not in TEXTS] == []
    assert denied() - TEXTS.keys() == set()
    assert "store.session_over" in denied()
    assert len(list(raised())) > 150  # the search finds what it looks for


def test_no_text_without_an_error() -> None:
    trees = modules("core", "hmi", "installer").values()
    spoken = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert [code for code in TEXTS if code not in spoken | denied()] == []


def test_no_code_is_written_in_two_files() -> None:
    written = Counter(code for path in FILES for code in json.loads(path.read_text(encoding="utf-8")))
    assert [code for code, times in written.items() if times > 1] == []
    # json.loads takes the last of two equal keys in one file without a word.
    for path in FILES:
        keys = Counter(re.findall(r'^ {2}"([a-z_.]+)":', path.read_text(encoding="utf-8"), re.MULTILINE))
        assert [code for code, times in keys.items() if times > 1] == [], path.name


def test_three_lines_in_both_languages() -> None:
    for code, entry in TEXTS.items():
        assert entry["severity"] in {"info", "confirm", "warning", "error"}, code
        assert values(entry, "ja") == values(entry, "en"), code
        for language in ("ja", "en"):
            assert len(entry[language]) == 3, code
            assert all(line.strip() == line != "" for line in entry[language]), code
        assert JAPANESE.search(entry["ja"][0]), code
        assert not JAPANESE.search(" ".join(entry["en"])), code


def test_every_value_a_line_asks_for_is_given() -> None:
    """A forgotten value is shown as a dash: not wrong, and not helpful."""
    missing = []
    for where, code, call in raised():
        given = {keyword.arg for keyword in call.keywords}
        if dotted(call.func) in SIX and None not in given:
            missing += [(where, code, name) for name in values(TEXTS[code], "en") - given - {"code"}]
    assert missing == []


def test_a_code_without_a_text_says_so_and_does_not_raise() -> None:
    error = errors.Refused("room.nobody_wrote_this", number=1)
    for language in ("ja", "en"):
        assert "room.nobody_wrote_this" in error.lines(language).what  # type: ignore[arg-type]
    assert "room.nobody_wrote_this" in str(error)
