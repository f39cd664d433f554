"""Specs compiled in processes: as one after another, and whatever becomes of one of them."""

from __future__ import annotations

import os
import pickle
from multiprocessing import get_context
from pathlib import Path

import pytest

from optgen.cli import parallel_build, worker_processes
from optgen.cli.parallel_build import in_processes
from optgen.compiler.build import in_turn, make
from optgen.compiler.ir.spec import Spec
from optgen.compiler.pipeline import load_all, surroundings

SPEC = '''name = "{name}"
summary = "Plain steps."

[update]
rule = """
param = param - learning_rate*{step}
"""
'''
STEPS = ("grad", "sign(grad)", "grad/2", "2*grad", "clip(grad, -1, 1)", "grad + grad", "lost")


@pytest.fixture(autouse=True)
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_processes, "_context", lambda: get_context("fork"))


@pytest.fixture
def specs(tmp_path: Path) -> tuple[Spec, ...]:
    """More than are worth processes; the last has an unknown name."""
    files = []
    for number, step in enumerate((*STEPS[:-1], *STEPS)):
        path = tmp_path / f"plain{number}.toml"
        path.write_text(SPEC.format(name=f"Plain{number}", step=step))
        files.append(path)
    return load_all(files)


def test_processes_make_what_one_makes_in_turn(specs: tuple[Spec, ...]) -> None:
    around, done = surroundings(), list[Spec]()
    found = in_processes(specs, around, done.append)
    assert found == in_turn(specs, around, lambda _: None)
    assert {spec.module for spec in done} == {spec.module for spec in specs}
    assert [bool(one.problems) for one in found] == [False] * (len(specs) - 1) + [True]


def test_what_has_compiled_can_be_sent_to_a_process(specs: tuple[Spec, ...]) -> None:
    around = surroundings()
    (made,) = in_turn(specs[:1], around, lambda _: None)
    assert make(specs[0], pickle.loads(pickle.dumps(around))) == made


def test_a_process_that_dies_is_a_problem_of_its_spec(
    specs: tuple[Spec, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = os.getpid()

    def dies(spec: Spec, around: object) -> object:
        assert os.getpid() != parent
        if spec.module == "plain3":
            os._exit(7)
        return make(spec, around)  # type: ignore[arg-type]

    monkeypatch.setattr(parallel_build, "make", dies)
    found = in_processes(specs[:-1], surroundings(), lambda _: None)
    assert [bool(one.problems) for one in found] == [n == 3 for n in range(len(specs) - 1)]
    assert "ended with status 7" in found[3].problems[0].message
    assert "plain3.toml" in str(found[3].problems[0].location)
