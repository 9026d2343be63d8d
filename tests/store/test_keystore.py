"""Which key store a station uses, and that nothing is lost between two of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import Unavailable
from core.store import keystore
from core.store.keystore import OsSecretStore, StationSecrets, station_secrets
from core.store.secrets import FileSecretStore

ROOT = Path(__file__).resolve().parents[2]
PLANTED = "planted-secret-4711"


class SystemStore:
    """The operating system's own store, as ``keyring``'s backends show it."""

    name = "Credential Locker"

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise OSError(f"locked, {PLANTED}")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


def test_the_systems_store_keeps_finds_lists_and_forgets(tmp_path: Path) -> None:
    system = SystemStore()
    store = OsSecretStore(system, tmp_path / "a")
    neighbour = OsSecretStore(system, tmp_path / "b")
    assert (store.get("x"), store.names()) == (None, ())
    store.set("x", PLANTED)
    store.set("y", "パスワード")
    store.set("x", PLANTED + "2")
    assert (store.get("x"), store.get("y"), store.names()) == (PLANTED + "2", "パスワード", ("x", "y"))
    assert (neighbour.get("x"), neighbour.names()) == (None, ())
    store.delete("x")
    store.delete("x")
    assert (store.get("x"), store.names()) == (None, ("y",))
    store.rotate()
    assert store.place == "Credential Locker"


def test_a_locked_store_is_said_in_words_without_what_the_library_said(tmp_path: Path) -> None:
    system = SystemStore()
    system.locked = True
    with pytest.raises(Unavailable) as refusal:
        OsSecretStore(system, tmp_path).get("x")
    assert refusal.value.code == "store.key_store_failed"
    assert PLANTED not in str(refusal.value)


def test_what_stands_in_the_file_is_found_until_it_is_set_again(tmp_path: Path) -> None:
    file, system = FileSecretStore(tmp_path), OsSecretStore(SystemStore(), tmp_path)
    without = StationSecrets(file, lambda: None)
    assert (without.in_system, without.place) == (False, str(tmp_path / "secrets.bin"))
    without.set("a", "old")
    without.set("b", "stays")
    with_system = StationSecrets(file, lambda: system)
    assert with_system.in_system
    assert (with_system.get("a"), with_system.names()) == ("old", ("a", "b"))
    with_system.set("a", "new")
    assert (system.get("a"), file.names()) == ("new", ("b",))
    with_system.rotate()
    assert (with_system.get("a"), with_system.get("b")) == ("new", "stays")
    with_system.delete("a")
    with_system.delete("b")
    assert (with_system.names(), system.names(), file.names()) == ((), (), ())


def test_a_station_without_secrets_leaves_no_file(tmp_path: Path) -> None:
    system = OsSecretStore(SystemStore(), tmp_path)
    store = StationSecrets(FileSecretStore(tmp_path), lambda: system)
    store.set("a", PLANTED)
    store.delete("b")
    store.rotate()
    assert list(tmp_path.iterdir()) == []


PLAIN_TEXT = """
from keyring.backend import KeyringBackend

class PlaintextKeyring(KeyringBackend):
    priority = 99
    def get_password(self, service, username):
        raise SystemExit("asked a plain text store")
    set_password = delete_password = get_password
"""


def test_a_backend_that_writes_plain_text_is_never_asked(tmp_path: Path) -> None:
    pytest.importorskip("keyring")
    alt = tmp_path / "site" / "keyrings" / "alt"
    alt.mkdir(parents=True)
    (alt / "__init__.py").write_text("")
    (alt / "file.py").write_text(PLAIN_TEXT)
    about = tmp_path / "site" / "keyrings.alt-5.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: keyrings.alt\nVersion: 5.0\n")
    (about / "entry_points.txt").write_text("[keyring.backends]\nfile = keyrings.alt.file\n")
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path / "site")!r})
import keyring
if len(sys.argv) > 1:
    print(type(keyring.get_keyring()).__name__)
else:
    from pathlib import Path
    from core.store.keystore import station_secrets
    store = station_secrets(Path({str(tmp_path / "home")!r}))
    store.set("a", "x")
    print(store.place, store.get("a"))
"""
    environment = {"PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring", "PYTHONPATH": ":".join([str(ROOT), *sys.path])}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, *words], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert run("its own choice") == "PlaintextKeyring", "the library itself would take it"
    assert run() == f"{tmp_path / 'home' / 'secrets.bin'} x"


def test_nothing_is_loaded_before_the_first_secret_is_wanted(tmp_path: Path) -> None:
    program = "import sys; from core.station import floor; print(*{'keyring', 'secretstorage', 'cryptography'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""


def test_a_library_that_fails_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring.backends.SecretService", None)
    assert keystore._allowed_backend() is None
    assert station_secrets(tmp_path).place == str(tmp_path / "secrets.bin")
