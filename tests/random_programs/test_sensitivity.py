"""Kernels with one operation changed: the comparison notices most of them."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.source import Source
from tests.random_programs.generator import draw
from tests.random_programs.program import Program
from tests.random_programs.sources import Sources, plan_from
from tests.random_programs.trial import by_python

OTHERS = {" + ": " - ", " - ": " + ", " * ": " / ", " / ": " * "}
OTHERS |= {"sqrt(": "abs(", " < ": " > ", " > ": " < "}
PROGRAMS = 40
AFTER = ("if use_ema", "    # store")


class Changed(Sources):
    """The sources of a program, with one operation of its own rule's kernel changed."""

    def __init__(self, program: Program, *made: Any) -> None:
        super().__init__(*made)
        self._seed, self._name = program.seed, f"cpu/random{program.seed}.py"

    def of(self, *names: str) -> list[Source]:
        return [self._changed(s) if s.path == self._name else s for s in super().of(*names)]

    def _changed(self, source: Source) -> Source:
        section = f"# random{self._seed}\n"
        if section not in source.text:
            return source
        start = source.text.rindex(section)
        # What follows is the average of parameters, which may be off, or the stores; or code
        # around the loop, which finds places in memory.
        depth = start - source.text.rindex("\n", 0, start) - 1
        after = [*map(re.escape, AFTER), rf"\n {{0,{depth - 1}}}\S"]
        found = re.search("|".join(after), source.text[start:])
        end = start + (found.start() if found else 0)
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
            made = plan_from(program, only_used=True)
        except SpecError:
            continue
        sources, plain = Changed(program, *made), Sources(*made)
        if sources.of("cpu") == plain.of("cpu"):
            continue
        changed += 1
        noticed += bool(by_python(program, sources).differences)
    # Others are in branches that aren't taken and kernels that don't run, or change a zero's sign.
    assert changed > PROGRAMS // 2
    assert noticed > 0.5 * changed, (noticed, changed)
