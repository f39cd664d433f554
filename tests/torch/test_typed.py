"""Names and types of arguments, as type checkers and parsers of configurations see them."""

from __future__ import annotations

import inspect
import subprocess
import sys
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonargparse import ArgumentError, ArgumentParser

import optgen.torch as fused
from optgen import optimizers
from optgen.torch import FusedOptimizer, optimizer_class
from optgen.torch.stub import PATH, text
from tests.torch.training import OF_MATRICES, TORCH

ROOT = Path(__file__).parents[2]
#: Choices of an implementation, and a constant of the rule.
OTHER = {"foreach", "fused", "capturable", "differentiable", "decoupled_weight_decay"}
NAMED = TORCH | OF_MATRICES


def takes(ours: Any, theirs: Any) -> bool:
    """Whether a type has all values of another: number for number in tuples."""
    if typing.get_origin(ours) is typing.get_origin(theirs) is tuple:
        own, others = typing.get_args(ours), typing.get_args(theirs)
        return len(own) == len(others) and all(map(takes, own, others))
    return parts(theirs) <= parts(ours)


def parts(kind: Any) -> set[Any]:
    """The types of a union; texts count as text."""
    is_union = typing.get_origin(kind) in (types.UnionType, typing.Union)
    found = typing.get_args(kind) if is_union else (kind,)
    return {str if typing.get_origin(one) is typing.Literal else one for one in found}


@pytest.mark.parametrize("name", NAMED)
def test_signatures_have_torchs_names_order_defaults_and_types(name: str) -> None:
    ours = inspect.signature(NAMED[name]).parameters
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    positional = [n for n, p in theirs.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    positional = [argument for argument in positional if argument not in OTHER]
    assert [*ours][: len(positional)] == positional
    hints = typing.get_type_hints(getattr(torch.optim, name).__init__)
    for argument in {*theirs} - OTHER:
        own = ours[argument]
        assert takes(own.annotation, hints[argument]), argument
        assert own.default == theirs[argument].default


def test_every_argument_has_a_type_and_is_documented() -> None:
    for name in (*NAMED, "Lion", "Sophia", "SOAP"):
        kind = getattr(fused, name)
        listed = inspect.signature(kind).parameters
        hints = typing.get_type_hints(kind.__init__)
        assert {*listed} == {*hints} - {"return"}
        _, _, section = kind.__doc__.partition("\nArgs:\n")
        for argument in listed:
            assert f"{argument}: " in section or f"{argument}, " in section


def test_the_arguments_are_those_that_the_class_takes() -> None:
    model = torch.nn.Linear(3, 2)
    given = {n: p.default for n, p in inspect.signature(fused.Adam).parameters.items()}
    optimizer = fused.Adam(**{**given, "params": model.parameters()})
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)
    with pytest.raises(TypeError, match="unexpected keyword argument 'lrr'; did you mean 'lr'"):
        fused.Adam(model.parameters(), lrr=1)


