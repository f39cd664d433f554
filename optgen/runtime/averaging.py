"""What users call to give variables the value of their averages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.declarations import State
from optgen.runtime.model import Model
from optgen.runtime.settings import Settings
from optgen.runtime.stand_in import returning, settle, stand_ins
from optgen.runtime.turns import Turn
from optgen.runtime.whole import later


class Averaging:
    """Lets the states that stand in for variables take their place."""

    states: ClassVar[tuple[State, ...]]
    _settings: Settings
    _model: Model | None
    _turn: Turn

    @property
    def iterations(self) -> int:
        """Updates so far."""
        raise NotImplementedError

    def _refuse_inside(self, what: str) -> None:
        self._turn.refuse_inside(type(self).__name__, what)

    def finalize_variable_values(self, var_list: Sequence[Array] | None = None) -> None:
        """Give variables, all or some, the value of their averages, where there are any.

        Raises ValueError for a variable that the optimizer was not built with.
        """
        with self._turn.lock:
            self._refuse_inside("change variables")
            settle(self._model, stand_ins(self._model, self.states, self.iterations, var_list))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the variables hold their averages; behind, their own values again.

        Raises ValueError where no averages are kept, and RuntimeError for a step inside.
        """
        if not any(s.stands_in and s.when(self._settings.on()) for s in self.states):
            raise ValueError(f"{type(self).__name__} keeps no averages of its variables")
        turn = self._turn
        if turn.is_evaluating:
            raise RuntimeError("averaged() can't be entered twice")
        self._refuse_inside("change variables")
        ending = setattr, turn, "is_evaluating", False
        back = later([ending])
        try:
            with turn.lock:
                # From here on no thread makes a step.
                turn.is_evaluating = True
                model = self._model
                if model is not None:
                    pairs = stand_ins(model, self.states, self.iterations)
                    back = model.memory.later([*returning(model, pairs), ending])
                    settle(model, pairs)
            yield
        finally:
            back()
