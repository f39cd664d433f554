"""A variable in a call of operations, and what all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from keras import ops

from optgen.keras.arithmetic import TensorFunctions
from optgen.keras.slots import Slot
from optgen.runtime.allocation import ELEMENT
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.kernels import MATRIX, Builder, Phase, Program, switches_of
from optgen.runtime.operations.forms import VariableFunctions
from optgen.runtime.operations.matrix_calls import MatrixFunctions
from optgen.runtime.operations.randomness import Draws, Integers

Tensors = dict[str, Any]
PARAM, GRADIENT = "param", "grad"
#: What scalars of a call depend on: hyperparameters, and whether a variable is a matrix.
Key = tuple[Row, bool]


@dataclass(frozen=True)
class Given:
    """What a call is made with.

    Gradients are by the place of their variable, scalars by what they depend on, and inputs by
    name: a number, or tensors in the order of the variables.
    """

    gradients: Mapping[int, Any]
    rows: Mapping[Key, Tensors]
    inputs: Mapping[str, Any]

    @property
    def numbers(self) -> Tensors:
        """The inputs that are numbers."""
        return {n: value for n, value in self.inputs.items() if not isinstance(value, list)}

    def tensors_of(self, place: int) -> Tensors:
        """The gradient and the other tensors of a variable, by name."""
        lists = {n: value for n, value in self.inputs.items() if isinstance(value, list)}
        found = {name: tensors[place] for name, tensors in lists.items()}
        found |= {GRADIENT: self.gradients.get(place)}
        return {name: tensor for name, tensor in found.items() if tensor is not None}


class Shared:
    """Numbers of the optimizer, in the host's dtype."""

    def __init__(
        self, scalars: Tensors, states: Tensors, on: Mapping[str, bool], functions: TensorFunctions
    ) -> None:
        self.functions, self.states, self._on = functions, states, on
        self._scalars = {**scalars, **states}

    def add(self, values: Tensors) -> None:
        """Add numbers."""
        self._scalars |= values

    def compute(self, builder: Builder) -> Tensors:
        """The numbers that a function adds."""
        return added(builder, self._on, self._scalars, self.functions)

    def keep(self, program: Program) -> None:
        """Give states the values that a program has left."""
        for keep in program.keeps:
            if keep.state in self.states and keep.when(self._on):
                self.states[keep.state] = self._scalars[keep.value]


class Member:
    """A variable: its tensors, which programs replace, and scalars, by name.

    Tensors are in the form for operations, and scalars are numbers and vectors: in the variable's
    dtype for passes over elements, and in the host's for arithmetic of their own.
    """

    def __init__(
        self,
        slot: Slot,
        place: int,
        tensors: Tensors,
        scalars: tuple[Tensors, Tensors],
        functions: TensorFunctions,
        host: TensorFunctions,
    ) -> None:
        """``place`` is that of the variable in their order.

        ``scalars`` are those of the call, in the variable's dtype and in the host's.
        """
        self.slot, self.tensors = slot, tensors
        self.functions, self._place = functions, place
        self._host, self._dtype = VariableFunctions(host, slot.form), host.dtype
        self._narrow, self._wide = ({**some} for some in scalars)
        self._wide |= {name: host.real(size) for name, size in slot.form.sizes.items()}

    @property
    def has_gradient(self) -> bool:
        """Whether it is there for an update, or for what follows updates only."""
        return GRADIENT in self.tensors

    @property
    def on(self) -> Mapping[str, bool]:
        """Its switches."""
        return self.slot.on

    def add(self, values: Tensors) -> None:
        """Add numbers and vectors."""
        self._wide |= {name: self._host.real(value) for name, value in values.items()}
        self._narrow |= {name: self.functions.real(value) for name, value in values.items()}

    def run(self, phase: Phase, builder: Builder) -> Tensors:
        """Run a pass over the elements; returns its parts of sums over all variables."""
        slot, functions = self.slot, self._functions_over(phase.over)
        if not phase.reduces_over(slot.on):
            call(builder, slot.on, self.tensors, self._narrow, functions)
            return {}
        sums: Tensors = {}
        totals: Tensors = {}
        call(builder, slot.on, self.tensors, self._narrow, sums, totals, functions)
        self.add(sums)
        return {name: self._host.real(part) for name, part in totals.items()}

    def _functions_over(self, over: str) -> VariableFunctions:
        """The functions of a pass over matrices of a shape, of which it draws random numbers."""
        form, integers = self.slot.form, Integers(ops, is_wide=self._dtype == "float64")
        places = partial(form.places, over=over)
        draws = Draws(self.functions, places, self._place, integers)
        return VariableFunctions(draws, form, self.slot.variable.dtype)

    def compute(self, builder: Builder) -> None:
        """Run a function that computes numbers and vectors."""
        self.add(added(builder, self.slot.on, self._wide, self._host))

    def call_libraries(self, phase: Phase, shapes: Mapping[str, str]) -> None:
        """Compute functions of whole matrices; ``shapes`` are those of scratch matrices."""
        on, library = self.slot.on, MatrixFunctions(ops, self._dtype)
        for one in phase.calls if on[MATRIX] else ():
            if one.when(on):
                operands = [self.tensors[name] for name in one.operands]
                numbers = [self._wide[n] if isinstance(n, str) else n for n in one.numbers]
                own = [shapes[name] for name in (*one.operands, one.target)]
                found = library.called(one, operands, own, numbers, self.slot.form)
                self.tensors[one.target] = found

    def keep(self, program: Program) -> None:
        """Give states the numbers and vectors that a program has left."""
        for keep in program.keeps:
            if keep.state in self.slot.states and keep.when(self.slot.on):
                self.tensors[keep.state] = self._wide[keep.value]

    def result(self, name: str, shape: str = ELEMENT) -> Any:
        """A tensor in the shape of its variable, or a number or vector in that of its state."""
        tensor, form = self.tensors[name], self.slot.form
        return form.restored(tensor) if shape == ELEMENT else form.flat(tensor, shape)


def call(builder: Builder, on: Mapping[str, bool], *arguments: Any) -> None:
    """Call a printed function with the switches that it takes."""
    builder(*arguments, **{name: on[name] for name in switches_of(builder)})


def added(builder: Builder, on: Mapping[str, bool], scalars: Tensors, functions: Any) -> Tensors:
    """The scalars that a function adds; they are among the given ones then."""
    before = {**scalars}
    call(builder, on, scalars, functions)
    return {name: value for name, value in scalars.items() if before.get(name) is not value}
