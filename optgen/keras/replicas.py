"""Replicas of a model under ``tf.distribute``: each makes the step of the summed gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

Gradients = Mapping[int, Any]

if keras.config.backend() == "tensorflow":
    import tensorflow as tf

    def replicas(owner: str) -> int:
        """How many replicas the code that runs is one of; 0 outside of all.

        Raises NotImplementedError for a strategy that isn't known to keep replicas equal.
        """
        distribute = tf.distribute
        if not distribute.has_strategy():
            return 0
        strategy = distribute.get_strategy()
        if not isinstance(strategy, distribute.MirroredStrategy | distribute.OneDeviceStrategy):
            kind = type(strategy).__name__
            message = "supports MirroredStrategy and OneDeviceStrategy of tf.distribute"
            raise NotImplementedError(f"{owner} {message}, not {kind}")
        return strategy.num_replicas_in_sync if distribute.get_replica_context() else 0

    def in_each_replica(
        gradients: Gradients, anchor: Any, step: Callable[[Gradients], None]
    ) -> None:
        """Sum gradients over replicas, and make a step with the variables of each replica.

        ``anchor`` is any variable; TensorFlow tells by it where replicas are.
        """
        context = tf.distribute.get_replica_context()
        summed = context.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients.values()))

        def update(_: Any, *own: Any) -> None:
            step(dict(zip(gradients, own, strict=True)))

        def merged(strategy: Any, *tensors: Any) -> None:
            strategy.extended.update(anchor.value, update, args=tensors, group=False)

        context.merge_call(merged, args=tuple(summed))

else:

    def replicas(owner: str) -> int:
        """0: without TensorFlow there are no replicas."""
        return 0

    def in_each_replica(
        gradients: Gradients, anchor: Any, step: Callable[[Gradients], None]
    ) -> None:
        """Make the step."""
        step(gradients)
