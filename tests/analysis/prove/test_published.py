"""Published rules: none is refused, they are what torch computes, and slips in them are told."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from optgen.analysis.compare import resemblances
from optgen.analysis.prove import findings
from optgen.analysis.prove.trajectories import Runs
from optgen.analysis.prove.variant import variants
from optgen.analysis.reports import known_rules
from optgen.compiler.ir.proof import STRICT, TOLD, Finding, Group, Verdict
from optgen.compiler.ir.rule import Rule
from optgen.compiler.library import find_specs
from optgen.compiler.pipeline import checked_rule, load_all
from tests.analysis.prove.slips import BY_HAND, PUBLISHED, Slip, by_hand, by_pattern
from tests.analysis.prove.test_rules import pasted
from tests.chosen import first_of, rest_in_full

RULES = sorted(PUBLISHED.glob("*.toml"))
#: All take long; `benchmarks/checker.py` takes them.
SOME = RULES[::4]
FEW = SOME[::4]


def rule_of(path: Path) -> Rule:
    (spec,) = load_all([path])
    return checked_rule(spec)


def proved(rule: Rule) -> list[Finding]:
    """Findings about a rule without switches but those that are only told."""
    return list(takewhile(lambda one: one.group not in TOLD, findings(rule)))


@pytest.mark.parametrize(
    "path", rest_in_full(SOME, lambda path: path in FEW), ids=lambda path: path.stem
)
def test_no_published_rule_is_refused(path: Path) -> None:
    (spec,) = load_all([path])
    found = findings(checked_rule(spec), STRICT | {Group.BEHAVIOUR})
    refuted = {one.group for one in found if one.is_refuted}
    assert not refuted - {Group(key) for key, _ in spec.waived}


@pytest.mark.parametrize("paths", first_of([FEW, SOME], 1), ids=["few", "some"])
def test_each_published_rule_is_its_own_nearest(paths: list[Path]) -> None:
    for path in paths:
        rule = rule_of(path)
        (found,) = resemblances(rule, known_rules())
        assert found.verdict is Verdict.PROVED, path.stem


#: Published rules, what torch calls them, and what it is given there and here.
TORCH: dict[str, tuple[Any, dict[str, Any], dict[str, float]]] = {
    "heavyball": (torch.optim.SGD, {"momentum": 0.9}, {}),
    "adagrad": (torch.optim.Adagrad, {}, {"initial_accumulator_value": 0.0}),
    "adamax": (torch.optim.Adamax, {}, {}),
    "adamw": (torch.optim.AdamW, {}, {}),
    "asgd": (torch.optim.ASGD, {}, {}),
    "nadam": (torch.optim.NAdam, {}, {}),
    "radam": (torch.optim.RAdam, {}, {}),
    "rprop": (torch.optim.Rprop, {}, {"learning_rate": 1.0}),
    "amsgradw": (torch.optim.AdamW, {"amsgrad": True}, {}),
}


@pytest.mark.parametrize("name", TORCH)
def test_runs_are_those_of_torch(name: str) -> None:
    make, theirs, ours = TORCH[name]
    rule = rule_of(PUBLISHED / f"{name}.toml")
    (variant,) = variants(rule)
    settings = {h.name: float(h.default or 0) for h in rule.hyperparameters} | ours
    rate = 0.01 if name == "rprop" else settings["learning_rate"]
    start = np.array([[1.0, -2.0, 0.5]])
    runs = Runs(variant, settings, start)
    parameter = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimizer = make([parameter], lr=rate, **theirs)
    for gradient in np.random.default_rng(0).normal(size=(30, 1, 3)):
        runs.arrive(gradient)
        with np.errstate(invalid="ignore"):
            runs.step()
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
    # Adamax adds its epsilon elsewhere there, and ASGD keeps its rate in float32.
    tolerance = {"adamax": 1e-5, "asgd": 1e-7}.get(name, 1e-10)
    expected = parameter.detach().numpy()
    np.testing.assert_allclose(runs.values["param"], expected, rtol=tolerance)


def written(slip: Slip, folder: Path) -> Rule:
    path = folder / "slip.toml"
    path.write_text(slip.text)
    return rule_of(path)


def slip(name: str, old: str) -> Slip:
    place = next(k for k, (rule, here, _) in enumerate(BY_HAND) if (rule, here) == (name, old))
    return list(by_hand())[place]


#: Slips, and what the message about the nearest rule must name.
STEPS = {
    ("adan", "grad - before, 0"): ("Adan", "grad + before"),
    ("adamw", "v/(1 - beta_2**step)"): ("AdamW", "beta_1**step"),
    ("amsgrad", "max(largest, v)"): ("AMSGrad", "min(largest, v)"),
    ("aggmo", "second = beta_2*second - grad"): ("AggMo", "where AggMo has"),
    ("lamb", "size/length, 1"): ("LAMB", "norm(param)"),
    ("cautiouslion", "where(update*grad > 0, 1, 0)"): ("CautiousLion", "where"),
}


@pytest.mark.parametrize("key", STEPS, ids=lambda key: key[0])
def test_a_step_away_from_a_known_rule_is_told(key: tuple[str, str], tmp_path: Path) -> None:
    name, shown = STEPS[key]
    rule = written(slip(*key), tmp_path)
    (found,) = resemblances(rule, known_rules())
    assert found.is_refuted
    assert found.statement == f"the rule is a step away from {name}"
    assert shown in found.reason
    assert found.location.line


#: Slips, and what runs or proofs must show, were the rule not known.
SHOWN = {
    ("adamw", "sqrt(v_hat) + epsilon"): "a constant gradient is followed downhill",
    ("nag", "grad + momentum*m)"): "a constant gradient is followed downhill",
    ("cautiousadamw", "update*grad > 0"): "a constant gradient moves the parameter",
    ("amsgrad", "max(largest, v)"): "the state largest changes in some run",
    ("adamw", "v/(1 - beta_2**step)"): "the correction for the start with beta_1 fits",
    ("lamb", "size/length, 1"): "a larger parameter makes no much smaller steps",
    ("adan", "beta_2*v/(1 - beta_2**step)"): "beta_2*v/(1 - beta_1**step) is corrected",
    ("adamw", "+ decay*param"): "a zero gradient from a fresh state moves nothing",
}


@pytest.mark.parametrize("key", SHOWN, ids=lambda key: f"{key[0]} {key[1]}")
def test_slips_show_themselves(key: tuple[str, str], tmp_path: Path) -> None:
    refuted = [one for one in proved(written(slip(*key), tmp_path)) if one.is_refuted]
    assert [one for one in refuted if one.statement.startswith(SHOWN[key])]
    for one in refuted:
        assert not one.fails or pasted(one), one


def test_what_no_run_reaches_refutes_nothing(tmp_path: Path) -> None:
    """A second moment is never negative, whether a spec says so or not."""
    text = (PUBLISHED / "adamw.toml").read_text()
    assert "invariant" not in text
    found = proved(rule_of(PUBLISHED / "adamw.toml"))
    assert "v >= 0 always" in {one.statement for one in found if one.verdict is Verdict.PROVED}
    path = tmp_path / "signed.toml"
    path.write_text(text.replace("v = {}", "v = { initial = -1 }"))
    (wrong,) = (
        one for one in proved(rule_of(path)) if one.is_refuted and one.group is Group.DOMAIN
    )
    assert pasted(wrong)


def test_there_are_slips_of_both_kinds() -> None:
    made, written_down = list(by_pattern()), list(by_hand())
    assert len(made) >= 80
    assert len(written_down) >= 40
    aside = [one for one in (*made, *written_down) if one.is_aside]
    assert 0.25 < len(aside) / len([*made, *written_down]) < 0.42


#: One rule in other words: names, order, temporary names, quotients, roots, a state's sign.
SPELLINGS = {
    "adamw": """
