"""The theme and language that are on now, and changing them while the program runs."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QTranslator
from PySide6.QtGui import QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from hmi.theme.look import Language, Theme
from hmi.theme.qss import style_sheet

_RESOURCES = Path(__file__).resolve().parents[2] / "resources"
_log = logging.getLogger(__name__)


class _Running:
    """What is on in this process; one screen, one look."""

    theme: Theme | None = None
    translator: QTranslator | None = None
    installed: bool = False
    fonts_loaded: bool = False


def current() -> Theme:
    """The theme that is on; before ``apply`` the light one at scale 1."""
    if _Running.theme is None:
        _Running.theme = Theme()
    return _Running.theme


def language() -> Language:
    """The language the screen speaks now."""
    return current().language


def apply(app: QApplication, theme: Theme) -> None:
    """Dress the application in ``theme``; may be called again while windows are open, which then repaint.

    GUI thread. Every widget gets a StyleChange event, and a LanguageChange event when the language is another one.
    """
    load_fonts()
    _Running.theme = theme
    if app.style().objectName().lower() != "fusion":
        app.setStyle("Fusion")
    app.setFont(theme.font("body"))
    app.setPalette(_palette(theme))
    app.setStyleSheet(style_sheet(theme))
    _speak(app, theme.language)


def set_language(app: QApplication, language: Language) -> None:
    """Speak ``language`` from now on; every widget gets a LanguageChange event, nothing typed is lost. GUI thread."""
    _Running.theme = current().changed(language=language)
    _speak(app, language)


def _speak(app: QApplication, language: Language) -> None:
    if _Running.translator is None:
        translator = QTranslator()
        if not translator.load(str(_RESOURCES / "i18n" / "genba_ja.qm")):
            _log.error("the Japanese texts resources/i18n/genba_ja.qm could not be loaded; the screen speaks English")
        _Running.translator = translator
    if (language == "ja") == _Running.installed:
        return
    _Running.installed = language == "ja"
    if _Running.installed:
        app.installTranslator(_Running.translator)
    else:
        app.removeTranslator(_Running.translator)


def load_fonts() -> None:
    """Load the bundled font once; the screen never depends on what is installed."""
    if _Running.fonts_loaded:
        return
    for path in sorted((_RESOURCES / "fonts").glob("*.ttf")):
        if QFontDatabase.addApplicationFont(str(path)) < 0:
            _log.error("the bundled font %s could not be loaded", path.name)
    _Running.fonts_loaded = True


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    tokens = {
        role.Window: "canvas",
        role.WindowText: "text",
        role.Base: "field",
        role.AlternateBase: "surface",
        role.Text: "text",
        role.PlaceholderText: "text2",
        role.Button: "surface",
        role.ButtonText: "text",
        role.BrightText: "text",
        role.Highlight: "accent",
        role.HighlightedText: "accent_ink",
        role.Link: "accent",
        role.LinkVisited: "accent",
        role.ToolTipBase: "sunken",
        role.ToolTipText: "text",
        role.Light: "sunken",
        role.Midlight: "surface",
        role.Mid: "line",
        role.Dark: "edge",
        role.Shadow: "text",
    }
    palette = QPalette()
    for name, token in tokens.items():
        palette.setColor(name, theme.color(token))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, theme.color("disabled"))
    return palette
