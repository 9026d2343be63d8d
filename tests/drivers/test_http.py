"""HTTP against servers that are slow, wrong, endless, or somebody else."""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.clock import SystemClock
from core.drivers.http import HttpDriver
from core.drivers.http_client import Client, Late, Manners
from core.errors import Invalid, NotConfirmed, NotConnected, Refused
from core.live.link import LinkState
from core.live.sample import Quality
from core.live.tags import SourceSpec, TagSpec, TagType
from tests.conftest import ExpectedLog
from tests.drivers.rig import HASTY, Rig, tag
from tests.servers.http import Sensor, basic
from tests.tls import Authority

POINT = TagSpec("point", "PLC", "/points#uint16", TagType.UINT16, 0.1)
OTHER = TagSpec("other", "PLC", "/other#number", TagType.INT16, 0.1, options={"time": "at"})


def spec(sensor: Sensor, scheme: str = "http", **options: str) -> SourceSpec:
    host = "localhost" if scheme == "https" else "127.0.0.1"
    return SourceSpec("PLC", "http", f"{scheme}://{host}:{sensor.port}", options={"timeout": "0.4", **options})


def test_one_request_per_document_and_period() -> None:
    async def go() -> None:
        slow = TagSpec("slow", "PLC", "/points#mode", TagType.UINT16, 0.5)
        tags = [tag("http", name) for name in ("int16", "int32", "float32", "string", "bool")]
        async with Sensor() as sensor, Rig(spec(sensor), [*tags, slow, OTHER]) as rig:
            await rig.online()
            sensor.count.clear()
            await asyncio.sleep(1.0)
            assert 5 <= sensor.count["GET /points"] <= 8, "five times a second for five tags at 0.2 s and one at 0.5 s: 5 + 2"
            assert 8 <= sensor.count["GET /other"] <= 11
            assert sensor.count["connections"] == 0, "connections are kept"
            assert rig.get("other").source_at == 1767290645.0
            assert rig.get("int16").source_at is None

    asyncio.run(go())


def test_a_request_searches_for_no_module() -> None:
    """An import that finds nothing is tried anew every time, on the whole path; the library does it six times in every request."""
    sought: list[str] = []

    class Spy:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> None:
            sought.append(name)

    async def go() -> None:
        async with Sensor() as sensor:
            client = Client(Manners(f"http://127.0.0.1:{sensor.port}", {}, 2.0, 1 << 20))
            await client.open()
            await client.ask("GET", "/points")  # whatever is there is loaded with the first
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "meta_path", [Spy, *sys.meta_path])
                await client.ask("GET", "/points")
            await client.close()

    asyncio.run(go())
    assert sought == []


def test_unchanged_documents_confirm_their_values() -> None:
    async def go() -> None:
        async with Sensor() as sensor, Rig(spec(sensor), [POINT, OTHER]) as rig:
            await rig.online()
            await rig.until(lambda: sensor.count["unchanged"] > 4)
            first = rig.get("point").received_at
            await rig.until(lambda: rig.get("point").received_at > first)
            assert (rig.get("point").value, rig.get("other").source_at) == (54321, 1767290645.0)
            sensor.values["uint16"] = 5
            await rig.until(lambda: rig.get("point").value == 5)
            sensor.faults["/points"] = ("status", 304)
            sensor.values["uint16"] = 6
            sensor.faults["/points"] = ("status", 500)
            await rig.until(lambda: rig.get("point").status == "InternalServerError")
            sensor.faults["/points"] = ("status", 304)  # nothing was kept over the failure, so nothing can be confirmed
            await rig.until(lambda: rig.get("point").status == "NotModified")

    asyncio.run(go())


