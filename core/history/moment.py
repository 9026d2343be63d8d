"""Under which time a sample is kept."""

from __future__ import annotations

from typing import Final

TRUSTED_S: Final = 10.0
"""How far a source's clock may differ from the reception and still be believed, seconds."""


def moment(source_at: float | None, received_at: float) -> float:
    """The source's time while it is believable, else the reception; both and the result in UNIX seconds UTC, never after the reception.

    Clocks of controllers stand hours wrong for years. A part that falls into the wrong hour is booked to the wrong
    order, so a time further than TRUSTED_S from the reception is not used.
    """
    if source_at is None or received_at - source_at > TRUSTED_S:
        return received_at
    # Nothing has happened after it was received; also False for NaN.
    return source_at if source_at <= received_at else received_at
