"""Keras's variables of an optimizer: a list, or a dictionary by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from optgen.checkpoints.contents import Contents
from optgen.checkpoints.tables import Counterpart, Entry
from optgen.runtime.hyperparameters.declarations import always
from optgen.runtime.kernels import MATRIX
from optgen.runtime.optimizer import Optimizer

#: The first two variables.
_HEAD = 2


def read(
    found: Any, entry: Entry, options: Mapping[str, Any], usual: Mapping[str, Any]
) -> Contents:
    """What variables hold. Raises ValueError.

    ``options``, and the ``usual`` ones, say which states there are.
    """
    arrays = _arrays(found)
    has_rate = len(arrays) > 1 and arrays[1].ndim == 0
    rest = arrays[_HEAD if has_rate else 1 :]
    if has_rate:
        options = {"learning_rate": float(arrays[1]), **options}
    fixed, others, shared = _orders(entry, {**usual, **options})
    each, left = len(fixed) + len(others), len(rest) - len(shared)
    if not each or left % each:
        raise ValueError(
            f"{len(arrays)} variables are no state of {entry.name} with {', '.join(entry.states)} "
            f"by {dict(options)}; averages and sums of gradients aren't converted"
        )
    count = left // each
    states: list[dict[str, Any]] = [{} for _ in range(count)]
    for (place, name), array in zip(_places(fixed, others, count), rest, strict=False):
        states[place][name] = array
    for name, array in zip(shared, rest[left:], strict=True):
        states = [{**own, name: array} for own in states]
    return Contents([dict(options)], [0] * count, states, [float(arrays[0])] * count)


def written(contents: Contents, entry: Entry, options: Mapping[str, Any]) -> dict[str, Any]:
    """Variables by place, as ``load_own_variables`` takes them. Raises ValueError."""
    fixed, others, shared = _orders(entry, options)
    count = len(contents.states)
    rate = np.array(contents.groups[0].get("learning_rate", 0.0), np.float32)
    arrays = [np.array(int(contents.age or 0)), rate]
    for place, name in _places(fixed, others, count):
        if name not in contents.states[place]:
            raise ValueError(f"variable {place} has no state {name}: it had no gradient yet")
        arrays.append(_array(contents.states[place][name]))
    arrays += [_array(contents.states[0][name]).reshape(()) for name in shared if count]
    return {str(place): array for place, array in enumerate(arrays)}


def _places(fixed: Sequence[str], others: Sequence[str], count: int) -> Iterator[tuple[int, str]]:
    """Variables and names: those that a rule always has by variable, then each other one."""
    yield from ((place, name) for place in range(count) for name in fixed)
    yield from ((place, name) for name in others for place in range(count))


def _orders(entry: Entry, options: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """The states that there always are, those that options turn on, and those that are shared."""
    declared = {state.name: state for state in entry.rule.states}
    on = _switches(entry.rule, options)
    own: list[tuple[str, Counterpart]] = [
        (name, one) for name, one in entry.states.items() if one.state
    ]
    there = [(name, one) for name, one in own if declared[one.state].when(on)]
    shared = [name for name, one in there if one.is_shared]
    fixed = [n for n, one in there if declared[one.state].when is always and n not in shared]
    others = [n for n, one in there if n not in shared and n not in fixed]
    return fixed, others, shared


def _switches(rule: type[Optimizer], options: Mapping[str, Any]) -> dict[str, bool]:
    values = {h.name: h.default for h in rule.hyperparameters} | dict(options)
    return {MATRIX: False} | {one.name: bool(one.condition(values)) for one in rule.switches}


def _arrays(found: Any) -> list[Any]:
    if hasattr(found, "keys"):
        found = [found[str(place)] for place in range(len(found))]
    arrays = [_array(one) for one in found]
    if not arrays or arrays[0].ndim:
        raise ValueError("the first of Keras's variables is the number of updates")
    return arrays


def _array(value: Any) -> Any:
    """A copy as a NumPy array, of whatever holds it."""
    value = getattr(value, "value", value)
    value = value.detach().cpu() if hasattr(value, "detach") else value
    return np.array(value)
