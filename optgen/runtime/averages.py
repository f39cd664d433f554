"""What users call to give variables the value of their averages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.locking import Turn
from optgen.runtime.model import Model
from optgen.runtime.stand_ins import Standing, settle, stand_ins, standing_in


class Averaging:
    """Lets the states that stand in for variables take their place."""

    states: ClassVar[tuple[State, ...]]
    _settings: Settings
    _model: Model | None
    _turn: Turn

    @property
    def iterations(self) -> int:
        """Updates so far; each optimizer knows its own."""
        raise NotImplementedError

    def _refuse_inside(self, what: str) -> None:
        self._turn.refuse_inside(type(self).__name__, what)

    def finalize_variable_values(self, var_list: Sequence[Array] | None = None) -> None:
        """Give variables, all or some, the value of their averages, where there are any.

        Raises ValueError for a variable that the optimizer was not built with, and RuntimeError
        inside ``averaged``, whose end would undo it.
        """
        with self._turn.lock:
            self._refuse_inside("change variables")
            self._turn.refuse_averaged(type(self).__name__, "changes no variables")
            settle(self._model, stand_ins(self._model, self.states, self.iterations, var_list))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the variables hold their averages; behind, their own values again.

        Raises ValueError where no averages are kept, and RuntimeError for a step inside, in
        whichever thread.
        """
        if not any(s.stands_in and s.when(self._settings.on()) for s in self.states):
            raise ValueError(f"{type(self).__name__} keeps no averages of its variables")

        def find() -> Standing:
            return self._model, stand_ins(self._model, self.states, self.iterations), []

        with standing_in(self._turn, type(self).__name__, find):
            yield
