"""The one optimizer that a command is for."""

from __future__ import annotations

from optgen.compiler.ir.problem import UsageError
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import find_specs, is_feature
from optgen.compiler.pipeline import load_all


def one_optimizer(name: str) -> Spec:
    """The optimizer with that name or file. Raises UsageError if there is none."""
    found = find_specs([name])
    if len(found.files) != 1:
        raise UsageError(f"{name} holds {len(found.files)} specs; name one of them")
    (spec,) = load_all(found.files)
    if is_feature(spec) or spec.is_schedule:
        raise UsageError(f"{spec.name} is not an optimizer; use optgen show")
    return spec
