"""A connection in words: a row of the list, the facts beside it, and three lines about what to do."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from PySide6.QtCore import QCoreApplication

from core.errors import GenbaError
from core.live.explained import READ_ELSEWHERE
from core.live.link import CERTIFICATE_CODES, ConnectionSafety, LinkState, LinkStatus
from core.live.tags import MANUAL, SourceSpec
from core.words import UNDEFINED, duration, name, number, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.widgets.table import Cell, Row

CLOCK_S: Final = 5.0
"""A smaller difference of clocks is nobody's concern."""
_DAY_S: Final = 86_400
_FINGERPRINT: Final = re.compile(r"([0-9A-F]{4})(?: [0-9A-F]{4}){15}")
_GLYPHS: Final[Mapping[LinkState, str]] = {
    LinkState.ONLINE: "link_ok",
    LinkState.DEGRADED: "exclamation",
    LinkState.OFFLINE: "link_cut",
    LinkState.CONNECTING: "hourglass",
    LinkState.STOPPED: "pause",
}
_SAFETY: Final = {"safe": "lock", "unsafe": "exclamation", "local": "check"}


@dataclass(frozen=True, slots=True)
class Connection:
    """Everything known of one connection.

    Attributes:
        safety: What it leads to, where, and how safe it is.
        spec: The source; None for the database and the secret store.
        link: Its state; None where there is none to tell.
    """

    safety: ConnectionSafety
    spec: SourceSpec | None
    link: LinkStatus | None

    @property
    def elsewhere(self) -> str:
        """The other station that reads the source; "" when this one does, or nobody."""
        return self.link.error_detail if self.link is not None and self.link.error_code == READ_ELSEWHERE else ""

    @property
    def by_hand(self) -> bool:
        """Whether people enter its values: there is nothing to connect to."""
        return self.spec is not None and self.spec.protocol == MANUAL

    @property
    def is_live(self) -> bool:
        """Whether this station gets values of it now."""
        return self.link is not None and self.link.state in (LinkState.ONLINE, LinkState.DEGRADED)

    @property
    def shows_certificate(self) -> bool:
        """Whether it is down because of the certificate that the machine shows."""
        return self.link is not None and self.link.state is not LinkState.ONLINE and self.link.error_code in CERTIFICATE_CODES

    @property
    def clock_s(self) -> float | None:
        """How far the machine's clock is ahead, seconds, where that is worth a word."""
        ahead = self.link.clock_ahead_s if self.link is not None else None
        return ahead if ahead is not None and abs(ahead) > CLOCK_S else None


translate = QCoreApplication.translate


