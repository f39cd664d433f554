"""Loss and gradients, computed by the backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

Loss = Callable[[], Any]
#: A loss without its scale, and the gradients of the scaled one.
Found = tuple[Any, Sequence[Any]]
_BACKEND = keras.config.backend()

if _BACKEND == "torch":
    import torch

    def gradients_of(loss: Loss, scaled: Callable[[Any], Any], variables: Sequence[Any]) -> Found:
        """The value of a loss, and the gradients of what a scale makes of it."""
        with torch.enable_grad():
            value = loss()
            tensors = [variable.value for variable in variables]
            grads = torch.autograd.grad(scaled(value), tensors, allow_unused=True)
        return value.detach(), grads

elif _BACKEND == "tensorflow":
    import tensorflow

    def gradients_of(loss: Loss, scaled: Callable[[Any], Any], variables: Sequence[Any]) -> Found:
        """The value of a loss, and the gradients of what a scale makes of it."""
        with tensorflow.GradientTape() as tape:
            value = loss()
            whole = scaled(value)
        return value, tape.gradient(whole, [variable.value for variable in variables])

elif _BACKEND == "jax":
    import jax

    def gradients_of(loss: Loss, scaled: Callable[[Any], Any], variables: Sequence[Any]) -> Found:
        """The value of a loss, and the gradients of what a scale makes of it."""

        def of(values: Sequence[Any]) -> tuple[Any, Any]:
            mapping = list(zip(variables, values, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                value = loss()
                return scaled(value), value

        values = [variable.value for variable in variables]
        grads, value = jax.grad(of, has_aux=True)(values)
        return value, grads

else:

    def gradients_of(loss: Loss, scaled: Callable[[Any], Any], variables: Sequence[Any]) -> Found:
        """Raise RuntimeError: this backend takes no gradients."""
        raise RuntimeError(f"the backend {_BACKEND} takes no gradients; call apply with them")
