"""The programs of a rule over the parameters of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
from jax import numpy as jnp

from optgen.jax.arithmetic import Arithmetic, host_dtype
from optgen.jax.leaves import Leaf
from optgen.jax.variables import Arrays, Shared, Variable, added
from optgen.runtime.allocation import ELEMENT
from optgen.runtime.hyperparameters.declarations import Switch
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.kernels import COME_BACK, PERTURBED, Kernels, Program
from optgen.runtime.operations.programs import run

#: What a call makes: the arrays of each parameter, numbers of the optimizer, and whether it was an
#: update.
Found = tuple[list[Arrays], Arrays, Any]
#: What a program does to the parameters and to what they share.
Run = Callable[[Sequence[Variable], Shared], None]
#: Hyperparameters and counters of a row.
Operands = Callable[[Row], Arrays]


@dataclass(frozen=True)
class Given:
    """The leaves of a call, each with its arrays by name; numbers that all share; and counters.

    The arrays of a leaf are those of its parameter, its states, gradient and inputs; ``stored`` has
    what is kept of them, with the dtypes, and ``states`` the numbers of the optimizer.
    """

    leaves: Sequence[Leaf]
    tensors: Sequence[Arrays]
    stored: Sequence[Arrays]
    states: Arrays
    numbers: Arrays
    operands: Operands
    #: The switches of the optimizer's own programs.
    on: Mapping[str, bool]

    def switched(self, on: Mapping[str, bool]) -> Given:
        """The same for other values of some switches."""
        leaves = [replace(leaf, on={**leaf.on, **on}) for leaf in self.leaves]
        return replace(self, leaves=leaves, on={**self.on, **on})


class Programs:
    """What calls run, of the kernels of a rule; ``shapes`` are those of its states."""

    def __init__(self, kernels: Kernels, shapes: Mapping[str, str]) -> None:
        self._kernels, self._shapes = kernels, shapes
        self._scratch = {name: shape for name, shape, _ in kernels.matrices}
        self._absent = kernels.program("absent")

    def step(self, given: Given) -> Found:
        """An update, or what runs instead."""
        return self._decided(self._kernels.decided, given, self._called)

    def only(self, name: str, given: Given) -> Found:
        """A program of that name."""
        program = self._kernels.program(name)
        assert program is not None

        def run(variables: Sequence[Variable], shared: Shared) -> None:
            self._run(program, variables, shared)

        return self._decided(self._kernels.decided, given, partial(self._result, run, False))

    def _decided(
        self, switches: Sequence[Switch], given: Given, make: Callable[[Given], Found]
    ) -> Found:
        """The results for switches that each call decides, by hyperparameters and counters.

        A traced program has both branches of each switch, and runs one.
        """
        if not switches:
            return make(given)
        one, *others = switches
        holds = jnp.asarray(one.condition(given.operands(Row())), bool)
        yes, no = (
            partial(self._decided, others, given.switched({one.name: is_on}), make)
            for is_on in (True, False)
        )
        found: Found = jax.lax.cond(holds, yes, no)
        return found

    def _called(self, given: Given) -> Found:
        """What an update computes, or what runs instead."""
        branch: Callable[[], Found] = partial(self._result, self._update, True, given)
        for program in reversed(self._kernels.gates):
            if program.when(given.on):
                proceeds = self._scalars(given, Row(), given.on)[program.gate]
                gather = partial(self._result, partial(self._gather, program), False, given)
                branch = partial(jax.lax.cond, proceeds, branch, gather)
        return branch()

    def _result(self, run: Run, is_update: bool, given: Given) -> Found:
        """What a program makes of the arrays, in their own dtypes and shapes."""
        variables = [
            Variable(leaf, self._seen(leaf, tensors), self._scalars(given, leaf.row, leaf.on))
            for leaf, tensors in zip(given.leaves, given.tensors, strict=True)
        ]
        for variable in variables:
            variable.add({**given.states, **given.numbers, **self._numbers_of(variable)})
        real = Arithmetic(host_dtype()).real
        scalars = self._scalars(given, Row(), given.on) | given.numbers
        own = {name: real(value) for name, value in scalars.items()}
        shared = Shared(own, given.states, given.on)
        run(variables, shared)
        found = [
            {
                name: jnp.asarray(variable.result(name, self._shape(name)), array.dtype)
                for name, array in stored.items()
            }
            for variable, stored in zip(variables, given.stored, strict=True)
        ]
        states = {n: jnp.asarray(shared.states[n], one.dtype) for n, one in given.states.items()}
        return found, states, jnp.asarray(is_update)

    def _scalars(self, given: Given, row: Row, on: Mapping[str, bool]) -> Arrays:
        """Hyperparameters and counters of a row, and what is computed of them."""
        values = given.operands(row)
        return values | added(self._kernels.host, on, values)

    def _shape(self, name: str) -> str:
        return self._shapes.get(name, ELEMENT)

    def _seen(self, leaf: Leaf, tensors: Arrays) -> Arrays:
        """Arrays in the form for operations."""
        return {name: self._formed(leaf, name, array) for name, array in tensors.items()}

    def _formed(self, leaf: Leaf, name: str, array: Any) -> Any:
        shape, form = self._shape(name), leaf.form
        if shape == ELEMENT:
            return form.seen(jnp.asarray(array, leaf.wide))
        return form.vector(array, shape)

    def _numbers_of(self, variable: Variable) -> Arrays:
        """The states of a parameter that are no arrays of elements."""
        return {n: one for n, one in variable.tensors.items() if self._shape(n) != ELEMENT}

    def _update(self, variables: Sequence[Variable], shared: Shared) -> None:
        present = self._come_back(variables, shared)
        self._run(self._kernels.programs[0], present, shared)
        if self._absent is not None:
            self._run(self._absent, [v for v in variables if not v.has_gradient], shared)

    def _gather(self, program: Program, variables: Sequence[Variable], shared: Shared) -> None:
        self._run(program, self._come_back(variables, shared), shared)

    def _come_back(self, variables: Sequence[Variable], shared: Shared) -> list[Variable]:
        """The parameters with a gradient; others are moved to where they were, if perturbed."""
        program = self._kernels.program(COME_BACK)
        if program is not None:
            left = [v for v in variables if not v.has_gradient and v.leaf.on[PERTURBED]]
            self._run(program, left, shared)
        return [variable for variable in variables if variable.has_gradient]

    def _run(self, program: Program, variables: Sequence[Variable], shared: Shared) -> None:
        """Run a program over parameters, whose arrays it replaces."""
        run(program, variables, shared, self._scratch)
