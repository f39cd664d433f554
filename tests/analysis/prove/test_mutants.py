"""Slips of the pen in sound rules: a sign, a root, a bracket, a square, two lines in turn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

import pytest

from optgen.analysis.compare import resemblances
from optgen.analysis.prove import findings
from optgen.analysis.reports import known_rules
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.proof import STRICT, WARNED, Group
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import checked_rule, load_all
from tests.analysis.prove.test_rules import HERE, found
from tests.chosen import rest_in_full

#: Torch's are the same rules in other words.
OWN = ("sgd", "rmsprop", "adadelta", "adamax", "adam")
BUILT_IN = [path for path in optimizer_files() if path.stem in OWN]
RULES = [*BUILT_IN, *(HERE / "sound" / f"{name}.toml" for name in ("adam_torch", "lion", "qhm"))]
FEW = ("sgd", "adam", "lion")
TEXT = re.compile(r'(rule = """\n)(.*?)(""")', re.DOTALL)
#: What takes the place of a match, each time in one place alone.
SLIPS = {
    "plus": (r" - ", " + "),
    "minus": (r" \+ ", " - "),
    "root": (r"sqrt\(", "("),
    "magnitude": (r"abs\(", "("),
    "square": (r"\*\*2", ""),
    "bracket": (r"\((1 - \w+)\)\*(\w+(?:\*\*2)?)", r"(\1*\2)"),
}
#: Slips that make another rule which is no worse by any of the properties, by rule.
SOUND = {
    # The ratio of mean squares instead of their roots: the unit is another, and is told.
    "adadelta": {"unscaled = (average_change + epsilon)/sqrt(average_gradient + epsilon)*grad"},
    # A sum in the place of a variance, and the variance about the mean before this step.
    "rmsprop": {
        "denominator = max(velocity + average_gradient**2, 0) + epsilon",
        "denominator = max(velocity - average_gradient**2, 0) + epsilon",
    },
}


def slips(rule: str) -> Iterator[str]:
    for pattern, instead in SLIPS.values():
        for match in re.finditer(pattern, rule):
            yield rule[: match.start()] + match.expand(instead) + rule[match.end() :]
    lines = rule.split("\n")
    for place, (one, other) in enumerate(pairwise(lines)):
        target, equals, _ = one.partition(" = ")
        _, also, value = other.partition(" = ")
        if equals and also and re.search(rf"\b{target.strip()}\b", value):
            # A value is used before it is new.
            yield "\n".join([*lines[:place], other, one, *lines[place + 2 :]])


def is_told(path: Path) -> bool:
    """Whether an error or a warning of a plain check shows it; the cheapest are asked first."""
    (spec,) = load_all([path])
    rule = checked_rule(spec)
    every = chain(resemblances(rule, known_rules()), findings(rule))
    return any(one.is_refuted and one.group in STRICT | WARNED - {Group.RANGE} for one in every)


@pytest.mark.parametrize(
    "path", rest_in_full(RULES, lambda path: path.stem in FEW), ids=lambda path: path.stem
)
def test_slips_are_told(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    match = TEXT.search(text)
    assert match is not None
    missed = []
    wrong = list(slips(match[2]))
    assert wrong
    for rule in wrong:
        changed = tmp_path / "slip.toml"
        changed.write_text(text[: match.start(2)] + rule + text[match.end(2) :])
        try:
            if not is_told(changed):
                lines = zip(rule.split("\n"), match[2].split("\n"), strict=True)
                missed.append(next(line.strip() for line, old in lines if line != old))
        except SpecError:
            continue
    assert set(missed) <= SOUND.get(path.stem, set())


@pytest.mark.parametrize("path", [*BUILT_IN, *sorted((HERE / "sound").glob("*.toml"))], ids=str)
def test_sound_rules_aren_t_doubted(path: Path) -> None:
    doubts = frozenset({Group.WEIGHTS, Group.START})
    assert not [one for one in found(path, doubts) if one.is_refuted]
