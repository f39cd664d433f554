"""Classes from specs while a program runs: ``optgen.compile``."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import optgen
import optgen.keras
import optgen.torch
from optgen.compiled.user_folder import VARIABLE
from optgen.compiler.ir.problem import SpecError
from optgen.runtime import Optimizer, Schedule

ROOT = Path(__file__).parents[1]
LION = '''
name = "Lion"
summary = "Step by the sign of an average."
reference = "Chen et al., 2023, arXiv:2302.06675"

[hyperparameters]
learning_rate = { default = 0.01 }
beta_1 = { default = 0.9, range = "0 <= beta_1 < 1" }
beta_2 = { default = 0.99, range = "0 <= beta_2 < 1" }

[state]
momentum = {}

[update]
rule = """
direction = beta_1*momentum + (1 - beta_1)*grad
momentum = beta_2*momentum + (1 - beta_2)*grad
param = param - learning_rate*sign(direction)
"""
'''
CENTRALISE = '''
name = "centralise"
summary = "Take its mean off each gradient."
slot = "clip"
when = "centralise"

[hyperparameters]
centralise = { default = false, doc = "Take its mean off each gradient." }

[update]
rule = """
grad = grad - mean(grad)
"""
'''
HALVING = '''
name = "Halving"
summary = "Half of it at every call."
reference = "None."

[hyperparameters]
start = { required = true, range = "start >= 0", doc = "Value before the first call." }

[schedule]
rule = """
value = start*0.5**calls
"""
'''
#: The README's examples, which tests run, have a class with compiled kernels.
pytestmark = pytest.mark.usefixtures("python_kernels")
GRADIENTS = np.random.default_rng(3).normal(size=(5, 4))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


def in_another_process(program: str, *arguments: object, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def made(*specs: str | Path) -> Any:
    return optgen.compile(*specs)


def trained(optimizer: Any) -> Any:
    weights = np.ones(4)
    optimizer.build([weights])
    for gradient in GRADIENTS:
        optimizer.apply([gradient])
    return weights


def lion(gradients: Any) -> Any:
    """Algorithm 2 of the paper, without decay."""
    weights, momentum = np.ones(4), np.zeros(4)
    for gradient in gradients:
        weights -= 0.01 * np.sign(0.9 * momentum + 0.1 * gradient)
        momentum = 0.99 * momentum + 0.01 * gradient
    return weights


def test_a_text_becomes_a_class() -> None:
    kind: type[Optimizer] = optgen.compile(LION)
    assert issubclass(kind, Optimizer)
    assert kind.__name__ == "Lion"
    optimizer = optgen.compile(LION)(0.01, beta_1=0.9)
    np.testing.assert_allclose(trained(optimizer), lion(GRADIENTS), rtol=1e-12)


def test_a_class_is_built_once_and_found_by_its_content(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "lion.toml").write_text(LION)
    kind = made(LION)
    (package,) = cache.iterdir()
    before = (package / "lion.py").stat().st_mtime_ns
    assert made(tmp_path / "lion.toml") is made(str(tmp_path / "lion.toml")) is kind
    program = "import optgen, sys; print(optgen.compile(sys.argv[1]).__module__, *sys.modules)"
    module, *imported = in_another_process(program, tmp_path / "lion.toml").split()
    assert module == kind.__module__
    assert not {"sympy", "jinja2"} & {*imported}
    assert [*cache.iterdir()] == [package]
    assert (package / "lion.py").stat().st_mtime_ns == before


def test_a_changed_text_gives_another_class(tmp_path: Path) -> None:
    kind, other = made(LION), made(LION.replace("0.01 }", "0.02 }"))
    assert kind is not other
    assert (kind().learning_rate, other().learning_rate) == (0.01, 0.02)
    assert made(LION) is kind


def test_a_spec_that_is_extended_counts_too(tmp_path: Path) -> None:
    (tmp_path / "lion.toml").write_text(LION)
    tiger = tmp_path / "tiger.toml"
    tiger.write_text(
        'name = "Tiger"\nsummary = "As Lion."\nreference = "None."\nextends = "lion"\n'
    )
    before = made(tiger)
    (tmp_path / "lion.toml").write_text(LION.replace("0.01 }", "0.02 }"))
    assert (before().learning_rate, made(tiger)().learning_rate) == (0.01, 0.02)


def test_features_are_woven_in(tmp_path: Path) -> None:
    (tmp_path / "centralise.toml").write_text(CENTRALISE)
    kind = made(LION, tmp_path / "centralise.toml")
    assert kind is made(LION, CENTRALISE)
    assert kind is not made(LION)
    centred = GRADIENTS - GRADIENTS.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(trained(kind(centralise=True)), lion(centred), rtol=1e-12)
    np.testing.assert_allclose(trained(kind()), lion(GRADIENTS), rtol=1e-12)


def test_schedules_are_classes_too() -> None:
    kind = made(HALVING)
    assert issubclass(kind, Schedule)
    assert [kind(8.0)(calls) for calls in range(3)] == [8.0, 4.0, 2.0]
    optimizer = made(LION)(learning_rate=kind(0.5))
    weights = [np.zeros(1)]
    for _ in range(2):
        optimizer.apply([np.ones(1)], weights)
    assert weights[0] == [-0.75]


def test_mistakes_are_shown_where_they_are(tmp_path: Path, cache: Path) -> None:
    wrong = LION.replace("sign(", "sing(")
    line = wrong[: wrong.index("sing(")].count("\n") + 1
    expected = (
        f":{line}:31: error: unknown function 'sing'\n"
        "    param = param - learning_rate*sing(direction)\n"
        "                                  ^~~~\n"
        "    hint: did you mean 'sign'?"
    )
    with pytest.raises(SpecError) as error:
        optgen.compile(wrong)
    assert str(error.value) == f"<spec>{expected}"
    (tmp_path / "lion.toml").write_text(wrong)
    with pytest.raises(SpecError) as error:
        optgen.compile(tmp_path / "lion.toml")
    assert str(error.value) == f"{tmp_path.as_posix()}/lion.toml{expected}"
    with pytest.raises(SpecError, match=r"^<spec 2>:\d+:\d+: error: unknown function 'maen'"):
        optgen.compile(LION, CENTRALISE.replace("mean(", "maen("))
    assert not cache.exists()


@pytest.mark.parametrize(
    ("specs", "error", "message"),
    [
        (["lino.toml"], FileNotFoundError, "no file, folder or built-in spec"),
        ([CENTRALISE], ValueError, "features alone make no class"),
        ([LION, LION.replace('"Lion"', '"Tiger"')], ValueError, "state Lion and Tiger"),
    ],
)
def test_what_is_no_class(specs: list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        made(*specs)


def test_a_built_in_optimizer_is_compiled_by_its_name() -> None:
    assert made("adam").__name__ == "Adam"


def test_copies_and_pickles(tmp_path: Path) -> None:
    optimizer = made(LION)(beta_1=0.5)
    trained(optimizer)
    again = copy.deepcopy(optimizer)
    assert type(again) is type(optimizer)
    assert again.iterations == 5
    (tmp_path / "pickle").write_bytes(pickle.dumps(optimizer))
    program = """
