"""Arrays of JAX: their dtypes, numbers as arrays, and the names of functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
from jax import numpy as jnp


def host_dtype() -> str:
    """The dtype of numbers that are computed once per call: float64 where it is enabled."""
    return str(jnp.result_type(float))


class Library:
    """``jax.numpy``, with the names of ``keras.ops`` that it lacks."""

    svd = staticmethod(jnp.linalg.svd)
    qr = staticmethod(jnp.linalg.qr)
    eigh = staticmethod(jnp.linalg.eigh)
    cast = convert_to_tensor = staticmethod(jnp.asarray)
    fori_loop = staticmethod(jax.lax.fori_loop)

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)

    @staticmethod
    def is_tensor(value: Any) -> bool:
        """Whether a value is an array, and no Python number."""
        return isinstance(value, jax.Array)


LIBRARY = Library()


@dataclass(frozen=True)
class Arithmetic:
    """Numbers of one dtype as arrays."""

    dtype: str

    isnan = staticmethod(jnp.isnan)

    def real(self, value: Any) -> Any:
        """A number or an array of numbers in this dtype; conditions and None are kept."""
        if value is None or isinstance(value, bool):
            return value
        is_condition = isinstance(value, jax.Array) and value.dtype == jnp.bool_
        return value if is_condition else jnp.asarray(value, self.dtype)