@pytest.mark.parametrize(
    ("fault", "quality", "word"),
    [
        (("status", 404), Quality.CONFIG, "NotFound"),
        (("status", 410), Quality.CONFIG, "Gone"),
        (("status", 500), Quality.BAD, "InternalServerError"),
        (("status", 503), Quality.BAD, "ServiceUnavailable"),
        (("status", 429), Quality.BAD, "TooManyRequests"),
        (("status", 799), Quality.BAD, "Status799"),
        (("body", ""), Quality.BAD, "not JSON"),
        (("deep", 15_000), Quality.BAD, "not JSON"),
        (("body", '{"uint16": "54321"}'), Quality.BAD, "str instead of uint16"),
        (("body", "{}"), Quality.BAD, "nothing there"),
        (("gzip", 2_000_000), Quality.BAD, "compressed although not asked for"),
        (("big", 0), Quality.BAD, "longer than 20000 bytes"),
        (("drip", 0), Quality.BAD, "timeout"),
        (("drip_head", 0), Quality.BAD, "timeout"),
        (("silent", 0), Quality.BAD, "timeout"),
        (("cut", 0), Quality.BAD, "timeout"),
        (("garbage", 0), Quality.BAD, "timeout"),
        (("headers", 0), Quality.BAD, "timeout"),
        (("redirect", "http://127.0.0.2/points"), Quality.BAD, "redirected elsewhere"),
        (("redirect", "http://127.0.0.1:1/points"), Quality.BAD, "redirected elsewhere"),
        (("redirect", "file:///etc/passwd"), Quality.BAD, "redirected elsewhere"),
        (("redirect", "http://[::1"), Quality.BAD, "timeout"),
        (("redirect", "/points"), Quality.BAD, "too many redirects"),
    ],
    ids=str,
)
def test_a_bad_document_costs_only_its_own_tags(fault: tuple[str, Any], quality: Quality, word: str) -> None:
    async def go() -> None:
        async with Sensor() as sensor, Rig(spec(sensor, max_bytes="20000", timeout="2"), [POINT, OTHER]) as rig:
            await rig.online()
            sensor.faults["/points"] = fault
            await rig.until(lambda: (rig.get("point").quality, rig.get("point").status) == (quality, word))
            assert rig.get("point").value is None
            await rig.goes_on("other")
            if word == "timeout":
                await rig.until(lambda: rig.state is LinkState.DEGRADED)
            if quality is Quality.BAD and fault != ("status", 429):
                sensor.faults.clear()
                await rig.online()
                await rig.until(lambda: rig.state is LinkState.ONLINE)

    asyncio.run(go())


def test_redirects_at_the_same_server_are_followed_with_the_login() -> None:
    async def go() -> None:
        async with Sensor() as sensor:
            sensor.logins = {"Bearer t0k"}
            sensor.faults["/old"] = ("redirect", "/points")
            old = TagSpec("old", "PLC", "/old#uint16", TagType.UINT16, 0.1)
            rig = Rig(spec(sensor, auth="bearer"), [old])
            rig.secrets["PLC"] = "t0k"
            async with rig:
                await rig.until(lambda: rig.get("old").value == 54321)

    asyncio.run(go())


@pytest.mark.parametrize(
    ("options", "secret", "login"),
    [
        ({"auth": "bearer"}, "planted", "Bearer planted"),
        ({"user": "genba"}, "planted", basic("genba", "planted")),
        ({"auth": "header", "key_header": "X-Api-Key"}, "planted", "planted"),
    ],
)
def test_logins(options: dict[str, str], secret: str, login: str, expect_log: ExpectedLog, caplog: pytest.LogCaptureFixture) -> None:
    expect_log(r"source PLC is down: driver.login_refused Unauthorized")

    async def go() -> None:
        async with Sensor() as sensor:
            sensor.logins = {"another"}
            rig = Rig(spec(sensor, **options), [POINT], patience=HASTY)
            rig.secrets["PLC"] = secret
            async with rig:
                await rig.until(lambda: bool(rig.links) and rig.links[-1].error_code == "driver.login_refused")
                assert rig.get("point").value is None
                sensor.logins = {login}
                await rig.online()
                assert "planted" not in repr(rig.links) + repr(rig.batches)

    asyncio.run(go())
    assert "planted" not in caplog.text


def test_a_login_without_a_secret_is_refused(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.login_refused")

    async def go() -> None:
        async with Sensor() as sensor, Rig(spec(sensor, auth="bearer"), [POINT], patience=HASTY) as rig:
            await rig.until(lambda: bool(rig.links) and rig.links[-1].error_code == "driver.login_refused")
            assert not sensor.count, "nothing was asked without it"

    asyncio.run(go())


# -- https ------------------------------------------------------------------------------------------------------------


def context(folder: Path, certificate: tuple[bytes, bytes]) -> ssl.SSLContext:
    (folder / "server.pem").write_bytes(b"".join(certificate))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "server.pem")
    return made


def test_a_certificate_of_the_plants_own_authority(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "plant")

    async def go() -> None:
        sensor = Sensor()
        await sensor.start(0, context(tmp_path, authority.issue("localhost")))
        async with sensor, Rig(spec(sensor, "https", ca_file=str(authority.root), timeout="1"), [POINT]) as rig:
            await rig.online()

    asyncio.run(go())


