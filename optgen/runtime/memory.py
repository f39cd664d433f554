"""Interfaces of the memory that holds the variables: host or devices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from optgen.cuda import missing_packages
from optgen.runtime.arrays import Gradient, is_on_device
from optgen.runtime.cpu.memory import HostMemory
from optgen.runtime.cpu.scalars import Steps
from optgen.runtime.kernels import Program
from optgen.runtime.scale import DynamicScale
from optgen.runtime.transaction import Call

Array = Any
Host = np.ndarray[Any, np.dtype[Any]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


class Engine(Protocol):
    """Runs the programs of an optimizer over its variables."""

    def program(self, name: str) -> Program | None:
        """The program of that name; None where the optimizer has none."""

    def begin(self, hyperparameters: Host, call: int, steps: Steps) -> Program:
        """Compute the scalars of a call and return the program that it runs.

        ``steps`` is the number of the update, or one for each row of hyperparameters.
        """

    def sum_up(
        self, program: Program, chosen: Mask, gradients: Sequence[Gradient | None]
    ) -> Mask | None:
        """Take the sums that a program needs; no variable and no state changes.

        Where gradients are checked and some aren't finite, returns the variables that they
        belong to; the program must not run then.
        """

    def launches(self, program: Program, chosen: Mask) -> list[Call]:
        """The calls that run a program, whose sums are taken."""

    def measuring(self, program: Program, chosen: Mask) -> list[Call]:
        """The calls that note of which variables an update took norms."""

    def spread(self, sizes: Host, complete: Callable[[Host], None]) -> None:
        """Take the variables for parts of larger ones, of so many elements.

        ``complete`` turns sums over the parts, a row for each, into those over the whole, in place.
        Raises ValueError where sums can't be reached.
        """

    @property
    def gradient_norm(self) -> float | None:
        """The norm of all gradients of the last update; None where it didn't need one."""


class GradientCheck(Protocol):
    """Brings gradients into the form that kernels need, or refuses them."""

    def __call__(self, index: int, gradient: object) -> Gradient:
        """The gradient of the variable with this number. Raises TypeError or ValueError."""

    def at_once(self, gradients: list[Any]) -> Sequence[Gradient | None] | None:
        """The gradients of all variables, in their order; None if any needs a closer look."""

    def variables_stay(self) -> bool:
        """Whether variables certainly have the memory, form and permission that they had."""


class Deferred(Protocol):
    """Makes calls, and counts them, where the host doesn't wait for what becomes of them."""

    is_counting: bool
    is_captured: bool
    scale: Any

    @property
    def is_capturing(self) -> bool:
        """Whether a call now would be recorded instead of being made."""

    @property
    def attempts(self) -> int:
        """The number of calls before the next, if none was skipped since the host last asked."""

    def start(
        self, calls: int, updates: int, gathered: bool, scaling: tuple[DynamicScale, int] | None
    ) -> None:
        """Hand over the counters, and a scale with its column of hyperparameters."""

    def recall(self) -> tuple[int, int, bool]:
        """Calls, updates, and whether gradients were gathered since; waits."""

    def put(self, rows: Host, by_call: Mask | None) -> None:
        """Set the hyperparameters of the call after so many attempts."""

    def call(self, chosen: Mask, left: Mask, gradients: Sequence[Gradient | None]) -> None:
        """One call; the variables in ``left`` get what an update does to those without gradient."""


class Memory(Protocol):
    """The host's memory, or that of devices."""

    def check_variables(self, named: Mapping[str, object]) -> list[Array]:
        """The variables, fit to be updated in place. Raises TypeError or ValueError."""

    def check_gradients(
        self, named: Mapping[str, Array], written: Iterable[tuple[str, Array]]
    ) -> GradientCheck:
        """What checks the gradients of variables that write to some arrays, given by name."""

    def looks(self, variables: Sequence[Array]) -> Sequence[object]:
        """What stays equal as long as variables have the same memory, shape and permission."""

    def address(self, array: Array) -> int:
        """Where the first element is."""

    def form(self, array: Array) -> tuple[tuple[int, ...], str]:
        """Shape, and name of the dtype."""

    def new(self, like: Array, value: float | None) -> Array:
        """An array laid out like a variable, of one value, or of the variable's own."""

    def assign(self, target: Array, value: Any) -> None:
        """Give an array another value: a number, or an array of here or of the host."""

    def assigning(self, target: Array, value: Any) -> Call:
        """The call that gives an array another value: a number, or an array of here."""

    def raising(self, target: Array, other: Array) -> Call:
        """The call that makes each element the larger one of two; NaN if either is NaN."""

    def commit(self, calls: Sequence[Call]) -> None:
        """Make calls; handlers of signals run before them or after."""

    def later(self, calls: Sequence[Call]) -> Callable[[], object]:
        """What makes calls in the same way."""

    def is_finite(self, array: Array) -> bool:
        """Whether all elements are."""

    def host(self, array: Array) -> Host:
        """An array as one of NumPy's: itself, or a copy from a device."""

    def constrained(self, path: str, constraint: Callable[[Any], Any], variable: Array) -> Array:
        """What a constraint makes of a copy of a variable. Raises ValueError if it doesn't fit."""

    def engine(
        self,
        variables: Sequence[Array],
        states: Mapping[str, Sequence[Array | None]],
        rows: Sequence[int],
        row_count: int,
        members: Sequence[tuple[Mapping[str, bool], Mask]],
    ) -> Engine:
        """What runs over the variables with their states."""

    def deferred(self, engine: Any, rows: int, columns: int) -> Deferred | None:
        """What makes calls whose course the host needn't know; None where there is no such."""

    def changed(self, variables: Sequence[Array]) -> list[Call]:
        """The calls that tell whoever watches variables that their contents have changed."""

    def seen_by_user(self, array: Any) -> Any:
        """An array of ours as one of the library that variables belong to, in the same memory."""


def memory_of(named: Mapping[str, object], rule: Any) -> Memory:
    """The memory that variables live in; the kernels of a ``rule`` are imported where needed.

    Raises TypeError for variables of both kinds, ImportError, which says what to install, where
    there is nothing that could run on a device, and MixedBuildError for kernels of another build.
    """
    on_device = {path: is_on_device(variable) for path, variable in named.items()}
    if not any(on_device.values()):
        return HostMemory(rule.kernels_of("cpu"))
    for path, found in on_device.items():
        if not found:
            other = next(p for p, is_there in on_device.items() if is_there)
            message = f"{path!r} is in the host's memory and {other!r} on a device"
            raise TypeError(f"{message}; one optimizer can't update both")
    missing = missing_packages()
    if missing:
        raise ImportError(f"{next(iter(named))!r} is a CUDA array, but {missing}")
    made: Memory = import_module("optgen.runtime.cuda.memory").DeviceMemory(
        rule.kernels_of("cpu"), rule.kernels_of("cuda")
    )
    return made
