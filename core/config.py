"""Settings of one station, from the command line, the environment (``GENBA_*``) and ``<home>/station.toml``, in this order.

Read once at start, before the first paint, by whoever starts a station.
"""

from __future__ import annotations

import os
import platform
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from core.errors import Invalid

VERSION = "0.2.0"
"""Version of this program; the same as in pyproject.toml (tested)."""

_PREFIX = "GENBA_"
_FILE = "station.toml"
_STATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")


_HOSTS = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?(,[A-Za-z0-9._-]+(:\d{1,5})?)*")
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


def default_home() -> Path:
    """The folder of the local database, journal and logs when nothing else is said."""
    return platformdirs.user_data_path("genba", appauthor=False)


def default_name() -> str:
    """This computer's host name as a station code: upper case, only letters, digits, dot, dash and underscore."""
    code = re.sub(r"[^A-Za-z0-9._-]+", "-", platform.node().partition(".")[0]).strip("-._")[:50]
    return code.upper() or "STATION"


def _station_code(value: str) -> str:
    if not _STATION.fullmatch(value):
        raise ValueError("A-Z a-z 0-9 . - _ (1 … 50)")
    return value


def _database_url(value: str | None) -> str | None:
    if not value:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ValueError("postgresql+psycopg://user:password@host:port/database")
    if not parts.path.strip("/"):
        raise ValueError("postgresql+psycopg://user:password@host:port/database")
    return f"postgresql+psycopg{value[value.index('://') :]}"


def _hosts(value: str) -> str:
    if value and not _HOSTS.fullmatch(value):
        raise ValueError("host[:port],host[:port]")
    return value


def _home(value: Path) -> Path:
    return Path(os.path.abspath(value.expanduser()))  # noqa: PTH100 - resolve() would follow a link the engineer set on purpose


def _time_of_day(value: str) -> str:
    if value and not _TIME.fullmatch(value):
        raise ValueError("HH:MM, 00:00 … 23:59")
    return value


class StationSettings(BaseSettings):
    """What one station is told about itself; everything about the plant stands in the database.

    Attributes:
        name: Station code, unique in the plant; the host name when none is given.
        home: Folder of the embedded database, the journal, the read store and the logs.
        database_url: ``postgresql+psycopg://…`` of a shared server; None for the embedded one. Its password may stand in the station's
            secret store instead (``genba secrets set database:password --local``).
        report_hosts: ``host[:port],…`` of standbys of ``database_url`` that reports are read from, with the same log-in; "" for none.
        allow_unsafe_database: Obey a ``database_url`` that gives up the proof of the server's name or the secrecy of the connection.
        language: First language on screen.
        theme: Light or dark; ``auto`` follows the clock.
        state_palette: How machine states are coloured at this site.
        screen_diagonal_inch: Size of the screen, so that sizes come out in millimetres; None draws at scale 1, because what screens
            say about themselves is often wrong.
        panel: Id of the panel shown first; None for the home panel.
        keypad_layout: First row of the numeric keypad.
        site_file: site.yaml that this station may apply at start; None for none.
        acquisition: Where the drivers run; ``auto`` chooses.
        auto_sign_off_s: Seconds without a touch until the operator is signed off; 0 for never.
        backup_at: When the embedded database is copied each day, the site's time, ``HH:MM``; "" for never.
        backup_folder: Where to, best on another disk; None for ``backups`` in the home.
        backup_keep: How many copies are kept there; older ones are removed after a newer one was proved readable.
        disk_warn_mb, disk_alarm_mb: Free space, in MB, under which the screen says so.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True, str_strip_whitespace=True, validate_default=True)

    name: Annotated[str, AfterValidator(_station_code)] = Field(default_factory=default_name)
    home: Annotated[Path, AfterValidator(_home)] = Field(default_factory=default_home)
    database_url: Annotated[str | None, AfterValidator(_database_url)] = Field(default=None, repr=False)
    report_hosts: Annotated[str, AfterValidator(_hosts)] = ""
    allow_unsafe_database: bool = False
    language: Literal["ja", "en"] = "ja"
    theme: Literal["light", "dark", "auto"] = "light"
    state_palette: Literal["default", "grey", "jsia113"] = "default"
    screen_diagonal_inch: float | None = Field(default=None, ge=3, le=120)
    panel: str | None = None
    keypad_layout: Literal["789", "123"] = "789"
    site_file: Path | None = None
    acquisition: Literal["auto", "gui", "thread", "process"] = "auto"
    auto_sign_off_s: float = Field(default=300, ge=0, le=86_400)
    backup_at: Annotated[str, AfterValidator(_time_of_day)] = "02:30"
    backup_folder: Annotated[Path, AfterValidator(_home)] | None = None
    backup_keep: int = Field(default=7, ge=1, le=1_000)
    disk_warn_mb: int = Field(default=500, ge=0)
    disk_alarm_mb: int = Field(default=100, ge=0)

    @property
    def backups(self) -> Path:
        """Where copies of the database go."""
        return self.backup_folder or self.home / "backups"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then environment, then the file in the home that those two name."""
        named = init_settings().get("home") or env_settings().get("home")
        home = _home(Path(named)) if named else default_home()
        return init_settings, env_settings, InitSettingsSource(settings_cls, _written(home / _FILE))