import pickle, sys
optimizer = pickle.load(open(sys.argv[1], "rb"))
print(type(optimizer).__name__, optimizer.beta_1, optimizer.iterations)
"""
    assert in_another_process(program, tmp_path / "pickle") == "Lion 0.5 5\n"


def test_processes_and_threads_compile_at_once(cache: Path) -> None:
    program = "import optgen, sys; print(optgen.compile(sys.argv[1]).__module__)"
    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(in_another_process, program, LION)]
        kinds = [pool.submit(made, LION) for _ in range(2)]
        assert {future.result().__module__ for future in kinds} == {
            future.result().strip() for future in others
        }
    assert kinds[0].result() is kinds[1].result()
    assert len([*cache.iterdir()]) == 1


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    program = """
import optgen, os, sys
kind = optgen.compile(sys.argv[1])
assert optgen.compile(sys.argv[1]) is kind
print(os.path.dirname(os.path.dirname(sys.modules[kind.__module__].__file__)))
"""
    found = in_another_process(program, LION, **{VARIABLE: str(tmp_path / "file" / "cache")})
    assert found.strip()
    assert not Path(found.strip()).exists()


def delete(package: Path) -> None:
    (package / "cpu" / "lion.py").unlink()


def change(package: Path) -> None:
    (package / "lion.py").write_text("raise SystemError")


@pytest.mark.parametrize("damage", [delete, pytest.param(change, marks=pytest.mark.full)])
def test_what_was_damaged_is_built_again(cache: Path, damage: Callable[[Path], None]) -> None:
    program = """
import optgen, numpy, sys
weights = numpy.zeros(2)
kind = optgen.compile(sys.argv[1], backend="numpy")
kind(learning_rate=0.5).apply([numpy.ones(2)], [weights])
print(weights.tolist())
"""
    made(LION)
    (package,) = cache.iterdir()
    damage(package)
    assert in_another_process(program, LION) == "[-0.5, -0.5]\n"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_frameworks_take_the_class() -> None:
    rule = made(LION)
    kind: Any = optgen.torch.optimizer_class(rule)
    tensor = torch.zeros(2, requires_grad=True)
    tensor.grad = torch.ones_like(tensor)
    optimizer = pickle.loads(pickle.dumps(kind([tensor], lr=0.5)))
    (tensor,) = optimizer.param_groups[0]["params"]
    tensor.grad = torch.ones_like(tensor)
    optimizer.step()
    assert tensor.tolist() == [-0.5, -0.5]
    kind = optgen.keras.optimizer_class(rule, "Own")
    variable = keras.Variable([0.0, 0.0])
    kind(learning_rate=0.5).apply([keras.ops.ones(2)], [variable])
    assert keras.ops.convert_to_numpy(variable.value).tolist() == [-0.5, -0.5]