def test_classes_are_made_when_they_are_used() -> None:
    """In a process of its own: neither classes nor the modules of rules are imported before."""
    code = (
        "import sys, optgen.torch as fused\n"
        "def known(): return {m for m in sys.modules if m.startswith('optgen.optimizers.')}\n"
        "before = known()\n"
        "assert not any('adam' in m or 'lion' in m for m in before), before\n"
        "assert 'Lion' in dir(fused) and 'Lion' not in vars(fused)\n"
        "assert fused.Lion is fused.Lion is fused.optimizer_class(fused.generated.Lion)\n"
        "assert {m for m in known() - before if '.cpu' not in m} == "
        "{'optgen.optimizers.lion', 'optgen.optimizers.features'}, known() - before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_name_of_torchs_means_torchs_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fused.Lion.rule is optimizers.Lion
    for name in ("AdamW", "Adagrad", "NAdam"):
        assert hasattr(torch.optim, name)
        assert getattr(fused, name).rule is getattr(optimizers, f"Torch{name}")
        assert optimizer_class(getattr(optimizers, name)).rule is getattr(optimizers, name)
    # As if there was a rule of that name with other formulas.
    monkeypatch.setattr(fused, "_RULES", ["LBFGS"])
    with pytest.raises(AttributeError, match="no 'LBFGS' with torch's formulas"):
        fused.LBFGS  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'Lion'"):
        fused.Lyon  # noqa: B018
    with pytest.raises(AttributeError, match="has no 'TorchAdamW'; its class is 'AdamW'"):
        fused.TorchAdamW  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'AdamW'"):
        fused.AdamWW  # noqa: B018


def test_the_stub_is_current() -> None:
    """After a change of specs or arguments: python -m optgen.torch.stub."""
    assert PATH.read_text(encoding="utf-8") == text(fused.CLASSES)


SOURCE = """
from collections.abc import Iterable
import torch
import optgen.torch
from optgen.torch import AdamW, Lion

params: Iterable[torch.Tensor] = []
reveal_type(AdamW(params, lr=0.1, betas=(0.8, 0.9)).step)
Lion(params, 0.1, beta_1=0.5, state_dtype="bfloat16", rules=[("*bias", {"weight_decay": 0})])
optgen.torch.AdamW(params, lrr=1)  # 1
optgen.torch.Lion(params, momentum=1)  # 2
AdamW(params, betas=0.9)  # 3
AdamW(params, amsgrad="yes")  # 4
AdamW(params, 0.1, (0.9, 0.9), 1e-8, 0.0, False, False, 0.0, 1.0)  # 5
AdamW(params, rounding="up")  # 6
AdamW()  # 7
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with its generated part inside, as it is installed."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "optgen").mkdir()
    for path in (ROOT / "optgen").iterdir():
        (folder / "optgen" / path.name).symlink_to(path)
    (folder / "optgen" / "optimizers").symlink_to(ROOT / "generated")
    return folder


def test_mypy_refuses_unknown_names_and_other_types(installed: Path, tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(SOURCE)
    (tmp_path / "mypy.ini").write_text(
        # What isn't followed would take a minute; types of arguments don't need it.
        "[mypy]\nstrict = True\nfollow_imports = silent\ndisallow_subclassing_any = False\n"
        "[mypy-torch.*,numba.*,numpy.*,llvmlite.*,optgen.runtime.*,optgen.torch.optimizer]\n"
        "follow_imports = skip\nignore_missing_imports = True\n"
        "[mypy-optgen.runtime.hyperparameters.storage]\nfollow_imports = silent\n"
    )
    command = [sys.executable, "-m", "mypy", str(file), "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [*command, "--config-file", str(tmp_path / "mypy.ini")],
        cwd=tmp_path,
        env={"MYPYPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert all(line.startswith(file.name) for line in lines), done.stdout
    numbers = [int(line.split(":")[1]) for line in lines]
    wanted = [k for k, line in enumerate(SOURCE.splitlines(), start=1) if "  # " in line]
    assert numbers == wanted, done.stdout + done.stderr
    assert 'Unexpected keyword argument "lrr" for "AdamW"' in lines[0]
    assert 'Argument "betas" to "AdamW" has incompatible type "float"' in lines[2]
    assert "Too many positional arguments" in lines[4]
    assert "incompatible type \"Literal['up']\"" in lines[5] or '"str"' in lines[5]


def parser() -> ArgumentParser:
    """As Lightning's command line has optimizers."""
    found = ArgumentParser(exit_on_error=False)
    optimizer = torch.optim.Optimizer
    found.add_subclass_arguments(optimizer, "optimizer", skip={"params"}, instantiate=False)
    return found


def made(config: Any, params: Any) -> FusedOptimizer:
    kind = getattr(fused, config["class_path"].rpartition(".")[2])
    optimizer: FusedOptimizer = kind(params, **config["init_args"])
    return optimizer


def test_a_configuration_file_makes_an_optimizer() -> None:
    options = {"lr": 0.2, "betas": [0.8, 0.9], "clipnorm": 1, "state_dtype": "bfloat16"}
    options["rules"] = {"*bias": {"weight_decay": 0}}
    given = {"optimizer": {"class_path": "optgen.torch.AdamW", "init_args": options}}
    config = parser().parse_object(given).as_dict()["optimizer"]
    optimizer = made(config, torch.nn.Linear(3, 2).named_parameters())
    assert isinstance(optimizer, fused.AdamW)
    first, second = optimizer.param_groups
    assert (first["lr"], first["betas"], first["weight_decay"]) == (0.2, (0.8, 0.9), 0.01)
    assert (second["weight_decay"], second["param_names"]) == (0, ["bias"])


@pytest.mark.parametrize(
    "wrong", [{"lrr": 1}, {"lr": "x"}, {"rounding": "up"}, {"state_dtype": 3}, {"use_ema": 2}]
)
def test_a_configuration_with_a_mistake_is_refused(wrong: dict[str, Any]) -> None:
    given = {"optimizer": {"class_path": "optgen.torch.Lion", "init_args": wrong}}
    ((name, value),) = wrong.items()
    with pytest.raises(ArgumentError, match=f"{name}|{value}"):
        parser().parse_object(given)


def test_a_command_line_makes_a_function_that_makes_optimizers() -> None:
    found = ArgumentParser(exit_on_error=False)
    found.add_argument("--optimizer", type=Callable[[Iterable], torch.optim.Optimizer])
    config = found.parse_args(["--optimizer=optgen.torch.Lion", "--optimizer.lr=0.3"])
    optimizer = found.instantiate(config).optimizer(torch.nn.Linear(3, 2).parameters())
    assert type(optimizer) is fused.Lion
    assert optimizer.param_groups[0]["lr"] == 0.3
