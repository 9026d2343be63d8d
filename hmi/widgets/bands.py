"""Bands across a panel (simulated, snapshot, read only, training, disks), badges, and the alarm icon as a widget."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QCoreApplication, QRectF, QSize
from PySide6.QtGui import QHideEvent, QPainter, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.words import ago, word
from hmi import theme
from hmi.theme import FontRole
from hmi.widgets.flash import flash
from hmi.widgets.glyphs import draw_alarm, draw_glyph
from hmi.widgets.painted import Painted, PaintedButton, draw_box, draw_focus, has_keyboard
from hmi.widgets.text import CENTER, LEFT, RIGHT, block_height, text_width

BandKind = Literal["simulated", "snapshot", "read_only", "training", "warning", "alarm"]
HEIGHT_U = 34


class Band(Painted):
    """A strip that says what is special about everything below it. Feed it with ``show_band``; hidden otherwise."""

    def __init__(self, kind: BandKind, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind: BandKind = kind
        self._age_s: float | None = None
        self._detail = ""
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.hide()

    def show_band(self, *, age_s: float | None = None, detail: str = "") -> None:
        """Show the strip.

        Args:
            age_s: Age of the snapshot, seconds; for kind "snapshot". None: nothing saved is shown.
            detail: More words in the current language: why it is read only, which source is simulated; all of them for a warning.
        """
        before = self._text()
        self._age_s, self._detail = age_s, detail
        if self._text() != before or self.isHidden():
            self.setAccessibleName(self._text())
            self.show()
            self.updateGeometry()
            self.update()

    def _text(self) -> str:
        if self.kind in ("warning", "alarm"):
            return self._detail
        said = {
            "simulated": self.tr("SIMULATION: no real machines"),
            "snapshot": self.tr("Database away: showing what was saved here") if self._age_s is not None else self.tr("Database away"),
            "read_only": self.tr("Read only"),
            "training": self.tr("TRAINING: nothing is recorded"),
        }[self.kind]
        if self.kind == "snapshot" and self._age_s is not None:
            said = f"{said} ({ago(self._age_s, theme.language())})"
        return f"{said} · {self._detail}" if self._detail else said

    def _room(self, width: int) -> float:
        return max(1.0, width - theme.current().px(22 + 12 * 2 + 8))

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """A long reason breaks into lines."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """One line is 34 u."""
        return max(theme.current().px(HEIGHT_U), round(block_height(self._text(), "label", self._room(width))) + theme.current().px(8))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """34 u high."""
        width = max(self.width(), theme.current().px(180))  # beside many tabs it is narrower than it would like
        return QSize(theme.current().px(320), self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Half as wide in two lines, so that tabs beside it keep their words."""
        return QSize(theme.current().px(180), self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width may need another number of lines."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

    def paint(self, painter: QPainter) -> None:
        """Fill, glyph, words."""
        now, rect = theme.current(), QRectF(self.rect())
        look = now.band(self.kind)
        painter.fillRect(rect, now.color(look.fill))
        side, pad = now.px(22), now.px(12)
        draw_glyph(painter, look.glyph, QRectF(pad, rect.center().y() - side / 2, side, side), now.color(look.ink))
        room = QRectF(pad + side + now.px(8), rect.top(), self._room(self.width()), rect.height())
        role: FontRole = "label" if block_height(self._text(), "label", room.width()) <= rect.height() else "small"
        self.write(painter, room, self._text(), role, look.ink, LEFT, lines=4)


def draw_simulated(painter: QPainter, on: Painted | PaintedButton, right: float, top: float) -> float:
    """The SIM tag of a simulated value, its upper right corner at (``right``, ``top``); returns the width it took, px."""
    now, look = theme.current(), theme.current().band("simulated")
    text = QCoreApplication.translate("SimulatedTag", "SIM")
    width = text_width(text, "small") + now.px(12)
    box = QRectF(right - width, top, width, now.px(22))
    draw_box(painter, box, now.color(look.fill), "edge", 1)
    on.write(painter, box, text, "small", look.ink, CENTER)
    return width + now.px(6)


class Badge(Painted):
    """A number in a round box; hidden while it is 0."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_count(self, count: int) -> None:
        """Show ``count``; above 99 as ``99+``."""
        if count != self._count:
            self._count = count
            self.setVisible(count > 0)
            self.setAccessibleName(self.text())
            self.updateGeometry()
            self.update()

    def text(self) -> str:
        """What it says."""
        return "99+" if self._count > 99 else str(self._count)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A circle for one digit, wider for more."""
        now = theme.current()
        side = now.px(28)
        return QSize(max(side, round(text_width(self.text(), "label")) + now.px(14)), side)

    def paint(self, painter: QPainter) -> None:
        """Strongest contrast there is."""
        draw_badge(painter, self, QRectF(self.rect()), self.text())


def draw_badge(painter: QPainter, on: Painted | PaintedButton, rect: QRectF, text: str) -> None:
    """A badge with ``text`` into ``rect``; for widgets that paint their own."""
    now = theme.current()
    painter.setPen(now.pen("surface", 1))
    painter.setBrush(now.color("text"))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), rect.height() / 2, rect.height() / 2)
    on.write(painter, rect, text, "label", "sunken", CENTER)


