from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Refused, Unavailable
from core.store.secrets import FileSecretStore

ROOT = Path(__file__).resolve().parents[2]
PLANTED = "planted-secret-4711"


def test_secrets_are_kept_and_forgotten(tmp_path: Path) -> None:
    store = FileSecretStore(tmp_path)
    assert store.get("source:PLC-1:password") is None
    assert store.names() == ()
    store.set("source:PLC-1:password", PLANTED)
    store.set("source:PLC-2:password", "パスワード")
    store.set("source:PLC-1:password", PLANTED + "2")
    again = FileSecretStore(tmp_path)
    assert again.get("source:PLC-1:password") == PLANTED + "2"
    assert again.names() == ("source:PLC-1:password", "source:PLC-2:password")
    again.delete("source:PLC-1:password")
    again.delete("nothing")
    assert store.names() == ("source:PLC-2:password",)


def test_only_the_account_can_read_the_files_and_they_hold_no_clear_text(tmp_path: Path) -> None:
    store = FileSecretStore(tmp_path)
    store.set("source:PLC-1:password", PLANTED)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    assert modes == {"secrets.bin": "0o600", "secrets.key": "0o600", "secrets.lock": "0o600"}
    for path in tmp_path.iterdir():
        assert b"planted" not in path.read_bytes()
        assert b"PLC-1" not in path.read_bytes()


def test_a_file_others_can_read_is_not_used(tmp_path: Path) -> None:
    store = FileSecretStore(tmp_path)
    store.set("a", PLANTED)
    (tmp_path / "secrets.key").chmod(0o640)
    with pytest.raises(Refused) as refused:
        store.get("a")
    assert refused.value.code == "store.secret_store_open_to_others"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_used(tmp_path: Path) -> None:
    store = FileSecretStore(tmp_path)
    store.set("a", PLANTED)
    os.chown(tmp_path / "secrets.key", 65_534, -1)
    with pytest.raises(Refused) as refused:
        store.get("a")
    assert refused.value.code == "store.secret_store_foreign"


def test_the_folder_is_made_with_the_first_secret_and_not_before(tmp_path: Path) -> None:
    store = FileSecretStore(tmp_path / "new" / "home")
    assert store.names() == ()
    assert not (tmp_path / "new").exists()
    store.set("a", PLANTED)
    assert store.get("a") == PLANTED


def test_two_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from core.store.secrets import FileSecretStore

for number in range(20):
    FileSecretStore(Path(sys.argv[1])).set(f"{sys.argv[2]}{number}", "x")
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    running = [subprocess.Popen([*command, who], cwd=ROOT) for who in "ab"]
    assert [process.wait(60) for process in running] == [0, 0]
    assert len(FileSecretStore(tmp_path).names()) == 40


def test_after_a_rotation_the_old_key_opens_nothing(tmp_path: Path) -> None:
    store = FileSecretStore(tmp_path)
    store.set("a", PLANTED)
    old_key = (tmp_path / "secrets.key").read_bytes()
    store.rotate()
    assert store.get("a") == PLANTED
    assert (tmp_path / "secrets.key").read_bytes() != old_key
    (tmp_path / "secrets.key").write_bytes(old_key)
    with pytest.raises(Unavailable):
        store.get("a")


def test_a_rotation_cut_anywhere_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.store import secrets

    for cut_at in range(3):
        folder = tmp_path / str(cut_at)
        folder.mkdir()
        store = FileSecretStore(folder)
        store.set("a", PLANTED)
        done = []
        real = secrets._replace

        def cut(path: Path, content: bytes, done: list[Path] = done, cut_at: int = cut_at) -> None:
            if len(done) == cut_at:
                raise Unavailable("store.home_not_writable")
            done.append(path)
            real(path, content)  # noqa: B023 - called before the loop goes on

        with monkeypatch.context() as patch:
            patch.setattr(secrets, "_replace", cut)
            with pytest.raises(Unavailable):
                store.rotate()
        assert FileSecretStore(folder).get("a") == PLANTED
        store.set("b", "x")
        assert FileSecretStore(folder).get("a") == PLANTED


def test_a_lost_key_is_said_and_never_replaced_silently(tmp_path: Path) -> None:
    store = FileSecretStore(tmp_path)
    store.set("a", PLANTED)
    (tmp_path / "secrets.key").unlink()
    for use in (lambda: store.get("a"), lambda: store.set("b", "x"), store.rotate):
        with pytest.raises(Unavailable) as refused:
            use()
        assert refused.value.code == "store.secret_store_damaged"


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_changed_file_is_never_taken_for_the_truth(tmp_path_factory: pytest.TempPathFactory, position: int, bit: int) -> None:
    folder = tmp_path_factory.mktemp("secrets")
    store = FileSecretStore(folder)
    store.set("a", PLANTED)
    raw = bytearray((folder / "secrets.bin").read_bytes())
    raw[position % len(raw)] ^= 1 << bit
    (folder / "secrets.bin").write_bytes(raw)
    with pytest.raises(Unavailable):
        store.get("a")
