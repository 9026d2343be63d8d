"""Theme: sizes in design units and millimetres, colours by token, fonts by role. Widgets ask it while they paint."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt, QTime
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPen

from hmi.theme.tokens import Look, PenLook, ThemeName, Tokens, load_tokens

if TYPE_CHECKING:
    from core.config import StationSettings
    from hmi.theme.first_look import FirstLook

FAMILY = "BIZ UDPGothic"

Language = Literal["ja", "en"]
FontRole = Literal["hero", "value", "heading", "button", "strong", "body", "label", "small"]

# Role → (design units, bold). Bold is for values and headings only.
ROLES: dict[FontRole, tuple[int, bool]] = {
    "hero": (44, True),
    "value": (28, True),
    "heading": (22, True),
    "button": (22, True),
    "strong": (20, True),
    "body": (20, False),
    "label": (17, False),
    "small": (14, False),
}

_BODY_MM = 4.85  # em of the body text: 25' for kanji at 600 mm (JIS Z 8513)
_BODY_U = 20
_SCALE_MIN, _SCALE_MAX = 0.85, 1.6
_MM_PER_INCH = 25.4
_DAY_FROM_H, _DAY_TO_H = 6, 18  # of the terminal's own clock


class Theme:
    """One complete look. Immutable: to change anything, make another and give it to ``theme.apply``.

    Args:
        name: "light" (lit halls, default) or "dark" (night shift).
        profile: Colours of machine states: "default", "grey" or "jsia113"; a site setting.
        diagonal_inch: Screen diagonal as configured (panel PCs report nonsense); None: design units are pixels.
        screen_px: (width, height) in logical pixels the diagonal belongs to; None asks the primary screen.
        glove: True: nothing tappable is smaller than 15 mm; False (bare fingers): 9 mm.
        keypad: "789" or "123": which row of digits is on top; one layout per site.
        language: What the screen speaks.

    Attributes:
        name, profile, glove, keypad, language: As given.
        scale: Pixels per design unit, 0.85 to 1.6.
        pitch_mm: Size of one logical pixel in millimetres.
        tokens: The raw tokens.
    """

    def __init__(
        self,
        name: ThemeName = "light",
        *,
        profile: str = "default",
        diagonal_inch: float | None = None,
        screen_px: tuple[int, int] | None = None,
        glove: bool = True,
        keypad: Literal["789", "123"] = "789",
        language: Language = "ja",
    ) -> None:
        self.name: ThemeName = name
        self.profile = profile
        self.glove = glove
        self.keypad: Literal["789", "123"] = keypad
        self.language: Language = language
        self.diagonal_inch = diagonal_inch
        self.screen_px = screen_px
        self.pitch_mm = _BODY_MM / _BODY_U if diagonal_inch is None else _pitch(diagonal_inch, screen_px)
        self.scale = min(max(_BODY_MM / (_BODY_U * self.pitch_mm), _SCALE_MIN), _SCALE_MAX)
        self.tokens: Tokens = load_tokens(name, profile)
        self._colors: dict[str, QColor] = {}
        self._fonts: dict[FontRole, QFont] = {}

    @classmethod
    def of(cls, settings: StationSettings | FirstLook, screen_px: tuple[int, int] | None = None) -> Theme:
        """The theme a station is configured to. "auto" is decided here, once: never in the middle of somebody's task."""
        name: ThemeName = settings.theme if settings.theme != "auto" else _by_daylight()
        return cls(
            name,
            profile=settings.state_palette,
            diagonal_inch=settings.screen_diagonal_inch,
            screen_px=screen_px,
            keypad=settings.keypad_layout,
            language=settings.language,
        )

    def changed(self, *, name: ThemeName | None = None, profile: str | None = None, language: Language | None = None) -> Theme:
        """The same screen with another theme, profile or language; None keeps."""
        return Theme(
            name or self.name,
            profile=profile or self.profile,
            diagonal_inch=self.diagonal_inch,
            screen_px=self.screen_px,
            glove=self.glove,
            keypad=self.keypad,
            language=language or self.language,
        )

    def px(self, u: float) -> int:
        """Design units → whole pixels; at least 1 for anything above 0."""
        return max(1, round(u * self.scale)) if u > 0 else 0

    def mm(self, millimetres: float) -> int:
        """Millimetres on the glass → whole pixels, rounded up."""
        return math.ceil(millimetres / self.pitch_mm)

    @property
    def touch(self) -> int:
        """Smallest side of anything tappable, px: 15 mm with gloves, 9 mm without."""
        return self.mm(15) if self.glove else self.mm(9)

    @property
    def touch_primary(self) -> int:
        """Smallest side of primary buttons and keypad keys, px: 20 mm with gloves, 15 mm without."""
        return self.mm(20) if self.glove else self.mm(15)

    @property
    def gap(self) -> int:
        """Space between touch targets, px: 3 mm."""
        return self.mm(3)

    def color(self, token: str) -> QColor:
        """A token's colour. A literal ``#…`` out of a Look is accepted too. Raises KeyError for an unknown token."""
        found = self._colors.get(token)
        if found is None:
            found = QColor(token if token.startswith("#") else self.tokens.colors[token])
            self._colors[token] = found
        return found

    def pen(self, token: str, width_u: float = 1, *, dashed: bool = False) -> QPen:
        """A pen of a token's colour, ``width_u`` design units wide (at least 1 px)."""
        pen = QPen(self.color(token), self.px(width_u))
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        if dashed:
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            pen.setDashPattern([4.0, 3.0])
        return pen

    def font(self, role: FontRole) -> QFont:
        """The font of a role; the same object each time, do not change it."""
        found = self._fonts.get(role)
        if found is None:
            size, bold = ROLES[role]
            found = QFont(FAMILY)
            found.setPixelSize(self.px(size))
            found.setBold(bold)
            found.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
            self._fonts[role] = found
        return found

    def font_px(self, role: FontRole) -> int:
        """Size of a role's font, px."""
        return self.px(ROLES[role][0])

    def state(self, state: str) -> Look:
        """The look of a machine state; an unknown word looks like OFFLINE, because nothing is known."""
        return self.tokens.states.get(state) or self.tokens.states["OFFLINE"]

    def alarm(self, priority: str) -> Look:
        """The look of an alarm priority, "P1" … "P4" or "DIAG"; ``glyph`` is the shape."""
        return self.tokens.alarms[priority]

    def message(self, severity: str) -> Look:
        """The look of a message severity: info, confirm, warning, error."""
        return self.tokens.messages.get(severity) or self.tokens.messages["error"]

    def band(self, kind: str) -> Look:
        """The look of a band across a panel: simulated, snapshot, read_only, training, warning, alarm."""
        return self.tokens.bands[kind]

    @property
    def pens(self) -> tuple[PenLook, ...]:
        """Trend pens in the order of use; never more than these four in one plot."""
        return self.tokens.pens


def _by_daylight() -> ThemeName:
    hour = QTime.currentTime().hour()
    return "light" if _DAY_FROM_H <= hour < _DAY_TO_H else "dark"


def _pitch(diagonal_inch: float, screen_px: tuple[int, int] | None) -> float:
    if screen_px is None:
        # The screens exist with the application; nothing is sized in earnest before that.
        screen = QGuiApplication.primaryScreen() if QGuiApplication.instance() is not None else None
        if screen is None:
            return _BODY_MM / _BODY_U
        size = screen.size()
        screen_px = (size.width(), size.height())
    return diagonal_inch * _MM_PER_INCH / math.hypot(*screen_px)
