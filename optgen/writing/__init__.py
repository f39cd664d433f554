"""Writers of numbers on updates: to TensorBoard, to Weights & Biases, and to the terminal."""

from __future__ import annotations

from optgen.writing.tensorboard import TensorBoard
from optgen.writing.terminal import Terminal
from optgen.writing.wandb import WeightsAndBiases

__all__ = ["TensorBoard", "Terminal", "WeightsAndBiases"]
