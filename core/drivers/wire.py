"""What travels between the screen's process and the acquisition process: framed messages, and batches that may be thinned.

Both ends are this program on one computer, connected by pipes nobody else has, so messages are pickled.
"""

from __future__ import annotations

import os
import pickle
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from core.live.sample import Batch, Quality, Value

_HEADER = struct.Struct(">I")
_MAX_BYTES = 256 * 2**20
_PORTION = 500
_QUALITIES = tuple(Quality)

Packed = tuple[str, float, list[str], list[Value], bytes, list[float | None], dict[int, str]]


def pack(batch: Batch) -> Packed:
    """A batch as plain columns: half the time to pickle, and no class to look up per quality."""
    return (batch.source, batch.received_at, batch.tags, batch.values, bytes(batch.qualities), batch.source_at, batch.statuses)


def unpack(packed: Packed) -> Batch:
    """The batch of ``pack``."""
    source, received_at, tags, values, qualities, source_at, statuses = packed
    return Batch(source, received_at, tags, values, [_QUALITIES[quality] for quality in qualities], source_at, statuses)


def portions(batches: Sequence[Batch]) -> Iterator[list[Batch]]:
    """``batches`` in groups of about ``_PORTION`` samples: the reader holds the other process's interpreter while it unpacks one."""
    together: list[Batch] = []
    samples = 0
    for batch in batches:
        together.append(batch)
        samples += len(batch.tags) + 1
        if samples >= _PORTION:
            yield together
            together, samples = [], 0
    if together:
        yield together


def send(fd: int, message: Any) -> None:
    """Write one message, waiting for the reader as long as it takes. Raises OSError when nobody reads any more."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    view = memoryview(_HEADER.pack(len(data)) + data)
    while view:
        view = view[os.write(fd, view) :]


def receive(fd: int) -> Any:
    """Wait for one message. Raises EOFError when the other end is gone, also in the middle of a message."""
    (size,) = _HEADER.unpack(_exactly(fd, _HEADER.size))
    if size > _MAX_BYTES:
        raise EOFError("not a message of ours")
    return pickle.loads(_exactly(fd, size))  # noqa: S301 - the other end is our own child or parent, see above


def _exactly(fd: int, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        try:
            part = os.read(fd, min(size, 1 << 20))
        except OSError:
            raise EOFError("pipe broken") from None
        if not part:
            raise EOFError("other end closed")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Outlet:
    """Batches on their way to a slower taker, in order; when it falls behind, only the latest of each tag is kept.

    Thread-safe. Memory stays bounded however long the taker is away: after ``limit`` waiting samples everything waiting
    is merged into one batch per source and reception, each tag once.

    Args:
        limit: Most samples that wait unmerged.
        wake: Called once when something begins to wait, on the thread that puts it; None for none.
    """

    def __init__(self, limit: int = 50_000, wake: Callable[[], None] | None = None) -> None:
        self._limit = limit
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: list[Batch] = []
        self._samples = 0
        self.merged = 0
        """Samples dropped because a later one of the same tag replaced them."""

    def put(self, batch: Batch) -> None:
        """Add one batch; returns at once."""
        with self._lock:
            first = not self._waiting
            self._waiting.append(batch)
            self._samples += len(batch.tags) + 1  # an empty batch is not free either
            if self._samples > self._limit:
                self._merge()
        if first and self._wake is not None:
            self._wake()

    def take(self) -> list[Batch]:
        """Everything waiting, oldest first; [] for nothing."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._samples = 0
        return waiting

    def _merge(self) -> None:
        """Keep the last sample of each tag, in the batch it came in: reception times stay true."""
        kept: list[Batch] = []
        seen: set[tuple[str, str]] = set()
        confirmed: set[str] = set()
        for batch in reversed(self._waiting):
            if not batch.tags:
                if batch.source not in confirmed:
                    confirmed.add(batch.source)
                    kept.append(batch)
                continue
            thinned = Batch(batch.source, batch.received_at)
            for index in range(len(batch) - 1, -1, -1):
                key = (batch.source, batch.tags[index])
                if key not in seen:
                    seen.add(key)
                    status = batch.statuses.get(index, "")
                    thinned.add(batch.tags[index], batch.values[index], batch.qualities[index], batch.source_at[index], status)
            if thinned.tags:
                kept.append(thinned)
        self._waiting = kept[::-1]
        before, self._samples = self._samples, sum(len(batch.tags) + 1 for batch in kept)
        self.merged += before - self._samples
        # With more tags than the limit every put would merge again; leave room for as many once more.
        self._limit = max(self._limit, 2 * self._samples)
