"""Long texts in short pieces: what is sent with a request has short texts, a whole file has not."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Final

from core.errors import Invalid

_PART: Final = 4_000
_SIZE_MAX: Final = 64_000_000


def pack(text: str) -> tuple[str, ...]:
    """``text`` compressed, in pieces that a request may hold."""
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    return tuple(packed[at : at + _PART] for at in range(0, len(packed), _PART))


def unpack(document: tuple[str, ...]) -> bytes:
    """What ``pack`` was given, UTF-8. Raises Invalid ``sitefile.document_unreadable`` for anything else, or more than any plant."""
    try:
        unzipper = zlib.decompressobj()
        text = unzipper.decompress(base64.b64decode("".join(document), validate=True), _SIZE_MAX)
    except (binascii.Error, zlib.error):
        raise Invalid("sitefile.document_unreadable") from None
    if not unzipper.eof:  # cut off, or larger than any plant
        raise Invalid("sitefile.document_unreadable")
    return text
