"""A rule with its arguments as a transformation of gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import optax
from jax import numpy as jnp

from optgen.jax.arithmetic import LIBRARY, host_dtype
from optgen.jax.exclusions import Excluded
from optgen.jax.hyperparameters import Hyperparameters
from optgen.jax.inputs import Inputs
from optgen.jax.leaves import Leaf, Tree
from optgen.jax.programs import Given, Programs
from optgen.jax.states import Perturbed, State, first_number, first_state
from optgen.jax.variables import GRADIENT, PARAM, Arrays
from optgen.runtime.hyperparameters.declarations import BLOCK, RANK
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.hyperparameters.storage import Storage
from optgen.runtime.kernels import (
    CHECK_FINITE,
    CONSTRAINED,
    EVALUATE,
    MATRIX,
    OPTIMIZER,
    PERTURB,
    PERTURBED,
)
from optgen.runtime.operations.forms import Form
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.routing import warn_of_matrices


class Transformation:
    """The functions of one optimizer, which keep nothing."""

    def __init__(
        self,
        owner: str,
        rule: type[Optimizer],
        hyperparameters: Hyperparameters,
        storage: Storage,
        excluded: Excluded,
    ) -> None:
        self._owner, self._rule = owner, rule
        self._hyperparameters, self._storage = hyperparameters, storage
        self._excluded = excluded
        self._inputs = Inputs(owner, rule.inputs)
        self._shapes = {state.name: state.shape for state in rule.states}
        self._programs = Programs(rule.kernels_of("jax"), self._shapes)

    def init(self, params: Any) -> State:
        """The state before the first call."""
        tree, rule = Tree.of(params, self._owner), self._rule
        leaves = self._leaves(tree, params)
        warn_of_matrices(rule, [leaf.path for leaf in leaves if leaf.form.is_viewed])
        self._storage.warn_of_unused(tree.paths)
        declared = {
            state.name: tree.tree(
                first_state(state, leaf, array, self._hyperparameters, self._storage)
                if state.when(leaf.on)
                else None
                for leaf, array in zip(leaves, tree.arrays, strict=True)
            )
            for state in rule.states
            if state.shape != OPTIMIZER and self._has(state)
        }
        shared = {
            state.name: first_number(state, self._hyperparameters)
            for state in rule.states
            if state.shape == OPTIMIZER and self._has(state)
        }
        nothing = jnp.zeros((), jnp.int32)
        return State(nothing, nothing, declared, shared)

    def update(
        self, updates: Any, state: State | Perturbed, params: Any = None, **extra: Any
    ) -> tuple[Any, State]:
        """What to add to the parameters, and the next state.

        ``updates`` are gradients, of which some may be None; inputs of the rule are arguments of
        their own, and all others are left alone. Raises ValueError for trees that don't fit, and
        TypeError for inputs that are missing.
        """
        tree = self._tree(params)
        perturbed = isinstance(state, Perturbed)
        held = state.state if isinstance(state, Perturbed) else state
        gradients = tree.gradients(updates, "gradient", self._owner)
        arrays, numbers, on = self._inputs.read(extra, tree, gradients)
        tensors = [
            {**own} | ({} if gradient is None else {GRADIENT: gradient})
            for own, gradient in zip(arrays, gradients, strict=True)
        ]
        given = self._given(tree, params, held, tensors, numbers, {**on, PERTURBED: perturbed})
        found, shared, is_update = self._programs.step(given)
        moved, parameters = self._taken(tree, held, found)
        steps = held.steps + jnp.asarray(is_update, held.steps.dtype)
        return moved, State(optax.safe_increment(held.count), steps, parameters, shared)

    def perturb(self, updates: Any, state: State, params: Any) -> tuple[Any, Perturbed]:
        """What to add to the parameters to come to where the next gradient is taken.

        ``update`` comes back from there. Raises TypeError for a rule without a second point, and
        where the parameters are at one.
        """
        if not any(one.name == PERTURB for one in self._rule.layout.programs):
            raise TypeError(f"{self._owner} takes its gradient where the parameters are")
        if isinstance(state, Perturbed):
            raise TypeError(f"{self._owner} has perturbed the parameters already; call update")
        tree = self._tree(params)
        gradients = tree.gradients(updates, "gradient", self._owner)
        tensors = [
            {GRADIENT: jnp.zeros_like(array) if gradient is None else gradient}
            for array, gradient in zip(tree.arrays, gradients, strict=True)
        ]
        given = self._given(tree, params, state, tensors, {}, {})
        found, shared, _ = self._programs.only(PERTURB, given)
        moved, parameters = self._taken(tree, state, found)
        return moved, Perturbed(State(state.count, state.steps, parameters, shared))

    def evaluation(self, params: Any, state: Any) -> Any:
        """What evaluation uses in place of the parameters: averages, or the parameters themselves.

        ``state`` may be one of a chain of transformations that has one of this optimizer.
        """
        tree, held = self._tree(params), _own(state)
        leaves = self._leaves(tree, params)
        stand_ins = [one for one in self._rule.states if one.stands_in]
        averages = [
            next((one.name for one in stand_ins if one.when(leaf.on)), None) for leaf in leaves
        ]
        if self._rule.has_average():
            count, steps = (jnp.maximum(one - 1, 0) for one in (held.count, held.steps))
            before = State(count, steps, held.parameters, held.shared)
            given = self._given(tree, params, before, [{} for _ in leaves], {}, {})
            values = [one[PARAM] for one in self._programs.only(EVALUATE, given)[0]]
        else:
            values = list(tree.arrays)
        states = {name: tree.values(held.parameters[name]) for name in averages if name}
        found = [
            value
            if name is None
            else jnp.where(held.count > 0, jnp.asarray(states[name][k], value.dtype), value)
            for k, (name, value) in enumerate(zip(averages, values, strict=True))
        ]
        return tree.structure.unflatten(found)

    def _tree(self, params: Any) -> Tree:
        if params is None:
            raise ValueError(f"{self._owner} needs the parameters: update(grads, state, params)")
        return Tree.of(params, self._owner)

    def _leaves(self, tree: Tree, params: Any) -> list[Leaf]:
        """How each parameter is treated."""
        excluded = self._excluded.of(tree, params)
        rows = self._hyperparameters.rows(tree.paths, excluded)
        parts = zip(tree.paths, tree.arrays, rows, strict=True)
        return [self._leaf(place, *part) for place, part in enumerate(parts)]

    def _leaf(self, place: int, path: str, array: Any, row: Row) -> Leaf:
        settings, shape = self._hyperparameters.settings, jnp.shape(array)
        view = self._rule.view if len(shape) > 1 and MATRIX not in row.excluded else ""
        bounds = (settings.bound_of(kind, row) for kind in (RANK, BLOCK))
        form = Form(LIBRARY, shape, view, *bounds)
        on = {**self._on(row.groups), MATRIX: form.is_viewed}
        return Leaf(path, place, str(jnp.result_type(array)), row, on, form)

    def _on(self, groups: tuple[str, ...] = ()) -> dict[str, bool]:
        fixed = {CHECK_FINITE: False, CONSTRAINED: False, PERTURBED: False, MATRIX: False}
        return self._hyperparameters.settings.on(groups) | fixed

    def _has(self, state: Any) -> bool:
        """Whether parameters may have a state, whatever their shapes are."""
        return any(
            state.when({**self._on(), MATRIX: one}) for one in {False, bool(self._rule.view)}
        )

    def _given(
        self,
        tree: Tree,
        params: Any,
        state: State,
        tensors: Sequence[Arrays],
        numbers: Arrays,
        on: Mapping[str, bool],
    ) -> Given:
        """All that a program is run with; ``tensors`` are what calls are given."""
        states = {name: tree.values(held) for name, held in state.parameters.items()}
        stored = [
            {PARAM: array}
            | {name: held[place] for name, held in states.items() if held[place] is not None}
            for place, array in enumerate(tree.arrays)
        ]
        counters = {
            "call": jnp.asarray(state.count + 1, host_dtype()),
            "step": jnp.asarray(state.steps + 1, host_dtype()),
        }

        def operands(row: Row) -> Arrays:
            return self._hyperparameters.operands(row, state.count) | counters

        leaves = self._leaves(tree, params)
        own = leaves[0].on if leaves else self._on()
        every = [{**before, **given} for before, given in zip(stored, tensors, strict=True)]
        given = Given(leaves, every, stored, state.shared, numbers, operands, own)
        return given.switched(on)

    def _taken(self, tree: Tree, state: State, found: Sequence[Arrays]) -> tuple[Any, Any]:
        """The differences of the parameters, and the trees of their states."""
        moved = [
            one[PARAM] - jnp.asarray(array) for one, array in zip(found, tree.arrays, strict=True)
        ]
        parameters = {name: tree.tree(one.get(name) for one in found) for name in state.parameters}
        return tree.structure.unflatten(moved), parameters


def _own(state: Any) -> State:
    """The state of an optimizer within that of a chain. Raises ValueError where there isn't one."""

    def is_own(part: Any) -> bool:
        return isinstance(part, State)

    found = [part for part in jax.tree.leaves(state, is_leaf=is_own) if is_own(part)]
    if len(found) != 1:
        raise ValueError(f"the state has {len(found)} states of optimizers of optgen, not one")
    own: State = found[0]
    return own
