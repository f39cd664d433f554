"""Published rules, sound and with one planted error each: what is proved, and what is refuted."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from optgen.analysis.reports import findings
from optgen.compiler.ir.proof import ASIDE, EVERY, STRICT, Finding, Group, Verdict
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import load_all
from tests.chosen import rest_in_full
from tests.numeric.specs import COVER, PRODUCTS

HERE = Path(__file__).parent
#: The built-in rules of which all is found, runs among it: one has products of matrices.
SOME = {*COVER, "muon"}
SOUND = sorted((HERE / "sound").glob("*.toml"))
#: Where each planted error shows.
PLANTED = {
    "adadelta_minus": Group.DOMAIN,
    "adadelta_weight": Group.INVARIANT,
    "adagrad_minus": Group.INVARIANT,
    "adam_early_step": Group.DOMAIN,
    "adam_no_root": Group.DEGREE,
    "adam_no_square": Group.INVARIANT,
    "adam_uphill": Group.DESCENT,
    "adamax_no_abs": Group.ODDNESS,
    "blog_adadelta": Group.DEGREE,
    "heavy_ball_double": Group.DEGREE,
    "lion_constant": Group.DESCENT,
    "qhadam_bracket": Group.INVARIANT,
    "qhm_weight": Group.DESCENT,
    "rmsprop_centred_sum": Group.INVARIANT,
    "rprop_shrink": Group.INVARIANT,
}


@cache
def found(path: Path, of: frozenset[Group] = EVERY) -> tuple[Finding, ...]:
    (spec,) = load_all([path])
    return findings(spec, of)


#: What is open of built-in rules; all else of them is proved, or waived for a reason.
OPEN = {
    "a2gradexp": {Group.DEGREE},
    "a2gradinc": {Group.DEGREE},
    "a2graduni": {Group.DEGREE},
    "accelegrad": {Group.DEGREE},
    "accsgd": {Group.DESCENT},
    "acprop": {Group.DEGREE},
    "adagc": {Group.DESCENT},
    "adago": {Group.DESCENT},
    "adagradda": {Group.DESCENT},
    "adahessian": {Group.DOMAIN},
    "adamatan2": {Group.ODDNESS},
    "adamp": {Group.DESCENT},
    "adamuon": {Group.DESCENT},
    "adamwin": {Group.DESCENT},
    "adanorm": {Group.DOMAIN},
    "adashift": {Group.DESCENT},
    "adasmooth": {Group.DOMAIN, Group.INVARIANT},
    "adatam": {Group.INVARIANT},
    "ademamix": {Group.DESCENT, Group.DOMAIN},
    "adgd": {Group.INVARIANT},
    "alig": {Group.DESCENT},
    "angulargrad": {Group.DESCENT},
    "apollo": {Group.DESCENT},
    "apollodqn": {Group.DEGREE},
    "apollomini": {Group.DESCENT},
    "asgd": {Group.DEGREE},
    "asgo": {Group.DESCENT},
    "backtrackingsgd": {Group.DESCENT},
    "barzilaiborwein": {Group.DEGREE},
    "cadam": {Group.DESCENT},
    "caspr": {Group.DESCENT},
    "conda": {Group.DESCENT},
    "cosmos": {Group.DESCENT},
    "dadaptadan": {Group.DESCENT},
    "dadaptsgd": {Group.DOMAIN},
    "dion": {Group.DESCENT},
    "dion2": {Group.DESCENT},
    "exactmars": {Group.DEGREE},
    "fadam": {Group.DEGREE, Group.DOMAIN, Group.INVARIANT},
    "fastadabelief": {Group.DEGREE},
    "fira": {Group.DESCENT},
    "fromage": {Group.DESCENT},
    "frugal": {Group.DESCENT, Group.DOMAIN},
    "ftrl": {Group.DESCENT, Group.DEGREE, Group.DOMAIN},
    "galore": {Group.DESCENT},
    "gpaadamw": {Group.DESCENT},
    "grokadamw": {Group.DESCENT},
    "hyperballadam": {Group.DESCENT},
    "ivon": {Group.DEGREE},
    "kate": {Group.DEGREE},
    "kerasmuon": {Group.DESCENT},
    "klshampoo": {Group.DESCENT, Group.INVARIANT},
    "klsoap": {Group.DESCENT, Group.INVARIANT},
    "kourkoutasbeta": {Group.DOMAIN, Group.INVARIANT},
    "kron": {Group.DESCENT},
    "l4adam": {Group.DESCENT},
    "lamb": {Group.DESCENT},
    "lans": {Group.DESCENT},
    "larc": {Group.DESCENT},
    "lars": {Group.DESCENT},
    "ldadam": {Group.DESCENT, Group.DOMAIN},
    "lazyadam": {Group.DESCENT},
    "madgrad": {Group.DEGREE},
    "mars": {Group.DEGREE},
    "marsshampoo": {Group.DEGREE, Group.DESCENT},
    "mezo": {Group.DESCENT},
    "mirrormadgrad": {Group.DEGREE},
    "momo": {Group.DESCENT},
    "momoadam": {Group.DESCENT},
    "moonlight": {Group.DESCENT},
    "msvag": {Group.DEGREE, Group.DOMAIN},
    "muon": {Group.DESCENT},
    "muonlaprop": {Group.DESCENT},
    "nero": {Group.DESCENT},
    "nordion2": {Group.DESCENT},
    "normuon": {Group.DESCENT},
    "nosadam": {Group.DOMAIN, Group.INVARIANT},
    "padam": {Group.DEGREE},
    "polargrad": {Group.DESCENT},
    "polarmuon": {Group.DESCENT},
    "polyaksgd": {Group.DESCENT},
    "prodigy": {Group.DEGREE},
    "prodigyplus": {Group.DEGREE, Group.DESCENT},
    "proximaladagrad": {Group.DESCENT},
    "proximalsgd": {Group.DESCENT},
    "psgdpro": {Group.DESCENT},
    "radam": {Group.DESCENT, Group.DEGREE, Group.DOMAIN},
    "rectifiedadabelief": {Group.DESCENT, Group.DEGREE, Group.DOMAIN},
    "sadam": {Group.DEGREE},
    "scadagrad": {Group.DEGREE},
    "schedulefreeadamw": {Group.DESCENT},
    "schedulefreeplus": {Group.DOMAIN},
    "schedulefreeradam": {Group.DESCENT, Group.DOMAIN},
    "schedulefreesgd": {Group.DESCENT},
    "scion": {Group.DESCENT},
    "scrmsprop": {Group.DEGREE},
    "sgdp": {Group.DESCENT},
    "shampoo": {Group.DESCENT},
    "smorms3": {Group.INVARIANT},
    "soap": {Group.DESCENT, Group.DOMAIN},
    "soapademamix": {Group.DESCENT, Group.DOMAIN},
    "soapnadam": {Group.DESCENT, Group.DOMAIN},
    "solp": {Group.DESCENT, Group.DOMAIN},
    "sophia": {Group.DEGREE},
    "sophiag": {Group.DEGREE},
    "spam": {Group.DESCENT},
    "spider": {Group.ODDNESS},
    "splus": {Group.DESCENT},
    "srmm": {Group.DESCENT, Group.DOMAIN},
    "stablespam": {Group.DESCENT, Group.DOMAIN},
    "storm": {Group.DEGREE, Group.ODDNESS},
    "stormplus": {Group.DESCENT, Group.ODDNESS},
    "swan": {Group.DESCENT},
    "torchadafactor": {Group.DESCENT},
    "torchmuon": {Group.DESCENT},
    "torchradam": {Group.DESCENT, Group.DEGREE, Group.DOMAIN},
    "turbomuon": {Group.DESCENT},
}


#: Rules whose change is too large as one expression: nothing of them is proved, or refuted.
TOO_LARGE = {"lbfgs", "racs"}


@pytest.mark.parametrize("path", optimizer_files(), ids=lambda path: path.stem)
def test_all_else_is_proved_of_the_built_in_rules(path: Path) -> None:
    (spec,) = load_all([path])
    every = findings(spec, STRICT)
    assert {finding.group for finding in every} >= {Group.DESCENT, Group.ODDNESS, Group.DEGREE}
    if path.stem in TOO_LARGE:
        assert all(finding.verdict is Verdict.UNDECIDED and finding.reason for finding in every)
        return
    left = [finding for finding in every if not _is_settled(finding)]
    assert {finding.group for finding in left} == OPEN.get(path.stem, set())
    assert all(finding.verdict is Verdict.UNDECIDED for finding in left)
    assert all(finding.reason or finding.waived for finding in every)


@pytest.mark.parametrize(
    "path",
    rest_in_full(optimizer_files(), lambda path: path.stem in SOME),
    ids=lambda path: path.stem,
)
def test_what_is_told_besides(path: Path) -> None:
    if path.stem in TOO_LARGE:
        return
    every = found(path)
    left = {f.group for f in every if f.group not in ASIDE and not _is_settled(f)}
    assert left == OPEN.get(path.stem, set())
    assert all(finding.reason or finding.waived for finding in every)
    # Bounds of steps are all to be told that may be open, and of matrices runs.
    told = {f.group for f in every if f.group in ASIDE and f.verdict is Verdict.UNDECIDED}
    assert told <= {Group.SIZE, *([Group.BEHAVIOUR] if path.stem in PRODUCTS else [])}


def _is_settled(finding: Finding) -> bool:
    return finding.verdict is Verdict.PROVED or bool(finding.waived)


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_no_sound_rule_is_refused(path: Path) -> None:
    for finding in found(path):
        assert finding.group in ASIDE or not finding.is_refuted, finding
        assert finding.reason or finding.waived


def test_there_is_a_group_for_each_planted_error() -> None:
    assert PLANTED.keys() == {path.stem for path in (HERE / "planted").glob("*.toml")}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_errors_are_found(name: str) -> None:
    every = found(HERE / "planted" / f"{name}.toml", STRICT)
    refuted = [finding for finding in every if finding.is_refuted]
    assert PLANTED[name] in {finding.group for finding in refuted}
    for finding in refuted:
        if finding.group is Group.DEGREE:
            assert finding.reason
        else:
            # What a user pastes into Python shows it.
            assert pasted(finding), finding


def pasted(finding: Finding) -> bool:
    scope = {**vars(math), **finding.numbers}
    return bool(eval(finding.fails, scope))


def test_proofs_of_a_relation_between_states_take_more_than_intervals() -> None:
    (path,) = (path for path in optimizer_files() if path.stem == "rmsprop")
    kept = [
        f for f in found(path) if f.statement == "average_gradient**2 <= velocity is kept by a step"
    ]
    assert kept
    assert all("polynomial" in finding.reason for finding in kept)


def test_a_rule_too_large_for_one_expression_is_undecided(tmp_path: Path) -> None:
    lines = ["x0 = grad"] + [f"x{k + 1} = x{k}*x{k} + x{k}" for k in range(30)]
    path = tmp_path / "large.toml"
    rule = "\n".join([*lines, "param = param - learning_rate*x30"])
    path.write_text(
        f'name = "Large"\n[hyperparameters]\nlearning_rate = {{ default = 0.1 }}\n'
        f'[update]\nrule = """\n{rule}\n"""\n'
    )
    every = found(path)
    assert every
    assert {finding.verdict for finding in every} == {Verdict.UNDECIDED}
    assert {finding.reason for finding in every} == {
        "the rule has too many settings, or values too large, to be looked at as a whole"
    }


def test_rounding_under_a_root_is_warned_of(tmp_path: Path) -> None:
    """Centred RMSprop without its clamp: safe in mathematics, and not in float32."""
    (built_in,) = (path for path in optimizer_files() if path.stem == "rmsprop")
    text = built_in.read_text(encoding="utf-8")
    clamp = "max(velocity - average_gradient**2, 0)"
    assert clamp in text
    path = tmp_path / "rmsprop.toml"
    path.write_text(text.replace(clamp, "velocity - average_gradient**2"))
    every = found(path)
    assert {f.verdict for f in every if f.group not in ASIDE} == {Verdict.PROVED}
    warned = [finding for finding in every if finding.group is Group.FLOAT32]
    assert {finding.statement for finding in warned} == {
        "in float32 the root sqrt(denominator) is defined"
    }
    for finding in warned:
        # One step in float32 from the numbers that are shown.
        given = {name: np.float32(value) for name, value in finding.numbers.items()}
        rho, rest, epsilon = (np.float32(value) for value in (0.9, 1 - 0.9, 1e-7))
        velocity = rho * given["velocity"] + rest * given["grad"] ** np.float32(2)
        mean = rho * given["average_gradient"] + rest * given["grad"]
        assert velocity - mean ** np.float32(2) + epsilon < 0
