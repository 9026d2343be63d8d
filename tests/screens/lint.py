"""Checks a screen as an operator in gloves would: is every text whole, is everything touchable large enough."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QRect
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QWidget

from hmi import theme
from hmi.widgets.painted import Painted, PaintedButton
from hmi.widgets.table import PagedTable
from hmi.widgets.tabs import SegmentedTabs
from hmi.widgets.text import Drawn, Recorder


def visible(root: QWidget) -> Iterator[QWidget]:
    """``root`` and everything visible in it."""
    if root.isVisible():
        yield root
    for widget in root.findChildren(QWidget):
        if widget.isVisible():
            yield widget


def record(root: QWidget) -> list[tuple[QWidget, Drawn]]:
    """Paint ``root`` once and return every text its widgets drew."""
    Recorder.on = True
    try:
        QApplication.processEvents()
        root.grab()
        return [(w, drawn) for w in visible(root) if isinstance(w, (Painted, PaintedButton)) for drawn in w.drawn]
    finally:
        Recorder.on = False


def overflowing(root: QWidget, *, names_may_be_cut: bool = True) -> list[str]:
    """Texts that cannot be read in full, with who draws them; empty when all is well.

    Args:
        root: A shown window or widget.
        names_may_be_cut: True: an ellipsis in free text (names from site files) is allowed.
    """
    found = []
    for widget, drawn in record(root):
        if not (drawn.fits or (drawn.cut and names_may_be_cut)):
            room = f"{drawn.room.width():.0f}×{drawn.room.height():.0f}"
            found.append(f"{type(widget).__name__}: {drawn.text!r} ({drawn.role}) needs {drawn.width:.0f}×{drawn.height:.0f}, has {room}")
        area = QRect(0, 0, widget.width(), widget.height()).adjusted(-1, -1, 1, 1)
        if not area.contains(drawn.room.toAlignedRect()) and drawn.text:
            size = f"{widget.width()}×{widget.height()}"
            found.append(f"{type(widget).__name__}: {drawn.text!r} lies outside its widget of {size}: {drawn.room}")

    for widget in visible(root):
        if isinstance(widget, QLabel) and widget.text() and not widget.wordWrap():
            needed = QFontMetrics(widget.font()).horizontalAdvance(widget.text())
            if needed > widget.contentsRect().width() + 1:
                found.append(f"QLabel {widget.text()!r} needs {needed}, has {widget.contentsRect().width()}")
    return found


def too_small(root: QWidget) -> list[str]:
    """Things to touch that are smaller than the theme's touch size; empty when all is well."""
    least, found = theme.current().touch, []
    for widget in visible(root):
        if isinstance(widget, (QAbstractButton, QLineEdit)):
            sizes = [(widget.width(), widget.height())]
        elif isinstance(widget, SegmentedTabs):
            sizes = [(round(rect.width()), round(rect.height())) for rect in widget.rects()]
        elif isinstance(widget, PagedTable):
            sizes = [(widget.table_width(), widget.row_height())]
        else:
            continue
        found += [f"{type(widget).__name__} {widget.accessibleName()!r}: {w}×{h} < {least}" for w, h in sizes if min(w, h) < least]
    return found


def squeezed(root: QWidget) -> list[str]:
    """Buttons that a layout made smaller than they ask for; their text would run over the edge."""
    found = []
    for widget in visible(root):
        if isinstance(widget, QAbstractButton) and isinstance(widget, PaintedButton):
            hint = widget.minimumSizeHint()
            if widget.width() < hint.width() or widget.height() < hint.height():
                size = f"{widget.width()}×{widget.height()} < {hint.width()}×{hint.height()}"
                found.append(f"{type(widget).__name__} {widget.accessibleName() or widget.text()!r}: {size}")
    return found
