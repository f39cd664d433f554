"""Characters of Python's own help texts: a small GPT over bytes, which torch differentiates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pydoc_data.topics import topics

import numpy as np

from optgen.comparison.tasks.task import Task
from optgen.missing_packages import require

require("the task 'text'", "torch")

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

Tensor = torch.Tensor

_LENGTH, _BATCH = 32, 16
_WIDTH, _HEADS, _LAYERS = 32, 4, 2
#: The last part of the text, which no batch is from.
_HELD_OUT = 20_000
_TEST_BATCH = 128


class Characters(nn.Module):
    """Embeddings of symbols and places, blocks of attention, and scores of the next symbol."""

    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.embedding, self.places = nn.Embedding(symbols, _WIDTH), nn.Embedding(_LENGTH, _WIDTH)
        layer = nn.TransformerEncoderLayer(
            *(_WIDTH, _HEADS, 4 * _WIDTH),
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, _LAYERS, enable_nested_tensor=False)
        self.head = nn.Linear(_WIDTH, symbols)
        self.mask = nn.Transformer.generate_square_subsequent_mask(_LENGTH)

    def forward(self, text: Tensor) -> Tensor:
        """Scores for rows of symbols, with symbols along the second dimension."""
        hidden = self.embedding(text) + self.places(torch.arange(_LENGTH))
        scores: Tensor = self.head(self.layers(hidden, self.mask, is_causal=True))
        return scores.transpose(1, 2)


@cache
def _symbols() -> tuple[Tensor, int]:
    """The text as numbers of symbols, and how many symbols there are."""
    # Names in order: a dictionary of another version of Python may have another one.
    text = "".join(topics[name] for name in sorted(topics)).encode()
    found, codes = np.unique(np.frombuffer(text, np.uint8), return_inverse=True)
    return torch.tensor(codes), len(found)


@contextmanager
def _one_thread() -> Iterator[None]:
    """More would make no step of such a size faster, and sum in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class TextProblem:
    """A model whose parameters and gradients share the memory of arrays."""

    def __init__(self, seed: int) -> None:
        text, symbols = _symbols()
        self._train, self._test = text[:-_HELD_OUT], text[-_HELD_OUT:]
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            self._model = Characters(symbols)
        self._generator = torch.Generator().manual_seed(seed)
        named = dict(self._model.named_parameters())
        for parameter in named.values():
            parameter.grad = torch.zeros_like(parameter)
        self.parameters = {path: one.detach().numpy() for path, one in named.items()}
        grads = {path: one.grad for path, one in named.items()}
        self.gradients = {path: grad.numpy() for path, grad in grads.items() if grad is not None}

    def backward(self) -> float:
        """The gradients of the mean cross entropy over rows from anywhere in the text."""
        for parameter in self._model.parameters():
            assert parameter.grad is not None
            parameter.grad.zero_()
        last = len(self._train) - _LENGTH - 1
        starts = torch.randint(last, (_BATCH, 1), generator=self._generator)
        with _one_thread():
            loss = self._loss(starts, self._train)
            loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    def evaluate(self) -> float:
        """The mean cross entropy over rows at even distances of the part that is held out."""
        starts = torch.linspace(0, _HELD_OUT - _LENGTH - 2, _TEST_BATCH).long()[:, None]
        with torch.no_grad(), _one_thread():
            return self._loss(starts, self._test).item()

    def _loss(self, starts: Tensor, text: Tensor) -> Tensor:
        rows = text[starts + torch.arange(_LENGTH + 1)]
        return functional.cross_entropy(self._model(rows[:, :-1]), rows[:, 1:])


_MEASURE = "cross entropy of the next character, in text that is held out"
TASK = Task("text", _MEASURE, 300, TextProblem)
