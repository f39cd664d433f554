"""What training loops read of an optimizer: averages, the loss scale, the norm of gradients."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from optgen.runtime.averages import Standing
from optgen.runtime.core import HasCore
from optgen.runtime.rule_metadata import Generated


class Measures(HasCore):
    """The part of an optimizer that changes no state."""

    #: The optimizer for arrays whose rule this runs.
    rule: ClassVar[type[Generated]]

    @abstractmethod
    def _standing(self) -> Standing | None:
        """The replacements of parameters; None before the first step."""

    @property
    def gradient_norm(self) -> float | None:
        """The global norm of the last gradients, before clipping; None if none was computed."""
        return self._core.gradient_norm

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the static loss scale; unchanged without one."""
        return self._core.scale_loss(loss)

    def averaged(self) -> AbstractContextManager[None]:
        """A context in which parameters hold their averages.

        Raises ValueError where no averages are kept, and RuntimeError for a step inside, in
        whichever thread.
        """
        averages, on = self._core.averages(self._standing), self._core.settings.on()
        return averages.standing_in(self.rule.states, on, has_average=self.rule.has_average())

    def finalize(self) -> None:
        """Assign averages to parameters, if averages are enabled.

        Raises RuntimeError inside ``averaged``, whose end would undo it.
        """
        self._core.averages(self._standing).finalize()
