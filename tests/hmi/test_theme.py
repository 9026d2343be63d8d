"""The look as numbers: contrast, sizes in millimetres, the bundled font, and changing theme and language while running."""

from __future__ import annotations

import ast
import itertools
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QFontInfo, QFontMetricsF, QRawFont
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from hmi import theme
from hmi.theme import PROFILES, THEMES, Theme, load_tokens
from installer import translate

ROOT = Path(__file__).resolve().parents[2]


def _luminance(color: str) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    c = QColor(color)
    return 0.2126 * linear(c.redF()) + 0.7152 * linear(c.greenF()) + 0.0722 * linear(c.blueF())


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""
    a, b = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (a + 0.05) / (b + 0.05)


def _lab(color: str) -> tuple[float, float, float]:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    def bent(t: float) -> float:
        return t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116

    c = QColor(color)
    r, g, b = linear(c.redF()), linear(c.greenF()), linear(c.blueF())
    x = bent((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047)
    y = bent(0.2126 * r + 0.7152 * g + 0.0722 * b)
    z = bent((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("name", THEMES)
def test_every_text_can_be_read(name: str) -> None:
    colors = load_tokens(name).colors  # type: ignore[arg-type]
    grounds = ("canvas", "surface", "sunken", "field", "pressed", "hatch")
    for ink, ground in itertools.product(("text", "text2"), grounds):
        assert contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)
    for ground in ("canvas", "surface", "sunken"):
        assert contrast(colors["edge"], colors[ground]) >= 3, ground
        assert contrast(colors["accent"], colors[ground]) >= 4.5, ground
        assert contrast(colors["disabled"], colors[ground]) >= 3, ground
        assert contrast(colors["bar"], colors[ground]) >= 3, ground
    for fill in ("accent", "accent_pressed", "danger", "danger_pressed", "good"):
        ink = f"{fill.removesuffix('_pressed')}_ink"
        assert contrast(colors[ink], colors[fill]) >= 4.5, fill
    assert contrast(colors["sunken"], colors["text"]) >= 4.5  # toasts and badges


@pytest.mark.parametrize(("name", "profile"), [*itertools.product(THEMES, PROFILES)])
def test_every_sign_can_be_read_on_its_fill(name: str, profile: str) -> None:
    tokens = load_tokens(name, profile)  # type: ignore[arg-type]
    groups = (tokens.states, tokens.alarms, tokens.messages, tokens.bands)
    for key, look in ((key, look) for group in groups for key, look in group.items()):
        assert contrast(look.ink, look.fill) >= 4.5, (key, look)
        assert look.glyph, key


@pytest.mark.parametrize(("name", "profile"), [*itertools.product(THEMES, ("default", "jsia113"))])
def test_states_that_matter_differ_in_colour(name: str, profile: str) -> None:
    states = load_tokens(name, profile).states  # type: ignore[arg-type]
    told_apart = ("RUNNING", "SETUP", "MAINTENANCE", "DOWN", "MINOR_STOP", "WAITING")
    for one, other in itertools.combinations(told_apart, 2):
        distance = sum((a - b) ** 2 for a, b in zip(_lab(states[one].fill), _lab(states[other].fill), strict=True)) ** 0.5
        assert distance > 20, (one, other, distance)


def test_every_state_differs_without_colour() -> None:
    for name in THEMES:
        states = load_tokens(name).states
        assert len(states) == 9
        assert len({look.glyph for look in states.values()}) == 9
        alarms = load_tokens(name).alarms
        assert len({(look.glyph, look.digit) for look in alarms.values()}) == 5


def test_both_themes_have_the_same_tokens() -> None:
    light, dark = (load_tokens(name) for name in THEMES)
    assert light.colors.keys() == dark.colors.keys()
    assert [pen.dash for pen in light.pens] == [pen.dash for pen in dark.pens]
    for name in THEMES:
        surface = load_tokens(name).colors["surface"]
        for pen in load_tokens(name).pens:
            assert contrast(pen.color, surface) >= 3, (name, pen)


# Panels and what their sizes must come to: (diagonal, width, height) → px for 20, 15 and 3 mm.
@pytest.mark.parametrize(
    ("diagonal", "screen", "sizes"),
    [
        (10.4, (1024, 768), (97, 73, 15)),
        (12.1, (1024, 768), (84, 63, 13)),
        (15.0, (1024, 768), (68, 51, 11)),
        (10.1, (1280, 800), (118, 89, 18)),
        (15.6, (1920, 1080), (112, 84, 17)),
        (21.5, (1920, 1080), (81, 61, 13)),
    ],
)
def test_millimetres(diagonal: float, screen: tuple[int, int], sizes: tuple[int, int, int]) -> None:
    look = Theme(diagonal_inch=diagonal, screen_px=screen)
    assert (look.mm(20), look.mm(15), look.mm(3)) == sizes
    assert look.touch == look.mm(15)
    assert look.touch_primary == look.mm(20)
    assert Theme(diagonal_inch=diagonal, screen_px=screen, glove=False).touch == look.mm(9)


def test_scale_is_one_when_nothing_is_known_and_stays_in_bounds() -> None:
    assert Theme().scale == 1.0
    assert Theme().px(44) == 44
    assert Theme(diagonal_inch=15.6, screen_px=(1920, 1080)).scale == pytest.approx(1.35, abs=0.01)
    assert Theme(diagonal_inch=55, screen_px=(1920, 1080)).scale == 0.85
    assert Theme(diagonal_inch=7, screen_px=(1920, 1200)).scale == 1.6
    assert Theme().px(0.2) == 1
    assert Theme().px(0) == 0


def test_settings_of_a_station(qapp: QApplication) -> None:
    settings = SimpleNamespace(theme="dark", state_palette="jsia113", screen_diagonal_inch=12.1, keypad_layout="123", language="en")
    look = Theme.of(settings)  # type: ignore[arg-type]
    assert (look.name, look.profile, look.keypad, look.language) == ("dark", "jsia113", "123", "en")
    settings.theme = "auto"
    assert Theme.of(settings).name in THEMES  # type: ignore[arg-type]
    assert look.changed(name="light").profile == "jsia113"


def test_font_is_the_bundled_one_and_digits_do_not_jump(qapp: QApplication) -> None:
    theme.apply(qapp, Theme())
    for role in ("hero", "value", "body", "small"):
        font = Theme().font(role)  # type: ignore[arg-type]
        assert QFontInfo(font).family() == theme.FAMILY
        assert QFontInfo(font).exactMatch()
        assert len({QFontMetricsF(font).horizontalAdvance(digit) for digit in "0123456789"}) == 1


def _our_characters() -> dict[str, str]:
    texts: dict[str, str] = {}
    for path in [*(ROOT / "resources" / "i18n").rglob("*.json"), translate.TS]:
        content = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            content = json.dumps(json.loads(content), ensure_ascii=False)
        texts.update(dict.fromkeys(content, path.name))
    for path in (ROOT / "hmi").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.update(dict.fromkeys(node.value, path.name))
    return texts


@pytest.mark.parametrize("weight", ["Regular", "Bold"])
def test_the_font_has_every_character_we_write(qapp: QApplication, weight: str) -> None:
    raw = QRawFont(str(ROOT / "resources" / "fonts" / f"BIZUDPGothic-{weight}.ttf"), 20)
    assert raw.isValid()
    missing = {c: where for c, where in _our_characters().items() if c.isprintable() and c != " " and not raw.supportsCharacter(ord(c))}
    assert not missing
    for sample in "髙﨑①㈱㎜℃±→←↑↓×÷≤≥≦≧ΩμαβБЯｱｶﾞ￥～—…":
        assert raw.supportsCharacter(ord(sample)), sample


def test_theme_changes_while_running(qapp: QApplication, qtbot: object) -> None:
    theme.apply(qapp, Theme("light"))
    seen: list[QEvent.Type] = []

    class Watcher(QWidget):
        def changeEvent(self, event: QEvent) -> None:
            seen.append(event.type())

    widget = Watcher()
    edit = QLineEdit("half typed", widget)
    widget.show()
    light = qapp.palette().window().color()
    theme.apply(qapp, Theme("dark"))
    qapp.processEvents()
    assert QEvent.Type.StyleChange in seen
    assert qapp.palette().window().color() != light
    assert theme.current().name == "dark"
    seen.clear()
    theme.set_language(qapp, "en")
    qapp.processEvents()
    assert QEvent.Type.LanguageChange in seen
    assert theme.language() == "en"
    assert theme.current().name == "dark"
    theme.set_language(qapp, "ja")
    qapp.processEvents()
    assert seen.count(QEvent.Type.LanguageChange) == 2
    assert qapp.translate("AlarmBanner", "No alarms") == "アラームなし"
    assert edit.text() == "half typed"
    widget.close()
    theme.apply(qapp, Theme())


def test_a_profile_alone_repaints_too(qapp: QApplication, qtbot: object) -> None:
    theme.apply(qapp, Theme(profile="default"))
    before = qapp.styleSheet()
    theme.apply(qapp, Theme(profile="jsia113"))
    assert qapp.styleSheet() != before
    theme.apply(qapp, Theme())


def test_unknown_token_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        Theme().color("mauve")


_COLOR_TEXT = re.compile(r"^#(?:[0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$")


def literal_colours(source: str) -> list[str]:
    """Colours written into code: "#rrggbb" texts, QColor of numbers or names, Qt's named colours."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts = (
                [node.value]
                if _COLOR_TEXT.match(node.value)
                else re.findall(r"(?:color|background)[^;{}]*:\s*#[0-9A-Fa-f]{3,8}", node.value)
            )
            found += [f"line {node.lineno}: {text}" for text in texts]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "QColor":
            if node.args and isinstance(node.args[0], ast.Constant):
                found.append(f"line {node.lineno}: QColor({node.args[0].value!r})")
        elif isinstance(node, ast.Attribute) and getattr(node.value, "attr", "") == "GlobalColor" and node.attr != "transparent":
            found.append(f"line {node.lineno}: GlobalColor.{node.attr}")
    return found


def test_no_colour_stands_in_code() -> None:
    assert literal_colours('x = "#FF0000"') == ["line 1: #FF0000"]
    assert literal_colours("QColor(255, 0, 0)")
    assert literal_colours("Qt.GlobalColor.red")
    assert literal_colours('w.setStyleSheet("color: #fff")')
    assert not literal_colours('x = theme.color("text"); Qt.GlobalColor.transparent; "#+="')
    found = {str(path.relative_to(ROOT)): literal_colours(path.read_text(encoding="utf-8")) for path in (ROOT / "hmi").rglob("*.py")}
    assert not {path: lines for path, lines in found.items() if lines}


def unextractable(source: str) -> list[int]:
    """Lines with a ``tr`` or ``translate`` that the extraction cannot see: inside an f-string, or not of literal text."""
    tree, lines = ast.parse(source), []
    inside = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("tr", "translate")):
            continue
        if node.func.attr == "translate" and "App" not in getattr(node.func.value, "id", ""):
            continue  # a transform's or a text's translate
        literal = all(isinstance(argument, ast.Constant) for argument in node.args)
        if not literal or id(node) in inside:
            lines.append(node.lineno)
    return lines


def test_every_sentence_can_be_extracted() -> None:
    assert unextractable("x = f\"{self.tr('a')}\"") == [1]
    assert unextractable("x = self.tr(name)") == [1]
    assert not unextractable('x = self.tr("a {n}").format(n=1)\ntransform.translate(1, 2)')
    found = {str(path.relative_to(ROOT)): unextractable(path.read_text(encoding="utf-8")) for path in translate.sources()}
    assert not {path: lines for path, lines in found.items() if lines}


def test_japanese_is_complete_and_compiled() -> None:
    assert translate.check() == []


def test_translation_problems_are_found(tmp_path: Path) -> None:
    broken = tmp_path / "x.ts"
    broken.write_text(
        '<TS version="2.1" language="ja"><context><name>A</name>'
        "<message><source>Hello {n}</source><translation>やあ</translation></message>"
        '<message><source>Bye</source><translation type="unfinished">さようなら</translation></message>'
        '<message><source>Old</source><translation type="vanished">古い</translation></message>'
        "</context></TS>",
        encoding="utf-8",
    )
    assert len(translate.problems(broken)) == 2
