"""Values between stations: what this one reads is passed on each second, what others read is taken from them.

Belongs to the station's loop. Only for a shared database: nobody else looks at an embedded one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections import defaultdict
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
        now = self._clock.now().timestamp()
        outgoing = {
            code: (epoch, payload_of((self._table.get(spec.name) for spec in specs), now)) for code, (epoch, specs) in self._held().items()
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
        # What this station began to read meanwhile has its own values, and the machine may not send them a second time.
        still = self._elsewhere()
        self._take({one.source: one for one in told}, {code: specs for code, specs in elsewhere.items() if code in still})

    def _take(self, told: Mapping[str, Relayed], elsewhere: Mapping[str, tuple[TagSpec, ...]]) -> None:
        now = self._clock.now().timestamp()
        for code, specs in elsewhere.items():
            known = told.get(code)
            if known is not None and known.age_s <= SILENT_S:
                if self._seen.get(code) != known.sent_at:
                    self._seen[code] = known.sent_at
                    for batch in self._understood(known, specs, now):
                        self._table.put(batch)
            elif self._seen.get(code) != "silent":
                self._seen[code] = "silent"
                self._table.put(_offline(code, specs, now, "reader_silent"))

    def _understood(self, known: Relayed, specs: tuple[TagSpec, ...], now: float) -> list[Batch]:
        """What was sent; nonsense of one station must not cost the values of all others."""
        try:
            batches = batches_of(known, {spec.name for spec in specs}, now - known.age_s)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if known.source not in self._garbled:
                log.warning("what is relayed of %s cannot be read: %s", known.source, type(error).__name__)
            self._garbled.add(known.source)
            return [_offline(known.source, specs, now, "reader_garbled")]
        self._garbled.discard(known.source)
        return batches


def payload_of(samples: Iterable[Sample], now: float) -> str:
    """Samples as JSON columns; NaN and infinity are not passed on as numbers.

    Args:
        samples: As they are known here.
        now: On this station's clock, UNIX seconds UTC: with it the others understand ``received_at``.
    """
    chosen = [sample for sample in samples if sample.quality is not Quality.NEVER]
    return json.dumps(
        {
            "tags": [sample.tag for sample in chosen],
            "values": [_plain(sample.value) for sample in chosen],
            "qualities": [int(sample.quality) for sample in chosen],
            "statuses": [sample.status for sample in chosen],
            "source_at": [sample.source_at for sample in chosen],
            # To a tenth of a second, so that values of one moment stay together on the other side.
            "received_at": [round(sample.received_at, 1) for sample in chosen],
            "now": now,
        }
    )


def batches_of(told: Relayed, wanted: set[str], sent_at: float) -> list[Batch]:
    """What another station read, as batches of this one: good becomes uncertain with the status ``relayed``, the rest stays.

    A value is as old as it was there, and the way on top of it. Batches come in the order of their reception.

    Args:
        wanted: Tags of the source here; others are left out.
        sent_at: When the other station sent it, on this station's clock, UNIX seconds UTC.

    Raises:
        KeyError, TypeError, ValueError: It is not what ``payload_of`` makes.
    """
    columns = told.payload
    if "received_at" not in columns:  # a station of an earlier version: its values are as old as what it sent
        columns = {**columns, "received_at": [0.0] * len(columns["tags"]), "now": sent_at}
    ahead_s = float(columns["now"]) - sent_at
    batches: defaultdict[float, Batch] = defaultdict(lambda: Batch(told.source, sent_at))
    names = ("tags", "values", "qualities", "statuses", "source_at", "received_at")
    for tag, value, quality, status, source_at, received_at in zip(*(columns[name] for name in names), strict=True):
        if tag in wanted:
            if not isinstance(value, bool | int | float | str | None) or not isinstance(source_at, int | float | None):
                raise TypeError(tag)
            batch = batches[received_at]
            # What was never received has no age; what came within this tenth of a second came before it was sent.
            batch.received_at = min(sent_at, received_at - ahead_s) if received_at else sent_at
            good = quality == Quality.GOOD
            batch.add(tag, value, Quality.UNCERTAIN if good else Quality(quality), source_at, RELAYED if good else str(status))
    return [batches[at] for at in sorted(batches)]


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
