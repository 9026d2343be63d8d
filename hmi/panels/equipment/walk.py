"""The way through a machine's address space: levels that were read, the one that is being read, a range that is scanned."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.errors import GenbaError
from core.live.link import BrowseItem
from core.live.tags import SourceSpec
from core.words import name
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels.equipment.browser_sheets import Range
from hmi.panels.equipment.chosen import Level


class Walk(QObject):
    """Reads a level when it is wished for; what was read stays until the person goes back over it.

    Args:
        bridge: Asks the machine.

    Attributes:
        source: The machine; None before one was chosen.
        levels: From the roots to the level in front.
        loading: What is being read; "" while nothing is.
        looked_at: Addresses of a range that were looked at, and how many there are in all; (0, 0) without one.
        failure: Why the last level could not be read.

    Signals:
        changed(): Something of this is different.
        arrived(): Another level is in front.
        broken(object): An exception that is none of the six.
    """

    changed = Signal()
    arrived = Signal()
    broken = Signal(object)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.source: SourceSpec | None = None
        self.levels: list[Level] = []
        self.loading = ""
        self.looked_at = (0, 0)
        self.failure: GenbaError | None = None
        self._stopped = False

    @property
    def code(self) -> str:
        """Code of the machine; "" before one was chosen."""
        return self.source.code if self.source is not None else ""

    @property
    def level(self) -> Level | None:
        """The level in front; None before anything was read."""
        return self.levels[-1] if self.levels else None

    @property
    def path(self) -> list[str]:
        """Names of what the level in front stands below, without the machine itself."""
        return [level.title for level in self.levels[1:]]

    def begin(self, source: SourceSpec | None) -> None:
        """Stand before the roots of ``source``, which are not read yet."""
        self.source, self.levels, self.loading, self.failure = source, [], "", None
        self.changed.emit()

    def read_roots(self) -> None:
        """Read the first level, unless it is there or under way."""
        if self.source is not None and not self.levels and not self.loading:
            self._load(Level(None, name(self.source.label, theme.language()) or self.source.code))

    def go_into(self, item: BrowseItem) -> None:
        """Read what ``item`` holds."""
        if item.has_children and not self.loading:
            self._load(Level(item.address, item.name))

    def go_up(self) -> str | None:
        """Back to the level above, as it was; returns the address of the one that was left, None when there is none above."""
        if len(self.levels) < 2 or self.loading:
            return None
        gone = self.levels.pop()
        self.failure = None
        self.changed.emit()
        return gone.address

    def scan(self, wanted: Range) -> None:
        """Read a range of registers in steps, so that the machine's other values keep their rhythm."""
        if not self.loading and self.source is not None:
            self.loading, self.failure, self._stopped = wanted.title, None, False
            self.looked_at = (0, wanted.count)
            self.changed.emit()
            self._bridge.start(self._scan(self.source, wanted), on_error=self._not_read, reader=self)

    def stop(self) -> None:
        """End a scan after the step under way; a level that is being read is not waited for any more."""
        self._stopped = True
        if self.looked_at == (0, 0):
            self.loading = ""
            self.changed.emit()

    def _load(self, level: Level) -> None:
        self.loading, self.failure, self._stopped = level.title, None, False
        self.changed.emit()
        if self.source is not None:
            self._bridge.start(self._read(self.source, level), on_error=self._not_read, reader=self)

    async def _read(self, source: SourceSpec, level: Level) -> None:
        items = await self._bridge.machines.browse(source.code, level.address)
        if source is self.source and not self._stopped:  # another machine may have been chosen meanwhile
            self._take(level.holding(items))

    async def _scan(self, source: SourceSpec, wanted: Range) -> None:
        found: list[BrowseItem] = []
        for step in wanted.steps():
            if self._stopped or source is not self.source:
                break
            found += await self._bridge.machines.browse(source.code, step.address)
            self.looked_at = (step.end - wanted.first, wanted.count)
            self.changed.emit()
        if source is self.source:
            self._take(Level(wanted.address, wanted.title).holding(found))

    def _take(self, level: Level) -> None:
        self.loading, self.looked_at = "", (0, 0)
        if level.address is not None and self.level is not None and self.level.address == level.address:
            self.levels.pop()  # the same range once more
        self.levels.append(level)
        self.arrived.emit()

    def _not_read(self, error: Exception) -> None:
        self.loading, self.looked_at = "", (0, 0)
        self.failure = error if isinstance(error, GenbaError) else None
        if self.failure is None:
            self.broken.emit(error)
        self.changed.emit()
