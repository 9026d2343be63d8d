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


CONTROLS = {
    "test_audit_tampering.py": {
        "test_nothing_is_found_where_nothing_was_done", "test_anchors_do_not_go_on_for_ever", "test_a_broken_anchor_file_says_which_line",
    },
    "test_catalogue.py": {"test_a_planted_violation_is_seen"},
    "test_hostile.py": {"test_the_list_is_long_enough", "test_the_sealed_request_they_are_made_of_is_good"},
    "test_rights.py": {"test_no_long_sequence_of_decisions_gives_a_right_that_no_role_gives", "test_a_flaw_in_the_guard_is_found"},
}  # fmt: skip
"""Tests that show that other tests could fail, or that try the same for longer."""


def test_no_attack_stands_outside_of_the_table() -> None:
    named = {threat.tried for threat in THREATS}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
        outside = {name for name in there if f"security/{path.name}::{name}" not in named}
        assert path == Path(__file__) or outside == CONTROLS.get(path.name, set()), path.name
