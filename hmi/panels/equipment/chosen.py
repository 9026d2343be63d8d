"""What an engineer has chosen for the tag list so far, and the levels it is chosen from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.live.link import BrowseItem
from core.live.tags import SourceSpec, TagSpec
from core.sitefile.proposing import propose, type_of
from hmi.bridge import Bridge


def is_folder(item: BrowseItem) -> bool:
    """True for an entry that holds others and no value."""
    return item.has_children and not item.type


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a machine's address space.

    Attributes:
        address: What was browsed; None for the roots.
        title: Name of what it stands below.
        items: Its entries by address, in the machine's order.
    """

    address: str | None
    title: str
    items: Mapping[str, BrowseItem] = field(default_factory=dict)

    def holding(self, items: Iterable[BrowseItem]) -> Level:
        """The same level with its entries."""
        return replace(self, items={item.address: item for item in items})


class Chosen:
    """Proposed tags by source and address, in the order they were chosen.

    Args:
        bridge: Knows which tags the site has already.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._specs: dict[tuple[str, str], TagSpec] = {}

    def __len__(self) -> int:
        return len(self._specs)

    def __iter__(self) -> Iterator[TagSpec]:
        return iter(tuple(self._specs.values()))

    def has(self, source: str, item: BrowseItem) -> bool:
        """Whether the entry was chosen."""
        return (source, item.address) in self._specs

    def taken(self) -> set[str]:
        """Names that a further tag must not have."""
        return {spec.name for spec in self._bridge.station.site.tags} | {spec.name for spec in self._specs.values()}

    def toggle(self, item: BrowseItem, spec: TagSpec) -> None:
        """Choose the entry as ``spec``, or leave it out again."""
        key = (spec.source, item.address)
        if self._specs.pop(key, None) is None:
            self._specs[key] = spec

    def retype(self, item: BrowseItem, spec: TagSpec) -> None:
        """An entry that was chosen is read in another way from now on; it keeps its name."""
        key = (spec.source, item.address)
        if key in self._specs:
            self._specs[key] = replace(spec, name=self._specs[key].name)

    def take_all(self, source: SourceSpec, path: Sequence[str], items: Iterable[BrowseItem]) -> None:
        """Choose every value among ``items`` that is not in use yet."""
        used = {spec.address for spec in self._bridge.station.site.tags if spec.source == source.code}
        taken = self.taken()
        for item in items:
            if not is_folder(item) and item.address not in used and not self.has(source.code, item):
                spec = propose(source, path, item, taken, type_of(item, source.protocol))
                taken.add(spec.name)
                self._specs[source.code, item.address] = spec

    def leave_out(self, name: str) -> None:
        """Leave the tag called ``name`` out again."""
        self._specs = {key: spec for key, spec in self._specs.items() if spec.name != name}

    def clear(self) -> None:
        """Begin anew."""
        self._specs.clear()
