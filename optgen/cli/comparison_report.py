"""A comparison of two optimizers in words."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.ir.comparison import Comparison, Setting


def comparison_report(one: str, other: str, found: Comparison) -> Iterator[str]:
    """The lines of the report: verdicts, settings, and the values that they are for."""
    verdicts = {True: "proved", None: "undecided", False: "different"}
    said = {
        True: f"{other} does the same as {one}, for every gradient",
        None: "whether both do the same",
        False: f"{other} isn't {one}",
    }
    yield f"{verdicts[found.equal]}: {said[found.equal]}"
    for setting in found.settings:
        yield from _of_setting(setting, len(found.settings) > 1)
    yield from _compared(found)
    if found.alone is not None:
        words = {True: "are equal", None: "may be equal or not", False: "differ too"}
        yield f"    the rules alone, without features, {words[found.alone.equal]}"


def _of_setting(setting: Setting, named: bool) -> Iterator[str]:
    if named:
        verdicts = {True: "proved", None: "undecided", False: "different"}
        yield f"  where {setting.label}: {verdicts[setting.equal]}"
    for name, shown in setting.states.items():
        if name != shown:
            yield f"    {name} of the second is {shown} of the first"
    if setting.constant:
        yield f"    as long as {' and '.join(setting.constant)} stay{_s(setting.constant)} the same"
    if setting.equal is None:
        yield f"    {setting.why}"
    if setting.equal is False:
        yield from _numbers(setting)


def _s(names: tuple[str, ...]) -> str:
    return "s" if len(names) == 1 else ""


def _numbers(setting: Setting) -> Iterator[str]:
    mine, theirs = setting.parameters
    values = ", ".join(f"{name} = {value!r}" for name, value in setting.values.items())
    if values:
        yield f"    with {values}"
    # A tensor with one element is written as a number.
    gradients = ", ".join(repr(one[0] if len(one) == 1 else one) for one in setting.gradients)
    yield f"    different from step {setting.step} on: gradients {gradients}"
    yield f"    bring a parameter of 1.0 to {mine!r} and {theirs!r}"


def _compared(found: Comparison) -> Iterator[str]:
    """The settings and values that the verdict applies to."""
    for which, features in zip(("first", "second"), found.features, strict=True):
        if features:
            yield f"    the {which} has the features {', '.join(features)}"
    if not any(found.features):
        yield "    compared are the rules alone: no feature is on in either"
    for which, own in zip(("first", "second"), found.own, strict=True):
        if own:
            values = ", ".join(f"{name}={value}" for name, value in own.items())
            yield f"    only the {which} has, here at the default: {values}"
    for name, (mine, theirs) in found.defaults.items():
        yield f"    the default of {name} is {mine} in the first, {theirs} in the second"
    for name, (mine, theirs) in found.ranges.items():
        yield f"    the range of {name} is {mine} in the first, {theirs} in the second"
