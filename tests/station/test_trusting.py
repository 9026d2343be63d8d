"""A machine's certificate from its first refusal to the value on the screen: shown, compared, accepted, audited."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.errors import Conflict, Invalid, Refused
from core.live.link import LinkState
from core.sitefile.apply import apply_site, arguments
from core.sitefile.read import read
from core.store.certificates import fingerprint
from tests.conftest import ExpectedLog
from tests.postgres import plain
from tests.servers.points import NAMESPACE
from tests.servers.process import ServerProcess
from tests.station.test_source_passwords import BOSS, Boss, station, until

SITE = """\
enterprise: {{code: G, name: G}}
sites: [{{code: S, name: S, time_zone: Asia/Tokyo, areas: []}}]
sources:
  - {{code: ua, protocol: opcua, url: "opc.tcp://127.0.0.1:{port}/genba/", readers: all, options: {{security: SignAndEncrypt}}}}
tags: {{file: tags.csv}}
users:
  - {{code: suzuki, name: Suzuki, roles: [administrator], initial_pin: "736152-Long", pin_must_change: false}}
  - {{code: tanaka, name: Tanaka, roles: [operator], initial_pin: "204615", pin_must_change: false}}
"""
TAGS = f"name,source,address,type,period_s\nSetpoint,ua,nsu={NAMESPACE};s=setpoint,float64,0.2\n"


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    started = ServerProcess("opcua").start()
    started.tell("policies", ["NoSecurity", "Basic256Sha256_SignAndEncrypt"])
    yield started
    started.kill()


def test_an_engineer_accepts_a_certificate_once(
    server: ServerProcess, admin_url: str, database_url: str, tmp_path: Path, expect_log: ExpectedLog
) -> None:
    expect_log(r"source ua is down: driver.(certificate_|link_broken|no_answer|security_not_offered)")
    expect_log(r"this station does not have the site's key")
    shown = fingerprint(base64.b64decode(server.tell("certificate", "good")))
    boss = Boss(admin_url, tmp_path / "boss")
    try:
        (tmp_path / "site.yaml").write_text(SITE.format(port=server.port), encoding="utf-8")
        (tmp_path / "tags.csv").write_text(TAGS, encoding="utf-8")
        boss.floor.door.do(apply_site, BOSS, arguments(read(tmp_path / "site.yaml")))
    finally:
        boss.floor.close()

    async def go() -> None:
        async with station(database_url, tmp_path / "panel") as running:
            await until(lambda: "ua" in running.links and running.links["ua"].error_code == "driver.certificate_unknown")
            found = await running.certificates.shown("ua")
            assert found.trusted is None
            assert found.seen is not None
            assert (found.seen.fingerprint, found.seen.valid, found.seen.hosts) == (shown, True, ("127.0.0.1",))
            assert found.seen.name.startswith("test server")
            assert shown in running.links["ua"].error_detail
            with pytest.raises(Refused):
                await running.certificates.trust("ua", shown)
            await running.people.sign_in("tanaka", "204615")
            with pytest.raises(Refused):
                await running.certificates.trust("ua", shown)
            await running.people.sign_in("suzuki", "736152-Long")
            with pytest.raises(Conflict):
                await running.certificates.trust("ua", shown[:-1] + "?")
            with pytest.raises(Invalid):
                await running.certificates.trust("other", shown)
            assert (await running.certificates.shown("ua")).trusted is None
            assert (await running.certificates.trust("ua", shown)).fingerprint == shown
            await until(lambda: running.links["ua"].state is LinkState.ONLINE)
            assert running.table.get("Setpoint").value == 100.0
            after = await running.certificates.shown("ua")
            assert after.seen is None
            assert after.trusted == found.seen
            server.kill()
            server.start()
            server.tell("policies", ["NoSecurity", "Basic256Sha256_SignAndEncrypt"])
            expired = fingerprint(base64.b64decode(server.tell("certificate", "expired")))
            await until(lambda: running.links["ua"].error_code == "driver.certificate_expired")
            with pytest.raises(Invalid) as refusal:
                await running.certificates.trust("ua", expired)
            assert refusal.value.code == "store.certificate_not_valid"

    asyncio.run(go())
    with psycopg.connect(plain(admin_url)) as connection:
        rows = connection.execute(
            "SELECT user_code, (SELECT args->>'fingerprint' FROM genba.request r WHERE r.id = a.request_id)"
            " FROM genba.audit a WHERE operation = 'equipment:source:trust' AND outcome = 'done'"
        ).fetchall()
    assert rows == [("suzuki", shown)]
