"""All mistakes of all files in one run, whatever is wrong with the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.compiler.pipeline import compile_spec
from optgen.compiler.project import read_project
from tests.compiler.project_results import Results, results

OPTIMIZER = '''name = "{name}"
summary = "Step."
{more}
[update]
rule = """
param = param - learning_rate*{term}
"""
'''
FEATURE = '''name = "{name}"
slot = "{slot}"
when = "{name}"
summary = "Change the gradient."
{more}
[hyperparameters]
{name} = {{ default = false }}

[update]
rule = """
grad = {term}
"""
'''


def optimizer(name: str, term: str = "grad", more: str = "") -> str:
    return OPTIMIZER.format(name=name, term=term, more=more)


def feature(name: str, term: str = "2*grad", slot: str = "clip", more: str = "") -> str:
    return FEATURE.format(name=name, term=term, slot=slot, more=more)


def compiled(folder: Path, **texts: str) -> Results[object]:
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    files = [folder / f"{name}.toml" for name in texts]
    return results(read_project(files), compile_spec)


def found(all_results: Results[object]) -> dict[str, list[str]]:
    """The messages of every file."""
    messages: dict[str, list[str]] = {}
    for problem in all_results.problems:
        messages.setdefault(Path(problem.location.path).stem, []).append(problem.message)
    return messages


#: Files that each fail at a stage of their own, and a word of the message.
WRONG = {
    "unreadable": ("name = ", ""),
    "field": (optimizer("Field", more="nonsense = 1"), "nonsense"),
    "parsed": (optimizer("Parsed", "(grad"), ""),
    "checked": (optimizer("Checked", "unknown"), "unknown"),
    "composed": (
        optimizer("Composed", "clipnorm*grad", "[hyperparameters]\nclipnorm = { default = 1 }"),
        "clipnorm",
    ),
    "feature": (feature("feature", "missing*grad"), "missing"),
    "misplaced": (feature("misplaced", slot="nowhere"), "nowhere"),
}


def test_each_stage_has_its_say_in_one_run(tmp_path: Path) -> None:
    texts = {name: text for name, (text, _) in WRONG.items()}
    every = compiled(tmp_path, fine=optimizer("Fine"), **texts)
    messages = found(every)
    assert set(messages) == set(WRONG)
    for name, (_, word) in WRONG.items():
        assert any(word in message for message in messages[name]), name
    assert [spec.name.value for spec, _ in every.made] == ["Fine"]


@pytest.mark.parametrize("name", ["unreadable", "feature", "misplaced"])
def test_a_wrong_file_brings_no_false_problem_to_others(tmp_path: Path, name: str) -> None:
    every = compiled(
        tmp_path,
        fine=optimizer("Fine", more=f"[defaults]\n{name} = true\n"),
        neighbour=feature("neighbour", more=f'before = ["{name}"]'),
        **{name: WRONG[name][0]},
    )
    assert set(found(every)) == {name}
    assert all(problem.severity == "error" for problem in every.problems)


def test_a_missing_neighbour_is_a_problem_where_nothing_else_is_wrong(tmp_path: Path) -> None:
    every = compiled(tmp_path, neighbour=feature("neighbour", more='before = ["nowhere"]'))
    assert set(found(every)) == {"neighbour"}


def test_problems_of_a_base_are_told_once(tmp_path: Path) -> None:
    every = compiled(
        tmp_path,
        base=optimizer("Base", "unknown"),
        one='name = "One"\nsummary = "Step."\nextends = "base"\n',
        other='name = "Other"\nsummary = "Step."\nextends = "base"\n',
    )
    assert len(every.problems) == 1


def test_two_specs_of_one_module_are_refused(tmp_path: Path) -> None:
    every = compiled(tmp_path, one=optimizer("Same"), other=optimizer("SAME"))
    assert found(every) == {
        "other": [f"'SAME' would overwrite the optimizer of {tmp_path}/one.toml"]
    }
