"""The core that all front ends share: settings, model, counters and the lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from optgen.runtime.arrays import Gradient
from optgen.runtime.averages import Averages, Standing
from optgen.runtime.counters import NOTHING_GIVEN, Counters, Given
from optgen.runtime.gradient_pairs import Variables
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.hyperparameters.treatment import Treatment
from optgen.runtime.kernels import PERTURB
from optgen.runtime.locking import Turn
from optgen.runtime.model import Model
from optgen.runtime.other_programs import coming_back, perturbing
from optgen.runtime.piecewise import Piecewise
from optgen.runtime.rule_metadata import Generated
from optgen.runtime.scale import DynamicScale
from optgen.runtime.step import Step
from optgen.runtime.transaction import Call

#: What the first call lacks where nothing says what is to be updated.
NO_VARIABLES = "the first apply needs the variables, or call build before"


class Core:
    """An optimizer without a front end; ``owner`` names it in messages."""

    def __init__(
        self, owner: str, settings: Settings, treatment: Treatment, noun: str = "variables"
    ) -> None:
        """``noun`` is what users call the variables."""
        self.owner, self.noun = owner, noun
        self.settings, self.treatment = settings, treatment
        self.model: Model | None = None
        self.counters = Counters()
        #: The dynamic loss scale, if there is one.
        self.scaling: DynamicScale | None = None
        self.turn = Turn()
        #: The call whose variables are updated one by one; None outside of such a call.
        self.open: Piecewise | None = None

    def counted(self) -> Counters:
        """The counters, read from the device if they are kept there."""
        if self.model is not None and self.model.deferred is not None:
            with self.turn.lock:
                self.model.recall(self.counters)
        return self.counters

    def standing_in(self, variables: Variables | None) -> Variables:
        """The variables of a call, for gradients that its rule doesn't read."""
        if variables is not None:
            return variables
        if self.model is None:
            raise ValueError(NO_VARIABLES)
        return self.model.named

    def calls(self) -> int:
        """Number of calls, which schedules take as their argument."""
        return self.counted().calls

    def refuse_inside(self, what: str) -> None:
        """Raise RuntimeError if ``what`` is called inside a step."""
        self.turn.refuse_inside(self.owner, what)

    def refuse_perturbed(self, what: str) -> None:
        """Raise RuntimeError in the middle of an update.

        That is where ``perturb`` has moved the variables, and no step come back, or where some of
        them are updated and others not.
        """
        if self.open is not None:
            message = f"{self.owner} can't {what} while only some of its {self.noun} are updated"
            raise RuntimeError(f"{message}; make the step that ends the call first")
        if self.model is not None and self.model.is_perturbed:
            message = f"{self.owner} can't {what} while its {self.noun} are perturbed"
            raise RuntimeError(f"{message}; make the step that comes back first")

    def in_turn(self, step: Callable[..., None], *arguments: Any) -> None:
        """Make a step under the lock.

        Raises RuntimeError inside ``averaged``, and in a function that a step calls.
        """
        turn = self.turn
        with turn.lock:
            turn.refuse_averaged(self.owner, "makes no step")
            turn.refuse_inside(self.owner, "make another")
            try:
                turn.is_stepping = True
                step(*arguments)
            finally:
                turn.is_stepping = False

    def take(
        self,
        gradients: Sequence[Gradient | None],
        also: Sequence[Call] = (),
        given: Given = NOTHING_GIVEN,
    ) -> None:
        """Make a step of the model with validated gradients, and count it."""
        assert self.model is not None
        step = Step(self.model, self.settings, self.treatment, self.scaling)
        step.take(gradients, self.counters, also, given)

    def refuse_to_perturb(self, rule: type[Generated]) -> None:
        """Raise RuntimeError for a rule without a second point, and for moved variables."""
        moving = next((p for p in rule.layout.programs if p.name == PERTURB), None)
        if moving is None or not moving.when(self.settings.on()):
            raise RuntimeError(f"{self.owner} takes its gradient where the {self.noun} are")
        self.refuse_perturbed("perturb")

    def perturb(self, gradients: Sequence[Gradient | None], also: Sequence[Call] = ()) -> None:
        """Move the variables to where the next gradient is taken."""
        model = self.model
        assert model is not None
        model.recall(self.counters)
        calls = perturbing(model, self.settings, self.counters, gradients)
        model.memory.commit([*calls, *also, *model.memory.changed(model.variables)])

    def come_back(self, also: Sequence[Call] = ()) -> None:
        """Move perturbed variables to where they were, in a call without gradients."""
        model = self.model
        assert model is not None
        model.begin(self.settings.rows(model.row_set, self.counters.calls), self.counters)
        calls = coming_back(model, model.trained)
        model.memory.commit([*calls, *also, *model.memory.changed(model.variables)])

    def set(self, name: str, value: object) -> None:
        """Change a hyperparameter. Raises TypeError or ValueError for what isn't allowed."""
        with self.turn.lock:
            self.settings.change(name, value, built=self.model is not None)
            if self.model is not None:
                self.model.renew(self.settings)

    def follow(self, scale: DynamicScale) -> None:
        """Take the scale of the loss from another, and skip gradients that it makes infinite.

        Raises ValueError where gradients aren't scaled back.
        """
        scales = self.settings.loss_scales
        if not scales:
            raise ValueError(f"{self.owner} doesn't scale its gradients back")
        self.set(scales[0], lambda: scale.value)
        self.treatment.on_nonfinite = "skip"
        self.scaling = scale

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the static loss scale; unchanged without one."""
        scale = self.settings.loss_scale(self.calls)
        return loss if scale == 1.0 else loss * scale

    def scale_on_device(self) -> Any:
        """The dynamic scale in device memory, if it is kept there; else None."""
        model = self.model
        if model is None or model.deferred is None or not model.deferred.is_counting:
            return None
        return model.memory.seen_by_user(model.deferred.scale)

    @property
    def gradient_norm(self) -> float | None:
        """The global gradient norm of the last update, before clipping."""
        return None if self.model is None else self.model.engine.gradient_norm

    def averages(self, find: Callable[[], Standing | None]) -> Averages:
        """The swapping of variables and averages; ``find`` returns both."""
        return Averages(self.owner, self.noun, self.turn, find)


class HasCore:
    """The base of optimizers that have a core."""

    _core: Core


def core_of(optimizer: HasCore) -> Core:
    """The core of an optimizer, for functions outside its class."""
    return optimizer._core
