"""Kernels with one operation changed: the comparison notices most of them."""

from __future__ import annotations

import random
import re
from dataclasses import replace

from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.source import Source
from tests.random_programs.generator import draw
from tests.random_programs.program import Program
from tests.random_programs.sources import Sources, plan_from
from tests.random_programs.trial import by_python

OTHERS = {" + ": " - ", " - ": " + ", " * ": " / ", " / ": " * "}
OTHERS |= {"sqrt(": "abs(", " < ": " > ", " > ": " < "}
PROGRAMS = 30


class Changed(Sources):
    """The sources of a program, with one operation of its own rule's kernel changed."""

    def __init__(self, program: Program) -> None:
        super().__init__(plan_from(program, only_used=True))
        self._seed, self._section = program.seed, f"# random{program.seed}\n"

    def of(self, kind: str) -> Source:
        source = super().of(kind)
        if kind != "cpu" or self._section not in source.text:
            return source
        start = source.text.rindex(self._section)
        end = source.text.find("    # ", start + len(self._section))
        own = source.text[start:end]
        places = list(re.finditer("|".join(map(re.escape, OTHERS)), own))
        if not places:
            return source
        place = random.Random(self._seed).choice(places)
        changed = own[: place.start()] + OTHERS[place[0]] + own[place.end() :]
        return replace(source, text=source.text[:start] + changed + source.text[end:])


def test_most_changes_are_noticed() -> None:
    changed = noticed = 0
    for seed in range(PROGRAMS):
        program = replace(draw(seed), odd=0.0)
        try:
            sources, plain = Changed(program), Sources(plan_from(program, only_used=True))
        except SpecError:
            continue
        if sources.of("cpu") == plain.of("cpu"):
            continue
        changed += 1
        noticed += bool(by_python(program, sources).differences)
    # Others are in branches that aren't taken, or change a sign of zero.
    assert changed > PROGRAMS // 2
    assert noticed > 0.6 * changed, (noticed, changed)
