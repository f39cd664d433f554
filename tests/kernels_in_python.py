"""Kernels of all classes as Python runs them, which would take seconds to compile."""

from __future__ import annotations

from typing import Any

import pytest


def substitute(patch: pytest.MonkeyPatch) -> None:
    """Let Python run the kernels for the host; those of other targets stay."""
    from optgen.runtime.plain import loading  # noqa: PLC0415
    from optgen.runtime.rule_metadata import Generated  # noqa: PLC0415

    compiled = Generated.kernels_of.__func__  # type: ignore[attr-defined]

    def kernels_of(cls: type[Generated], target: str) -> object:
        rule: Any = cls.rule_class()
        return loading.kernels_of(rule) if target == "cpu" else compiled(cls, target)

    patch.setattr(Generated, "kernels_of", classmethod(kernels_of))
