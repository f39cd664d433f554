"""The data: 1797 handwritten digits of 8 by 8 pixels, from the UCI repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.demo.optional_packages import needed

Array = np.ndarray[Any, np.dtype[Any]]

#: Held out for testing; no run ever trains on them.
TEST_IMAGES = 360
BATCH = 32
_SPLIT_SEED = 20


@dataclass(frozen=True)
class Images:
    """Pixels from 0 to 1, a row for each image, and the digits that they show."""

    pixels: Array
    digits: Array

    def __len__(self) -> int:
        return len(self.digits)

    def batches(self, epoch: int) -> Iterator[Images]:
        """All images in small batches, in an order of its own for each epoch."""
        order = np.random.default_rng(epoch).permutation(len(self))
        for first in range(0, len(self), BATCH):
            chosen = order[first : first + BATCH]
            yield Images(self.pixels[chosen], self.digits[chosen])


def load() -> tuple[Images, Images]:
    """The images for training and those for testing; the same ones every time."""
    data = needed("sklearn.datasets").load_digits()
    pixels = (data.data / 16).astype(np.float32)
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(pixels))
    test, train = order[:TEST_IMAGES], order[TEST_IMAGES:]
    return Images(pixels[train], data.target[train]), Images(pixels[test], data.target[test])
