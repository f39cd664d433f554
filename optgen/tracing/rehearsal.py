"""A few steps of the optimizer as it is: which of its numbers count steps, and which change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch

from optgen.compiler.ir.problem import Location
from optgen.tracing.arguments import Arguments
from optgen.tracing.places import location
from optgen.tracing.states import Slot, slots_of
from optgen.tracing.unfollowed import UnfollowedError

#: Two variables that differ in shape and number of elements.
SHAPES = ((3, 4), (5,))
STEPS = 12
Identity = tuple[int | None, tuple[str, ...]]


@dataclass(frozen=True)
class Rehearsal:
    """What is known of each place that holds a number or a tensor after the first step."""

    #: Numbers of steps: what to add to the number of steps made.
    counters: Mapping[Identity, int]
    #: Numbers that change otherwise.
    changing: frozenset[Identity]


@contextmanager
def wide_numbers() -> Iterator[None]:
    """Inside, torch's numbers that have no type are of float64, as variables are."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def variables(seed: int, shapes: tuple[tuple[int, ...], ...] = SHAPES) -> list[torch.Tensor]:
    """Random parameters in float64."""
    draw = torch.Generator().manual_seed(seed)
    values = [torch.randn(shape, dtype=torch.float64, generator=draw) for shape in shapes]
    return [torch.nn.Parameter(value) for value in values]


def gradients(seed: int, shapes: tuple[tuple[int, ...], ...] = SHAPES) -> list[torch.Tensor]:
    """Random gradients, whose mean isn't 0 and which differ in size."""
    draw = torch.Generator().manual_seed(seed + 1000)
    found = []
    for shape in shapes:
        size = 10 ** (2 * torch.rand(shape, dtype=torch.float64, generator=draw) - 1)
        found.append(size * (torch.randn(shape, dtype=torch.float64, generator=draw) + 0.3))
    return found


def varied(value: float | int, variation: int = 1, parts: int = 256) -> float | int:
    """A value beside a hyperparameter's: whole numbers stay."""
    return value if isinstance(value, int) else value * (1 - variation / parts)


def rehearse(owner: type, arguments: Arguments) -> Rehearsal:
    """Run some steps; refuses an optimizer that can't be run so, or gets states later on."""
    history = _history(owner, arguments.given)
    if late := [key for key in history[-1] if key not in history[0]]:
        raise UnfollowedError(
            f"the state {'_'.join(late[0][1])} isn't there after the first step",
            Location(owner.__name__, 0),
            "states of a spec are there from the start",
        )
    counters = _counters(history)
    for variation in (1, -1):
        # A sum of learning rates of 1 counts steps too, until the rate is another one.
        values = {name: varied(one, variation) for name, one in arguments.defaults.items()}
        with suppress(UnfollowedError):  # The value may be the least that is allowed.
            other = _counters(_history(owner, arguments.with_numbers(values)))
            counters = {key: count for key, count in counters.items() if other.get(key) == count}
    changing = {
        key
        for key in history[0]
        if key not in counters and len({one.get(key) for one in history}) > 1
    }
    return Rehearsal(counters, frozenset(changing))


def _history(owner: type, given: Mapping[str, Any]) -> list[dict[Identity, float | None]]:
    """The numbers after each of some steps."""
    held, history = variables(0), []
    try:
        optimizer = owner(held, **given)
        for step in range(STEPS):
            for variable, gradient in zip(held, gradients(step), strict=True):
                variable.grad = gradient
            optimizer.step()
            history.append({slot.identity: _number(slot) for slot in slots_of(optimizer, held)})
    except Exception as error:
        raise _failed(owner, error) from error
    return history


def _counters(history: list[dict[Identity, float | None]]) -> dict[Identity, int]:
    """Numbers that grow by 1 in each step: what they are ahead of it."""
    found = {}
    for key in history[0]:
        values = [one.get(key) for one in history]
        ahead = {None if x is None else x - step for step, x in enumerate(values, start=1)}
        if len(ahead) == 1 and (offset := next(iter(ahead))) in (-1.0, 0.0, 1.0):
            found[key] = int(offset)
    return found


def _number(slot: Slot) -> float | None:
    value = slot.value
    if isinstance(value, torch.Tensor):
        return float(value.detach()) if value.numel() == 1 else None
    return float(value)


def _failed(owner: type, error: Exception) -> UnfollowedError:
    trace, place = error.__traceback__, Location(owner.__name__, 0)
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename != __file__ and "/torch/" not in code.co_filename:
            place = location(code, trace.tb_lasti, trace.tb_lineno)
        trace = trace.tb_next
    message = f"the optimizer itself fails: {type(error).__name__}: {error}"
    return UnfollowedError(message, place, "it is called as Class(params, …) and then step()")
