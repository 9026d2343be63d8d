"""Checkouts to set up: an untouched one per test, and one that is ready, shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.installer.small_checkout import Small, make_small


@pytest.fixture
def untouched(tmp_path: Path) -> Small:
    """A small checkout nobody has set up yet."""
    return make_small(tmp_path)


@pytest.fixture(scope="session")
def ready_once(tmp_path_factory: pytest.TempPathFactory) -> Small:
    small = make_small(tmp_path_factory.mktemp("ready"))
    answer = small.run("install", "--headless")
    assert answer.returncode == 0, answer.stderr
    return small


@pytest.fixture
def ready(ready_once: Small) -> Small:
    """A small checkout that is set up; shared, so leave it as it is."""
    ready_once.started()
    return ready_once