@pytest.mark.parametrize("wrong", ["unknown authority", "another host", "no file", "no certificate"])
def test_certificates_that_prove_nothing(wrong: str, tmp_path: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.https_untrusted")
    authority = Authority(tmp_path, "plant")
    ca = {
        "unknown authority": "",
        "another host": str(authority.root),
        "no file": str(tmp_path / "nobody.crt"),
        "no certificate": __file__,
    }[wrong]

    async def go() -> None:
        sensor = Sensor()
        await sensor.start(0, context(tmp_path, authority.issue("sensor" if wrong == "another host" else "localhost")))
        async with sensor, Rig(spec(sensor, "https", ca_file=ca, timeout="1"), [POINT], patience=HASTY) as rig:
            await rig.until(lambda: bool(rig.links) and rig.links[-1].error_code == "driver.https_untrusted")
            assert rig.links[-1].error_detail
            assert not sensor.count, "not one question was asked"

    asyncio.run(go())


# -- writing ----------------------------------------------------------------------------------------------------------


def put(path: str = "/points/mode", **options: str) -> TagSpec:
    more = {"write": "PUT", "write_path": path, "body": '{"value": "$value"}', **options}
    return TagSpec("mode", "PLC", "/points#mode", TagType.UINT16, 0.1, options=more)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (("status", 400), Refused), (("status", 401), Refused), (("status", 409), Refused), (("redirect", "/points/mode"), Refused),
        (("status", 500), NotConfirmed), (("silent", 0), NotConfirmed), (("cut", 0), NotConfirmed), (("garbage", 0), NotConfirmed),
    ],
    ids=str,
)  # fmt: skip
def test_writes_that_are_not_taken(fault: tuple[str, Any], error: type[Exception]) -> None:
    async def go() -> None:
        async with Sensor() as sensor, Rig(spec(sensor), [put()]) as rig:
            await rig.online()
            sensor.faults["/points/mode"] = fault
            with pytest.raises(error):
                await rig.acquisition.write(rig.tags["mode"], 2)
            assert sensor.count["PUT /points/mode"] == 1, "never sent twice"
            assert rig.get("mode").quality is Quality.GOOD

    asyncio.run(go())


def test_a_tag_without_a_way_to_write_it() -> None:
    async def go() -> None:
        async with Sensor() as sensor, Rig(spec(sensor), [POINT]) as rig:
            await rig.online()
            with pytest.raises(Refused):
                await rig.acquisition.write(POINT, 2)

    asyncio.run(go())


def test_a_write_that_nobody_waits_for_any_more_is_never_sent_later() -> None:
    """All turns are taken by slow reads; the write gives up in the queue, and stays there."""

    async def go() -> None:
        async with Sensor() as sensor:
            for number in range(8):
                sensor.faults[f"/slow{number}"] = ("delay", 0.3)
            driver = HttpDriver(spec(sensor, timeout="1"), None, SystemClock())
            await driver.connect()
            loop = asyncio.get_running_loop()
            slow = [TagSpec(f"s{n}", "PLC", f"/slow{n}#x", TagType.INT16) for n in range(8)]
            reads = [loop.create_task(driver.read([each])) for each in slow]
            await asyncio.sleep(0.05)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await driver.write(put(), 2)
            await asyncio.gather(*reads)
            await asyncio.sleep(0.05)
            assert sensor.count["PUT /points/mode"] == 0
            await driver.close()

    asyncio.run(go())


# -- the pool ---------------------------------------------------------------------------------------------------------


def test_questions_given_up_leave_the_pool_whole() -> None:
    """Five hundred callers that lose patience: with the library alone the pool would be exhausted for ever after."""

    async def go() -> None:
        async with Sensor() as sensor:
            sensor.faults["/slow"] = ("delay", 0.01)
            driver = HttpDriver(spec(sensor, timeout="1"), None, SystemClock())
            await driver.connect()
            slow = TagSpec("slow", "PLC", "/slow#x", TagType.INT16)

            async def impatient(number: int) -> None:
                try:
                    async with asyncio.timeout(0.001 * (number % 20)):
                        await driver.read([slow])
                except TimeoutError:
                    pass

            for _ in range(10):
                await asyncio.gather(*(impatient(number) for number in range(50)))
            assert (await driver.read([OTHER])).values == [7]
            assert sensor.most_open <= 6
            await driver.close()

    asyncio.run(go())


