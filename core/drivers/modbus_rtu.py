"""Frames of Modbus RTU found in what a line really delivers: noise before, behind and between them.

pymodbus takes the first bytes that could begin a frame for its beginning and throws everything away when the check
sum is wrong; one stray byte, which a half-duplex line adds at every change of direction, costs the answer behind it.
"""

from __future__ import annotations

from pymodbus.framer.rtu import FramerRTU

_CRC_BYTES = 2


class RtuFrames(FramerRTU):
    """Looks for the answer of one unit at every position; waits for more while the first that could be one is incomplete.

    It does not look inside what may still become a frame: registers may hold bytes that look like one.
    """

    awaited = 0
    """The unit that was asked; 0, which answers nothing on a serial line, for any."""

    def decode(self, data: bytes) -> tuple[int, int, int, bytes]:
        """Bytes used up, unit, 0 (frames have no number) and the frame without unit and check sum; zeros to wait for more."""
        for start in range(len(data) - self.MIN_SIZE + 1):
            size = self._size(data[start:])
            if size == 0:
                continue
            end = start + size
            if end > len(data):
                return start, 0, 0, self.EMPTY
            body, check = data[start : end - _CRC_BYTES], int.from_bytes(data[end - _CRC_BYTES : end], "big")
            if self.check_CRC(body, check):
                return end, body[0], 0, body[1:]
        # Nothing can become a frame any more, except what the last few bytes may begin.
        return max(0, len(data) - self.MIN_SIZE + 1), 0, 0, self.EMPTY

    def _size(self, data: bytes) -> int:
        """How long a frame that begins here would be; 0 when none can."""
        if self.awaited and data[0] != self.awaited:
            return 0
        pdu_class = self.decoder.lookupPduClass(data)
        size = pdu_class.calculateRtuFrameSize(data) if pdu_class else 0
        return size if self.MIN_SIZE <= size <= self.MAX_SIZE else 0
