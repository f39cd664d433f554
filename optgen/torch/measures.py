"""What training loops read of an optimizer: averages, the loss scale, the norm of gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from glob import escape
from typing import Any, ClassVar

from optgen.runtime.averages import Standing
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.model import Model
from optgen.runtime.probes import Numbers, Probed
from optgen.runtime.rule_metadata import Generated
from optgen.torch.storage import names_of


class Measures(Probed):
    """The part of an optimizer that changes no state."""

    #: The optimizer for arrays whose rule this runs.
    rule: ClassVar[type[Generated]]
    param_groups: list[dict[str, Any]]

    @abstractmethod
    def _standing(self) -> Standing | None:
        """The replacements of parameters; None before the first step."""

    def _probed(self) -> tuple[Model | None, Sequence[State], Sequence[str]]:
        names = [*names_of(self.param_groups).values()]
        return self._core.model, self.rule.states, names

    def statistics(
        self, groups: Mapping[str, Iterable[str]] | bool | None = None
    ) -> dict[str, Numbers]:
        """The probed numbers of the last update that kept them, by parameter and name.

        Parameters have their names if torch was given any, else the numbers of their group and
        place. With ``groups``, names each with patterns for parameters, the numbers are those of
        all parameters together that fit; True stands for the groups of this optimizer, by number.
        Reading waits for a device; a step never does. Empty where no numbers are kept.
        """
        if not isinstance(groups, bool):
            return super().statistics(groups)
        names, own = iter(names_of(self.param_groups).values()), dict[str, list[str]]()
        for number, group in enumerate(self.param_groups):
            own[str(number)] = [escape(next(names)) for _ in group["params"]]
        return super().statistics(own if groups else None)

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
