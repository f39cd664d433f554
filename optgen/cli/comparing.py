"""``optgen diff``: two rules compared as mathematics."""

from __future__ import annotations

import re

from optgen.cli.console import FINE, USAGE, WRONG, complain, out, print_problems
from optgen.compiler.library import find_specs, is_feature
from optgen.compiler.nouns.comparison import Comparison
from optgen.compiler.nouns.problem import SpecError
from optgen.compiler.nouns.spec import Scalar, Spec
from optgen.compiler.pipeline import comparison, load_all

_CALL = re.compile(r"(?P<name>[^()]+)(?:\((?P<values>[^()]*)\))?")


def diff(one: str, other: str, together: list[str]) -> int:
    """Compare two optimizers, each ``NAME`` or ``NAME(key=value)``; returns the exit status."""
    try:
        (left, fixed), (right, other_fixed) = (_read(side, together) for side in (one, other))
        found = comparison(left, right, fixed, other_fixed)
    except SpecError as error:
        return print_problems(error.problems)
    except (FileNotFoundError, ValueError) as error:
        complain(str(error))
        return USAGE
    _print(one, other, found)
    return FINE if found.equal else WRONG


def _read(side: str, together: list[str]) -> tuple[Spec, dict[str, Scalar]]:
    """A spec, and the values that are given in brackets behind its name, or for both."""
    called = _CALL.fullmatch(side.strip())
    if called is None:
        raise ValueError(f"{side!r} is no spec, and no spec with values, NAME(key=value)")
    found = find_specs([called["name"].strip()])
    if len(found.files) != 1:
        raise ValueError(f"{side} holds {len(found.files)} specs; name one of them")
    (spec,) = load_all(found.files)
    if is_feature(spec) or spec.is_schedule:
        raise ValueError(f"{spec.name} is no optimizer")
    own = [part for part in (called["values"] or "").split(",") if part.strip()]
    return spec, dict(_pair(part) for part in [*together, *own])


def _pair(text: str) -> tuple[str, Scalar]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise ValueError(f"{text!r} must be a name, =, and a value")
    switches = {"true": True, "false": False}
    if value.lower() in switches:
        return name, switches[value.lower()]
    try:
        return name, int(value) if value.lstrip("-").isdigit() else float(value)
    except ValueError:
        raise ValueError(f"{name} must be a number, true or false, not {value!r}") from None


def _print(one: str, other: str, found: Comparison) -> None:
    if found.equal:
        out.print(f"proved: {other} is {one}, for every gradient", markup=False)
        for name, shown in found.states.items():
            out.print(f"    {name} of the second is {shown} of the first", markup=False)
    elif found.equal is None:
        why = (
            "SymPy sees no difference, but there is no certificate"
            if found.states
            else ("not shown to be equal, and the same in all runs")
        )
        out.print(f"undecided: {why}", markup=False)
    else:
        mine, theirs = found.parameters
        gradients = ", ".join(map(repr, found.gradients))
        out.print(f"different from step {found.step} on: gradients {gradients}", markup=False)
        out.print(f"    bring a parameter of 1.0 to {mine!r} and {theirs!r}", markup=False)
