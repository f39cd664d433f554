"""Shapes of the tensors of models."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib.resources import files

Shape = tuple[int, ...]
#: The maximum number of float32 numbers that can remain in caches between steps.
CACHED = 4_000_000
_FLAT = 25_000_000
_NAMES = {"resnet50": "ResNet-50", "gpt2_small": "GPT-2 small", "many_tiny": "1000 x 64"}


#: Rows of an embedding, at least. Rules for matrices leave it to others.
VOCABULARY = 16384


@dataclass(frozen=True)
class Model:
    """A named list of shapes."""

    name: str
    shapes: tuple[Shape, ...]

    @property
    def size(self) -> int:
        """The number of elements."""
        return sum(math.prod(shape) for shape in self.shapes)

    def matrices(self) -> Model:
        """Its matrices without embeddings: the first dimension by all others."""
        pairs = [(shape[0], math.prod(shape[1:])) for shape in self.shapes if len(shape) > 1]
        found = [pair for pair in pairs if min(pair) > 1 and pair[0] < VOCABULARY]
        return Model(self.name, tuple(found))


def models() -> dict[str, Model]:
    """The models that steps are timed on, by their names on the command line."""
    text = (files(__package__) / "shapes.json").read_text(encoding="utf-8")
    known = json.loads(text)
    found = {}
    for key, name in _NAMES.items():
        runs = known[key]["shapes"]
        found[key] = Model(name, tuple(tuple(shape) for shape, count in runs for _ in range(count)))
    return {**found, "flat": Model("one of 25M", ((_FLAT,),))}


def tiny(count: int) -> Model:
    """A model of ``count`` tensors of 64 elements."""
    return Model(f"{count} x 64", ((64,),) * count)
