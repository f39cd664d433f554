"""Names of optimizers and schedules are names of files, on every system."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.compiler.ir.problem import SpecError
from optgen.compiler.read.load import load
from optgen.compiler.read.parse import parse

OPTIMIZER = '[update]\nrule = "param = param - learning_rate*grad"\n'
SCHEDULE = '[schedule]\nrule = "value = 1"\n'
#: What Windows takes for devices, by Microsoft's "Naming Files, Paths, and Namespaces".
DEVICES = ["Con", "Prn", "Aux", "Nul", "COM1", "Com9", "Lpt1", "LPT9"]
#: What a generated package holds beside its modules.
PARTS = ["Cpu", "Cuda", "Keras", "Schedules"]


@pytest.mark.parametrize("name", [*DEVICES, *PARTS])
@pytest.mark.parametrize(("body", "noun"), [(OPTIMIZER, "Optimizer"), (SCHEDULE, "Schedule")])
def test_a_name_that_no_file_can_have(tmp_path: Path, name: str, body: str, noun: str) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(f'name = "{name}"\n{body}')
    with pytest.raises(SpecError) as raised:
        parse(load(path))
    (problem,) = raised.value.problems
    assert problem.location.caret().splitlines()[1] == f"{' ' * 12}^{'~' * (len(name) - 1)}"
    assert f"'{name}{noun}'" in problem.hint
    assert ("Windows" in problem.message) is (name in DEVICES)


@pytest.mark.parametrize("name", ["Contra", "Commune", "Com", "Nullify", "Auxiliary", "Com10"])
def test_names_that_only_begin_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(f'name = "{name}"\n{OPTIMIZER}')
    assert parse(load(path)).name == name
