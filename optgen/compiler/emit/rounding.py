"""Rounding error bounds in the header of a generated file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optgen.compiler.ir.accuracy import Bound, in_tenths


def rounding_lines(bounds: Sequence[Bound]) -> list[str]:
    """The largest bound of any result, and where there is none; nothing without bounds."""
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
