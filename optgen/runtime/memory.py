"""Interfaces of the memory that holds the variables: host or devices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from optgen.cuda import missing_packages
from optgen.runtime.arrays import Gradient, is_on_device
from optgen.runtime.batch import Batch
from optgen.runtime.chunks import Segments
from optgen.runtime.cpu.memory import HostMemory
from optgen.runtime.cpu.scalars import Steps
from optgen.runtime.kernels import Program
from optgen.runtime.matrix_library import MatrixLibrary
from optgen.runtime.scale import DynamicScale
from optgen.runtime.shards import Part, Whole
from optgen.runtime.transaction import Call
from optgen.runtime.view import View

Array = Any
Host = np.ndarray[Any, np.dtype[Any]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


class Engine(Protocol):
    """Runs the programs of an optimizer over its variables."""

    def program(self, name: str) -> Program | None:
        """The program of that name; None where the optimizer has none."""

    def begin(
        self, hyperparameters: Host, call: int, steps: Steps, given: Mapping[str, bool]
    ) -> Program:
        """Compute the scalars of a call and return the program that it runs.

        ``steps`` is the number of the update, or one for each row of hyperparameters; ``given``
        says which inputs a call has.
        """

    def point(self, name: str, arrays: Sequence[Gradient | None]) -> None:
        """Use arrays of this call as an input of the variables."""

    def sum_up(
        self, program: Program, chosen: Mask, gradients: Sequence[Gradient | None]
    ) -> Mask | None:
        """Compute the sums of a program; no variable and no state changes.

        Where gradients are checked and some aren't finite, returns the variables that they
        belong to; the program must not run then.
        """

    def launches(self, program: Program, chosen: Mask) -> list[Call]:
        """The calls that run a program, after its sums are computed."""

    def measuring(self, program: Program, chosen: Mask) -> list[Call]:
        """The calls that record the variables whose norms an update computed."""

    def divide(self, segments: Sequence[Segments | None]) -> None:
        """Count elements of parts as those of the larger variables."""

    def spread(self, whole: Whole) -> None:
        """Treat the variables as shards of larger ones.

        Raises ValueError where sums can't be reached.
        """

    @property
    def gradient_norm(self) -> float | None:
        """The global gradient norm of the last update; None if none was computed."""


class GradientCheck(Protocol):
    """Validates gradients, and copies those of another layout."""

    def __call__(self, index: int, gradient: object, what: str = "gradient") -> Gradient:
        """The gradient of the variable with this number, or ``what`` is checked in its manner.

        Raises TypeError or ValueError.
        """

    def at_once(self, gradients: list[Any]) -> Sequence[Gradient | None] | None:
        """The gradients of all variables in order; None if any needs validation by itself."""

    def variables_stay(self) -> bool:
        """Whether address, layout and write permission of all variables are unchanged."""


class Deferred(Protocol):
    """Makes calls whose outcome only the device counts."""

    is_counting: bool
    is_captured: bool
    scale: Any
    ages_at: int

    @property
    def is_capturing(self) -> bool:
        """Whether a call now would be recorded instead of being made."""

    @property
    def attempts(self) -> int:
        """The number of earlier calls, if none was skipped since the last synchronization."""

    def start(
        self, calls: int, updates: int, gathered: bool, scaling: tuple[DynamicScale, int] | None
    ) -> None:
        """Upload the counters, and a scale with its column of hyperparameters."""

    def recall(self) -> tuple[int, int, bool]:
        """Calls, updates, and whether gradients were accumulated since; synchronizes."""

    def put(self, rows: Host, by_call: Mask | None) -> None:
        """Set the hyperparameters of the call after so many attempts."""

    def call(self, chosen: Mask, left: Mask, gradients: Sequence[Gradient | None]) -> None:
        """One call; ``left`` are the variables without a gradient."""


class Memory(Protocol):
    """The host's memory, or that of devices."""

    def check_variables(self, named: Mapping[str, object]) -> list[Array]:
        """The validated variables. Raises TypeError or ValueError."""

    def check_gradients(
        self, named: Mapping[str, Array], written: Iterable[tuple[str, Array]]
    ) -> GradientCheck:
        """The validation of gradients; they may not overlap the written arrays, given by name."""

    def looks(self, variables: Sequence[Array]) -> Sequence[object]:
        """A value that changes with the address, shape or write permission of a variable."""

    def address(self, array: Array) -> int:
        """The address of the first element."""

    def form(self, array: Array) -> tuple[tuple[int, ...], str]:
        """Shape, and name of the dtype."""

    def new(self, like: Array, value: float | None, storage: str = "") -> Array:
        """An array laid out like a variable, of one value, or of the variable's own."""

    def numbers(
        self, near: Array, shape: tuple[int, ...], value: float, *, is_own: bool = False
    ) -> Array:
        """An array of one value, in the memory where a variable is.

        It is float64, but a square has the variable's ``own`` dtype, and begins as a multiple of
        the identity.
        """

    def scratch(self, near: Array, shape: tuple[int, ...]) -> Array:
        """An array of any values, with the dtype of a variable and where it is."""

    def matrices(self, flat: Array, view: View) -> Array:
        """Elements in the order of a variable's memory as a batch of matrices."""

    def view(self, variable: Array, view: str, part: Part | None = None, parts: int = 1) -> View:
        """The view of a variable of at least two dimensions as matrices.

        ``part`` says which part of a larger variable this one is. One that is all here may be a
        stack of ``parts`` along its first dimension.
        """

    def segments(self, variable: Array, part: Part) -> Segments:
        """The segments of a variable that is a part of a larger one."""

    def assign(self, target: Array, value: Any) -> None:
        """Assign to an array: a number, or an array in this memory or on the host."""

    def assigning(self, target: Array, value: Any) -> Call:
        """The call that assigns to an array: a number, or an array in this memory."""

    def raising(self, target: Array, other: Array) -> Call:
        """The call that assigns the element-wise maximum; NaN if either is NaN."""

    def commit(self, calls: Sequence[Call]) -> None:
        """Make calls atomically; signal handlers run before or after."""

    def later(self, calls: Sequence[Call]) -> Callable[[], object]:
        """What makes calls in the same way."""

    def is_finite(self, array: Array) -> bool:
        """Whether all elements are finite."""

    def host(self, array: Array) -> Host:
        """An array as a NumPy array: itself, or a copy from a device."""

    def constrained(self, path: str, constraint: Callable[[Any], Any], variable: Array) -> Array:
        """The constrained copy of a variable. Raises ValueError if its shape differs."""

    def engine(
        self,
        variables: Sequence[Array],
        states: Mapping[str, Sequence[Array | None]],
        rows: Sequence[int],
        row_count: int,
        members: Sequence[tuple[Mapping[str, bool], Mask]],
        views: Sequence[View | None],
        batches: Sequence[Batch] = (),
        library: MatrixLibrary | None = None,
        seed: int = 0,
        *,
        is_drawn: bool = False,
    ) -> Engine:
        """The engine for variables with their states, and batches of scratch matrices.

        ``library`` computes functions of matrices, if it isn't the memory's own. Noise comes from
        the ``seed``: of codes, and of what half precision loses where it ``is_drawn``.
        """

    def deferred(self, engine: Any, rows: int, columns: int) -> Deferred | None:
        """The maker of calls that only the device counts; None on the host."""

    def changed(self, variables: Sequence[Array]) -> list[Call]:
        """The calls that increment version counters of the variables."""

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
        rule.kernels_of("cpu"), rule.kernels_of("cuda"), rule.compute
    )
    return made
