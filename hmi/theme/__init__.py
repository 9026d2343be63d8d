"""The look of Genba: tokens, sizes, fonts, language. The lowest floor of ``hmi``: it knows no widget of ours.

``theme.current()`` while painting, ``theme.apply(app, Theme("dark"))`` and ``theme.set_language(app, "en")`` at any time.
"""

from hmi.theme.look import FAMILY, FontRole, Language, Theme
from hmi.theme.running import apply, current, language, load_fonts, set_language
from hmi.theme.tokens import PROFILES, THEMES, Look, PenLook, ThemeName, Tokens, load_tokens

__all__ = [
    "FAMILY",
    "PROFILES",
    "THEMES",
    "FontRole",
    "Language",
    "Look",
    "PenLook",
    "Theme",
    "ThemeName",
    "Tokens",
    "apply",
    "current",
    "language",
    "load_fonts",
    "load_tokens",
    "set_language",
]
