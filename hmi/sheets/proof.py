"""Who proves himself: by code or badge and a PIN or password; shared by signing in, signing and authorising."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from core.errors import GenbaError
from hmi import theme
from hmi.widgets.button import Kind, TouchButton
from hmi.widgets.fields import FieldBox
from hmi.widgets.glyphs import draw_glyph
from hmi.widgets.label import Label
from hmi.widgets.overlay import AtSwitch
from hmi.widgets.painted import Painted, draw_box
from hmi.widgets.sheet import BottomSheet

ABOUT_THE_PROOF = frozenset(
    {
        "users.wrong",
        "users.locked",
        "users.wait",
        "users.station_locked",
        "users.badge_unknown",
        "users.badge_blocked",
        "users.not_yourself_authorised",
        "store.no_right",
    }
)
"""Refusals of who proves himself, not of what he decides: the sheet stays and shows them."""


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """What somebody gave to prove who he is; never printed.

    Attributes:
        user_code: "" with a badge.
        badge: What the reader sent; "" without.
        typed: PIN or password.
    """

    user_code: str
    badge: str
    typed: str


class _BadgeBox(Painted):
    """The place of the user's code while a badge stands for it."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.text = ""

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as the field it stands for."""
        return QSize(theme.current().px(160), theme.current().touch)

    def paint(self, painter: QPainter) -> None:
        """A tick and the words."""
        now, rect = theme.current(), QRectF(self.rect())
        draw_box(painter, rect, now.color("surface"), "edge", 2)
        side = now.px(26)
        draw_glyph(painter, "check", QRectF(now.px(12), rect.center().y() - side / 2, side, side), now.color("accent"))
        self.write(painter, rect.adjusted(now.px(48), 0, -now.px(8), 0), self.text, "body")


class Identity(QWidget):
    """Code or badge on the left, PIN or password on the right.

    Signals:
        entered(): The secret was entered; everything there is to give is given.
        changed(): Somebody else may be meant now.
    """

    entered = Signal()
    changed = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.badge = ""
        self.code = FieldBox("", kind="code", required=True, max_length=50)
        self.code.setObjectName(f"{name}.code")
        self.secret = FieldBox("", kind="proof", required=True, max_length=128)
        self.secret.setObjectName(f"{name}.secret")
        self._who = QStackedWidget()
        self._badge_label = Label("", "label", "text2")
        self._badge_box = _BadgeBox()
        self.type_code = TouchButton("", icon="keyboard")
        self._lay_out()
        self.code.entered.connect(self.secret.setFocus)
        self.code.changed.connect(lambda _: self.changed.emit())
        self.secret.entered.connect(self.entered)
        self.type_code.clicked.connect(self._type_instead)

    def _lay_out(self) -> None:
        look = theme.current()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(look.px(4))
        row = QHBoxLayout()
        row.setSpacing(look.px(6))
        row.addWidget(self._badge_box, 1)
        row.addWidget(self.type_code)
        column.addWidget(self._badge_label)
        column.addLayout(row)
        column.addStretch(1)
        self._who.addWidget(self.code)
        self._who.addWidget(page)
        fields = QHBoxLayout(self)
        fields.setContentsMargins(0, 0, 0, 0)
        fields.setSpacing(look.px(16))
        fields.addWidget(self._who, 1)
        fields.addWidget(self.secret, 1)

    def say(self) -> None:
        """Set every text in the current language; what was given stays."""
        self.code.set_label(self.tr("User ID, or scan the ID card"))
        self.secret.set_label(self.tr("PIN or password"))
        self._badge_label.set_text(self.tr("ID card"))
        self._badge_box.text = self.tr("Card read")
        self._badge_box.setAccessibleName(self._badge_box.text)
        self._badge_box.update()
        self.type_code.setAccessibleName(self.tr("Type the user ID instead"))

    def take_code(self, code: str) -> None:
        """Take a code that is known already: only the secret is missing."""
        self._forget_badge()
        self.code.set_text(code)
        self.secret.setFocus()

    def take_badge(self, badge: str) -> None:
        """Take what the reader sent in place of the code; what was typed for somebody else is dropped."""
        self.badge = badge
        self.code.set_text("")
        self.secret.set_text("")
        self._who.setCurrentIndex(1)
        self.secret.setFocus()
        self.changed.emit()

    def _forget_badge(self) -> None:
        self.badge = ""
        self._who.setCurrentIndex(0)

    def _type_instead(self) -> None:
        self._forget_badge()
        self.changed.emit()
        self.code.setFocus()
        self.code.open_sheet()

    def missing(self) -> QWidget:
        """What has to be filled in next."""
        return self.secret.edit if self.badge or self.code.text() else self.code.edit

    def given(self) -> Given | None:
        """Everything given; None with a message under what is missing."""
        if not (self.badge or self.code.check()) or not self.secret.check():
            return None
        return Given("" if self.badge else self.code.text(), self.badge, self.secret.text())


class SecretSheet(BottomSheet):
    """A sheet that takes a secret: nothing of it outlives the sheet, and wrong entries are answered by a rising delay.

    Args:
        parent: The content area.
        name: ``sheet.<name>`` is its object name.
        kind: Kind of the right button.
        timeout_s: See ``BottomSheet``.
    """

    at_switch: AtSwitch = "close"

    def __init__(self, parent: QWidget, name: str, *, kind: Kind = "primary", timeout_s: float = 0) -> None:
        super().__init__(parent, kind=kind, timeout_s=timeout_s, max_width_u=820)
        self.setObjectName(f"sheet.{name}")
        self._confirm_word = ""
        self._wait_s = 0
        self._waiting = QTimer(self)
        self._waiting.setInterval(1000)
        self._waiting.timeout.connect(self._wait_less)
        self.confirm_button.setMinimumWidth(theme.current().px(280))
        self.finished.connect(lambda _: self._forget_all())

    def secrets(self) -> tuple[FieldBox, ...]:
        """Fields that are emptied when the sheet goes, the first one also after a refusal."""
        return ()

    def set_confirm_word(self, text: str) -> None:
        """What the right button says while nobody has to wait."""
        self._confirm_word = text
        self._show_wait()

    def refuse(self, error: Exception) -> None:
        """Show why not; only the secret is typed again."""
        shown = error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__)
        first = self.secrets()[0]
        first.set_text("")
        self.show_error(shown)
        if shown.code == "users.wait":
            self._wait_s = int(shown.params.get("seconds", 0))
            self._waiting.start()
            self._show_wait()
        first.setFocus()

    def _wait_less(self) -> None:
        self._wait_s -= 1
        self._show_wait()
        if self._wait_s <= 0:
            self._end_wait()
            self.message.clear()
            self.refit()

    def _end_wait(self) -> None:
        self._wait_s = 0
        self._waiting.stop()
        self._show_wait()

    def _show_wait(self) -> None:
        waiting = self._wait_s > 0
        self.confirm_button.setEnabled(not waiting)
        self.set_confirm_text(self.tr("Again in {n} s").format(n=self._wait_s) if waiting else self._confirm_word)

    def _forget_all(self) -> None:
        self._waiting.stop()
        for field in self.secrets():
            field.set_text("")


class ProofSheet(SecretSheet):
    """A sheet in which somebody proves who he is; arguments as of ``SecretSheet``."""

    def __init__(self, parent: QWidget, name: str, *, kind: Kind = "primary", timeout_s: float = 0) -> None:
        super().__init__(parent, name, kind=kind, timeout_s=timeout_s)
        self.identity = Identity(name)
        self.code, self.secret = self.identity.code, self.identity.secret
        self.identity.entered.connect(self.press_confirm)
        # The delay belongs to whom the wrong entries were made for.
        self.identity.changed.connect(self._end_wait)

    def secrets(self) -> tuple[FieldBox, ...]:
        """The PIN or password."""
        return (self.secret,)

    def first_focus(self) -> QWidget:
        """What is missing, so that a hardware keyboard can begin at once."""
        return self.identity.missing()

    def take_badge(self, badge: str) -> None:
        """A badge was read: only the secret is missing."""
        self.message.clear()
        self.identity.take_badge(badge)
        self.refit()

    def given(self) -> Given | None:
        """What was given; None with a message under what is missing."""
        given = self.identity.given()
        self.refit()
        return given
