"""MQTT only: retained messages, last wills, silent topics, odd brokers, TLS, MQTT 5 where mosquitto is installed."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.demo.mqtt_broker import mosquitto
from core.drivers import mqtt
from core.drivers.mqtt import MqttDriver
from core.errors import Invalid, NotConfirmed, NotConnected, Refused
from core.live.link import LinkState
from core.live.sample import Quality
from core.live.tags import SourceSpec, TagSpec, TagType
from tests.conftest import ExpectedLog
from tests.drivers.rig import HASTY, Rig, source, tag
from tests.servers.process import ServerProcess, free_port


def plain(name: str, address: str, kind: TagType = TagType.FLOAT64, period_s: float = 0.2, **options: str) -> TagSpec:
    return TagSpec(name, "PLC", address, kind, period_s, options=options)


@pytest.fixture
def broker(_processes: dict[str, ServerProcess]) -> ServerProcess:
    """The broker of the contract suite, with its machine."""
    return _processes["mqtt"]


@pytest.fixture
def evil() -> Iterator[ServerProcess]:
    """A broker that misbehaves."""
    server = ServerProcess("evil_mqtt").start()
    yield server
    server.kill()


def at(server: ServerProcess, **options: str) -> SourceSpec:
    return SourceSpec("PLC", "mqtt", f"mqtt://127.0.0.1:{server.port}", {"ja": "設備", "en": "Machine"}, options=options)


# -- what a broker says ------------------------------------------------------------------------------------------


def test_a_retained_value_is_uncertain_until_a_live_one_comes(broker: ServerProcess) -> None:
    broker.tell("say", "kept/temp", "21.5", True)

    async def go() -> None:
        async with Rig(at(broker), [plain("temp", "kept/temp")]) as rig:
            await rig.until(lambda: rig.get("temp").quality is Quality.UNCERTAIN)
            assert (rig.get("temp").value, rig.get("temp").status) == (21.5, "retained")
            broker.tell("say", "kept/temp", "22.5")
            await rig.until(lambda: rig.get("temp").quality is Quality.GOOD)
            assert (rig.get("temp").value, rig.get("temp").status) == (22.5, "")

    asyncio.run(go())


def test_a_silent_topic_is_stale_and_says_so(broker: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TagSpec, "stale_after_s", 0.6)  # five seconds of a real tag

    async def go() -> None:
        async with Rig(at(broker), [plain("nobody", "nobody/speaks"), tag("mqtt", "mode")]) as rig:
            await rig.until(lambda: rig.get("mode").quality is Quality.GOOD)
            await rig.until(lambda: rig.get("nobody").quality is Quality.STALE)
            assert rig.get("nobody").status == "no message"
            assert rig.state is LinkState.DEGRADED
            broker.tell("say", "nobody/speaks", "1")
            await rig.until(lambda: rig.get("nobody").quality is Quality.GOOD)
            await rig.until(lambda: rig.get("nobody").quality is Quality.STALE, 3.0)  # nothing confirms it any more

    asyncio.run(go())


def test_the_last_will_takes_the_quality_and_its_opposite_confirms(broker: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TagSpec, "stale_after_s", 0.9)
    monkeypatch.setattr(mqtt, "_CONFIRM_S", 0.2)
    told = {"alive": "m/status#state", "alive_is": "up"}

    async def go() -> None:
        async with Rig(at(broker), [plain("speed", "m/speed", **told)]) as rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            broker.tell("say", "m/status", '{"state": "up"}')
            broker.tell("say", "m/speed", "7")
            await rig.until(lambda: rig.get("speed").quality is Quality.GOOD)
            first = rig.get("speed").received_at
            await rig.until(lambda: rig.get("speed").received_at > first + 1.0)
            assert rig.get("speed").quality is Quality.GOOD, "confirmed without a message of its own"
            broker.tell("say", "m/status", '{"state": "down"}')
            await rig.until(lambda: rig.get("speed").quality is Quality.STALE)
            assert (rig.get("speed").value, rig.get("speed").status) == (7.0, "last will"), "the last value stays visible"
            broker.tell("say", "m/speed", "8")
            await rig.until(lambda: rig.get("speed").quality is Quality.UNCERTAIN)
            broker.tell("say", "m/status", '{"state": "up"}')
            broker.tell("say", "m/speed", "9")
            await rig.until(lambda: rig.get("speed").quality is Quality.GOOD)

    asyncio.run(go())


def test_a_machine_whose_last_will_was_told_is_not_written(broker: ServerProcess) -> None:
    async def go() -> None:
        mode = tag("mqtt", "mode")
        mode = replace(mode, options={**mode.options, "alive": "m/status", "alive_is": "up"})
        async with Rig(at(broker), [mode]) as rig:
            await rig.online()
            broker.tell("say", "m/status", "down")
            await rig.until(lambda: rig.get("mode").status == "last will")
            with pytest.raises(NotConnected) as refused:
                await rig.acquisition.write(mode, 5)
            assert refused.value.params["detail"] == "last will"
            assert broker.tell("get", "mode") == 1, "nothing waits at the broker for the machine to come back"
            broker.tell("say", "m/status", "up")
            await rig.online()
            await rig.acquisition.write(mode, 5)
            assert broker.tell("get", "mode") == 5

    asyncio.run(go())


def test_poison_costs_its_own_tags_only(broker: ServerProcess) -> None:
    deep = "[" * 100_000
    poison = ["", "\xff\xfe", deep, '{"value": "12"}', '{"value": null}', '{"other": 1}', '{"value": 1e999}', "9" * 5000, '{"value": [1]}']

    async def go() -> None:
        tags = [plain("json", "p/x#value"), plain("text", "p/x"), plain("word", "p/w", TagType.BOOL), tag("mqtt", "mode")]
        async with Rig(at(broker), tags) as rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            for text in poison:
                broker.tell("say", "p/x", '{"value": 1.5}')
                await rig.until(lambda: rig.get("json").value == 1.5)
                broker.tell("say", "p/x", text)
                await rig.until(lambda: rig.get("json").quality is Quality.BAD, 5.0)
                assert rig.get("json").status
                assert rig.get("text").quality is Quality.BAD
            broker.tell("say", "p/w", "maybe")
            await rig.until(lambda: rig.get("word").quality is Quality.BAD)
            broker.tell("say", "p/w", "ON")
            await rig.until(lambda: rig.get("word").value is True)
            assert rig.get("mode").quality is Quality.GOOD
            assert rig.links[-1].reconnects == 0

    asyncio.run(go())


def test_source_time_comes_from_the_message(broker: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(at(broker), [plain("t", "time/x#v", time="at")]) as rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            for told, expected in (
                (1_700_000_000, 1_700_000_000.0),
                (1_700_000_000_250, 1_700_000_000.25),
                ("2026-01-02T03:04:05.5Z", 1_767_323_045.5),
                ("2026-01-02T12:04:05+09:00", 1_767_323_045.0),
                ("2026-01-02T03:04:05", None),  # whose clock?
                ("soon", None),
                (True, None),
                (-5, None),
            ):
                rig.batches.clear()
                broker.tell("say", "time/x", json.dumps({"v": 1, "at": told}))
                await rig.until(lambda: any(batch.tags for batch in rig.batches))
                assert rig.get("t").source_at == expected

    asyncio.run(go())


def test_a_wish_needs_a_topic_of_its_own_and_a_machine(broker: ServerProcess) -> None:
    async def go() -> None:
        mode = tag("mqtt", "mode")
        read_only = plain("fixed", mode.address, TagType.UINT16)
        echo = plain("echo", "genba/test/mode", TagType.UINT16, write_topic="genba/test/mode")
        formed = plain("formed", "nobody/reads", write_topic="formed/set", write_template='{"v": {value}, "at": {time_ms}}')
        async with Rig(at(broker), [mode, read_only, echo, formed]) as rig:
            await rig.until(lambda: rig.get("mode").quality is Quality.GOOD)
            with pytest.raises(Refused):
                await rig.acquisition.write(read_only, 3)
            assert rig.get("echo").quality is Quality.CONFIG
            with pytest.raises(Invalid):
                await rig.acquisition.write(echo, 3)
            await rig.acquisition.write(formed, 2.5)
            before = await rig.acquisition.read([formed])  # nobody answers: what is known must do, after a while
            assert before.qualities == [Quality.STALE]

    asyncio.run(go())


def test_browsing_and_trying_a_value(broker: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "_LISTEN_S", 0.3)
    broker.tell("say", "tree/oven", '{"temp": {"now": 21.5}, "on": true}', True)
    broker.tell("say", "tree/oven/door", "shut", True)

    async def go() -> None:
        async with Rig(at(broker), [tag("mqtt", "mode")]) as rig:
            await rig.online()
            roots = {item.name for item in await rig.acquisition.browse("PLC", None)}
            assert "tree/" in roots
            found = {item.name: item for item in await rig.acquisition.browse("PLC", "tree/oven#")}
            assert (found["on"].address, found["on"].type) == ("tree/oven#on", "bool")
            (inner,) = await rig.acquisition.browse("PLC", found["temp"].address)
            assert (inner.address, inner.type) == ("tree/oven#temp.now", "number")
            read = await rig.acquisition.read([plain("tried", inner.address)])
            assert (read.values, read.qualities) == ([21.5], [Quality.UNCERTAIN])
            assert rig.get("tried").quality is Quality.NEVER, "a tag that is only tried is none of the site's"
            with pytest.raises(Invalid):
                await rig.acquisition.browse("PLC", "a/+")

    asyncio.run(go())


# -- odd brokers -------------------------------------------------------------------------------------------------


def test_a_refused_login_is_told_as_one(evil: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"driver.login_refused Not authorized")
    evil.tell("do", "refuse")

    async def go() -> None:
        async with Rig(at(evil, user="hmi"), [plain("x", "a")]) as rig:
            await rig.until(lambda: rig.state is LinkState.OFFLINE)
            assert rig.links[-1].error_code == "driver.login_refused"
            evil.tell("do")
            await rig.until(lambda: rig.state is LinkState.ONLINE)

    asyncio.run(go())


def test_a_denied_topic_costs_its_own_tag(evil: ServerProcess) -> None:
    async def go(misdeed: str) -> None:
        evil.tell("do", misdeed)
        async with Rig(at(evil), [plain("x", "a")]) as rig:
            await rig.until(lambda: rig.get("x").quality is Quality.CONFIG)
            assert rig.get("x").status == "subscription refused (0x80)"

    for misdeed in ("deny", "short"):
        asyncio.run(go(misdeed))


@pytest.mark.parametrize(
    ("misdeed", "word"),
    [("no_suback", "driver.no_answer"), ("drop", "driver.link_broken"), ("no_pulse", "the broker stopped answering")],
)
def test_a_broker_that_does_not_keep_to_it_is_lost_and_found(evil: ServerProcess, expect_log: ExpectedLog, misdeed: str, word: str) -> None:
    expect_log(word)
    evil.tell("do", misdeed)

    async def go() -> None:
        async with Rig(at(evil), [plain("x", "a")], patience=HASTY) as rig:
            await rig.until(lambda: rig.state is LinkState.OFFLINE)
            evil.tell("do")
            await rig.until(lambda: rig.state is LinkState.ONLINE)

    asyncio.run(go())


def test_an_unanswered_write_is_not_called_done_and_never_sent_again(evil: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")
    evil.tell("do", "no_puback")

    async def go() -> None:
        wish = plain("x", "a", write_topic="a/set")
        async with Rig(at(evil), [wish], patience=HASTY) as rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            with pytest.raises(NotConfirmed):
                await rig.acquisition.write(wish, 1.0)
            evil.tell("do", "mute")
            evil.tell("kick")
            await rig.until(lambda: rig.state is LinkState.OFFLINE)
            with pytest.raises(NotConnected):
                await rig.acquisition.write(wish, 2.0)
            evil.tell("do")
            await rig.until(lambda: rig.state is LinkState.ONLINE)
        assert evil.tell("seen")["published"] == ["a/set"]

    asyncio.run(go())


def test_a_packet_without_end_and_garbage_end_the_link_only(evil: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        async with Rig(at(evil), [plain("x", "a")], patience=HASTY) as rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            evil.tell("bytes", "30ffffff7f0001610000")
            await rig.until(lambda: rig.state is LinkState.OFFLINE)
            assert "without end" in rig.links[-1].error_detail
            for nonsense in ("3000", "3003ffff61", "9001", "4001", "200100", "f0", "ffffffffffff", "30050001ff3131"):
                await rig.until(lambda: rig.state is LinkState.ONLINE)
                evil.tell("bytes", nonsense)
                evil.tell("say", "a", b"1.5".hex(), 0)
                await asyncio.sleep(0.05)
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            evil.tell("kick")
            await rig.until(lambda: rig.state is LinkState.OFFLINE)
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            evil.tell("say", "a", b"2.5".hex(), 0)
            await rig.until(lambda: rig.get("x").value == 2.5)

    asyncio.run(go())


def test_a_message_that_is_too_large_is_said_to_be(evil: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(at(evil), [plain("x", "a"), plain("y", "a#v")]) as rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            for size in (2**20 + 1, 4 * 2**20 + 1):
                evil.tell("say", "a", b"1".hex() * size, 0)
                await rig.until(lambda: rig.get("x").quality is Quality.BAD, 10.0)
                assert rig.get("x").status == rig.get("y").status == "message too large"
                evil.tell("say", "a", b"1.5".hex(), 0)
                await rig.until(lambda: rig.get("x").value == 1.5)
            assert rig.links[-1].reconnects == 0

    asyncio.run(go())


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://127.0.0.1", {}),
        ("mqtt://", {}),
        ("mqtt://127.0.0.1:99999", {}),
        ("mqtt://127.0.0.1", {"version": "4"}),
        ("mqtt://127.0.0.1", {"qos": "2"}),
    ],
)
def test_settings_that_cannot_be_are_refused(url: str, options: dict[str, str]) -> None:
    async def go() -> None:
        driver = MqttDriver(SourceSpec("S", "mqtt", url, options=options), None, SystemClock())
        with pytest.raises(Invalid):
            await driver.connect()
        await driver.close()

    asyncio.run(go())


# -- with mosquitto ----------------------------------------------------------------------------------------------


@pytest.fixture
def mosquitto_port() -> Iterator[int]:
    """mosquitto on loopback; skips where it is not installed: amqtt knows neither MQTT 5 nor the end of a doubled session."""
    program = mosquitto()
    if program is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    process = subprocess.Popen([program, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield port
    process.kill()
    process.wait()


def five(port: int, **options: str) -> SourceSpec:
    return SourceSpec("PLC", "mqtt", f"mqtt://127.0.0.1:{port}", options={"version": "5", **options})


async def _wait_for(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


def test_mqtt_5_reads_and_says_that_nobody_listens(mosquitto_port: int) -> None:
    async def go() -> None:
        await _wait_for(mosquitto_port)
        wish = plain("x", "five/x", write_topic="five/x/set")
        other = plain("y", "five/y", write_topic="five/x")
        async with Rig(five(mosquitto_port), [wish, other]) as rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            await rig.acquisition.write(other, 4.5)  # the other tag's topic: somebody listens
            await rig.until(lambda: rig.get("x").value == 4.5)
            with pytest.raises(Refused) as refusal:
                await rig.acquisition.write(wish, 1.0)
            assert refusal.value.code == "mqtt.nobody_listens"

    asyncio.run(go())


def test_why_a_broker_hung_up_is_told(evil: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"Session taken over")

    async def go() -> None:
        async with Rig(five(evil.port), [plain("x", "a")]) as rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            evil.tell("bytes", "e0028e00")
            await rig.until(lambda: rig.state is LinkState.OFFLINE)
            assert rig.links[-1].error_detail == "Session taken over"
            await rig.until(lambda: rig.state is LinkState.ONLINE)

    asyncio.run(go())


def test_a_doubled_client_id_is_lost_and_found(mosquitto_port: int, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        await _wait_for(mosquitto_port)
        async with Rig(five(mosquitto_port, client_id="one"), [plain("x", "a")]) as rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            thief = MqttDriver(five(mosquitto_port, client_id="one"), None, SystemClock())
            await thief.connect()
            await rig.until(lambda: rig.state is LinkState.OFFLINE)
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            await thief.close()

    asyncio.run(go())


# -- TLS ---------------------------------------------------------------------------------------------------------


def test_tls_needs_a_broker_that_proves_itself(tmp_path: Path, expect_log: ExpectedLog) -> None:
    from core.demo.mqtt_broker import start_amqtt
    from tests.tls import Authority

    expect_log(r"mqtt.certificate")
    known, stranger = Authority(tmp_path / "a", "known"), Authority(tmp_path / "b", "stranger")
    certificate, key = known.issue("localhost")
    for name, content in (("crt", certificate), ("key", key)):
        (tmp_path / f"broker.{name}").write_bytes(content)
    port = free_port()

    def spec(ca: Path) -> SourceSpec:
        return SourceSpec("PLC", "mqtt", f"mqtts://localhost:{port}", options={"ca": str(ca), "user": "hmi"})

    async def go() -> None:
        files = {"ssl": True, "certfile": str(tmp_path / "broker.crt"), "keyfile": str(tmp_path / "broker.key")}
        server = await start_amqtt(port, files, login=True)
        async with Rig(spec(stranger.root), [plain("x", "a")]) as rig:
            await rig.until(lambda: rig.state is LinkState.OFFLINE)
            assert rig.links[-1].error_code == "mqtt.certificate"
        wish = plain("y", "tls/y", write_topic="tls/x")
        rig = Rig(spec(known.root), [plain("x", "tls/x"), wish])
        rig.secrets["PLC"] = "word"
        async with rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            await rig.acquisition.write(wish, 6.5)
            await rig.until(lambda: rig.get("x").value == 6.5)
        await server.stop()

    asyncio.run(go())


def test_the_group_of_a_tag(broker: ServerProcess) -> None:
    async def go() -> None:
        driver = MqttDriver(source("mqtt", broker.port, qos="1"), None, SystemClock())
        await driver.connect()
        served = asyncio.Event()
        serving = asyncio.create_task(driver.serve([tag("mqtt", "mode")], lambda batch: served.set()))
        await served.wait()
        assert driver.group("mode") == "topic genba/test/mode, QoS 1"
        assert await driver.identity() == driver.group("nobody") == ""
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await driver.close()

    asyncio.run(go())
