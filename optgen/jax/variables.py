"""A parameter in a call of programs, and what all parameters share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from optgen.jax.arithmetic import LIBRARY, Arithmetic, host_dtype
from optgen.jax.leaves import Leaf
from optgen.runtime.allocation import ELEMENT
from optgen.runtime.kernels import MATRIX, RANDOM, Builder, Phase, Program, switches_of
from optgen.runtime.operations.forms import VariableFunctions
from optgen.runtime.operations.matrix_calls import MatrixFunctions
from optgen.runtime.operations.randomness import Draws, Integers

Arrays = dict[str, Any]
PARAM, GRADIENT = "param", "grad"


class Shared:
    """Numbers of the optimizer, in the host's dtype."""

    def __init__(self, scalars: Arrays, states: Arrays, on: Mapping[str, bool]) -> None:
        self.states, self._on = states, on
        self._scalars = {**scalars, **states}

    def add(self, values: Arrays) -> None:
        """Add numbers."""
        self._scalars |= values

    def compute(self, builder: Builder) -> Arrays:
        """The numbers that a function adds."""
        found = added(builder, self._on, self._scalars)
        self._scalars |= found
        return found

    def keep(self, program: Program) -> None:
        """Give states the values that a program has left."""
        for keep in program.keeps:
            if keep.state in self.states and keep.when(self._on):
                self.states = {**self.states, keep.state: self._scalars[keep.value]}


class Variable:
    """A parameter: its arrays, which programs replace, and scalars, by name.

    Arrays are in the form for operations. Scalars are numbers and vectors: in the parameter's
    dtype for passes over elements, and in the host's for arithmetic of their own.
    """

    def __init__(self, leaf: Leaf, tensors: Arrays, scalars: Arrays) -> None:
        host = host_dtype()
        self.leaf, self.tensors = leaf, tensors
        self._own = Arithmetic(leaf.wide)
        self._integers = Integers(LIBRARY, is_wide=host == "float64")
        self._host = VariableFunctions(Arithmetic(host), leaf.form)
        self._library = MatrixFunctions(LIBRARY, host)
        self._narrow: Arrays = {}
        self._wide: Arrays = {}
        self.add(scalars)
        self._wide |= {name: self._host.real(size) for name, size in leaf.form.sizes.items()}

    @property
    def has_gradient(self) -> bool:
        """Whether it is there for an update, or for what follows updates only."""
        return GRADIENT in self.tensors

    @property
    def on(self) -> Mapping[str, bool]:
        """Its switches."""
        return self.leaf.on

    def add(self, values: Arrays) -> None:
        """Add numbers and vectors; whole numbers are kept, which a dtype might not hold."""
        for name, value in values.items():
            is_kept = name in RANDOM
            self._wide[name] = value if is_kept else self._host.real(value)
            self._narrow[name] = value if is_kept else self._own.real(value)

    def run(self, phase: Phase, builder: Builder) -> Arrays:
        """Run a pass over the elements; returns its parts of sums over all parameters."""
        on = self.leaf.on
        found = call(builder, on, self.tensors, self._narrow, self._functions_over(phase.over))
        if not phase.reduces_over(on):
            self.tensors = found
            return {}
        self.tensors, sums, totals = found
        self.add(sums)
        return {name: self._host.real(part) for name, part in totals.items()}

    def _functions_over(self, over: str) -> VariableFunctions:
        """The functions of a pass over matrices of a shape, of which it draws random numbers."""
        leaf = self.leaf
        places = partial(leaf.form.places, over=over)
        draws = Draws(self._own, places, leaf.place, self._integers)
        return VariableFunctions(draws, leaf.form, leaf.dtype)

    def compute(self, builder: Builder) -> None:
        """Run a function that computes numbers and vectors."""
        self.add(added(builder, self.leaf.on, self._wide, self._host))

    def call_libraries(self, phase: Phase, shapes: Mapping[str, str]) -> None:
        """Compute functions of whole matrices; ``shapes`` are those of scratch matrices."""
        on, form = self.leaf.on, self.leaf.form
        for one in phase.calls if on[MATRIX] else ():
            if one.when(on):
                operands = [self.tensors[name] for name in one.operands]
                numbers = [self._wide[n] if isinstance(n, str) else n for n in one.numbers]
                own = [shapes[name] for name in (*one.operands, one.target)]
                found = self._library.called(one, operands, own, numbers, form)
                self.tensors = {**self.tensors, one.target: found}

    def keep(self, program: Program) -> None:
        """Give states the numbers and vectors that a program has left."""
        for keep in program.keeps:
            if keep.state in self.tensors and keep.when(self.leaf.on):
                self.tensors = {**self.tensors, keep.state: self._wide[keep.value]}

    def result(self, name: str, shape: str = ELEMENT) -> Any:
        """An array in the shape of its parameter, or a number or vector in that of its state."""
        tensor, form = self.tensors[name], self.leaf.form
        return form.restored(tensor) if shape == ELEMENT else form.flat(tensor, shape)


def call(builder: Builder, on: Mapping[str, bool], *arguments: Any) -> Any:
    """Call a printed function with the switches that it takes."""
    return builder(*arguments, **{name: on[name] for name in switches_of(builder)})


def added(builder: Builder, on: Mapping[str, bool], scalars: Arrays, *more: Any) -> Arrays:
    """The scalars that a function adds."""
    found = call(builder, on, scalars, *more)
    return {name: value for name, value in found.items() if scalars.get(name) is not value}
