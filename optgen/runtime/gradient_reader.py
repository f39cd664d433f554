"""Reading the gradients of a call."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial

from optgen.runtime.arrays import Gradient
from optgen.runtime.caller import caller_level
from optgen.runtime.counters import Given
from optgen.runtime.gradient_pairs import Gradients, Matcher, Variables
from optgen.runtime.hyperparameters.declarations import Input
from optgen.runtime.inputs import given_inputs
from optgen.runtime.model import Model


class GivenGradients:
    """Reads gradients of the variables of a model, in a list or a mapping from path."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._looks = model.memory.looks(model.variables)
        self._match = Matcher(model.named)

    def read(self, grads: Gradients, variables: Variables | None) -> Sequence[Gradient | None]:
        """The gradients in the order of the variables, fit to be pointed at.

        Raises TypeError or ValueError for whatever would make a step go wrong.
        """
        model, check = self.model, self.model.check_gradient
        if not check.variables_stay():
            self._refuse_changed()
        listed = None if model.overwritten else self._match.in_order(grads, variables)
        found = None if listed is None else check.at_once(listed)
        if found is not None:
            return found
        checked: list[Gradient | None] = [None] * len(model.variables)
        missing = []
        matched = self._match(grads, variables)
        for index, gradient in matched.items():
            if gradient is None:
                missing.append(model.paths[index])
            else:
                checked[index] = check(index, gradient)
        if len(missing) == len(matched):
            raise ValueError("no variable has a gradient")
        if missing:
            warnings.warn(f"no gradient for {', '.join(missing)}", stacklevel=caller_level())
        return checked

    def read_input(
        self, name: str, arrays: Gradients, variables: Variables | None
    ) -> Sequence[Gradient | None]:
        """The arrays of an input of that name, given and read as gradients are."""
        listed = None if self.model.overwritten else self._match.in_order(arrays, variables)
        found = None if listed is None else self.model.check_gradient.at_once(listed)
        if found is not None:
            return found
        checked: list[Gradient | None] = [None] * len(self.model.variables)
        for index, array in self._match(arrays, variables, name).items():
            if array is not None:
                checked[index] = self.model.check_gradient(index, array, name)
        return checked

    def inputs(
        self,
        owner: str,
        declared: Sequence[Input],
        inputs: Mapping[str, object],
        gradients: Sequence[Gradient | None],
        variables: Variables | None,
    ) -> Given:
        """The validated inputs of a call. Raises TypeError or ValueError."""
        read = partial(self.read_input, variables=variables)
        return given_inputs(owner, declared, inputs, gradients, self.model.paths, read)

    def _refuse_changed(self) -> None:
        """Raise ValueError where a variable isn't what it was when the model was built."""
        looks = self.model.memory.looks(self.model.variables)
        if looks != self._looks:
            compared = zip(self.model.paths, looks, self._looks, strict=True)
            path = next(path for path, now, before in compared if now != before)
            raise ValueError(f"{path!r} was made read-only, resized or reshaped after build")
