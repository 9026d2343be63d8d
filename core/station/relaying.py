"""Values between stations: what this one reads is passed on each second, what others read is taken from them.

Belongs to the station's loop. Only for a shared database: nobody else looks at an embedded one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from core.clock import Clock
from core.errors import GenbaError
from core.live.sample import RELAYED, Batch, Quality, Sample, Value
from core.live.table import Table
from core.live.tags import TagSpec
from core.store import relay
from core.store.base import Db
from core.store.engine import Database
from core.store.relay import Relayed

log = logging.getLogger(__name__)

EVERY_S: Final = 1.0
SILENT_S: Final = 5.0
"""After this time without a word from the reading station its values are not shown any more."""
_DEADLINE_S: Final = 3.0


class Relaying:
    """Passes on and takes over latest values.

    Args:
        database: Its listen lane carries both ways.
        station: Code of this station, the holder of the leases.
        table: Where values are taken from and put.
        clock: Of the station.
        held: Sources this station records, with the epoch of each lease.
        elsewhere: Tags by source code, of the sources that another station reads.
    """

    def __init__(
        self,
        database: Database,
        station: str,
        table: Table,
        clock: Clock,
        held: Callable[[], Mapping[str, tuple[int, tuple[TagSpec, ...]]]],
        elsewhere: Callable[[], Mapping[str, tuple[TagSpec, ...]]],
    ) -> None:
        self._database, self._station, self._table, self._clock = database, station, table, clock
        self._held, self._elsewhere = held, elsewhere
        self._seen: dict[str, Any] = {}
        self._garbled: set[str] = set()
        self._failing = False

    async def run(self) -> None:
        """One exchange a second until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.exchange()
            except Exception as error:  # noqa: BLE001 - one second that cannot be passed on must not end all later ones
                if not self._failing:
                    log.warning("values cannot be relayed: %s", error)
                self._failing = True
            else:
                self._failing = False

    async def exchange(self) -> None:
        """Pass on what is read here, take what is read elsewhere; a database that is away only means a pause."""
        outgoing = {
            code: (epoch, payload_of(self._table.get(spec.name) for spec in specs)) for code, (epoch, specs) in self._held().items()
        }
        elsewhere = self._elsewhere()
        self._seen = {code: seen for code, seen in self._seen.items() if code in elsewhere}
        if not outgoing and not elsewhere:
            return
        try:
            told = await asyncio.wrap_future(
                self._database.submit("listen", lambda db: _exchange(db, self._station, outgoing, list(elsewhere)), deadline_s=_DEADLINE_S)
            )
        except GenbaError as error:
            log.debug("relay: %s", error.code)
            told = []
        self._take({one.source: one for one in told}, elsewhere)

    def _take(self, told: Mapping[str, Relayed], elsewhere: Mapping[str, tuple[TagSpec, ...]]) -> None:
        now = self._clock.now().timestamp()
        for code, specs in elsewhere.items():
            known = told.get(code)
            if known is not None and known.age_s <= SILENT_S:
                if self._seen.get(code) != known.sent_at:
                    self._seen[code] = known.sent_at
                    self._table.put(self._understood(known, specs, now))
            elif self._seen.get(code) != "silent":
                self._seen[code] = "silent"
                self._table.put(_offline(code, specs, now, "reader_silent"))

    def _understood(self, known: Relayed, specs: tuple[TagSpec, ...], now: float) -> Batch:
        """What was sent; nonsense of one station must not cost the values of all others."""
        try:
            batch = batch_of(known, {spec.name for spec in specs}, now - known.age_s)
        except (KeyError, TypeError, ValueError) as error:
            if known.source not in self._garbled:
                log.warning("what is relayed of %s cannot be read: %s", known.source, type(error).__name__)
            self._garbled.add(known.source)
            return _offline(known.source, specs, now, "reader_garbled")
        self._garbled.discard(known.source)
        return batch


def payload_of(samples: Iterable[Sample]) -> str:
    """Samples as JSON columns; NaN and infinity are not passed on as numbers."""
    chosen = [sample for sample in samples if sample.quality is not Quality.NEVER]
    return json.dumps(
        {
            "tags": [sample.tag for sample in chosen],
            "values": [_plain(sample.value) for sample in chosen],
            "qualities": [int(sample.quality) for sample in chosen],
            "statuses": [sample.status for sample in chosen],
            "source_at": [sample.source_at for sample in chosen],
        }
    )


def batch_of(told: Relayed, wanted: set[str], received_at: float) -> Batch:
    """What another station read, as a batch of this one: good becomes uncertain with the status ``relayed``, the rest stays.

    Args:
        wanted: Tags of the source here; others are left out.
        received_at: When the other station sent it, on this station's clock, UNIX seconds UTC.

    Raises:
        KeyError, TypeError, ValueError: It is not what ``payload_of`` makes.
    """
    batch = Batch(told.source, received_at)
    columns = told.payload
    for tag, value, quality, status, source_at in zip(
        columns["tags"], columns["values"], columns["qualities"], columns["statuses"], columns["source_at"], strict=True
    ):
        if tag in wanted:
            if not isinstance(value, bool | int | float | str | None) or not isinstance(source_at, int | float | None):
                raise TypeError(tag)
            good = quality == Quality.GOOD
            batch.add(tag, value, Quality.UNCERTAIN if good else Quality(quality), source_at, RELAYED if good else str(status))
    return batch


def _offline(source: str, specs: Iterable[TagSpec], now: float, status: str) -> Batch:
    batch = Batch(source, now)
    for spec in specs:
        batch.add(spec.name, None, Quality.OFFLINE, None, status)
    return batch


def _plain(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _exchange(db: Db, station: str, outgoing: Mapping[str, tuple[int, str]], wanted: list[str]) -> list[Relayed]:
    """On the listen lane."""
    for code, (epoch, payload) in outgoing.items():
        relay.put(db, station, code, epoch, payload)
    told = relay.take(db, wanted) if wanted else []
    db.commit()
    return told
