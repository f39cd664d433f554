"""Programs as functions of JAX of which each operation runs at once.

Arrays of elements are float32; numbers and vectors are float64, as those of kernels are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import optax
from jax import numpy as jnp

from optgen.optax import factory
from tests.random_programs.bounded import Array
from tests.random_programs.comparison import Outcome, compare
from tests.random_programs.compiled import class_in, package
from tests.random_programs.program import Program
from tests.random_programs.reductions import Freedom
from tests.random_programs.sources import Sources

_SINGLE = np.finfo(np.float32)
#: Sums of elements are computed in float32, and squares of a norm leave its range.
FREEDOM = Freedom(
    unit=float(_SINGLE.eps) / 2,
    smallest=float(_SINGLE.smallest_normal),
    largest=float(_SINGLE.max),
    wide_host=False,
)


class Functions:
    """A transformation of gradients over a tree of parameters."""

    def __init__(self, kind: Any, program: Program) -> None:
        known = {h.name for h in kind.hyperparameters if h.excluded is not None} | {"matrix"}
        excluded: dict[str, list[str]] = {}
        for form in program.forms:
            for name in known & {*form.excluded}:
                excluded.setdefault(name, []).append(f"^{form.path}$")
        options = {"options": program.options} if program.options else {}
        self._rule = factory(kind)(**program.arguments, **options, exclude=excluded)
        self._params: dict[str, Any] = {}
        self._state: Any = None

    def build(self, params: Mapping[str, Array]) -> None:
        """Make the state."""
        self._params = {path: jnp.asarray(array) for path, array in params.items()}
        self._state = self._rule.init(self._params)

    def apply(self, gradients: Mapping[str, Array | None]) -> None:
        """Make one call."""
        given = dict(gradients)
        with jax.disable_jit():
            updates, self._state = self._rule.update(given, self._state, self._params)
        self._params = optax.apply_updates(self._params, updates)

    @property
    def updates(self) -> int:
        """The number of updates so far."""
        return int(self._state.steps)

    def values(self) -> dict[str, dict[str, Array]]:
        """Copies of parameters and states."""
        states = self._state.parameters
        return {
            path: {"param": np.array(param)}
            | {
                name: np.array(tree[path])
                for name, tree in states.items()
                if not isinstance(tree[path], optax.MaskedNode)
            }
            for path, param in self._params.items()
        }


def by_jax(program: Program, sources: Sources) -> Outcome:
    """Functions of JAX; all of float32."""
    forms = tuple(replace(form, dtype="float32") for form in program.forms)
    single = replace(program, forms=forms)
    with package(program, sources) as name, jax.enable_x64(True):
        return compare(Functions(class_in(name, program), single), single, FREEDOM)