def read_settings(**given: Any) -> StationSettings:
    """The settings of this station.

    Args:
        **given: Values from the command line; None counts as not given.

    Raises:
        Invalid: A value is wrong (``config.bad_value``), a key is not known (``config.unknown_key``) or the file
            cannot be read (``config.unreadable``); names the file, variable or option, and the key.
    """
    chosen = {key: value for key, value in given.items() if value is not None}
    path = _settings_file(chosen)
    try:
        return StationSettings(**chosen)
    except ValidationError as error:
        raise _explained(error, chosen, path) from None
    except tomllib.TOMLDecodeError as error:
        raise Invalid("config.unreadable", file=str(path), problem=str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid("config.unreadable", file=str(path), problem=getattr(error, "strerror", None) or "UTF-8") from None


def _written(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows put a byte order mark in front
    except FileNotFoundError:
        return {}


def _settings_file(chosen: Mapping[str, Any]) -> Path:
    named = chosen.get("home") or os.environ.get(f"{_PREFIX}HOME")
    return (_home(Path(named)) if named else default_home()) / _FILE


def _explained(error: ValidationError, chosen: Mapping[str, Any], path: Path) -> Invalid:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    variable = f"{_PREFIX}{key.upper()}"
    if key in chosen:
        where = f"--{key.replace('_', '-')}"
    elif any(name.upper() == variable for name in os.environ):
        where = variable
    else:
        where = str(path)
    if first["type"] == "extra_forbidden":
        return Invalid("config.unknown_key", file=where, key=key, known=", ".join(StationSettings.model_fields))
    # The value of a database URL holds a password: it is never repeated in a message.
    value = "…" if key == "database_url" else str(first["input"])
    return Invalid("config.bad_value", file=where, key=key, value=value, allowed=_allowed(dict(first)))


def _allowed(problem: dict[str, Any]) -> str | dict[str, str]:
    context = problem.get("ctx", {})
    match problem["type"]:
        case "literal_error":
            return str(context["expected"]).replace("'", "").replace(" or ", ", ")
        case "greater_than_equal":
            return f"≥ {context['ge']}"
        case "less_than_equal":
            return f"≤ {context['le']}"
        case "value_error":
            return str(context["error"])
        case kind if kind.startswith(("float", "int")):
            return {"ja": "数値", "en": "a number"}
        case kind if kind.startswith("bool"):
            return "true, false"
        case kind if kind.startswith("string"):
            return {"ja": "文字列", "en": "text"}
        case _:
            return str(problem["msg"])
