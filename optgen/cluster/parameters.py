"""The parameters of a model: its shapes, by name, as text, or of a decoder of some size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from optgen.bench.models import VOCABULARY, models
from optgen.compiler.ir.problem import UsageError

#: Rows of the embedding of a decoder: the vocabulary of GPT-2, padded to a multiple of 128.
_SYMBOLS = 50304
#: The width of a layer is a multiple of that, and as many times that as there are layers, about.
_HEAD = 128
#: A shape, ``plain`` if it is no matrix for any rule, and how many tensors have it.
_TERM = re.compile(r"(?P<shape>\d{1,15}(?:x\d{1,15})*)(?P<plain>:plain)?(?:\*(?P<count>\d{1,9}))?")
_MOST = 10**6


@dataclass(frozen=True)
class Tensor:
    """One parameter; a plain one is in a group without matrices."""

    shape: tuple[int, ...]
    is_plain: bool = False

    @property
    def elements(self) -> int:
        """The number of elements."""
        return prod(self.shape)


@dataclass(frozen=True)
class Parameters:
    """All parameters, in the order of the model."""

    title: str
    tensors: tuple[Tensor, ...]

    @property
    def elements(self) -> int:
        """The number of elements."""
        return sum(one.elements for one in self.tensors)


def decoder(elements: float) -> Parameters:
    """A transformer's decoder of about so many elements; its embedding is plain.

    A large one has a layer for about each 128 of its width. Raises UsageError where it would
    be smaller than its embedding.
    """
    width = _HEAD * max(1, round((elements * _HEAD / 12) ** (1 / 3) / _HEAD))
    # Most of a small model is its embedding, so it is less wide.
    while (layers := round((elements - _SYMBOLS * width) / (12 * width**2))) < 1 and width > _HEAD:
        width -= _HEAD
    if layers < 1:
        least = _SYMBOLS * _HEAD + 12 * _HEAD**2
        raise UsageError(
            f"a decoder has at least {least:,} parameters, most of them in its embedding; give "
            "--shapes for smaller models"
        )
    layer = ((3 * width, width), (width, width), (4 * width, width), (width, 4 * width))
    one = [Tensor((width,)), *map(Tensor, layer[:2]), Tensor((width,)), *map(Tensor, layer[2:])]
    tensors = (Tensor((_SYMBOLS, width), is_plain=True), *one * layers, Tensor((width,)))
    return Parameters(f"decoder of {layers} layers, {width} wide", tensors)


def model_named(name: str) -> Parameters:
    """A model that benchmarks have; its embeddings are plain. Raises UsageError for another."""
    known = models()
    if name not in known:
        raise UsageError(f"there is no model {name!r}; there are {', '.join(known)}")
    found = known[name]
    tensors = (Tensor(s, is_plain=len(s) > 1 and s[0] >= VOCABULARY) for s in found.shapes)
    return Parameters(found.name, tuple(tensors))


def of_shapes(text: str) -> Parameters:
    """Parameters of shapes such as ``50304x768:plain,768x768*12,768``. Raises UsageError."""
    tensors = tuple(one for term in text.split(",") for one in _term(term.strip()))
    if len(tensors) > _MOST:
        raise UsageError(f"{len(tensors):,} tensors are more than {_MOST:,}, the most of a plan")
    return Parameters(f"{len(tensors)} tensors", tensors)


def _term(term: str) -> Iterator[Tensor]:
    found = _TERM.fullmatch(term)
    if found is None or int(found["count"] or 1) > _MOST:
        raise UsageError(
            f"{term!r} is no shape, such as 768x768, 50304x768:plain for one that is no matrix, or "
            "768x768*12 for twelve"
        )
    shape = tuple(map(int, found["shape"].split("x")))
    yield from (Tensor(shape, bool(found["plain"])),) * int(found["count"] or 1)
