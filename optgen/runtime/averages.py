"""Weight averages: states that replace the variables, for evaluation or permanently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import get_ident

import numpy as np

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.kernels import MATRIX
from optgen.runtime.locking import Turn
from optgen.runtime.memory import Mask
from optgen.runtime.model import Model
from optgen.runtime.transaction import Call, later

#: The calls that give the chosen variables the values that evaluation uses.
Evaluating = Callable[[Mask], Sequence[Call]]


@dataclass(frozen=True)
class Standing:
    """Variables of a model with their replacements, and the calls that each change needs.

    Variables are given by index.
    """

    model: Model
    pairs: Sequence[tuple[int, Array]]
    also: Sequence[Call] = ()
    #: The variables whose replacements are computed, and the calls that do.
    computed: Sequence[int] = ()
    computing: Callable[[], Sequence[Call]] = tuple

    @property
    def replaced(self) -> list[Array]:
        """The variables that have a replacement, with their further bits."""
        indices = [*(index for index, _ in self.pairs), *self.computed]
        return [array for index in indices for array in self.model.remainders.both(index)]

    def settle(self) -> None:
        """Assign replacements to variables, atomically."""
        assigning = self.model.remainders.assigning
        assigned = [call for pair in self.pairs for call in assigning(*pair)]
        self.model.memory.commit([*assigned, *self.computing(), *self.also])


def standing_of(
    model: Model,
    declared: Sequence[State],
    updates: int,
    only: Sequence[Array] | None = None,
    also: Sequence[Call] = (),
    evaluating: Evaluating | None = None,
) -> Standing:
    """The variables with the states that may replace them; of all, or ``only`` of some.

    Before the first of ``updates`` there is none that could. ``evaluating`` makes the calls that
    compute replacements, where a rule does. Raises ValueError for a variable that isn't known.
    """
    indices = range(len(model.variables)) if only is None else model.positions(only)
    pairs = [
        (index, array)
        for state in declared
        if state.stands_in and updates
        for index in indices
        for array in [model.states[state.name][index]]
        if array is not None
    ]
    if evaluating is None or not updates:
        return Standing(model, pairs, also)
    chosen = np.zeros(len(model.variables), np.bool_)
    chosen[[*indices]] = True
    chosen &= model.trained
    computed = [int(index) for index in np.flatnonzero(chosen)]
    return Standing(model, pairs, also, computed, lambda: evaluating(chosen))


def kept_averages(declared: Sequence[State], on: Mapping[str, bool]) -> list[str]:
    """The states that may replace variables, matrices or others, under a switch setting."""
    both = [{**on, MATRIX: is_matrix} for is_matrix in (False, True)]
    stand_ins = [state for state in declared if state.stands_in]
    return [state.name for state in stand_ins if any(map(state.when, both))]


@dataclass(frozen=True)
class Averages:
    """Swaps variables and averages; ``noun`` names variables in messages.

    ``find`` is called when it is this thread's turn; it gives None before there is a model.
    """

    owner: str
    noun: str
    turn: Turn
    find: Callable[[], Standing | None]

    def finalize(self) -> None:
        """Assign averages to variables, if averages are enabled.

        Raises RuntimeError inside ``averaged``, whose end would undo it.
        """
        with self.turn.lock:
            self.turn.refuse_inside(self.owner, f"change {self.noun}")
            self.turn.refuse_averaged(self.owner, f"changes no {self.noun}")
            found = self.find()
            _refuse_perturbed(self.owner, found)
            if found is not None:
                found.settle()

    @contextmanager
    def standing_in(
        self, declared: Sequence[State], on: Mapping[str, bool], *, has_average: bool = False
    ) -> Iterator[None]:
        """A context in which variables hold their averages.

        Raises ValueError where no averages are kept, and RuntimeError where variables hold them
        already, or while a step is made.
        """
        if not (has_average or kept_averages(declared, on)):
            raise ValueError(f"{self.owner} keeps no averages of its {self.noun}")
        back, turn = later([]), self.turn
        try:
            with turn.lock:
                turn.refuse_inside(self.owner, "change variables")
                if turn.evaluator is not None:
                    raise RuntimeError("averaged() can't be entered twice")
                found = self.find()
                _refuse_perturbed(self.owner, found)
                ending = setattr, turn, "evaluator", None
                if found is None:
                    back = later([ending])
                else:
                    memory = found.model.memory
                    own = [memory.assigning(one, memory.new(one, None)) for one in found.replaced]
                    back = memory.later([*own, *found.also, ending])
                # From here on, steps of all threads are refused.
                turn.evaluator = get_ident()
                if found is not None:
                    found.settle()
            yield
        finally:
            back()


def _refuse_perturbed(owner: str, found: Standing | None) -> None:
    """Raise RuntimeError where variables are perturbed, and what replaces them would be lost."""
    if found is not None and found.model.is_perturbed:
        raise RuntimeError(f"{owner} has perturbed its variables; make the step first")
