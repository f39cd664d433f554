"""The network: 64 pixels, 32 hidden units, 10 digits, with an explicit backward pass."""

from __future__ import annotations

import numpy as np

from optgen.demo.digits import Array, Images

# 2048 weights in the larger layer: torch takes the roots of more with several threads, and then
# times would tell how busy the machine is.
PIXELS, HIDDEN, DIGITS = 64, 32, 10
_SEED = 7


class Network:
    """Two layers of float32 weights, which every new network starts with the same values of.

    ``backward`` writes to the arrays of ``gradients``, which stay the same ones throughout.
    """

    def __init__(self) -> None:
        random = np.random.default_rng(_SEED)
        self.parameters: dict[str, Array] = {
            "hidden/weights": _weights(random, PIXELS, HIDDEN),
            "hidden/biases": np.zeros(HIDDEN, np.float32),
            "output/weights": _weights(random, HIDDEN, DIGITS),
            "output/biases": np.zeros(DIGITS, np.float32),
        }
        self.gradients = {path: np.zeros_like(array) for path, array in self.parameters.items()}

    @property
    def size(self) -> int:
        """How many numbers are trained."""
        return sum(array.size for array in self.parameters.values())

    def backward(self, images: Images) -> None:
        """The gradients of the mean cross entropy over some images."""
        hidden, scores = self._forward(images.pixels)
        # Of the loss to the scores: the softmax, less 1 at the digit that is shown.
        d_scores = np.exp(_log_softmax(scores))
        d_scores[np.arange(len(images)), images.digits] -= 1
        d_scores /= len(images)
        d_hidden = (d_scores @ self.parameters["output/weights"].T) * (hidden > 0)
        self.gradients["output/weights"][...] = hidden.T @ d_scores
        self.gradients["output/biases"][...] = d_scores.sum(axis=0)
        self.gradients["hidden/weights"][...] = images.pixels.T @ d_hidden
        self.gradients["hidden/biases"][...] = d_hidden.sum(axis=0)

    def evaluate(self, images: Images) -> tuple[float, float]:
        """The mean cross entropy, and the part of the images that are told rightly."""
        _, scores = self._forward(images.pixels)
        shown = _log_softmax(scores)[np.arange(len(images)), images.digits]
        return -float(shown.mean()), float((scores.argmax(axis=1) == images.digits).mean())

    def _forward(self, pixels: Array) -> tuple[Array, Array]:
        own = self.parameters
        hidden = np.maximum(pixels @ own["hidden/weights"] + own["hidden/biases"], 0)
        return hidden, hidden @ own["output/weights"] + own["output/biases"]


def _weights(random: np.random.Generator, inputs: int, outputs: int) -> Array:
    """He et al., 2015: a variance that keeps the signal's size through a relu."""
    return random.normal(0, np.sqrt(2 / inputs), (inputs, outputs)).astype(np.float32)


def _log_softmax(scores: Array) -> Array:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
