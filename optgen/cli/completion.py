"""Shell completion of spec names; if none matches, the shell completes files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def complete_optimizer(incomplete: str) -> list[str]:
    """Names of built-in optimizers with the typed prefix."""
    from optgen.compiler.library import optimizer_files

    return _starting(incomplete, optimizer_files())


def complete_schedule(incomplete: str) -> list[str]:
    """Names of built-in schedules with the typed prefix."""
    from optgen.compiler.library import schedule_files

    return _starting(incomplete, schedule_files())


def complete_spec(incomplete: str) -> list[str]:
    """Names of built-in specs of any kind with the typed prefix."""
    from optgen.compiler.library import named_files

    return _starting(incomplete, named_files())


def _starting(incomplete: str, files: Iterable[Path]) -> list[str]:
    return [path.stem for path in files if path.stem.startswith(incomplete.lower())]