class Words:
    """Speaks the current language; knows the station for its time zone and its database.

    Args:
        bridge: Only read.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def title(self, one: Connection) -> str:
        """What it leads to."""
        language = theme.language()
        if one.spec is not None:
            return name(one.spec.label, language) or one.spec.code
        return word(f"connection.{one.safety.kind}", language)

    # -- a row ---------------------------------------------------------------------------------------------------

    def row(self, one: Connection) -> Row:
        """Connection, state, values a second, delay, safety."""
        below = f"{one.spec.code} · {one.spec.protocol}" if one.spec is not None else one.safety.address
        link = one.link
        live = one.is_live
        rate = number(link.updates_per_s, 0 if link.updates_per_s >= 100 else 1) if link is not None and live else UNDEFINED
        if one.safety.kind != "source" or one.by_hand:
            rate = ""
        delay: str | Cell = rate and UNDEFINED
        if rate and link is not None and live and link.latency_ms is not None:
            p99 = "" if link.latency_p99_ms is None else f"p99 {_ms(link.latency_p99_ms)}"
            delay = Cell(_ms(link.latency_ms), below=p99)
        safety = Cell(self.safety(one), glyph=_SAFETY[one.safety.safety], strong=one.safety.safety == "unsafe")
        return (Cell(self.title(one), strong=True, below=below), self._state(one), rate, delay, safety)

    def _state(self, one: Connection) -> Cell:
        state, glyph, since = self.state(one), self._glyph(one), self._since(one)
        notes = [since] if since else []
        if one.clock_s is not None:
            notes = [self._clock(one.clock_s)]
        bad = glyph in ("link_cut", "exclamation")
        return Cell(state, glyph=glyph, strong=bad, below="  ".join(notes))

    def _glyph(self, one: Connection) -> str:
        if one.safety.kind == "database":
            return {True: "link_ok", False: "link_cut", None: "hourglass"}[self._bridge.station.database_up]
        if one.by_hand:
            return "hand"
        if one.link is None:
            return "hourglass" if one.spec is not None else ""
        return "exclamation" if one.link.identity_changed else "sync" if one.elsewhere else _GLYPHS[one.link.state]

    def state(self, one: Connection) -> str:
        """Its state in a word."""
        language = theme.language()
        if one.safety.kind == "database":
            up = self._bridge.station.database_up
            return word("link.ONLINE" if up else "link.CONNECTING" if up is None else "link.OFFLINE", language)
        if one.by_hand:
            return word("link.manual_entry", language)
        if one.link is None:
            return word("link.CONNECTING", language) if one.spec is not None else ""
        if one.link.identity_changed:
            return translate("Connections", "Another machine")
        if one.elsewhere:
            return word("data.RELAYED", language)
        return word(f"link.{one.link.state.value}", language)

    def _since(self, one: Connection) -> str:
        if one.elsewhere:
            return translate("Connections", "by {station}").format(station=one.elsewhere)
        if one.link is None or one.by_hand:
            return ""
        seconds = max(0.0, time.time() - one.link.since)
        at = self._clock_time(one.link.since)
        return at if seconds >= _DAY_S else f"{at}  ({duration(seconds)})"

    def safety(self, one: Connection) -> str:
        """How safe it is, in a word."""
        return {
            "safe": translate("Connections", "safe"),
            "unsafe": translate("Connections", "unsafe"),
            "local": translate("Connections", "this computer"),
        }[one.safety.safety]

    # -- facts ---------------------------------------------------------------------------------------------------

    def facts(self, one: Connection) -> list[Shown]:
        """Everything that can be told, line by line."""
        if one.by_hand:
            readers = translate("Connections", "nobody: people enter its values")
            return [Shown(translate("Connections", "Who reads it"), "", readers)]
        lines = [Shown(translate("Connections", "Address"), "", f"{one.safety.address}  ({self.safety(one)})")]
        if state := f"{self.state(one)}  {self._since(one)}".strip():
            lines.append(Shown(translate("Connections", "State"), "", state))
        if one.spec is not None:
            lines += self._link_facts(one, one.spec)
        return lines

    def _link_facts(self, one: Connection, spec: SourceSpec) -> list[Shown]:
        lines = [Shown(translate("Connections", "Who reads it"), "", self._reader(one, spec))]
        link = one.link
        if link is None or one.elsewhere:
            return lines
        times = " / ".join(_ms(each) for each in (link.latency_ms, link.latency_p95_ms, link.latency_p99_ms) if each is not None)
        clock = self._clock(link.clock_ahead_s) if link.clock_ahead_s is not None else UNDEFINED
        if link.clock_ahead_s is not None and one.clock_s is None:
            clock = translate("Connections", "agrees")
        return [
            *lines,
            Shown(translate("Connections", "Values per second"), "", number(link.updates_per_s, 1) if one.is_live else UNDEFINED),
            Shown(translate("Connections", "Delay (p50 / p95 / p99)"), "", times or UNDEFINED),
            Shown(
                translate("Connections", "Connected again"),
                "",
                translate("Connections", "{n} times, {failures} failures").format(n=number(link.reconnects), failures=link.errors),
            ),
            Shown(translate("Connections", "Machine's clock"), "", clock),
            Shown(translate("Connections", "Identity"), "", link.identity or UNDEFINED),
        ]

    def _reader(self, one: Connection, spec: SourceSpec) -> str:
        if one.elsewhere:
            return translate("Connections", "station {station}; values are relayed").format(station=one.elsewhere)
        if spec.readers == "all":
            return translate("Connections", "every station by itself")
        if spec.readers == "stations":
            return translate("Connections", "stations {stations}").format(stations=", ".join(spec.stations))
        return translate("Connections", "this station, for all others")

    def _clock(self, ahead_s: float) -> str:
        words = translate("Connections", "clock {seconds} s ahead") if ahead_s > 0 else translate("Connections", "clock {seconds} s behind")
        return words.format(seconds=number(abs(ahead_s), 1 if abs(ahead_s) < 100 else 0))

    def _clock_time(self, at: float) -> str:
        zone = self._bridge.zone()
        here, today = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(time.time(), zone)
        return here.strftime("%H:%M:%S" if here.date() == today.date() else "%Y-%m-%d")

    # -- three lines ---------------------------------------------------------------------------------------------

    def cause(self, one: Connection) -> GenbaError:
        """What happened, what to do, what is safe; of a connection in order how safe it is."""
        trouble = self.trouble(one)
        return trouble if trouble is not None else self.safety_lines(one)

    def safety_lines(self, one: Connection) -> GenbaError:
        """Why it is as safe as it is."""
        return GenbaError(one.safety.words, detail=one.safety.detail)

    def trouble(self, one: Connection) -> GenbaError | None:
        """What is wrong with it; None when nothing is."""
        if one.safety.kind == "database":
            return self._bridge.station.problem if self._bridge.station.database_up is False else None
        link, spec = one.link, one.spec
        if spec is None or link is None:
            return None
        shown = dict(spec.label) or spec.code
        if link.identity_changed:
            known = spec.options.get("identity", UNDEFINED)
            return GenbaError("driver.identity_changed", source=shown, found=link.identity or UNDEFINED, known=known)
        if link.error_code and link.state is not LinkState.ONLINE:
            # A whole fingerprint is compared on the certificate's own sheet; here it would bury what to do.
            return GenbaError(link.error_code, source=shown, detail=_FINGERPRINT.sub(r"\1 …", link.error_detail) or UNDEFINED)
        if link.state is LinkState.DEGRADED:
            return GenbaError("value.link_partly", source=shown)
        if link.state is LinkState.CONNECTING:
            return GenbaError("value.link_waits", source=shown)
        if one.clock_s is not None:
            return GenbaError("value.clock_differs", source=shown, seconds=number(abs(one.clock_s), 1))
        return None


def _ms(milliseconds: float | None) -> str:
    return f"{number(milliseconds)} ms"
