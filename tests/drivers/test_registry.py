"""The folder and the list of protocols say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

import core.drivers
from core.clock import SystemClock
from core.drivers import PROTOCOLS, create
from core.errors import Invalid
from core.live.tags import SourceSpec

SHARED = {
    "__init__",
    "base",
    "supervisor",
    "patience",
    "fleet",
    "host",
    "wire",
    "counters",
    "engineering",
    "broker",
    "broker_link",
    "broker_options",
    "broker_echo",
}


def test_every_protocol_has_its_file_and_every_file_its_protocol() -> None:
    files = {path.stem for path in Path(core.drivers.__file__).parent.glob("*.py")} - SHARED
    assert {name.split("_")[0] for name in files} == set(PROTOCOLS)
    assert set(PROTOCOLS) <= files
    for protocol in PROTOCOLS:
        assert create(SourceSpec("S", protocol, ""), SystemClock()).__class__.__module__ == f"core.drivers.{protocol}"


def test_unknown_protocol_is_named() -> None:
    with pytest.raises(Invalid) as refusal:
        create(SourceSpec("S", "telepathy", ""), SystemClock())
    assert "telepathy" in refusal.value.lines("ja").what