def test_an_exhausted_pool_is_replaced() -> None:
    async def go() -> None:
        async with Sensor() as sensor:
            client = Client(Manners(f"http://127.0.0.1:{sensor.port}", {}, 0.3, 1000))
            await client.open()
            first = client._client
            assert first is not None
            held = [await first.send(first.build_request("GET", f"http://127.0.0.1:{sensor.port}/other"), stream=True) for _ in range(6)]
            with pytest.raises(Late):
                await client.ask("GET", "/other")
            assert client._client is not first
            assert (await client.ask("GET", "/other")).status == 200
            for response in held:
                await response.aclose()
            await client.close()

    asyncio.run(go())


def test_no_proxy_of_the_account_stands_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    async def go() -> None:
        async with Sensor() as sensor, Rig(spec(sensor), [POINT]) as rig:
            await rig.online()

    asyncio.run(go())
    assert httpx.AsyncClient  # the library under test reads this variable unless it is told not to


# -- browsing, identity, group ----------------------------------------------------------------------------------------


def test_browsing_documents() -> None:
    async def go() -> None:
        async with Sensor() as sensor, Rig(spec(sensor), [POINT, OTHER]) as rig:
            await rig.online()
            assert [item.address for item in await rig.acquisition.browse("PLC", None)] == ["/other", "/points"]
            sensor.other = {"a": {"b c": [1, {"d": True}]}, "e": "text"}
            found = await rig.acquisition.browse("PLC", "/other")
            assert [(item.address, item.name, item.type, item.has_children) for item in found] == [
                ("/other#a", "a", "", True),
                ("/other#e", 'e = "text"', "string", False),
            ]
            (below,) = await rig.acquisition.browse("PLC", "/other#a")
            assert below.address == '/other#a."b c"'
            inner = await rig.acquisition.browse("PLC", below.address)
            assert [item.address for item in inner] == ['/other#a."b c"[0]', '/other#a."b c"[1]']
            for nonsense in ("other", "/nobody", "/other#["):
                with pytest.raises(Invalid):
                    await rig.acquisition.browse("PLC", nonsense)
            sensor.faults["/other"] = ("silent", 0)
            with pytest.raises(NotConnected):
                await rig.acquisition.browse("PLC", "/other")

    asyncio.run(go())


@pytest.mark.parametrize(
    ("options", "other", "identity"),
    [
        ({}, {"serial": "A1"}, ""),
        ({"identity": "/other#serial"}, {"serial": "A1"}, "A1"),
        ({"identity": "/other#serial"}, {"serial": 77}, "77"),
        ({"identity": "/other#serial"}, {"serial": [1]}, ""),
        ({"identity": "/nobody#serial"}, {}, ""),
    ],
)
def test_identity_is_what_the_machine_says_of_itself(options: dict[str, str], other: Any, identity: str) -> None:
    async def go() -> None:
        async with Sensor() as sensor:
            sensor.other = other
            driver = HttpDriver(spec(sensor, **options), None, SystemClock())
            await driver.connect()
            assert await driver.identity() == identity
            serving = asyncio.create_task(driver.serve([POINT], lambda batch: None))
            await asyncio.sleep(0)
            assert driver.group("point") == "GET /points, every 0.1 s"
            assert driver.group("nobody") == ""
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await driver.close()
            with pytest.raises(NotConnected):
                await driver.browse("/other")

    asyncio.run(go())


@pytest.mark.parametrize("change", [{"url": "http://"}, {"options": {"auth": "digest"}}])
def test_sources_that_cannot_be(change: dict[str, Any], expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.bad_url")

    async def go() -> None:
        source = SourceSpec("PLC", "http", **{"url": "http://127.0.0.1:1", **change})
        async with Rig(source, [POINT], patience=HASTY) as rig:
            await rig.until(lambda: bool(rig.links) and rig.links[-1].error_code == "driver.bad_url")

    asyncio.run(go())


def test_server_that_only_keeps_silent_is_offline(expect_log: ExpectedLog) -> None:
    """Two documents, neither of which answers, at periods far apart: asking the other one tells at once."""
    expect_log(r"source PLC is down: driver.no_answer")
    rare = TagSpec("rare", "PLC", "/other#number", TagType.INT16, 30.0)

    async def go() -> None:
        async with Sensor() as sensor, Rig(spec(sensor), [POINT, rare], patience=HASTY) as rig:
            await rig.online()
            sensor.faults |= {"/points": ("silent", 0), "/other": ("silent", 0)}
            assert await rig.offline(2.0) < 1.5
            sensor.faults.clear()
            await rig.online()

    asyncio.run(go())
