"""A closer look at machines: how each connection is, why a value is old, what else a machine offers. Only looks; writes go elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from core.config import StationSettings
from core.equipment.views import SiteView
from core.errors import GenbaError, Invalid, Refused, Unavailable
from core.live.explained import Explained, explain
from core.live.link import BrowseItem, ConnectionSafety, LinkStatus
from core.live.sample import Batch
from core.live.table import Table
from core.live.tags import MANUAL, TagSpec
from core.station.acquisition import Acquisition
from core.station.connections import connections
from core.station.floor import Floor
from core.store.operation import Actor
from core.words import of_operation

BROWSE: Final = "equipment:source:browse"
RETRY: Final = "equipment:source:retry"

OnThread = Callable[[Callable[[], Any]], Awaitable[Any]]


class Panel(Protocol):
    """What is asked of the station."""

    settings: StationSettings
    site: SiteView
    actor: Actor
    table: Table
    links: dict[str, LinkStatus]


class Machines:
    """Verbs: explain, browse, read, retry, connections; ``Station.machines``. Belongs to the station's loop.

    Args:
        panel: The station: its site, values and links, and who is signed in.
        acquisition: Asks the machines.
        floor: Where this station's secrets are.
        working: Runs what touches the disk beside the loop.
    """

    def __init__(self, panel: Panel, acquisition: Acquisition, floor: Floor, working: OnThread) -> None:
        self._panel, self._acquisition, self._floor, self._working = panel, acquisition, floor, working

    async def explain(self, tag: str) -> Explained:
        """Everything known of one value. Raises Invalid for a tag that is not of this site."""
        site = self._panel.site
        spec = next((spec for spec in site.tags if spec.name == tag), None)
        if spec is None:
            raise Invalid("write.unknown_tag", tag=tag)
        source = next((source for source in site.sources if source.code == spec.source), None)
        group = await self._group(spec) if source is not None and source.protocol != MANUAL else ""
        table = self._panel.table
        return explain(spec, source, site.tags, table.get, self._panel.links.get(spec.source), group, table.last_good_at(tag))

    async def _group(self, spec: TagSpec) -> str:
        """How the tag is read now; "" where another station reads it, or nothing is read."""
        try:
            return await self._acquisition.group(spec.source, spec.name)
        except GenbaError:
            return ""

    async def browse(self, source: str, address: str | None = None) -> list[BrowseItem]:
        """Children of ``address`` in the source's own tree, the roots for None. Raises NotConnected, Invalid, Refused."""
        self._may(BROWSE)
        return await self._acquisition.browse(source, address)

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """Read tags of one source now, also such as are not of the site. Raises NotConnected, Invalid, Refused."""
        self._may(BROWSE)
        return await self._acquisition.read(tags)

    async def retry(self, source: str) -> None:
        """Try to connect now instead of after the pause. Raises Invalid for a source this station does not read, Refused."""
        self._may(RETRY)
        await self._acquisition.retry(source)

    async def connections(self) -> tuple[ConnectionSafety, ...]:
        """How safe each connection of this station is, the database first."""
        settings, site = self._panel.settings, self._panel.site
        found: tuple[ConnectionSafety, ...] = await self._working(lambda: connections(settings, site, self._floor.secrets))
        return found

    async def keep_rows(self, name: str, text: str) -> Path:
        """Write ``text`` into the file ``name`` of the station's export folder and tell where it is. Raises Refused, Unavailable."""
        self._may(BROWSE)
        path: Path = await self._working(partial(_write, self._panel.settings.home / "export" / name, text))
        return path

    def _may(self, permission: str) -> None:
        if not self._panel.actor.may(permission):
            raise Refused("store.no_right", operation=of_operation(permission))


def _write(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8-sig", newline="") as file:  # with its mark, spreadsheets read Japanese
            file.write(text)
    except OSError as error:
        raise Unavailable("value.rows_not_written", file=str(path), problem=error.strerror or type(error).__name__) from None
    return path