p = b*p + grad - b*grad
q = q + (1 - c)*(grad*grad - q)
root = sqrt(q)/sqrt(1 - c**step)
param = param*(1 - learning_rate*decay) - learning_rate/(1 - b**step)*p/(epsilon + root)
""",
    "heavyball": """
p = b*p - (1 - c)*grad
param = param + p*learning_rate
""",
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_known_rule_is_known_in_other_words(name: str, tmp_path: Path) -> None:
    rule = SPELLINGS[name]
    known = [word for word in ("b", "c", "epsilon", "decay") if word in rule]
    numbers = [f'{word} = {{ default = 0.5, range = "0 < {word} < 1" }}' for word in known]
    states = [f"{word} = {{}}" for word in "pq" if f"{word} =" in rule]
    path = tmp_path / "own.toml"
    head = ['name = "Own"', "[hyperparameters]", *numbers, "[state]", *states]
    path.write_text("\n".join([*head, "[update]", f'rule = """{rule}"""']))
    (found,) = resemblances(rule_of(path), known_rules())
    assert found.verdict is not Verdict.UNDECIDED, found
    if name == "heavyball":
        assert found.verdict is Verdict.PROVED


def test_published_rules_are_only_compared_with() -> None:
    above = find_specs([str(PUBLISHED.parent)]).files
    assert not [path for path in above if path.parent == PUBLISHED]
    assert find_specs([str(PUBLISHED)]).files == tuple(RULES)


def test_a_rule_of_huge_expressions_resembles_nothing(tmp_path: Path) -> None:
    lines = ["x0 = grad", *(f"x{k + 1} = x{k}*x{k} + x{k}" for k in range(40))]
    path = tmp_path / "huge.toml"
    rule = "\n".join([*lines, "param = param - learning_rate*x40"])
    path.write_text(f'name = "Huge"\n[update]\nrule = """\n{rule}\n"""\n')
    assert not list(resemblances(rule_of(path), known_rules()))
