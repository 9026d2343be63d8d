"""Files for people outside: tables, pictures and pages; and the trail, page by page, signed, and noted in the trail itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from core.errors import Unavailable
from core.station.floor import Floor
from core.station.people import OnThread
from core.store.operation import Done
from core.store.query import PAGE_MAX, Answer
from core.users.export import Exported, TrailFile
from core.users.trail import chain_heads, note_export, search_trail

T = TypeVar("T")


class Asks(Protocol):
    """The verbs of a station that an export needs."""

    async def ask(self, query: Any, /, **args: Any) -> Answer[Any]:
        """See ``Station.ask``."""
        ...

    async def do(self, operation: Any, /, **args: Any) -> Done[Any]:
        """See ``Station.do``."""
        ...


class Exports:
    """Files that a station writes for people outside: ``Station.exports``.

    Args:
        station: Asked page by page, so that its other questions go in between; it judges the right.
        floor: Its secret store keeps the key.
        working: Runs what writes to the disk beside the screen's loop.
    """

    def __init__(self, station: Asks, floor: Floor, working: OnThread) -> None:
        self._station, self._floor, self._working = station, floor, working

    async def beside(self, work: Callable[[], T]) -> T:
        """What ``work`` gives, made on the thread that writes files; what it raises comes out here."""
        return cast("T", await self._working(work))

    async def file(self, path: Path, content: bytes) -> Path:
        """``content`` in a new file like ``path``: a name that is taken is left alone and gets a number.

        Raises:
            Unavailable: ``tabular.not_written``: the disk is full, or the folder must not be written.
        """
        return await self.beside(partial(_write_new, path, content))

    async def trail(self, path: Path, station: str, **asked: Any) -> Exported:
        """Everything that ``search_trail`` finds for ``asked``, in a signed file that ``path`` names.

        Args:
            path: The CSV to make.
            station: Code of this station.
            **asked: As for ``search_trail``, without pages.

        Raises:
            Refused, Unavailable, Invalid: As of ``search_trail`` and ``TrailFile``; nothing is left behind then.
        """
        heads = await self._station.ask(chain_heads)
        now = heads.as_of  # what comes later is not in it, or pages would shift while they are turned
        bounds = asked | {"to_at": min(asked.get("to_at") or now, now)}
        file: TrailFile = await self._working(lambda: TrailFile(path, self._floor.secrets))
        try:
            while True:
                page = (await self._station.ask(search_trail, limit=PAGE_MAX, offset=file.rows, **bounds)).value
                await self._working(partial(file.add, page.items))
                if len(page.items) < PAGE_MAX:
                    break
            told = {key: str(value) for key, value in bounds.items() if value}
            done: Exported = await self._working(lambda: file.finish(station, now, told, heads.value))
        finally:
            await self._working(file.abandon)
        await self._station.do(note_export, file=path.name, rows=done.rows, sha256=done.sha256, key=done.fingerprint)
        return done


def _write_new(path: Path, content: bytes) -> Path:
    """Write a file that nobody has; half a file is never left behind."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for name in _names(path):
            with suppress(FileExistsError), name.open("xb") as file:
                try:
                    file.write(content)
                except OSError:
                    name.unlink()
                    raise
                return name
    except OSError as error:
        raise Unavailable("tabular.not_written", file=str(path), problem=error.strerror or type(error).__name__) from error
    raise Unavailable("tabular.not_written", file=str(path), problem="EEXIST")


def _names(path: Path) -> Iterator[Path]:
    yield path
    yield from (path.with_stem(f"{path.stem}-{number}") for number in range(2, 1_000))
