"""Starting and ending the plant: ports, parents, and nobody left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.demo.plant import PlantOptions, command, control, run
from core.demo.taglist import TAGS_FILE
from core.errors import NotConnected
from tests.demo.conftest import RunningPlant, gone


def test_busy_ports_give_way_and_servers_die_with_a_killed_plant(new_plant: Callable[..., RunningPlant]) -> None:
    with socket.create_server(("127.0.0.1", 24740)):
        running = new_plant()
    assert running.ready["ready"] is True
    assert ":24740" not in running.ready["opcua"] + running.ready["modbus"] + running.ready["control"]
    assert running.ready["tags"] > 70
    assert running.ready["ready_s"] < 30
    pids = list(running.ready["servers"].values())
    running.process.kill()
    running.process.wait(60)
    assert gone(pids), "servers outlived their plant"


def test_the_plant_ends_with_the_process_that_started_it(new_plant: Callable[..., RunningPlant]) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as parent:
        running = new_plant(with_parent=parent.pid, until_stdin_closes=False)
        pids = [running.process.pid, *running.ready["servers"].values()]
        parent.kill()
    assert running.process.wait(60) == 0
    assert gone(pids)


def test_a_signal_ends_it_and_a_dead_server_comes_back_when_wanted(new_plant: Callable[..., RunningPlant]) -> None:
    running = new_plant(respawn=True)
    pid = running.ready["servers"]["modbus"]
    os.kill(pid, signal.SIGKILL)
    assert gone([pid])
    end = 100
    while (now := running.do("status")["servers"]["modbus"]["pid"]) in (None, pid):
        end -= 1
        assert end, "it did not come back"
        time.sleep(0.05)
    pids = [now, running.ready["servers"]["opcua"]]
    running.process.terminate()
    assert running.process.wait(60) == 0
    assert gone(pids)
    with pytest.raises(NotConnected):
        control("127.0.0.1", int(running.ready["control"].split(":")[1]), "truth")


@pytest.mark.parametrize(("old", "new"), [("L1.M1.State,", "L1.M1.Mood,"), (",int32,", ",int33,"), ("demo-opcua", "elsewhere")])
def test_a_wrong_tag_list_is_one_line_and_no_plant(tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str) -> None:
    file = tmp_path / "tags.csv"
    file.write_text(TAGS_FILE.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert run(PlantOptions(tags=file)) == 1
    assert run(PlantOptions(tags=tmp_path / "missing.csv")) == 1
    assert run(PlantOptions(speed=0.0)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 3


def test_an_address_no_server_understands_is_one_line_and_no_plant(new_plant: Callable[..., RunningPlant], tmp_path: Path) -> None:
    file = tmp_path / "tags.csv"
    file.write_text(TAGS_FILE.read_text(encoding="utf-8").replace("1/input/0,", "1/attic/0,"), encoding="utf-8")
    options = PlantOptions(tags=file, port_base=24770)
    ended = subprocess.run(command(options), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "attic" in ended.stderr
