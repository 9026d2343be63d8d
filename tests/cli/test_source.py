"""``genba source`` as an engineer uses it beside a machine."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.certificates import Certificates, fingerprint
from tests.cli.conftest import Genba
from tests.servers.process import ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    started = ServerProcess("opcua").start()
    started.tell("policies", ["NoSecurity", "Basic256Sha256_SignAndEncrypt"])
    yield started
    started.kill()


def test_what_a_server_offers(genba: Genba, server: ServerProcess) -> None:
    der = base64.b64decode(server.tell("certificate", "good"))
    said = genba("source", "endpoints", f"opc.tcp://127.0.0.1:{server.port}", "--json")
    best, other = json.loads(said.out)
    assert (best["security"], best["policy"], best["fingerprint"]) == ("SignAndEncrypt", "Basic256Sha256", fingerprint(der))
    assert (other["security"], other["policy"]) == ("none", "")
    assert best["logins"] == ["anonymous", "certificate", "user"]
    assert fingerprint(der) in genba("source", "endpoints", f"opc.tcp://127.0.0.1:{server.port}").out
    assert genba("source", "endpoints", "opc.tcp://127.0.0.1:1").code == 3
    assert "cannot be right" in genba("source", "endpoints", "http://127.0.0.1:1").one_line


def test_the_stations_own_certificate_is_made_and_can_be_carried_away(genba: Genba, home: Path, tmp_path: Path) -> None:
    said = genba("source", "certificate", "--file", tmp_path / "own.der")
    der = (tmp_path / "own.der").read_bytes()
    assert fingerprint(der) in said.out
    assert fingerprint(der) in genba("source", "certificate").out
    assert "cannot be written" in genba("source", "certificate", "--file", tmp_path / "none" / "own.der").one_line
    assert b"PRIVATE" not in der


def test_a_certificate_is_accepted_by_the_fingerprint_at_the_machine(
    genba: Genba, home: Path, server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    der = base64.b64decode(server.tell("certificate", "good"))
    assert "has not shown" in genba("source", "trust", "PLC-1").one_line
    Certificates(home).saw("PLC-1", der)
    assert "not the one you looked at" in genba("source", "trust", "PLC-1", "--fingerprint", "AA").one_line
    assert Certificates(home).trusted("PLC-1") is None
    said = genba("source", "trust", "PLC-1", "--fingerprint", fingerprint(der).lower())
    assert (said.code, said.err) == (0, "")
    assert Certificates(home).trusted("PLC-1") == der
    assert genba("source", "distrust", "PLC-1").code == 0
    assert Certificates(home).trusted("PLC-1") is None
    Certificates(home).saw("PLC-1", der)
    monkeypatch.setattr(sys, "stdin", io.StringIO(fingerprint(der) + "\n"))
    assert f"PLC-1 shows: {fingerprint(der)}" in genba("source", "trust", "PLC-1").out
    assert Certificates(home).trusted("PLC-1") == der
