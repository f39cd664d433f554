"""``optgen diff``: two optimizers compared as mathematics."""

from __future__ import annotations

import re

from optgen.analysis.reports import comparison
from optgen.cli.console import FINE, USAGE, WRONG, complain, ends_well, out, print_problems
from optgen.cli.values import named_values
from optgen.compiler.ir.comparison import Comparison, Setting
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
    _print(one, other, found)
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


def _print(one: str, other: str, found: Comparison) -> None:
    verdicts = {True: "proved", None: "undecided", False: "different"}
    said = {
        True: f"{other} does the same as {one}, for every gradient",
        None: "whether both do the same",
        False: f"{other} isn't {one}",
    }
    _say(f"{verdicts[found.equal]}: {said[found.equal]}")
    for setting in found.settings:
        _print_setting(setting, len(found.settings) > 1)
    _print_compared(found)
    if found.alone is not None:
        words = {True: "are equal", None: "may be equal or not", False: "differ too"}
        _say(f"    the rules alone, without features, {words[found.alone.equal]}")


def _print_setting(setting: Setting, named: bool) -> None:
    if named:
        verdicts = {True: "proved", None: "undecided", False: "different"}
        _say(f"  where {setting.label}: {verdicts[setting.equal]}")
    for name, shown in setting.states.items():
        if name != shown:
            _say(f"    {name} of the second is {shown} of the first")
    if setting.constant:
        _say(f"    as long as {' and '.join(setting.constant)} stay{_s(setting.constant)} the same")
    if setting.equal is None:
        _say(f"    {setting.why}")
    if setting.equal is False:
        _print_numbers(setting)


def _s(names: tuple[str, ...]) -> str:
    return "s" if len(names) == 1 else ""


def _print_numbers(setting: Setting) -> None:
    mine, theirs = setting.parameters
    values = ", ".join(f"{name} = {value!r}" for name, value in setting.values.items())
    if values:
        _say(f"    with {values}")
    # A tensor with one element is written as a number.
    gradients = ", ".join(repr(one[0] if len(one) == 1 else one) for one in setting.gradients)
    _say(f"    different from step {setting.step} on: gradients {gradients}")
    _say(f"    bring a parameter of 1.0 to {mine!r} and {theirs!r}")


def _print_compared(found: Comparison) -> None:
    """Print the settings and values that the verdict applies to."""
    for which, features in zip(("first", "second"), found.features, strict=True):
        if features:
            _say(f"    the {which} has the features {', '.join(features)}")
    if not any(found.features):
        _say("    compared are the rules alone: no feature is on in either")
    for which, own in zip(("first", "second"), found.own, strict=True):
        if own:
            values = ", ".join(f"{name}={value}" for name, value in own.items())
            _say(f"    only the {which} has, here at the default: {values}")
    for name, (mine, theirs) in found.defaults.items():
        _say(f"    the default of {name} is {mine} in the first, {theirs} in the second")
    for name, (mine, theirs) in found.ranges.items():
        _say(f"    the range of {name} is {mine} in the first, {theirs} in the second")


def _say(text: str) -> None:
    out.print(text, markup=False)
