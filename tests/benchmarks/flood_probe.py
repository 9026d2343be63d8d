"""One client of one flooded server in a process of its own: ``python -m tests.benchmarks.flood_probe PROTOCOL FORM PORT SECONDS``.

FORM is ``bare`` or ``product``: our driver under its supervisor with the live table behind it, as the acquisition process runs it.
Prints what it received as one JSON object.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
from dataclasses import asdict, replace

from core.clock import SystemClock
from core.drivers.fleet import Fleet
from core.live.link import LinkStatus
from core.live.sample import Batch, Quality
from core.live.table import Table
from tests.benchmarks.flood import WARM_S, Count, Flood, Watched
from tests.benchmarks.floods import FLOODS

START_S = 60.0


class _Table(Table):
    """The live table; what comes is counted in passing."""

    def __init__(self, watch: Watched) -> None:
        super().__init__()
        self._watch = watch
        self.bad = 0

    def put(self, batch: Batch) -> None:
        super().put(batch)
        if batch.tags:
            self._watch.add(len(batch.tags))
        if any(batch.qualities):
            self.bad += sum(quality is not Quality.GOOD for quality in batch.qualities)


async def _product(flood: Flood, port: int, seconds: float) -> tuple[Count, int]:
    watch = Watched()
    table = _Table(watch)
    links: list[LinkStatus] = []
    fleet = Fleet(table.put, links.append, SystemClock())
    tags = list(flood.tags())
    fleet.start([flood.source(port)], tags, {})
    async with asyncio.timeout(START_S):
        while not all(table.get(tag.name).quality is Quality.GOOD for tag in tags):  # noqa: ASYNC110 - nothing is measured yet
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)

    def look() -> None:
        watch.latest.update((tag.name, float(table.get(tag.name).value or 0)) for tag in tags)

    gc.collect()
    gc.freeze()
    await asyncio.sleep(WARM_S)
    look()
    table.bad = 0
    watch.begin()
    await asyncio.sleep(seconds)
    look()
    found, bad = watch.end(), table.bad
    await fleet.close()
    return replace(found, ever=watch.ever), bad


async def _bare(flood: Flood, port: int, seconds: float) -> tuple[Count, int]:
    return await flood.bare(port, seconds), 0


def main() -> None:
    """Measure."""
    protocol, form, port, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    logging.disable(logging.CRITICAL)
    flood = FLOODS[protocol]
    count, bad = asyncio.run((_product if form == "product" else _bare)(flood, port, seconds))
    print(json.dumps({**asdict(count), "bad": bad}))


if __name__ == "__main__":
    main()
