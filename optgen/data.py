"""Locations of specs, templates and the generated optimizers."""

from __future__ import annotations

from pathlib import Path

import optgen

PACKAGE = Path(optgen.__file__).parent


def data_folder(name: str) -> Path:
    """``specs`` or ``templates``: inside the installed package, beside it in a checkout."""
    installed = PACKAGE / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def generated_folder() -> Path:
    """Where the built-in optimizers are generated to."""
    installed = PACKAGE / "optimizers"
    return installed if installed.is_dir() else PACKAGE.parent / "generated"
