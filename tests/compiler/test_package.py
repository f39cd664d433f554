"""The ``__init__`` files of a generated package."""

from __future__ import annotations

from optgen.compiler.emit import emit_package
from optgen.compiler.library import read_templates


def test_the_order_of_builds_doesnt_matter() -> None:
    optimizers, schedules = [("one", "One"), ("two", "Two")], [("a", "A"), ("b", "B")]
    templates = read_templates()
    package = emit_package(optimizers, schedules, templates)
    assert package == emit_package(optimizers[::-1], schedules[::-1], templates)
