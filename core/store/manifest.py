"""What a backup says of itself: ``manifest.json`` in its folder, with the sum of every piece beside it.

A backup is a folder, so that whoever has nothing but PostgreSQL's own programs can still bring it back by hand:
``manifest.json``, ``database.dump`` (``pg_dump --format=custom``) and ``logins.json`` (log-ins of the stations).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from core.errors import Invalid, Unavailable

MANIFEST: Final = "manifest.json"
DUMP: Final = "database.dump"
LOGINS: Final = "logins.json"
_CHUNK: Final = 1 << 20
_FORMAT: Final = 1

Sum = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PieceName = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z]+$")]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=False)


class Piece(_Told):
    """One file of a backup.

    Attributes:
        size: Bytes.
        sha256: Of its content, hex.
    """

    size: int = Field(ge=0)
    sha256: Sum


class Manifest(_Told):
    """What a backup holds.

    Attributes:
        format: Of this file; a newer one is not read.
        name: Of the folder when it was made.
        made_at: Server time of the moment that is in it.
        station: Who made it.
        site: Codes of the sites in it.
        program: Version of the program that made it.
        schema_revision: Of the database.
        server: Version of the server, ``15.14``; ``server_major`` its first number.
        tool: Version of ``pg_dump``.
        database: Name of the database it was made of.
        rows: Table → rows, of every table that is in it.
        heads: Station → (number, hash as hex) of the last row of its audit chain.
        system: Number of the server's data (``pg_control_system``): which database of several with one name.
        scheduled: Made by a station by itself, and removed by it when there are enough newer ones.
        logins: Stations in ``logins.json``.
        login_secrets: Whether that holds what the server needs to let stations in with their present passwords.
        pieces: The other files.
    """

    format: Literal[1]
    name: str
    made_at: AwareDatetime
    station: str
    site: tuple[str, ...]
    program: str
    schema_revision: str
    server: str
    server_major: int = Field(ge=1)
    tool: str = Field(pattern=r"^\d+")
    database: str
    rows: dict[str, int]
    heads: dict[str, tuple[int, Sum]]
    system: str
    scheduled: bool
    logins: int = Field(ge=0)
    login_secrets: bool
    pieces: dict[PieceName, Piece]

    @field_validator("pieces")
    @classmethod
    def _whole(cls, pieces: dict[str, Piece]) -> dict[str, Piece]:
        if not {DUMP, LOGINS} <= pieces.keys():
            raise ValueError("a piece without a sum")
        return pieces

    @property
    def tool_major(self) -> int:
        """Older tools cannot read what it wrote."""
        return int(re.match(r"\d+", self.tool)[0])  # type: ignore[index]

    @property
    def size(self) -> int:
        """Bytes of all pieces."""
        return sum(piece.size for piece in self.pieces.values())


def sealed(manifest: Manifest) -> bytes:
    """The content of ``manifest.json``: itself, and its own sum in the last line."""
    body = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=1)
    return json.dumps({"manifest": json.loads(body), "sha256": _own_sum(json.loads(body))}, ensure_ascii=False, indent=1).encode()


def _own_sum(told: object) -> str:
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read(folder: Path) -> Manifest:
    """The manifest of the backup in ``folder``; the pieces are not looked at.

    Raises:
        Invalid: There is none (``backup.none``), it is damaged (``backup.damaged``), or a newer program made it (``backup.newer_format``).
        Unavailable: It cannot be read.
    """
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise Invalid("backup.none", path=str(folder)) from None
    except OSError as error:
        raise Unavailable("backup.unreadable", path=str(path), problem=error.strerror) from None
    try:
        told = json.loads(raw)
        body, own = told["manifest"], told["sha256"]
        if own != _own_sum(body):
            raise Invalid("backup.damaged", path=str(path), problem="SHA-256")
        if isinstance(body.get("format"), int) and body["format"] > _FORMAT:
            raise Invalid("backup.newer_format", path=str(path))
        return Manifest.model_validate(body)
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise Invalid("backup.damaged", path=str(path), problem=type(error).__name__) from None


def folder_of(path: Path) -> Path:
    """The folder of a backup that is named by itself or by a file in it."""
    return path.parent if path.is_file() else path


def check_pieces(folder: Path, manifest: Manifest, give_up: Callable[[], bool] = lambda: False) -> None:
    """Compare every piece with its size and sum.

    Raises:
        Invalid: ``backup.damaged``, naming the piece.
        Unavailable: One cannot be read, or given up.
    """
    for name, piece in manifest.pieces.items():
        path = folder / name
        try:
            size = path.stat().st_size
            if size != piece.size:
                raise Invalid("backup.damaged", path=str(path), problem=f"{size} / {piece.size} bytes")
            if sum_of(path, give_up) != piece.sha256:
                raise Invalid("backup.damaged", path=str(path), problem="SHA-256")
        except FileNotFoundError:
            raise Invalid("backup.damaged", path=str(path), problem="missing") from None
        except OSError as error:
            raise Unavailable("backup.unreadable", path=str(path), problem=error.strerror) from None


def sum_of(path: Path, give_up: Callable[[], bool] = lambda: False) -> str:
    """SHA-256 of a file, hex. Raises OSError, and Unavailable when given up."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if give_up():
                raise Unavailable("backup.stopped")
    return digest.hexdigest()


def write_durably(path: Path, content: bytes) -> None:
    """A new file, on the disk when this returns, for this account alone. Raises OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, onto the disk. Raises OSError."""
    if os.name != "posix" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def found_in(folder: Path) -> Iterator[tuple[datetime, Path, Manifest]]:
    """Every readable backup in ``folder``, in no order; what is none or damaged is left out."""
    try:
        inside = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except OSError:
        return
    for path in inside:
        try:
            manifest = read(path)
        except (Invalid, Unavailable):
            continue
        yield manifest.made_at, path, manifest
