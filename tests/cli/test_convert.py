"""``optgen convert``: files of one library to files of another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

import optgen.optimizers
import optgen.torch
from optgen.cli import app

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


def stepped(kind: Any, **options: Any) -> Any:
    param = torch.nn.Parameter(torch.ones(3))
    optimizer = kind([param], **options)
    param.grad = torch.tensor([1.0, 2.0, -3.0])
    optimizer.step()
    return optimizer


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint as training scripts save it, with the state below a key."""
    path = tmp_path / "run.pt"
    optimizer = stepped(torch.optim.NAdam, lr=0.25, weight_decay=0.1)
    torch.save({"epoch": 3, "optimizer": optimizer.state_dict()}, path)
    return path


def test_from_torch_to_a_class_here_and_back(saved: Path, tmp_path: Path) -> None:
    there, back = tmp_path / "here.pt", tmp_path / "back.pt"
    told = command(saved, "--key", "optimizer", "--from", "torch", "--to", "optgen", "--out", there)
    assert told.exit_code == 0, told.output
    assert "exp_avg_sq" in told.output
    again = command(there, "--from", "optgen", "--rule", "NAdam", "--to", "torch", "--out", back)
    assert again.exit_code == 0, again.output
    theirs = torch.load(saved, weights_only=True)["optimizer"]
    found = torch.load(back, weights_only=True)
    assert found["param_groups"][0] == theirs["param_groups"][0]
    torch.testing.assert_close(found["state"], theirs["state"], check_dtype=False)


def test_the_file_has_a_name_by_itself_and_is_not_replaced(saved: Path) -> None:
    arguments = (saved, "--key", "optimizer", "--from", "torch", "--to", "optgen")
    assert command(*arguments).exit_code == 0
    made = saved.with_name("run.optgen.pt")
    made.write_bytes(b"mine")
    told = command(*arguments)
    assert told.exit_code == 2
    assert "is there already" in told.output
    assert made.read_bytes() == b"mine"
    assert command(*arguments, "--force").exit_code == 0
    assert torch.load(made, weights_only=True)["param_groups"]


def test_keras_s_variables_are_a_file_of_arrays(tmp_path: Path) -> None:
    source, target = tmp_path / "keras.npz", tmp_path / "torch.pt"
    weight = keras.Variable(np.ones(3, np.float32))
    theirs = keras.optimizers.SGD(0.25, momentum=0.5)
    theirs.apply([keras.ops.ones(3)], [weight])
    held: dict[str, Any] = {}
    theirs.save_own_variables(held)
    arrays: dict[str, Any] = {name: np.asarray(one) for name, one in held.items()}
    np.savez(source, **arrays)
    options = ("--from", "keras", "--rule", "SGD", "--option", "momentum=0.5")
    told = command(source, *options, "--to", "torch", "--out", target)
    assert told.exit_code == 0, told.output
    state = torch.load(target, weights_only=True)
    assert state["state"][0]["momentum_buffer"].tolist() == [1, 1, 1]
    assert state["param_groups"][0]["lr"] == 0.25
    # And back into the same arrays.
    back = command(target, "--from", "torch", "--to", "keras", "--out", tmp_path / "back.npz")
    assert back.exit_code == 0, back.output
    with np.load(source) as one, np.load(tmp_path / "back.npz") as other:
        for name in one:
            np.testing.assert_allclose(one[name], other[name])


def test_a_file_of_an_optimizer_of_arrays(tmp_path: Path) -> None:
    weights = np.ones(3)
    optimizer = optgen.optimizers.Adam(0.25)
    optimizer.apply([np.array([1.0, 2.0, -3.0])], [weights])
    path, target = tmp_path / "adam.safetensors", tmp_path / "torch.pt"
    optimizer.save(path)
    told = command(path, "--to", "torch", "--out", target)
    assert told.exit_code == 0, told.output
    (own,) = torch.load(target, weights_only=True)["state"].values()
    (mine,) = optimizer.state.values()
    np.testing.assert_allclose(own["exp_avg"].numpy(), mine["mean_gradient"])


def test_what_has_no_counterpart_is_said_and_may_stop_it(tmp_path: Path) -> None:
    path, target = tmp_path / "sgd.pt", tmp_path / "keras.npz"
    torch.save(stepped(torch.optim.SGD, lr=0.25, momentum=0.5, dampening=0.5).state_dict(), path)
    arguments = (path, "--from", "torch", "--to", "keras", "--out", target)
    told = command(*arguments, "--strict")
    assert told.exit_code == 1
    assert "nothing is written: " in told.output
    assert "option dampening" in told.output
    assert os.listdir(tmp_path) == ["sgd.pt"]
    assert command(*arguments).exit_code == 0


def test_a_file_is_written_whole_or_not_at_all(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(state: Any, stream: Any) -> None:
        stream.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", torn)
    made = saved.with_name("run.optgen.pt")
    made.write_bytes(b"mine")
    arguments = (saved, "--key", "optimizer", "--from", "torch", "--to", "optgen", "--force")
    told = command(*arguments)
    assert told.exit_code == 2
    assert "No space left" in told.output
    assert made.read_bytes() == b"mine"
    assert {*os.listdir(saved.parent)} == {"run.pt", "run.optgen.pt"}


class Unsafe:
    def __reduce__(self) -> Any:
        return (os.mkdir, ("made-by-a-pickle",))


@pytest.mark.parametrize(
    ("name", "content", "more", "message"),
    [
        ("a.pt", {"optimizer": {}}, ["--key", "optimiser"], "no 'optimiser'; there are optimizer"),
        ("a.pt", {"state": Unsafe()}, [], "isn't a file of tensors and numbers"),
        ("a.txt", {}, [], "states are in .pt, .pth"),
        ("a.npz", {}, ["--key", "x"], "has no keys"),
        ("a.npz", {}, [], "isn't a file of arrays"),
        ("a.safetensors", {}, [], "a.safetensors"),
        ("a.pt", {}, ["--to", "optax"], "call optgen.convert with like"),
        ("a.pt", {}, ["--to", "nothing"], "'nothing' is no library"),
        ("a.pt", {}, ["--option", "x"], "must be a name, =, and a value"),
        ("a.pt", {}, ["--out", "b.npz"], "goes into a file with .pt"),
    ],
)
def test_what_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: Any,
    more: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    content = content or stepped(torch.optim.Adam).state_dict()
    torch.save(content, name)
    to = [] if "--to" in more else ["--to", "optgen"]
    told = command(name, "--from", "torch", *to, *more)
    assert told.exit_code == 2, told.output
    assert message in told.output
    assert os.listdir() == [name]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    told = command(tmp_path / "none.pt", "--to", "torch")
    assert told.exit_code == 2
    assert "is no file" in told.output
