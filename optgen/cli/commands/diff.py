"""``optgen diff``: two optimizers compared as mathematics."""

from __future__ import annotations

import re

from optgen.analysis.reports import comparison
from optgen.cli.comparison_report import comparison_report
from optgen.cli.console import FINE, USAGE, WRONG, complain, ends_well, out, print_problems
from optgen.cli.values import named_values
from optgen.compiler.ir.problem import SpecError, UsageError
from optgen.compiler.ir.spec import Scalar, Spec
from optgen.compiler.library import find_specs, is_feature
from optgen.compiler.pipeline import load_all, surroundings

_CALL = re.compile(r"(?P<name>[^()]+)(?:\((?P<values>[^()]*)\))?")


@ends_well("optgen diff")
def diff(one: str, other: str, together: list[str]) -> int:
    """Compare two optimizers, each ``NAME`` or ``NAME(key=value)``; returns the exit status."""
    try:
        both = named_values(together)
        (left, fixed), (right, other_fixed) = (_read(side) for side in (one, other))
        around = surroundings()
        found = comparison(left, right, {**both, **fixed}, {**both, **other_fixed}, around)
    except SpecError as error:
        return print_problems(error.problems)
    except (FileNotFoundError, UsageError) as error:
        complain(str(error))
        return USAGE
    for line in comparison_report(one, other, found):
        out.print(line, markup=False)
    return FINE if found.equal else WRONG


def _read(side: str) -> tuple[Spec, dict[str, Scalar | None]]:
    """A spec, and the values given in brackets after its name."""
    called = _CALL.fullmatch(side.strip())
    if called is None:
        raise UsageError(f"{side!r} is neither a spec nor a spec with values, NAME(key=value)")
    found = find_specs([called["name"].strip()])
    if len(found.files) != 1:
        raise UsageError(f"{side} holds {len(found.files)} specs; name one of them")
    (spec,) = load_all(found.files)
    if is_feature(spec) or spec.is_schedule:
        raise UsageError(f"{spec.name} is not an optimizer")
    return spec, named_values(
        [part for part in (called["values"] or "").split(",") if part.strip()]
    )
