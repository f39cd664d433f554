"""Peers compute what our rules do, and what doesn't is found."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from optgen.bench.cases import Case, cases, read
from optgen.bench.declarations import declarations
from optgen.bench.models import Model
from optgen.bench.ours import OwnRun
from optgen.bench.peers.equality import TOLERANCE, difference, differences, draw
from optgen.bench.peers.interface import Rule, Run, Task
from optgen.bench.peers.libraries import runs
from optgen.bench.run import figure
from tests.zoo.runs import plain_class

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

#: A matrix, a vector, and a tensor of which torch, Keras and Optax factor the same dimensions.
MODEL = Model("small", ((6, 8), (5,), (3, 4, 5)))


def apart(case: Case, rules: dict[str, Rule]) -> dict[str, float]:
    """How far a case's peers are away; our kernels are run by Python."""
    notes: list[str] = []
    model = case.part(MODEL)
    first = draw(model, 0)
    found: dict[str, Run] = {}
    for library, rule in rules.items():
        task = Task(rule, declarations().rate, first, case.full)
        found |= dict(runs(library, task, notes))
    assert not notes
    return differences(OwnRun(plain_class(case.optimizer)(**case.arguments), first), found, model)


@pytest.mark.parametrize("name", declarations().cases)
def test_declared_peers_are_the_same_rules(name: str) -> None:
    plain, _ = cases(read([name.lower()]))
    found = apart(plain, dict(plain.peers))
    names = {"torch loop" if library == "torch" else library for library in plain.peers}
    # torch has one way only to run a rule that multiplies matrices.
    assert names <= {*found, *(["torch loop"] if plain.matrices and "torch" in found else [])}
    assert all(far <= plain.tolerance for far in found.values()), found


@pytest.mark.parametrize("name", ["sgd", "adam", "adafactor"])
def test_features_of_keras_are_the_same(name: str) -> None:
    _, full = cases(read([name]))
    found = apart(full, dict(full.peers))
    assert found.keys() == {"keras"}
    assert found["keras"] <= TOLERANCE


WRONG = {
    "torch": Rule("Adam", {"betas": [0.9, 0.99]}),
    "keras": Rule("Adam", {"beta_1": 0.8}),
    "optax": Rule("adam", {"b2": 0.99}),
}


def test_what_computes_something_else_is_found() -> None:
    plain, _ = cases(read(["adam"]))
    found = apart(plain, WRONG)
    assert {"torch loop", "foreach", "fused", "keras", "optax"} == found.keys()
    assert all(far > TOLERANCE for far in found.values()), found


def test_a_peer_that_computes_something_else_is_not_timed() -> None:
    (spec,) = read(["sgd"])
    peers = {"torch": Rule("SGD", {"momentum": 0.5}), "keras": Rule("SGD"), "optax": Rule("sgdd")}
    case = Case(spec, rate=0.5, peers=peers)
    found, notes = figure(
        case, MODEL, ["torch", "keras", "optax"], rounds=3, seconds=0.1, compiled=False
    )
    assert found.peers.keys() == {"keras"}
    assert found.peers["keras"] > 0
    assert len(notes) == 4
    # Each peer is made and compared before the next one.
    assert notes[0].startswith("torch loop computes something else than SGD on small: ")
    assert notes[-1].startswith("optax can't run sgdd:")


def test_differences_are_of_the_way_gone() -> None:
    first = [np.ones(2, np.float32)]
    ours, theirs = [np.array([1.0, 5.0], np.float32)], [np.array([1.0, 4.0], np.float32)]
    assert difference(ours, theirs, first) == 0.25
    assert not difference(ours, [np.full(2, np.nan, np.float32)], first) <= TOLERANCE
    # Nothing moved, so that nothing was compared.
    assert not difference(first, first, first) <= TOLERANCE


def test_gradients_are_away_from_zero() -> None:
    (found,) = draw(Model("one", ((1000,),)), 1)
    assert found.dtype == np.float32
    assert (np.abs(found) >= 0.5).all()
    assert (found > 0).any()
    assert (found < 0).any()


CODE = """
import os, sys
import numpy as np
from optgen.bench.models import Model
from optgen.bench.peers import of_keras
from optgen.bench.peers.equality import draw
from optgen.bench.peers.interface import Rule, Task

said = of_keras.prepare(1)
model = Model("small", ((6, 8), (5,)))
((name, run),) = of_keras.runs(Task(Rule("SGD"), 0.5, draw(model, 0)))
for seed in (1, 2):
    run.give(draw(model, seed))
    run.step()
for first, one, two, now in zip(*(draw(model, seed) for seed in range(3)), run.parameters()):
    np.testing.assert_allclose(now, first - 0.5*one - 0.5*two, rtol=1e-5)
print(said["keras backend"])
"""


@pytest.mark.parametrize("backend", ["jax", pytest.param("tensorflow", marks=pytest.mark.full)])
def test_keras_steps_on_its_other_backends(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if backend == "tensorflow":
        pytest.importorskip("tensorflow")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [backend]


def test_xla_has_the_threads_it_is_given() -> None:
    code = """
import os
from optgen.bench.peers import of_optax
of_optax.prepare(3)
import jax
jax.numpy.ones(3).block_until_ready()
names = [open(f"/proc/self/task/{task}/comm").read() for task in os.listdir("/proc/self/task")]
print(sum("XLAEigen" in name for name in names))
"""
    if sys.platform != "linux":
        pytest.skip("threads have no names here")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3"]
