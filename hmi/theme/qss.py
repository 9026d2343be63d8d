"""The style sheet of static chrome. Live tiles paint themselves: re-polishing QSS per value costs several times more."""

from __future__ import annotations

from hmi.theme.look import ROLES, Theme

_TEMPLATE = """
/* {name} {profile} {scale} */
QWidget {{ background: transparent; color: {text}; selection-background-color: {accent}; selection-color: {accent_ink}; }}
QMainWindow, QWidget[ground="canvas"] {{ background: {canvas}; }}
QWidget[ground="surface"] {{ background: {surface}; }}
QWidget[ground="sunken"] {{ background: {sunken}; }}
QFrame[frame="card"] {{ background: {surface}; border: {hair}px solid {edge}; border-radius: {radius}px; }}
QFrame[frame="rule"] {{ background: {line}; border: none; max-height: {hair}px; min-height: {hair}px; }}
QLabel[tone="text2"] {{ color: {text2}; }}
QLabel[tone="accent"] {{ color: {accent}; }}
QLabel[tone="danger"] {{ color: {danger}; }}
QLineEdit {{ background: {field}; color: {text}; border: {thin}px solid {edge}; border-radius: {radius}px; padding: 0 {pad}px; }}
QLineEdit:focus {{ border: {focus}px solid {accent}; padding: 0 {pad_focus}px; }}
QLineEdit:disabled {{ background: {surface}; color: {disabled}; }}
QScrollArea {{ border: none; background: transparent; }}
QScrollBar:vertical {{ background: {sunken}; width: {scroll}px; margin: 0; }}
QScrollBar:horizontal {{ background: {sunken}; height: {scroll}px; margin: 0; }}
QScrollBar::handle {{ background: {edge}; border-radius: {radius}px; min-height: {grip}px; min-width: {grip}px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QToolTip {{ background: {sunken}; color: {text}; border: {hair}px solid {edge}; }}
"""


def style_sheet(theme: Theme) -> str:
    """QSS for ``theme``: grounds, cards, labels by ``fontrole`` and ``tone``, line edits, scroll bars."""
    sizes = {
        "hair": theme.px(1),
        "thin": theme.px(2),
        "focus": theme.px(3),
        "radius": theme.px(4),
        "pad": theme.px(12),
        "pad_focus": theme.px(12) - theme.px(3) + theme.px(2),
        "scroll": theme.px(14),
        "grip": theme.px(40),
    }
    sheet = _TEMPLATE.format(name=theme.name, profile=theme.profile, scale=theme.scale, **theme.tokens.colors, **sizes)
    fonts = (
        f'QLabel[fontrole="{role}"] {{ font-size: {theme.px(size)}px; font-weight: {"bold" if bold else "normal"}; }}'
        for role, (size, bold) in ROLES.items()
    )
    return sheet + "\n".join(fonts)