class AlarmIcon(Painted):
    """One alarm's icon; its outline flashes while it is unacknowledged. Feed it with ``show_alarm``."""

    def __init__(self, parent: QWidget | None = None, *, side_u: int = 40) -> None:
        super().__init__(parent)
        self._side_u = side_u
        self._face: tuple[str, bool, str] = ("P1", False, "")
        self._needed = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_alarm(self, priority: str, *, unacknowledged: bool, letter: str = "") -> None:
        """Show ``priority`` ("P1" …); ``letter`` S, D or O for a suppressed alarm, which never flashes."""
        face = (priority, unacknowledged and not letter, letter)
        if face != self._face:
            self._face = face
            self.setAccessibleName(word(f"alarm.{priority}", theme.language()))
            self._ask_flash(self.isVisible())
            self.update()

    def _ask_flash(self, visible: bool) -> None:
        needed = visible and self._face[1]
        if needed == self._needed:
            return
        self._needed = needed
        beat = flash()
        if needed:
            beat.changed.connect(self.update)
        else:
            beat.changed.disconnect(self.update)
        beat.need(needed)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Join the beat."""
        super().showEvent(event)
        self._ask_flash(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Leave the beat."""
        super().hideEvent(event)
        self._ask_flash(False)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A square."""
        return QSize(theme.current().px(self._side_u), theme.current().px(self._side_u))

    def paint(self, painter: QPainter) -> None:
        """Shape, digit, outline."""
        priority, flashing, letter = self._face
        draw_alarm(painter, priority, QRectF(self.rect()), outline=not flashing or flash().bright, letter=letter)


class AlarmBanner(PaintedButton):
    """The header's worst unacknowledged alarm, or a quiet "no alarms" of the same height. Feed it with ``show_alarm``.

    ``clicked`` jumps to the alarm.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._face: tuple[str, str, str, int] = ("", "", "", 0)
        self._unacknowledged = False
        self._icon = AlarmIcon(self)
        self._icon.hide()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_alarm(self, priority: str = "", text: str = "", detail: str = "", more: int = 0, *, unacknowledged: bool = True) -> None:
        """Show one alarm.

        Args:
            priority: "P1" … "P4"; "" for none.
            text: Place and what, in the current language.
            detail: Time and state.
            more: How many others there are.
            unacknowledged: True lets the icon's outline flash.
        """
        face = (priority, text, detail, more)
        if face == self._face and unacknowledged == self._unacknowledged:
            return
        self._face, self._unacknowledged = face, unacknowledged
        if priority:
            self._icon.show_alarm(priority, unacknowledged=unacknowledged)
        self._icon.setVisible(bool(priority))
        self.setAccessibleName(f"{text} {detail}".strip())
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as the header leaves."""
        now = theme.current()
        side = now.px(40)
        self._icon.setGeometry(now.px(10), (self.height() - side) // 2, side, side)
        return QSize(now.px(300), max(now.px(60), now.touch))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A third of a small screen."""
        return QSize(theme.current().px(220), self.sizeHint().height())

    def paint(self, painter: QPainter) -> None:
        """Icon, two lines, "+n more"."""
        now, rect = theme.current(), QRectF(self.rect())
        priority, text, detail, more = self._face
        side = now.px(40)
        self._icon.setGeometry(now.px(10), (self.height() - side) // 2, side, side)
        draw_box(painter, rect, now.color("pressed" if self.isDown() else "sunken"), "text" if priority else "line", 2 if priority else 1)
        if not priority:
            self.write(painter, rect.adjusted(now.px(16), 0, -now.px(16), 0), self.tr("No alarms"), "body", "text2")
            return
        others = self.tr("+{n} more").format(n=more) if more else ""
        room = rect.adjusted(now.px(60), now.px(5), -now.px(12), -now.px(5))
        tail = text_width(others, "label") + now.px(10) if others else 0.0
        upper = QRectF(room.left(), room.top(), room.width() - tail, room.height() / 2)
        self.write(painter, upper, text, "strong", "text", LEFT, may_cut=True)
        self.write(painter, upper.translated(0, room.height() / 2), detail, "label", "text2", LEFT, may_cut=True)
        self.write(painter, QRectF(room.right() - tail, room.top(), tail, room.height()), others, "label", "text", RIGHT)
        if has_keyboard(self):
            draw_focus(painter, rect)
