"""Settings: where they come from, and errors that name file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import StationSettings, default_name, read_settings
from core.errors import Invalid


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def written(home: Path, toml: str) -> None:
    (home / "station.toml").write_text(toml, encoding="utf-8")


def refusal(home: Path, **given: object) -> Invalid:
    with pytest.raises(Invalid) as caught:
        read_settings(home=home, **given)
    return caught.value


def test_defaults(home: Path) -> None:
    settings = read_settings(home=home)
    assert (settings.home, settings.database_url, settings.language, settings.auto_sign_off_s) == (home, None, "ja", 300)
    assert settings.name == default_name()


def test_command_line_before_environment_before_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(home, 'name = "FILE"\nlanguage = "en"\ntheme = "dark"\n')
    monkeypatch.setenv("GENBA_LANGUAGE", "ja")
    monkeypatch.setenv("GENBA_THEME", "auto")
    settings = read_settings(home=home, theme="light", language=None)
    assert (settings.name, settings.language, settings.theme) == ("FILE", "ja", "light")


def test_home_from_the_environment_brings_its_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(home, 'name = "THERE"\n')
    monkeypatch.setenv("GENBA_HOME", str(home))
    assert read_settings().name == "THERE"


def test_file_of_a_windows_editor(home: Path) -> None:
    (home / "station.toml").write_bytes(b"\xef\xbb\xbfname = 'BOM'\r\n")
    assert read_settings(home=home).name == "BOM"


@pytest.mark.parametrize("url", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"])
def test_every_spelling_of_the_database_address(home: Path, url: str) -> None:
    settings = read_settings(home=home, database_url=url)
    assert settings.database_url == "postgresql+psycopg://u:p@h/d"
    assert "p@h" not in repr(settings)


@pytest.mark.parametrize(
    ("toml", "key", "shown"),
    [
        ('theme = "blue"', "theme", "light, dark, auto"),
        ('auto_sign_off_s = "soon"', "auto_sign_off_s", "a number"),
        ("auto_sign_off_s = -1", "auto_sign_off_s", "≥ 0"),
        ("screen_diagonal_inch = 1", "screen_diagonal_inch", "≥ 3"),
        ('name = "a b"', "name", "A-Z"),
        ("panel = 5", "panel", "text"),
    ],
)
def test_wrong_values_name_file_key_and_what_is_allowed(home: Path, toml: str, key: str, shown: str) -> None:
    written(home, toml)
    error = refusal(home)
    assert (error.code, error.params["key"], error.params["file"]) == ("config.bad_value", key, str(home / "station.toml"))
    assert shown in str(error)
    assert "—" not in error.lines("ja").what + error.lines("ja").do


def test_the_variable_or_option_is_named_when_it_is_to_blame(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(home, theme="blue").params["file"] == "--theme"
    monkeypatch.setenv("GENBA_LANGUAGE", "fr")
    assert refusal(home).params["file"] == "GENBA_LANGUAGE"


def test_a_misspelt_key_is_not_ignored(home: Path) -> None:
    written(home, 'langauge = "en"')
    error = refusal(home)
    assert (error.code, error.params["key"]) == ("config.unknown_key", "langauge")
    assert "language" in str(error)


@pytest.mark.parametrize("content", [b"name = ", b"name = '\xff'"])
def test_unreadable_file(home: Path, content: bytes) -> None:
    (home / "station.toml").write_bytes(content)
    assert refusal(home).code == "config.unreadable"


def test_a_folder_in_place_of_the_file(home: Path) -> None:
    (home / "station.toml").mkdir()
    assert refusal(home).code == "config.unreadable"


@pytest.mark.parametrize("url", ["mysql://root:topsecret@h/d", "postgresql://u:topsecret@h"])
def test_a_wrong_address_is_refused_without_showing_its_password(home: Path, url: str) -> None:
    error = refusal(home, database_url=url)
    assert "topsecret" not in f"{error} {error.params}"


def test_settings_do_not_change_afterwards(home: Path) -> None:
    settings = read_settings(home=home)
    with pytest.raises(ValueError, match="frozen"):
        settings.name = "OTHER"  # type: ignore[misc]
    assert isinstance(settings, StationSettings)
