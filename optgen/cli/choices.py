"""The values that options of the command line choose from."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """What to show: a noun of the compiler."""

    SPEC = "spec"
    RULE = "rule"
    PLAN = "plan"
    SOURCE = "source"


class Target(StrEnum):
    """Which file to show at stage ``source``."""

    CPU = "cpu"
    CUDA = "cuda"
    KERAS = "keras"
    CLASS = "class"


class Format(StrEnum):
    """How an explanation is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"
    HTML = "html"
