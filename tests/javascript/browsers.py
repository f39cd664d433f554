"""Pages as a browser shows them: Chromium, or that of Qt, which ``optgen[browser]`` brings."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_QT = find_spec("PyQt6") and find_spec("PyQt6.QtWebEngineWidgets")
_QT_BROWSER = Path(__file__).with_name("qt_browser.py")
#: More than any page takes.
_SECONDS = 120.0

needs_browser = pytest.mark.skipif(
    not (_CHROMIUM or _QT), reason="there is no browser; optgen[browser] has one"
)


def dumped(address: str, folder: Path, condition: str) -> str:
    """A page once an expression of JavaScript is true; ``folder`` is for the browser's profile."""
    command = [sys.executable, str(_QT_BROWSER), address, condition]
    if _CHROMIUM:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
        command = [_CHROMIUM, *options, f"--user-data-dir={folder}", "--dump-dom", address]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=_SECONDS, cwd=folder
    )
    if "ImportError" in done.stderr:
        pytest.skip(f"Qt's browser doesn't start: {done.stderr.splitlines()[-1]}")
    return done.stdout
