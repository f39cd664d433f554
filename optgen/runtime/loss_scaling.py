"""Dynamic loss scaling: the largest scale with finite gradients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Self

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.arrays import is_on_device
from optgen.runtime.core import core_of
from optgen.runtime.gradient_pairs import Gradients, Variables
from optgen.runtime.hyperparameters.declarations import Hyperparameter
from optgen.runtime.instance_names import unique_name
from optgen.runtime.minimize import minimize
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.scale import DynamicScale
from optgen.runtime.sealed import Sealed
from optgen.runtime.state.resume import resume, snapshot
from optgen.runtime.state.saved import Saved
from optgen.runtime.state.snapshot import Snapshot, StateError
from optgen.runtime.suggestions import refuse_unknown
from optgen.runtime.transaction import Call

_SCALE = Hyperparameter("initial_scale", 2.0**15, "initial_scale >= 1", lambda scale: scale >= 1)
_STEPS = Hyperparameter(
    "dynamic_growth_steps", 2000, "dynamic_growth_steps >= 1", lambda n: n >= 1, integer=True
)
_COUNTERS = {"dynamic_scale", "step_counter"}


class LossScaleOptimizer(Sealed, Saved):
    """Dynamic loss scaling around an optimizer, against underflow of half-precision gradients.

    After ``dynamic_growth_steps`` calls with finite gradients the scale is doubled; a gradient
    that isn't finite halves it, never below 1, and nothing else changes in that call. Multiply
    the loss by ``scale_loss`` before its gradients are taken.

    Args:
        inner_optimizer: The optimizer, not yet built. Its own loss scale is not used.
        initial_scale: The first scale. Range: initial_scale >= 1.
        dynamic_growth_steps: Calls between two doublings. Range: dynamic_growth_steps >= 1.
        name: Labels the optimizer; None makes a new name.

    Reference: Keras 3, keras.optimizers.LossScaleOptimizer; Micikevicius et al., 2018,
        arXiv:1710.03740
    """

    #: Labels the optimizer.
    name: str

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        kind = type(self).__name__
        known = ("inner_optimizer", "initial_scale", "dynamic_growth_steps", "name")
        refuse_unknown(kind, kwargs, known)
        if not isinstance(inner_optimizer, Optimizer):
            message = f"{kind}: inner_optimizer must be an optimizer, not {inner_optimizer!r}"
            raise TypeError(message)
        if inner_optimizer.built:
            raise ValueError(f"{kind} goes around an optimizer that isn't built yet")
        self.name = unique_name(kind) if name is None else name
        self._initial_scale = _number(_SCALE, initial_scale, kind)
        steps = int(_number(_STEPS, dynamic_growth_steps, kind))
        self._scale = DynamicScale(self._initial_scale, steps)
        self._inner_config = inner_optimizer.get_config()
        self._inner, self._core = inner_optimizer, core_of(inner_optimizer)
        self._core.follow(self._scale)

    def _is_extended(self) -> bool:
        return type(self) is not LossScaleOptimizer

    @property
    def inner_optimizer(self) -> Optimizer:
        """The wrapped optimizer."""
        return self._inner

    @property
    def initial_scale(self) -> float:
        """The initial scale."""
        return self._initial_scale

    @property
    def dynamic_growth_steps(self) -> int:
        """Calls between two doublings."""
        return self._scale.growth_steps

    @property
    def dynamic_scale(self) -> float:
        """The scale of the next loss."""
        self._core.counted()
        return self._scale.value

    @property
    def step_counter(self) -> int:
        """Calls since the last change of the scale."""
        self._core.counted()
        return self._scale.steady

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner_optimizer!r}, scale={self.dynamic_scale!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        with self._core.turn.lock:
            inner = self.inner_optimizer.__reduce__()[2] if self.built else None
            state = inner, self.dynamic_scale, self.step_counter
            return type(self).from_config, (self.get_config(),), state

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        inner, self._scale.value, self._scale.steady = state
        if inner is not None:
            self.inner_optimizer.__setstate__(inner)

    @property
    def built(self) -> bool:
        """Whether ``build`` has registered variables."""
        return self.inner_optimizer.built

    @property
    def iterations(self) -> int:
        """Number of updates; skipped calls don't count."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def state(self) -> dict[str, dict[str, Array]]:
        """The state arrays of the inner optimizer."""
        return self.inner_optimizer.state

    @property
    def variables(self) -> list[Array]:
        """The variables of the inner optimizer."""
        return self.inner_optimizer.variables

    @property
    def gradient_norm(self) -> float | None:
        """That of the inner optimizer: of unscaled gradients."""
        return self.inner_optimizer.gradient_norm

    minimize = minimize

    def build(self, variables: Variables) -> None:
        """As the inner optimizer's."""
        self.inner_optimizer.build(variables)

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the scale; on a device, without synchronization."""
        scale = self._core.scale_on_device()
        if scale is not None and is_on_device(loss) and type(scale) is type(loss):
            return loss * scale
        return loss * self.dynamic_scale

    def apply_gradients(self, grads_and_vars: Iterable[tuple[object, Array]]) -> int:
        """``apply`` for pairs of gradient and variable; returns ``iterations``."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def apply(self, grads: Gradients, trainable_variables: Variables | None = None) -> None:
        """Update with gradients of the scaled loss; if one isn't finite, change the scale only."""
        self.inner_optimizer.apply(grads, trainable_variables)

    def finalize_variable_values(self, var_list: Sequence[Array] | None = None) -> None:
        """As the inner optimizer's."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def averaged(self) -> AbstractContextManager[None]:
        """As the inner optimizer's."""
        return self.inner_optimizer.averaged()

    def unwrapped(self) -> Optimizer:
        """An optimizer with the inner one's configuration, as it was before it was wrapped."""
        handed_over = self._core.settings.loss_scales
        before = {name: self._inner_config[name] for name in (*handed_over, "on_nonfinite")}
        return self.inner_optimizer.from_config({**self.inner_optimizer.get_config(), **before})

    def get_config(self) -> dict[str, Any]:
        """The arguments; the inner optimizer as a new one that isn't built."""
        return {
            "name": self.name,
            "inner_optimizer": self.unwrapped(),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """An optimizer from what ``get_config`` returned; the mapping isn't changed."""
        inner: Optimizer = config["inner_optimizer"]
        return cls(**{**config, "inner_optimizer": inner.from_config(inner.get_config())})

    def _snapshot(self) -> Snapshot:
        inner = snapshot(self._core, self.inner_optimizer)
        own = {"dynamic_scale": self.dynamic_scale, "step_counter": self.step_counter}
        return replace(inner, counters={**inner.counters, **own})

    def _resume(
        self, found: Snapshot, source: str, also: Sequence[Call] = (), *, convert: bool = False
    ) -> None:
        counters = dict(found.counters)
        if not {*counters} >= _COUNTERS:
            raise StateError(f"{source} was saved without a loss scale")
        scale, counter = counters.pop("dynamic_scale"), counters.pop("step_counter")
        scaled = [*also, *self._scale.setting(float(scale), int(counter))]
        inner, state = self.inner_optimizer, replace(found, counters=counters)
        resume(self._core, inner, state, source, scaled, convert=convert)


def _number(declared: Hyperparameter, value: object, owner: str) -> float:
    checked = declared.check(value, owner)
    assert checked is not None
    return float(checked)
