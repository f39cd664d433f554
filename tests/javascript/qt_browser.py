"""A page as Qt's browser, which is Chromium, shows it: ``python qt_browser.py ADDRESS CONDITION``.

Prints the page once an expression of JavaScript is true. A process of its own, since a browser
can't be started twice in one.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

#: Between two looks at the page, in milliseconds.
_PAUSE = 50


def main(address: str, condition: str) -> int:
    """Load a page and wait; the caller ends what takes too long."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = "--no-sandbox --disable-gpu"
    widgets: Any = import_module("PyQt6.QtWidgets")
    core: Any = import_module("PyQt6.QtCore")
    engine: Any = import_module("PyQt6.QtWebEngineWidgets")
    application = widgets.QApplication([sys.argv[0]])
    view = engine.QWebEngineView()
    view.resize(1280, 900)
    view.show()

    def shown(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
        # Without taking the browser apart, which may crash after the work is done.
        os._exit(0)

    def seen(is_done: object) -> None:
        if is_done is True:
            view.page().toHtml(shown)
        else:
            core.QTimer.singleShot(_PAUSE, wait)

    def wait() -> None:
        view.page().runJavaScript(condition, seen)

    view.loadFinished.connect(lambda _: wait())
    view.load(core.QUrl(address))
    return int(application.exec())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
