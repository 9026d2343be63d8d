"""``genba secrets`` as an administrator uses it: nothing secret on the command line, in the output or in a file that others read."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

from core.log import record_crash
from core.store.keystore import station_secrets
from tests.cli.conftest import Genba
from tests.postgres import TestServer

pytestmark = pytest.mark.early

PLANTED = "planted-secret-4711"
PASSPHRASE = "planted correct horse"
NAME = "source:PLC-1:password"


class Typing:
    """What a program pipes in, or what a person types at a prompt."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def __call__(self, text: str) -> None:
        self._patch.setattr(sys, "stdin", io.StringIO(text))


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Typing:
    return Typing(monkeypatch)


def test_the_life_of_a_secret_in_a_private_database(genba: Genba, home: Path, typing: Typing, tmp_path: Path) -> None:
    typing(PLANTED + "\n")
    said = genba("secrets", "set", NAME)
    assert (said.code, said.out, said.err) == (0, f"{NAME}: set\n", "")
    (listed,) = json.loads(genba("secrets", "list", "--json").out)
    assert (listed["name"], listed["readable"]) == (NAME, True)
    said = genba("secrets", "rotate")
    assert (said.code, "1 field sealed anew" in said.out) == (0, True)
    assert "readable here" in genba("secrets", "list").out
    said = genba("secrets", "rotate", "--fresh")
    assert "import-key" in said.out
    told = json.loads(genba("secrets", "where", "--json").out)
    assert (told["kind"], told["place"], len(told["names"])) == ("file", str(home / "secrets.bin"), 3)
    assert genba("secrets", "forget", NAME).code == 0
    assert genba("secrets", "list").out == ""
    assert "no password called" in genba("secrets", "forget", NAME).one_line
    for path in (path for path in home.rglob("*") if path.is_file()):
        assert PLANTED.encode() not in path.read_bytes(), path


def test_a_key_travels_with_a_passphrase(genba: Genba, home: Path, typing: Typing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typing(PLANTED)
    assert genba("secrets", "set", NAME).code == 0
    typing("too short")
    assert "at least 12" in genba("secrets", "export-key", tmp_path / "key").one_line
    typing(PASSPHRASE + "\r\n")
    assert genba("secrets", "export-key", tmp_path / "key").code == 0
    typing(PASSPHRASE)
    assert "cannot be written" in genba("secrets", "export-key", tmp_path / "key").one_line
    monkeypatch.setenv("GENBA_HOME", str(tmp_path / "other"))
    typing("wrong passphrase")
    wrong = genba("secrets", "import-key", tmp_path / "key")
    assert (wrong.code, "passphrase is wrong" in wrong.one_line) == (1, True)
    assert not (tmp_path / "other" / "secrets.bin").exists()
    typing(PASSPHRASE)
    said = genba("secrets", "import-key", tmp_path / "key")
    assert said.code == 0
    assert station_secrets(tmp_path / "other").names() == station_secrets(home).names()


def test_a_station_may_not_and_an_administrator_may(
    genba: Genba, typing: Typing, database_url: str, admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENBA_DATABASE_URL", database_url)
    typing(PLANTED)
    refused = genba("secrets", "set", NAME)
    assert refused.code == 1
    assert PLANTED not in refused.err
    assert genba("secrets", "rotate").code == 1
    typing(PLANTED)
    assert genba("secrets", "set", NAME, "--url", admin_url).code == 0
    assert "readable here" in genba("secrets", "list").out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("set", "PLC-1"), "cannot be called"),
        (("set", "source:x:pass word"), "cannot be called"),
        (("set", "nonsense", "--local"), "not a secret of one station"),
        (("set", NAME, PLANTED), "unexpected extra argument"),
        (("import-key", "/proc/self/nothing"), "no key file"),
    ],
)
def test_what_nobody_means_is_refused(genba: Genba, typing: Typing, words: tuple[str, ...], code: str) -> None:
    typing("planted-other-1")
    said = genba("secrets", *words)
    assert said.code in (1, 2)
    assert code in said.one_line
    assert "planted-other-1" not in said.err + said.out


def test_an_empty_secret_is_refused(genba: Genba, typing: Typing) -> None:
    typing("\n")
    assert "empty or too long" in genba("secrets", "set", NAME).one_line
    typing("")
    assert "empty or too long" in genba("secrets", "set", "database:password", "--local").one_line


def without_password(url: str) -> tuple[str, str]:
    """The address without its password, and the password."""
    from sqlalchemy import make_url

    parts = make_url(url)
    return parts._replace(password=None).render_as_string(hide_password=False), str(parts.password)


