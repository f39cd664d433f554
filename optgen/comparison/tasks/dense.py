"""A network of dense layers with an explicit backward pass, and its training on batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optgen.comparison.tasks.task import Array


@dataclass(frozen=True)
class Examples:
    """Inputs, a row each, and what belongs to them: a class's number, or a number."""

    inputs: Array
    targets: Array

    def __len__(self) -> int:
        return len(self.inputs)

    def chosen(self, rows: Array) -> Examples:
        """Some of them."""
        return Examples(self.inputs[rows], self.targets[rows])


class DenseProblem:
    """Layers with tanh between them.

    The loss is the mean cross entropy where targets are whole numbers, else the mean square error.
    """

    def __init__(
        self, sizes: Sequence[int], train: Examples, held_out: Examples, batch: int, seed: int
    ) -> None:
        self._train, self._held_out, self._batch = train, held_out, batch
        self._random = np.random.default_rng(seed)
        self._layers = len(sizes) - 1
        self.parameters: dict[str, Array] = {}
        for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
            # Glorot and Bengio, 2010: a variance that keeps the signal's size.
            weights = self._random.normal(0, np.sqrt(1 / inputs), (inputs, outputs))
            self.parameters[f"{layer}/weights"] = weights.astype(np.float32)
            self.parameters[f"{layer}/biases"] = np.zeros(outputs, np.float32)
        self.gradients = {path: np.zeros_like(array) for path, array in self.parameters.items()}

    def backward(self) -> float:
        """The gradients of the loss of some examples, which are drawn; all of them if so many."""
        batch = self._train
        if self._batch < len(batch):
            batch = batch.chosen(self._random.integers(len(batch), size=self._batch))
        signals = self._forward(batch.inputs)
        loss, slope = _loss(signals[-1], batch.targets)
        for layer in reversed(range(self._layers)):
            self.gradients[f"{layer}/weights"][...] = signals[layer].T @ slope
            self.gradients[f"{layer}/biases"][...] = slope.sum(axis=0)
            if layer:
                slope = (slope @ self.parameters[f"{layer}/weights"].T) * (1 - signals[layer] ** 2)
        return loss

    def evaluate(self) -> float:
        """The loss of the examples that are held out."""
        return _loss(self._forward(self._held_out.inputs)[-1], self._held_out.targets)[0]

    def _forward(self, inputs: Array) -> list[Array]:
        """The inputs of each layer, and the outputs of the last."""
        signals = [inputs]
        for layer in range(self._layers):
            sums = signals[-1] @ self.parameters[f"{layer}/weights"]
            sums += self.parameters[f"{layer}/biases"]
            signals.append(sums if layer == self._layers - 1 else np.tanh(sums))
        return signals


def _loss(outputs: Array, targets: Array) -> tuple[float, Array]:
    """The mean loss, and its gradient to the outputs."""
    if targets.dtype.kind != "i":
        errors = outputs[:, 0] - targets
        return float(np.mean(errors**2)), (2 / len(errors) * errors)[:, None]
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    logarithms = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(targets))
    slope = np.exp(logarithms)
    slope[rows, targets] -= 1
    return -float(logarithms[rows, targets].mean()), slope / np.float32(len(targets))
