"""ValueTile: one live tag: value, unit, limits, and how far it may be trusted, each quality with a look of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.live.sample import ENTERED, RELAYED, Quality, Sample, Value
from core.live.tags import TagRole, TagSpec
from core.words import UNDEFINED, ago, has_word, name, number, word
from hmi import theme
from hmi.widgets.bands import draw_simulated
from hmi.widgets.bars import draw_tick
from hmi.widgets.glyphs import draw_glyph, pattern_brush
from hmi.widgets.painted import Painted, draw_box, draw_focus, has_keyboard, panel_rect
from hmi.widgets.text import LEFT, RIGHT, font_fitting, text_width

WIDTH_U, HEIGHT_U = 220, 140
TIGHT_U = 128
"""Least height: label, number, bar and foot close together, as on the smallest panel."""
_TALL_U = 176
_TOP = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
NO_NUMBER = f"{UNDEFINED} {UNDEFINED}"
_PAD_U = 12
_BAR_STEPS = 200

# Uncertain for a reason that has a word of its own, and is no reason for doubt.
_TOLD = {RELAYED: "data.RELAYED", ENTERED: "link.manual_entry"}

# Qualities without a number: the glyph beside their word.
_ABSENT = {Quality.BAD: "cross", Quality.OFFLINE: "link_cut", Quality.CONFIG: "spanner", Quality.NEVER: "hourglass"}


@dataclass(frozen=True, slots=True)
class _Face:
    """Everything readable of the tile; it repaints only when this changes."""

    label: str
    number: str
    unit: str
    foot: tuple[str, ...]  # what stands below, longest first: the first that fits is shown
    glyph: str
    quality: Quality
    over: str  # "", "warning"
    filled: int  # 0.._BAR_STEPS, -1 without a bar
    accessible: str


class ValueTile(Painted):
    """A live value. Feed it with ``show_sample``; the bridge does so for registered tiles.

    Args:
        spec: What the tag is: label, unit, digits, display range, limits, states.
        simulated: True for a source of a simulated plant.
        manual: True for a value typed by a person.

    Signals:
        touched(str): Name of its tag; released inside, or Enter or Space.
    """

    touched = Signal(str)

    def __init__(self, spec: TagSpec, parent: QWidget | None = None, *, simulated: bool = False, manual: bool = False) -> None:
        super().__init__(parent)
        self.spec = spec
        self.simulated = simulated
        self.manual = manual
        self._sample = Sample(spec.name, None, Quality.NEVER)
        self._now = 0.0
        self._widest = 0.0
        self._face: _Face | None = None
        self._mark = ""
        self._pressed = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._refresh()

    @property
    def sample(self) -> Sample:
        """What was shown last."""
        return self._sample

    def show_sample(self, sample: Sample, now: float) -> None:
        """Show ``sample``; ``now`` is UNIX seconds UTC, for its age."""
        self._sample, self._now = sample, now
        self._refresh()

    @property
    def mark(self) -> str:
        """The sign behind the name; "" for none."""
        return self._mark

    def set_mark(self, glyph: str) -> None:
        """Say by a sign behind the name what a touch leads to: ``pencil`` a change, ``lock`` the reason why not now; "" for neither."""
        if glyph != self._mark:
            self._mark = glyph
            self.update()

    def retranslate(self) -> None:
        """Say it in the other language."""
        self._widest = 0.0
        self._refresh()

    def restyle(self) -> None:
        """Take over another theme."""
        self._widest = 0.0
        super().restyle()

    # -- what it says --------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        face = self._describe()
        if face != self._face:
            self._face = face
            self.setAccessibleName(face.accessible)
            self.update()

    def _describe(self) -> _Face:
        language, sample = theme.language(), self._sample
        quality = sample.quality
        label = name(self.spec.label, language) if self.spec.label else self.spec.name
        text = NO_NUMBER if quality in _ABSENT or sample.value is None else self._value_text(sample.value)
        if quality is Quality.UNCERTAIN and sample.status not in _TOLD:
            text += " ?"
        over = self._over() if quality.usable else ""
        glyph = _ABSENT.get(quality, "")
        foot = self._foot(over)
        if over:
            glyph = "exclamation"
        elif not glyph and (self.manual or sample.status == ENTERED):
            glyph = "hand"
        elif not glyph and quality is Quality.STALE:
            glyph = "clock"
        quality_word = word(f"data.{quality.name}", language)
        accessible = f"{label} {text} {self.spec.unit} {quality_word} {foot[0]}"
        return _Face(label, text, self.spec.unit, foot, glyph, quality, over, self._filled(), accessible)

    def _value_text(self, value: Value) -> str:
        language = theme.language()
        mapped = self.spec.states.get(str(int(value)) if isinstance(value, (bool, float)) and not _broken(value) else str(value))
        if mapped is not None:
            group = "state" if self.spec.role is TagRole.STATE else "stop"
            return word(f"{group}.{mapped}", language) if has_word(f"{group}.{mapped}") else mapped
        if isinstance(value, bool):
            return self.tr("ON") if value else self.tr("OFF")
        if isinstance(value, str):
            return value or UNDEFINED
        return UNDEFINED if value is None else number(value, self.spec.decimals)

    def _over(self) -> str:
        value, spec = self._sample.value, self.spec
        if isinstance(value, (bool, str)) or value is None or spec.states:
            return ""
        beyond = (spec.warn_high is not None and value > spec.warn_high) or (spec.warn_low is not None and value < spec.warn_low)
        return "warning" if beyond else ""

    def _foot(self, over: str) -> tuple[str, ...]:
        language, sample, spec = theme.language(), self._sample, self.spec
        if over:
            value = sample.value
            high = spec.warn_high is not None and isinstance(value, (int, float)) and value > spec.warn_high
            template = self.tr("Above {limit}") if high else self.tr("Below {limit}")
            return (template.format(limit=number(spec.warn_high if high else spec.warn_low, spec.decimals)),)
        quality = sample.quality
        if quality is Quality.GOOD:
            return (self.tr("Entered by hand") if self.manual else "",)
        said = word(_TOLD.get(sample.status, f"data.{quality.name}"), language)
        if sample.status in _TOLD:
            return (f"{said} · {ago(self._now - sample.received_at, language)}", said)
        if quality in (Quality.STALE, Quality.OFFLINE, Quality.BAD) and sample.received_at > 0:
            age = ago(self._now - sample.received_at, language)
            # A value that is still shown needs its age; one that is not shown needs the reason.
            return (f"{said} · {age}", age if quality is Quality.STALE else said)
        return (said,)

    def _filled(self) -> int:
        value, spec = self._sample.value, self.spec
        if spec.low is None or spec.high is None or spec.high <= spec.low:
            return -1
        if not self._sample.quality.usable or value is None or isinstance(value, str) or _broken(value):
            return 0
        return round(min(max((value - spec.low) / (spec.high - spec.low), 0.0), 1.0) * _BAR_STEPS)

    # -- painting ------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """220 × 140 u."""
        return QSize(theme.current().px(WIDTH_U), theme.current().px(HEIGHT_U))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Three quarters of the width; lower than wished where the room is needed."""
        return QSize(theme.current().px(WIDTH_U * 3 // 4), theme.current().px(TIGHT_U))

    def paint(self, painter: QPainter) -> None:
        """Frame, label, number, bar, foot."""
        face, now = self._face, theme.current()
        assert face is not None  # set in __init__
        rect = QRectF(self.rect())
        self._paint_frame(painter, rect, face)
        inner = rect.adjusted(now.px(_PAD_U), now.px(8), -now.px(_PAD_U), -now.px(8))
        # A tall tile has room for a long name on two lines.
        lines = 2 if rect.height() >= now.px(_TALL_U) else 1
        top = QRectF(inner.left(), inner.top(), inner.width(), now.px(24 if lines == 1 else 46))
        side = now.px(20)
        if self._mark:
            draw_glyph(painter, self._mark, QRectF(top.right() - side, top.top() + now.px(2), side, side), now.color("text"))
        label = top.adjusted(0, 0, -(side + now.px(6)) if self._mark else 0, 0)
        self.write(painter, label, face.label, "label", "text2", _TOP if lines > 1 else LEFT, lines=lines, may_cut=True)
        foot = QRectF(inner.left(), inner.bottom() - now.px(24), inner.width(), now.px(24))
        bar_height = now.px(24) if face.filled >= 0 else 0
        middle = QRectF(inner.left(), top.bottom(), inner.width(), foot.top() - top.bottom() - bar_height)
        self._paint_number(painter, middle, face)
        if face.filled >= 0:
            self._paint_bar(painter, QRectF(inner.left(), middle.bottom() + now.px(1), inner.width(), now.px(20)), face)
        # In the foot, so that the name above keeps the whole width; why there is no number matters more than that it is simulated.
        free = text_width(face.foot[-1], "small") + now.px(80) <= foot.width()
        tag = draw_simulated(painter, self, foot.right(), foot.top()) if self.simulated and free else 0.0
        self._paint_foot(painter, foot.adjusted(0, 0, -tag, 0), face)
        if has_keyboard(self):
            draw_focus(painter, rect)

    def _paint_frame(self, painter: QPainter, rect: QRectF, face: _Face) -> None:
        now = theme.current()
        absent = face.quality in _ABSENT
        dashed = absent or face.quality is Quality.STALE
        draw_box(painter, rect, now.color("pressed" if self._pressed else "surface"), "edge", 2 if dashed else 1, dashed=dashed)
        brush = pattern_brush("hatch", now.color("hatch")) if absent else None
        if brush is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(brush)
            painter.drawRoundedRect(panel_rect(rect, now.px(4)), now.px(4), now.px(4))

    def _paint_number(self, painter: QPainter, rect: QRectF, face: _Face) -> None:
        now = theme.current()
        unit_width = text_width(face.unit, "label") + now.px(6) if face.unit else 0.0
        role = font_fitting(face.number, ("value", "heading", "label"), rect.width() - unit_width)
        needed = text_width(face.number, role)
        tone = "text" if face.quality is Quality.GOOD else "text2"
        numeric = isinstance(self._sample.value, (int, float)) and not isinstance(self._sample.value, bool)
        # The number is set flush right in the widest room it ever took: its decimal point stays where it is.
        self._widest = max(self._widest, needed) if numeric else needed
        width = min(max(self._widest, needed), rect.width() - unit_width)
        free_text = isinstance(self._sample.value, str)
        room = QRectF(rect.left(), rect.top(), width + 1, rect.height())
        self.write(painter, room, face.number, role, tone, RIGHT if numeric else LEFT, may_cut=free_text)
        if face.quality is Quality.UNCERTAIN and self._sample.status not in _TOLD:
            painter.setPen(now.pen("text2", 1, dashed=True))
            y = rect.center().y() + now.font_px(role) * 0.62
            painter.drawLine(round(room.left()), round(y), round(room.right()), round(y))
        if unit_width and face.number != NO_NUMBER:
            drop = (now.font_px(role) - now.font_px("label")) * 0.36
            box = QRectF(room.right() + now.px(5), rect.top() + drop, unit_width, rect.height())
            self.write(painter, box, face.unit, "label", "text2")

    def _paint_bar(self, painter: QPainter, rect: QRectF, face: _Face) -> None:
        now, spec = theme.current(), self.spec
        track = panel_rect(rect.adjusted(0, now.px(4), 0, -now.px(4)), now.px(1))
        painter.setPen(now.pen("edge", 1))
        painter.setBrush(now.color("sunken"))
        painter.drawRoundedRect(track, now.px(3), now.px(3))
        width = (track.width() - 2) * face.filled / _BAR_STEPS
        fill = now.message("warning").fill if face.over else now.tokens.colors["bar"]
        painter.fillRect(QRectF(track.left() + 1, track.top() + 1, width, track.height() - 2), now.color(fill))
        assert spec.low is not None
        assert spec.high is not None  # there is a bar only with both
        for limit in (spec.warn_low, spec.warn_high):
            if limit is not None and spec.low <= limit <= spec.high:
                draw_tick(painter, rect, track.left() + track.width() * (limit - spec.low) / (spec.high - spec.low))

    def _paint_foot(self, painter: QPainter, rect: QRectF, face: _Face) -> None:
        now = theme.current()
        left = rect.left()
        if face.glyph:
            side = now.px(20)
            box = QRectF(left, rect.center().y() - side / 2, side, side)
            if face.over:
                look = now.message("warning")
                draw_box(painter, box, now.color(look.fill), "edge", 1)
                draw_glyph(painter, look.glyph, box.adjusted(3, 3, -3, -3), now.color(look.ink))
            else:
                draw_glyph(painter, face.glyph, box.adjusted(1, 1, -1, -1), now.color("text2"))
            left += side + now.px(6)
        room = QRectF(left, rect.top(), rect.right() - left, rect.height())
        tone = "text" if face.over or face.quality in _ABSENT else "text2"
        foot = next((text for text in face.foot if text_width(text, "label") <= room.width()), face.foot[-1])
        self.write(painter, room, foot, font_fitting(foot, ("label", "small"), room.width()), tone)

    # -- touch and keys ------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Show that the finger is on it."""
        self._press(down=event.button() is Qt.MouseButton.LeftButton)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Sliding off cancels."""
        if self._pressed and not self.rect().contains(event.position().toPoint()):
            self._press(down=False)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Released inside: touched."""
        was = self._pressed
        self._press(down=False)
        if was and self.rect().contains(event.position().toPoint()):
            self.touched.emit(self.spec.name)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter and Space do what a touch does."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.touched.emit(self.spec.name)
        else:
            super().keyPressEvent(event)

    def _press(self, *, down: bool) -> None:
        if down != self._pressed:
            self._pressed = down
            self.update()


def _broken(value: float) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
