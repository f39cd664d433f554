"""Rounding error bounds in the header of a generated file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optgen.compiler.ir.accuracy import Bound, StoredStep, in_percent, in_tenths

#: Bounds of results in float32, and what a step loses in other formats.
Errors = Sequence[Bound | StoredStep]


def rounding_lines(errors: Errors) -> list[str]:
    """The largest bound of any result, and where there is none; then a line for each format."""
    bounds = [one for one in errors if isinstance(one, Bound)]
    stored = (_in_format(one) for one in errors if isinstance(one, StoredStep))
    return [*_in_float32(bounds), *filter(None, stored)]


def _in_format(found: StoredStep) -> str:
    """A bound of the error of a step in a format, and the means that stand still there."""
    said = []
    if found.error is not None:
        of = " of its terms' magnitudes" if found.cancels else ""
        said.append(f"a step is off by {in_percent(float(found.error))}{of} at most")
    if found.standing:
        stand = "stands" if len(found.standing) == 1 else "stand"
        said.append(f"{', '.join(found.standing)} {stand} still")
    return f"# In {found.format}, rounded to nearest: {'; '.join(said)}." if said else ""


def _in_float32(bounds: Sequence[Bound]) -> list[str]:
    proved = [one for one in bounds if one.ulps is not None]
    lines = []
    if proved:
        most = in_tenths(max(one.ulps for one in proved if one.ulps is not None))
        said = f"# Rounding in float32: a step or state is off by {most} ulps at most"
        if any(one.cancels for one in proved):
            said += ", of the sum of its terms' magnitudes where they cancel"
        lines.append(f"{said}.")
    return [*lines, *_without(bounds)]


def _without(bounds: Sequence[Bound]) -> Iterator[str]:
    """Why some results have no bound, each reason once."""
    for why in dict.fromkeys(one.why for one in bounds if one.ulps is None):
        yield f"# No bound for {_results(bounds, why)}: {why}."


def _results(bounds: Sequence[Bound], why: str) -> str:
    """Results that have no bound for one reason, and what is the same in all those settings."""
    without = [one for one in bounds if one.why == why]
    results = list(dict.fromkeys(one.result for one in without))
    settings = list(dict.fromkeys(one.setting for one in without))
    common = [
        part for part in settings[0].split(", ") if all(part in s.split(", ") for s in settings)
    ]
    where = f" where {' and '.join(common)}" if any(common) else ""
    return f"{', '.join(results)}{where}"
