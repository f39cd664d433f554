"""What every writer takes: numbers by variable or group, and by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

Numbers = Mapping[str, Mapping[str, float]]


def titled(numbers: Numbers) -> Iterator[tuple[str, float]]:
    """Each number under one title: its name, and whose it is."""
    for path, own in numbers.items():
        yield from ((f"{name}/{path}", value) for name, value in own.items())


def needed(module: str, package: str) -> Any:
    """A module of another package. Raises ImportError, which says what to install."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        message = f"this writer needs {package}; install it: pip install {package}"
        raise ImportError(message) from error
