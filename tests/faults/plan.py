"""What breaks when: a pure function of the seed, so that a run that found something can be had again."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

SERVER_FAULTS: Final = (
    "server_killed",
    "server_restarted",
    "server_frozen",
    "server_slow",
    "server_full",
    "server_out_of_disk",
    "server_failed_over",
    "migration_ran",
    "schema_moved_on",
)
STATION_FAULTS: Final = (
    "answer_lost",
    "commit_cut",
    "network_cut",
    "half_open_up",
    "half_open_down",
    "packets_lost",
    "network_far",
    "network_narrow",
    "resets",
    "notify_lost",
    "notices_dropped",
    "listening_ended",
    "station_killed",
    "killed_in_journal",
    "killed_in_apply",
    "killed_in_answer",
    "station_suspended",
    "station_slept",
    "station_updated",
    "journal_damaged",
    "readstore_damaged",
    "disk_full",
    "clock_jumped",
    "twin_started",
)
DAY_S: Final = 86_400.0
HOUR_S: Final = 3_600.0
SERVER: Final = "server"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that breaks.

    Attributes:
        at_s, lasts_s: Seconds since the start of the run, and until it is mended.
        where: Code of a station, or ``server``.
        dice: Seed of whatever is drawn while it is done (which bytes are flipped, which way a clock is turned).
    """

    at_s: float
    lasts_s: float
    kind: str
    where: str
    dice: int


def plan(seed: int, seconds: float, stations: tuple[str, ...], without: Collection[str] = ()) -> tuple[Fault, ...]:
    """Everything that breaks in a run, in time; the server and each station have one fault at a time, but all of them at once.

    Every kind comes once before any comes twice. In a short run they are shorter and come faster one after the other.

    Args:
        without: Kinds that do not come.
    """
    dice = random.Random(f"genba faults {seed}")
    pace = min(1.0, max(0.35, seconds / 120.0))
    found: list[Fault] = []
    bag: list[str] = []
    for where in (SERVER, *stations):
        kinds = [kind for kind in (SERVER_FAULTS if where == SERVER else STATION_FAULTS) if kind not in without]
        if not kinds:
            continue
        mine: list[str] = []
        at = dice.uniform(1.0, 8.0) * pace
        while True:
            if where == SERVER:
                mine = mine or dice.sample(kinds, len(kinds))
                kind = mine.pop()
            else:
                bag = bag or dice.sample(kinds, len(kinds))
                kind = bag.pop()
            lasts = dice.uniform(1.5, 12.0) * pace
            if at + lasts > seconds:
                break
            found.append(Fault(round(at, 3), round(lasts, 3), kind, where, dice.getrandbits(32)))
            at += lasts + dice.uniform(4.0, 14.0) * pace
    return tuple(sorted(found, key=lambda fault: (fault.at_s, fault.where)))
