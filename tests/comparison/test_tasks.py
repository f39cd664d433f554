"""Gradients of tasks beside torch's, and runs beside those of torch's classes."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from optgen.cli.values import named_values
from optgen.comparison.contestants import contestant
from optgen.comparison.tasks import digits, factorization, ill_conditioned, regression
from optgen.comparison.tasks.dense import DenseProblem, Examples
from optgen.comparison.tasks.registry import NAMES, task_of
from optgen.comparison.training import train
from optgen.compiler.ir.problem import UsageError

DENSE = [digits, regression, ill_conditioned]


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_gradients_of_a_network_are_those_of_autograd(kind: str) -> None:
    random = np.random.default_rng(1)
    inputs = random.normal(size=(7, 5)).astype(np.float32)
    targets = random.integers(3, size=7) if kind == "classes" else inputs[:, 0] ** 2
    examples = Examples(inputs, targets)
    sizes = (5, 4, 6, 3 if kind == "classes" else 1)
    problem = DenseProblem(sizes, examples, examples, batch=7, seed=2)
    own = {path: torch.tensor(a, requires_grad=True) for path, a in problem.parameters.items()}
    signal = torch.tensor(inputs)
    for layer in range(3):
        signal = signal @ own[f"{layer}/weights"] + own[f"{layer}/biases"]
        signal = torch.tanh(signal) if layer < 2 else signal
    if kind == "classes":
        loss = torch.nn.functional.cross_entropy(signal, torch.tensor(targets))
    else:
        loss = torch.nn.functional.mse_loss(signal[:, 0], torch.tensor(targets))
    loss.backward()  # type: ignore[no-untyped-call]
    assert problem.backward() == pytest.approx(loss.item(), rel=1e-5)
    assert problem.evaluate() == pytest.approx(loss.item(), rel=1e-5)
    for path, tensor in own.items():
        assert tensor.grad is not None
        np.testing.assert_allclose(problem.gradients[path], tensor.grad.numpy(), atol=1e-6)


def test_gradients_of_factors_are_those_of_autograd() -> None:
    problem = factorization.Factors(3)
    matrix, seen = factorization._matrix()
    own = {path: torch.tensor(a, requires_grad=True) for path, a in problem.parameters.items()}
    errors = (own["left"] @ own["right"].T - torch.tensor(matrix)) ** 2
    loss = errors[torch.tensor(seen)].mean()
    loss.backward()  # type: ignore[no-untyped-call]
    assert problem.backward() == pytest.approx(loss.item(), rel=1e-5)
    assert problem.evaluate() == pytest.approx(errors[~torch.tensor(seen)].mean().item(), rel=1e-5)
    for path, tensor in own.items():
        assert tensor.grad is not None
        np.testing.assert_allclose(problem.gradients[path], tensor.grad.numpy(), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_is_the_same_problem_every_time(name: str) -> None:
    task = task_of(name)
    assert task.name == name
    one, again, other = task.start(1), task.start(1), task.start(2)
    for problem in (one, again, other):
        for _ in range(2):
            problem.backward()
    for path, gradient in one.gradients.items():
        np.testing.assert_array_equal(gradient, again.gradients[path])
        assert gradient.dtype == np.float32
        assert gradient.shape == one.parameters[path].shape
    assert any(np.any(one.gradients[p] != other.gradients[p]) for p in one.gradients)
    assert one.evaluate() == again.evaluate()


@pytest.mark.parametrize("name", ["digits", "factorization"])
def test_losses_are_those_of_torch_s_class(name: str) -> None:
    ours = contestant("sgd(momentum=0.9)", named_values)
    theirs = contestant("torch.SGD(momentum=0.9)", named_values)
    one, other = (train(c, task_of(name), 0.05, 1, 60) for c in (ours, theirs))
    assert one.losses == pytest.approx(other.losses, rel=1e-4)
    assert one.losses[-1] < one.losses[0]


def test_the_text_learns_and_leaves_threads_alone() -> None:
    threads = torch.get_num_threads()
    run = train(contestant("torch.Adam", named_values), task_of("text"), 0.01, 1, 20)
    # From a guess among all symbols towards how often each is there.
    assert run.losses[0] > 4
    assert run.losses[-1] < 3.5
    assert torch.get_num_threads() == threads


def test_what_is_no_task_or_contestant_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no task 'digit'; there are digits"):
        task_of("digit")
    for text, message in {
        "torch.Sgd": "torch.optim has no optimizer 'Sgd'",
        "sgd(": "neither a rule nor a rule with values",
        "sgd(speed=1)": "speed",
        "torch.SGD(speed=1)": "speed",
    }.items():
        with pytest.raises(UsageError, match=message.replace("(", r"\(")):
            contestant(text, named_values)


def test_a_rate_among_the_values_is_kept() -> None:
    assert contestant("sgd(learning_rate=0.5)", named_values).rate is None
    assert contestant("torch.SGD(lr=0.5)", named_values).rate is None
    assert contestant("sgd", named_values).rate == 0.01
    assert contestant("torch.SGD", named_values).rate == 0.001


def test_the_text_needs_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "optgen.comparison.tasks.text", raising=False)
    monkeypatch.setattr("optgen.missing_packages._is_there", lambda name: name != "torch")
    with pytest.raises(ImportError, match=r"the task 'text' needs torch: .*optgen\[torch\]"):
        task_of("text")
