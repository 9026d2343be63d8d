"""``scale``: a hundred machines of two hundred values over six protocols, every value changing every second, the screen open.

The machines run on the same cores, several in one process. History is on, as it is in every station. A value is missed when the number
its server gave it never arrived. The home with the site in its database is kept for the next time, and so are the ports it names.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import platformdirs

from tests.benchmarks import scale_load
from tests.benchmarks.latency import SIZE, share
from tests.benchmarks.machine import load
from tests.benchmarks.scale_load import DEVICES, TAGS, Device, protocol_of, write_site
from tests.benchmarks.start import ROOT, environment, run_measured
from tests.servers.process import ServerProcess, free_port

QUICK_S: Final = 20.0
FULL_S: Final = 120.0
START_S: Final = 150.0
SHARED: Final = ("opcua", "mqtt", "sparkplug", "http")
"""Protocols whose machines stand behind one port; MQTT and Sparkplug share a broker."""
PROCESSES: Final = (("opcua",), ("modbus", "ethernetip", "http"), ("mqtt", "sparkplug"))


def run(*, quick: bool) -> dict[str, Any]:
    """Measure; returns the figures."""
    return measured(QUICK_S if quick else FULL_S)


def measured(seconds: float) -> dict[str, Any]:
    """Watch for ``seconds``."""
    home, devices = _prepared_home()
    with ExitStack() as stack:
        plants = [_plant(devices, protocols, stack) for protocols in PROCESSES]
        loads = [load()]
        for plant in plants:
            plant.tell("written")
        found = _screen(home, seconds)
        told = [plant.tell("written") for plant in plants]
        loads.append(load())
    return _figures(found, told, seconds) | {"load_average": [min(loads), max(loads)]}


def _devices() -> list[Device]:
    ports = {protocol: free_port() for protocol in SHARED}
    ports["sparkplug"] = ports["mqtt"]
    kinds = [protocol_of(number) for number in range(DEVICES)]
    return [Device(number, kind, ports[kind] if kind in ports else free_port()) for number, kind in enumerate(kinds)]


def _plant(devices: list[Device], protocols: tuple[str, ...], stack: ExitStack) -> ServerProcess:
    chosen = [[device.number, device.protocol, device.port] for device in devices if device.protocol in protocols]
    plant = ServerProcess("scale_plant", None, json.dumps(chosen), package="tests.benchmarks").start()
    stack.callback(plant.kill)
    return plant


def _prepared_home() -> tuple[Path, list[Device]]:
    """A station whose database knows the site, and its machines; bringing in twenty thousand tags takes longer than the measuring."""
    mark = hashlib.sha256(Path(scale_load.__file__).read_bytes() + f"{DEVICES} {TAGS}".encode())
    for path in sorted((ROOT / "migrations" / "versions").glob("*.py")):
        mark.update(path.read_bytes())
    home = platformdirs.user_cache_path("genba-benchmarks", appauthor=False) / f"scale-{mark.hexdigest()[:12]}"
    kept = home / "devices.json"
    if kept.exists():
        devices = [Device(*each) for each in json.loads(kept.read_text(encoding="utf-8"))]
        if all(map(_is_free, {device.port for device in devices})):
            return home, devices
    devices = _devices()
    try:
        _apply(home, devices)
    except subprocess.CalledProcessError:
        shutil.rmtree(home, ignore_errors=True)  # what an interrupted run left
        _apply(home, devices)
    kept.write_text(json.dumps([[device.number, device.protocol, device.port] for device in devices]), encoding="utf-8")
    return home, devices


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: a closed connection may linger
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _apply(home: Path, devices: list[Device]) -> None:
    with tempfile.TemporaryDirectory(prefix="genba-bench-") as folder:
        words = ["-m", "hmi", "site", "apply", str(write_site(Path(folder), devices))]
        subprocess.run([sys.executable, *words], cwd=ROOT, env=environment(GENBA_HOME=str(home)), check=True, stdout=subprocess.DEVNULL)


def _screen(home: Path, seconds: float) -> dict[str, Any]:
    words = ["tests.benchmarks.scale_probe", "--size", SIZE, "--language", "en"]
    return run_measured(words, START_S, GENBA_HOME=str(home), BENCH_WATCH_S=repr(seconds))


def _figures(found: dict[str, Any], told: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    counts = found["by_protocol"]
    due, missed = sum(each["due"] for each in counts.values()), sum(each["missed"] for each in counts.values())
    own_s = found["cpu_s"] + found["children_cpu_s"]
    memory = [found["memory"], *([found["acquisition_memory"]] if found["acquisition_memory"] else [])]
    return {
        "devices": DEVICES,
        "tags": DEVICES * TAGS,
        "missed_share": round(missed / max(1, due), 5),
        "gui_late_p99_ms": round(share(found["late_ms"], 0.99), 1),
        "rss_mb": round(sum(each["rss"] for each in memory), 1),
        "gui_late_p50_ms": round(share(found["late_ms"], 0.5), 1),
        "gui_late_max_ms": round(max(found["late_ms"]), 1),
        "missed": missed,
        "due": due,
        "by_protocol": {name: each | {"devices": _count(name)} for name, each in sorted(counts.items())},
        "not_good": found["not_good"],
        "samples_s": round(found["samples"] / seconds),
        "live_after_s": round(found["live_after_s"], 1),
        "in_history": found["recent_tags"],
        "tiles": found["tiles"],
        "pens": found["pens"],
        "screen_rss_mb": found["memory"]["rss"],
        "acquisition_rss_mb": found["acquisition_memory"]["rss"] if found["acquisition_memory"] else None,
        "screen_cpu_share": round(found["cpu_s"] / seconds, 3),
        "acquisition_cpu_share": round(found["children_cpu_s"] / seconds, 3),
        "us_per_sample": round(own_s / max(1, found["samples"]) * 1e6, 1),
        "servers_late_max_s": round(max(each["late_s"] for each in told), 2),
        "acquisition": found["acquisition"],
        "seconds": seconds,
    }


def _count(protocol: str) -> int:
    return sum(protocol_of(number) == protocol for number in range(DEVICES))
