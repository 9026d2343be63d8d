"""The last two hours on disk, in pieces of a minute, so that trends go on after a restart, with the database or without it.

A piece is written once and never changed, so that a panel's flash memory wears no more than the values themselves weigh. A piece that is
damaged, or of another program version, is removed: what is lost is a minute of a picture.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

KEEP_S: Final = 7_200.0
"""Pieces older than this are removed; as long as the station's memory reaches."""
SAMPLES_MAX: Final = 120_000
"""Samples of one piece, 2 MB; of a site with more only every n-th of a tag is kept."""
PIECES_MAX: Final = 150
READ_MAX: Final = 2_000_000
"""Samples read back at most, the newest: a start must not wait for more."""
_SUFFIX: Final = ".npz"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples of one tag in order of time: UNIX seconds UTC, values (NaN: not usable) and ``Quality`` codes, all shape (n,)."""

    at: NDArray[np.float64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]


class Remembered:
    """The folder of pieces. Every verb blocks for the disk and none raises: history of two hours is worth no alarm of its own.

    Args:
        folder: ``<home>/recent``; made when needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failed = False

    def write(self, stretches: Mapping[str, Stretch], now_s: float) -> None:
        """Keep what was added since the last piece; ``now_s`` names it (UNIX seconds UTC)."""
        import numpy as np

        total = sum(len(one.at) for one in stretches.values())
        if not total:
            return
        step = -(-total // SAMPLES_MAX)
        thin = {tag: Stretch(one.at[::-step][::-1], one.value[::-step][::-1], one.quality[::-step][::-1]) for tag, one in stretches.items()}
        names = np.frombuffer(json.dumps(list(thin)).encode(), np.uint8)
        lengths = np.array([len(one.at) for one in thin.values()], np.int64)
        columns = {part: np.concatenate([getattr(one, part) for one in thin.values()]) for part in ("at", "value", "quality")}
        number = round(now_s * 1000)
        while (path := self._folder / f"{number:015d}{_SUFFIX}").exists():
            number += 1
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = path.with_suffix(".new")
            with beside.open("wb") as file:
                np.savez(file, names=names, lengths=lengths, at=columns["at"], value=columns["value"], quality=columns["quality"])
            beside.replace(path)
            self._tidy(now_s)
            self._failed = False
        except OSError as error:
            if not self._failed:
                log.info("the last minutes cannot be kept for a restart: %s", error)
            self._failed = True

    def read(self, now_s: float) -> dict[str, Stretch]:
        """Everything that is kept of the last two hours before ``now_s``, by tag."""
        import numpy as np

        parts: dict[str, list[Stretch]] = defaultdict(list)
        total = 0
        for path in reversed(self._pieces()):
            if total > READ_MAX or not now_s - KEEP_S <= self._at(path) <= now_s:
                continue
            for tag, stretch in self._piece(path).items():
                total += len(stretch.at)
                parts[tag].insert(0, stretch)
        joined = {}
        for tag, several in parts.items():
            at, value, quality = (np.concatenate([getattr(one, part) for one in several]) for part in ("at", "value", "quality"))
            kept = at >= now_s - KEEP_S
            if kept.any():
                joined[tag] = Stretch(at[kept], value[kept], quality[kept])
        return joined

    # ---- inside --------------------------------------------------------------------------------------------------

    def _pieces(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.iterdir() if path.suffix == _SUFFIX and path.stem.isdecimal())
        except OSError:
            return []

    @staticmethod
    def _at(path: Path) -> float:
        return int(path.stem) / 1000

    def _piece(self, path: Path) -> dict[str, Stretch]:
        import numpy as np

        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as piece:  # numpy leaves a damaged file open
                names = json.loads(piece["names"].tobytes())
                ends = np.cumsum(piece["lengths"])
                at, value, quality = (piece[part] for part in ("at", "value", "quality"))
            fits = len(names) == len(ends) and len(at) == len(value) == len(quality) == (int(ends[-1]) if len(ends) else 0)
            if not fits or not np.isfinite(at).all():
                raise ValueError("columns do not fit")
            edges = [0, *ends.tolist()]
            spans = zip(names, edges[:-1], edges[1:], strict=True)
            return {str(tag): Stretch(at[a:b], value[a:b].astype(float), quality[a:b].astype(np.uint8)) for tag, a, b in spans}
        except Exception as error:  # noqa: BLE001 - numpy and zipfile raise whatever they come across in a damaged file
            log.info("%s of the last two hours cannot be read and is removed: %s", path.name, type(error).__name__)
            self._remove(path)
            return {}

    def _tidy(self, now_s: float) -> None:
        pieces = self._pieces()
        for number, path in enumerate(reversed(pieces)):
            if number >= PIECES_MAX or self._at(path) < now_s - KEEP_S:
                self._remove(path)

    @staticmethod
    def _remove(path: Path) -> None:
        try:
            path.unlink()
        except OSError as error:
            log.info("%s cannot be removed: %s", path.name, error)
