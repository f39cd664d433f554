"""One run: a new network, trained by one optimizer on the digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns

from optgen.demo.contestants import Contestant
from optgen.demo.digits import Images
from optgen.demo.network import Network

#: Steps at the start that are not timed: the first one compiles.
WARM_UP = 10


@dataclass(frozen=True)
class Epoch:
    """How well a network does after some epochs; the loss is that on the training images."""

    number: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Run:
    """What became of a contestant; the first epoch is number 0, before any training."""

    contestant: Contestant
    epochs: tuple[Epoch, ...]
    microseconds: float

    @property
    def last(self) -> Epoch:
        """How well the trained network does."""
        return self.epochs[-1]


def train(
    contestant: Contestant,
    train_images: Images,
    test_images: Images,
    epochs: int,
    report: Callable[[Epoch], None],
) -> Run:
    """Train a new network; all runs see the same first weights and the same batches."""
    network = Network()
    step = contestant.start(network)
    seen: list[Epoch] = []
    nanoseconds: list[int] = []

    def evaluate(number: int) -> None:
        loss, _ = network.evaluate(train_images)
        _, accuracy = network.evaluate(test_images)
        seen.append(Epoch(number, loss, accuracy))
        report(seen[-1])

    evaluate(0)
    for number in range(1, epochs + 1):
        for batch in train_images.batches(number):
            network.backward(batch)
            before = perf_counter_ns()
            step()
            nanoseconds.append(perf_counter_ns() - before)
        evaluate(number)
    return Run(contestant, tuple(seen), median(nanoseconds[WARM_UP:]) / 1000)
