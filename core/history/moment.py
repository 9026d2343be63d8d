"""Under which time a sample is kept."""

from __future__ import annotations

from typing import Final

TRUSTED_S: Final = 10.0
"""How far a source's clock may differ from the reception and still be believed, seconds."""


def moment(source_at: float | None, received_at: float) -> float:
    """The source's time while it is believable, else the reception; both and the result in UNIX seconds UTC.

    Clocks of controllers stand hours wrong for years. A part that falls into the wrong hour is booked to the wrong
    order, so a time further than TRUSTED_S from the reception is not used.
    """
    if source_at is None or abs(source_at - received_at) > TRUSTED_S:  # also False for NaN, which is caught below
        return received_at
    return source_at if source_at == source_at else received_at