def test_the_database_password_may_stand_in_the_stations_store(
    genba: Genba, home: Path, typing: Typing, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare, password = without_password(database_url)
    readable = json.loads(genba("doctor", "--json").out)
    monkeypatch.setenv("GENBA_DATABASE_URL", database_url)
    readable = {one["check"]: one for one in json.loads(genba("doctor", "--json").out)["checks"]}["secrets"]
    assert "the environment (GENBA_DATABASE_URL)" in readable["detail"]
    assert password not in json.dumps(readable)
    monkeypatch.delenv("GENBA_DATABASE_URL")
    home.mkdir()
    (home / "station.toml").write_text(f'database_url = "{bare}"\n', encoding="utf-8")
    assert genba("db", "status").code != 0
    typing(password)
    said = genba("secrets", "set", "database:password", "--local")
    assert (said.code, str(home) in said.out, password in said.out) == (0, True, False)
    assert genba("db", "status").code == 0
    assert genba("secrets", "list").code == 0
    checks = {one["check"]: one for one in json.loads(genba("doctor", "--json").out)["checks"]}
    assert checks["database"]["ok"], checks
    assert "readable" not in checks["secrets"]["detail"]
    (home / "station.toml").write_text(f'database_url = "{database_url}"\n', encoding="utf-8")
    detail = {one["check"]: one for one in json.loads(genba("doctor", "--json").out)["checks"]}["secrets"]["detail"]
    assert "station.toml" in detail
    assert genba("secrets", "forget", "database:password", "--local").code == 0
    assert "no password called" in genba("secrets", "forget", "database:password", "--local").one_line


def test_an_unsafe_address_is_refused_and_named_until_the_station_allows_it(
    genba: Genba, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENBA_DATABASE_URL", "postgresql://panel:planted-secret@192.0.2.1/genba?sslmode=disable&connect_timeout=1")
    said = genba("db", "status")
    assert (said.code, "would not be protected (sslmode=disable)" in said.one_line) == (1, True)
    checks = {one["check"]: one for one in json.loads(genba("doctor", "--json").out)["checks"]}
    assert (checks["connection"]["ok"], checks["connection"]["detail"]) == (False, "database 192.0.2.1/genba: unsafe (sslmode=disable)")
    monkeypatch.setenv("GENBA_ALLOW_UNSAFE_DATABASE", "true")
    checks = {one["check"]: one for one in json.loads(genba("doctor", "--json").out)["checks"]}
    assert checks["connection"]["ok"] is True
    assert "unsafe" in checks["connection"]["detail"]


# The support bundle -------------------------------------------------------------------------------------------------


def contents(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as bundle:
        return {name: bundle.read(name).decode() for name in bundle.namelist()}


def test_a_bundle_holds_what_helps_and_nothing_secret(
    genba: Genba, home: Path, typing: Typing, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare, password = without_password(database_url)
    monkeypatch.setenv("GENBA_DATABASE_URL", bare)
    typing(password)
    assert genba("secrets", "set", "database:password", "--local").code == 0
    station_secrets(home).set(NAME, PLANTED)
    station_secrets(home).set("site-key:00112233", "ab" * 32)
    (home / "log").mkdir()
    (home / "journal.sqlite").write_text("planted-journal")
    (home / "readstore.sqlite").write_text("planted-readstore")
    (home / "log" / "hmi.log").write_text(f"cannot log in with {PLANTED} {'ab' * 32} {password} to x://u:planted-url@y\n" + "kept\n")
    (home / "log" / "elsewhere.log").symlink_to(home / "journal.sqlite")
    record_crash(home, RuntimeError(f"with {PLANTED}"))
    said = genba("doctor", "--bundle", tmp_path / "help.zip")
    assert (said.code, "settings.json" in said.err) == (0, True)
    assert (tmp_path / "help.zip").stat().st_mode & 0o777 == 0o600
    found = contents(tmp_path / "help.zip")
    assert set(found) == {"versions.json", "doctor.json", "settings.json", "database.json", "log/hmi.log", "log/crash.log"}
    told = "".join(found.values())
    for secret in (PLANTED, password, "ab" * 32, "planted-url", "planted-journal", "planted-readstore"):
        assert secret not in told, secret
    assert "kept" in found["log/hmi.log"]
    assert "Runtime" in found["log/crash.log"]
    database = json.loads(found["database.json"])
    assert (database["state"], database["leases"], database["sources"]) == ("ready", [], [])
    settings = json.loads(found["settings.json"])
    assert "database_url" not in settings
    assert settings["name"] == "PANEL-1"
    assert json.loads(found["versions.json"])["packages"]["SQLAlchemy"]
    assert "cannot be written" in genba("doctor", "--bundle", tmp_path / "help.zip").one_line


def test_a_bundle_of_a_station_in_trouble(genba: Genba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert genba("doctor", "--bundle", tmp_path / "new.zip").code == 0
    assert json.loads(contents(tmp_path / "new.zip")["database.json"]) == {"state": "not running"}
    monkeypatch.setenv("GENBA_DATABASE_URL", "postgresql://u:planted-secret@127.0.0.1:1/genba")
    assert genba("doctor", "--bundle", tmp_path / "away.zip").code == 1
    assert json.loads(contents(tmp_path / "away.zip")["database.json"])["reason"] == "store.away"
    assert "planted" not in "".join(contents(tmp_path / "away.zip").values())
    monkeypatch.setenv("GENBA_THEME", "pink")
    assert genba("doctor", "--bundle", tmp_path / "broken.zip").code == 1
    assert set(contents(tmp_path / "broken.zip")) == {"versions.json", "doctor.json"}


def test_a_bundle_beside_a_running_private_database(genba: Genba, home: Path, tmp_path: Path, postgres: TestServer) -> None:
    from core.declared import fingerprint
    from core.store.embedded import EmbeddedServer
    from core.store.schema import prepare_embedded

    server = EmbeddedServer(home / "database")
    server.start()
    try:
        prepare_embedded(server, fingerprint())
        assert genba("doctor", "--bundle", tmp_path / "help.zip").code == 0
        found = contents(tmp_path / "help.zip")
        assert json.loads(found["database.json"])["state"] == "ready"
        assert server.password() not in "".join(found.values())
    finally:
        server.stop()
