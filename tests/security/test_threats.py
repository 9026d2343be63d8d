"""The table of threats is true: every test it names exists and is collected, and each threat is tried or put off by name."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from tests.security.threats import THREATS, Kind

TESTS = Path(__file__).parents[1]


def test_every_threat_is_tried_by_a_test_of_its_own_or_comes_with_later_work() -> None:
    assert not [threat for threat in THREATS if bool(threat.tried) == bool(threat.later)]
    tried = [threat.tried for threat in THREATS if threat.tried]
    assert [name for name, times in Counter(tried).items() if times > 1] == []
    assert len(tried) >= 20


def test_all_six_kinds_are_tried() -> None:
    assert {threat.kind for threat in THREATS if threat.tried} == set(Kind)


def test_the_named_tests_exist() -> None:
    missing = []
    for threat in THREATS:
        file, _, name = threat.tried.partition("::")
        if threat.tried:
            tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
            if not [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name]:
                missing.append(threat.tried)
    assert missing == []
