"""The yardstick: a PySide6 window with two buttons and nothing else, measured until it has answered one touch."""

from __future__ import annotations

import json
import os
import sys

from PySide6.QtWidgets import QApplication, QHBoxLayout, QPushButton, QWidget


def main() -> None:
    """Show, be touched, print one JSON object, end."""
    from tests.benchmarks.click import FirstClick

    began = float(os.environ["BENCH_BEGAN"])
    app = QApplication(sys.argv[:1])
    window = QWidget()
    row = QHBoxLayout(window)
    buttons = [QPushButton(text) for text in ("one", "two")]
    for button in buttons:
        button.setCheckable(True)
        row.addWidget(button)

    def answered() -> None:
        print(json.dumps(click.figures(began)))
        sys.stdout.flush()
        app.quit()

    click = FirstClick(window, buttons, lambda: None, answered)
    window.showFullScreen()
    app.exec()


if __name__ == "__main__":
    main()
