"""Programs as operations of Keras, on the backend that KERAS_BACKEND names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import keras
import numpy as np
from keras import ops

from optgen.keras.classes import optimizer_class
from tests.random_programs.bounded import Array
from tests.random_programs.comparison import Outcome, compare, configured
from tests.random_programs.compiled import class_in, package
from tests.random_programs.program import Program
from tests.random_programs.reductions import Freedom
from tests.random_programs.sources import Sources

_NO_WINDOW = ("gradient_accumulation_steps", 1)
#: Each class has a name of its own in Keras's registry.
_numbers = count()
_SINGLE = np.finfo(np.float32)
#: Everything may be computed in float32, and squares of a norm leave its range.
FREEDOM = Freedom(
    unit=float(_SINGLE.eps) / 2,
    smallest=float(_SINGLE.smallest_normal),
    largest=float(_SINGLE.max),
    wide_host=False,
)


class Operations:
    """An optimizer of Keras over variables of Keras, by operations also where there are kernels."""

    def __init__(self, kind: Any, program: Program) -> None:
        self._optimizer = configured(kind, program)
        self._variables: dict[str, Any] = {}

    def build(self, params: Mapping[str, Array]) -> None:
        """Make the variables."""
        self._variables = {k: keras.Variable(v, dtype="float32", name=k) for k, v in params.items()}
        self._optimizer.build([*self._variables.values()])
        self._optimizer._inside.in_place = None

    def apply(self, gradients: Mapping[str, Array | None]) -> None:
        """Make one call."""
        given = [None if g is None else ops.convert_to_tensor(g) for g in gradients.values()]
        self._optimizer.apply(given)

    @property
    def updates(self) -> int:
        """The number of updates so far."""
        return int(ops.convert_to_numpy(self._optimizer.iterations))

    def values(self) -> dict[str, dict[str, Array]]:
        """Copies of parameters and states."""
        found = {}
        for slot, (path, variable) in zip(
            self._optimizer._inside.slots, self._variables.items(), strict=True
        ):
            every = {"param": variable, **slot.states}
            found[path] = {name: np.array(v.numpy()) for name, v in every.items()}
        return found


def by_keras(program: Program, sources: Sources) -> Outcome:
    """Operations of Keras; all of float32."""
    forms = tuple(replace(form, dtype="float32") for form in program.forms)
    # One call an update is what Keras wants to be None.
    given = {k: v for k, v in program.arguments.items() if (k, v) != _NO_WINDOW}
    single = replace(program, forms=forms, arguments=given)
    with package(program, sources) as name:
        kind = optimizer_class(class_in(name, program), f"Random{next(_numbers)}")
        return compare(Operations(kind, single), single, FREEDOM)
