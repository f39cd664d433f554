"""Writers, read back by the packages that they write for."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
import rich.console
from tensorboard.compat.proto import event_pb2
from tensorboard.compat.tensorflow_stub import errors
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

import optgen
from optgen.writing import TensorBoard, Terminal, WeightsAndBiases
from optgen.writing.numbers import needed

NUMBERS = {"kernel": {"update_norm": 0.25, "unmoved": 0.5}, "bias": {"update_norm": 2.0}}


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    with TensorBoard(tmp_path / "run") as writer:
        for step in (1, 2):
            writer.write({"kernel": {"update_norm": 0.5 * step, "unmoved": 0.25}}, step)
    (path,) = (tmp_path / "run").iterdir()
    assert "tfevents" in path.name
    reader, found = PyRecordReader_New(str(path)), []
    with contextlib.suppress(errors.OutOfRangeError):
        while True:
            reader.GetNext()
            found.append(event_pb2.Event.FromString(reader.record()))
    first, *events = found
    assert first.file_version == "brain.Event:2"
    pairs = [(e.step, v.tag, v.simple_value) for e in events for v in e.summary.value]
    names = "update_norm/kernel", "unmoved/kernel"
    assert pairs == [
        (1, names[0], 0.5),
        (1, names[1], 0.25),
        (2, names[0], 1.0),
        (2, names[1], 0.25),
    ]


def test_a_run_of_weights_and_biases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    with pytest.raises(RuntimeError, match="call wandb"):
        WeightsAndBiases()
    run = wandb.init(mode="disabled", dir=tmp_path)
    logged: list[tuple[dict[str, float], int]] = []
    monkeypatch.setattr(run, "log", lambda data, step: logged.append((data, step)))
    WeightsAndBiases(run).write(NUMBERS, 3)
    run.finish()
    wanted = {"update_norm/kernel": 0.25, "unmoved/kernel": 0.5, "update_norm/bias": 2.0}
    assert logged == [(wanted, 3)]


def test_a_table_in_the_terminal() -> None:
    console = rich.console.Console(file=io.StringIO(), width=60)
    with Terminal(console) as shown:
        shown.write({"kernel": {"update_norm": 1.0}}, 1)
        shown.write(NUMBERS, 2)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "step 2" in text
    assert [len(line.split("│")) for line in text.split("\n") if "kernel" in line] == [5]
    assert "0.25" in text
    assert "0.5" in text


def test_numbers_of_an_optimizer_are_written() -> None:
    optimizer = optgen.compile("adam", "update_statistics")(0.1, statistics_every=1)
    optimizer.apply([np.ones(3)], [np.zeros(3)])
    console = rich.console.Console(file=io.StringIO(), width=200)
    with Terminal(console) as shown:
        shown.write(optimizer.statistics(), optimizer.iterations)
    assert "1.73" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ImportError, match="pip install some-package"):
        needed("no_such_module_here", "some-package")
