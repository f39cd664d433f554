"""Values of variables, gradients and inputs as tensors of a backend."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from optgen.keras.members import GRADIENT, Tensors
from optgen.keras.slots import Slot
from optgen.runtime.model import LARGEST_GRADIENT

#: Whether the backend assigns to the memory of a variable.
IN_PLACE = keras.config.backend() == "torch"
if keras.config.backend() == "tensorflow":
    import tensorflow

    #: Slices are a tensor to TensorFlow, and to Keras they are not.
    _WHOLE = tensorflow.convert_to_tensor
else:

    def _WHOLE(tensor: Any) -> Any:  # noqa: N802
        return tensor


def value_of(variable: Any) -> Any:
    """The value of a variable. Keras's own sum of two empty variables fails on TensorFlow."""
    return ops.convert_to_tensor(variable.value)


def kept(tensor: Any) -> Any:
    """A tensor that stays when variables are assigned; torch's may be the memory of another one."""
    return ops.copy(tensor) if IN_PLACE else tensor


def dense(gradient: Any, slot: Slot, name: str) -> Any:
    """A gradient or an input with all elements, also where a backend has only some rows of it.

    Raises ValueError for one of another shape than its variable.
    """
    tensor = _WHOLE(ops.convert_to_tensor(gradient, sparse=False))
    shape, wanted = tuple(tensor.shape), tuple(slot.variable.shape)
    if None not in shape and shape != wanted:
        what = "gradient" if name == GRADIENT else name
        raise ValueError(f"the {what} of {slot.path} has shape {shape}, the variable {wanted}")
    return ops.reshape(tensor, wanted)


def largest(tensors: Tensors) -> Any:
    """The largest gradient since the last update."""
    before = tensors.get(LARGEST_GRADIENT)
    return tensors[GRADIENT] if before is None else ops.maximum(tensors[GRADIENT], before)
