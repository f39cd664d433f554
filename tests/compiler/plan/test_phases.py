"""Phases: what a pass reads is there, and what a program stores is stored once and in time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product

import pytest

from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import ElementPass, Item, Plan, Program, expression_of
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.reserved import CHECK_FINITE, NONFINITE, SHAPES
from optgen.compiler.ir.rule import COUNTERS
from tests.random_programs.generator import draw
from tests.random_programs.program import Form, as_toml
from tests.random_programs.program import Program as Drawn
from tests.random_programs.sources import plan_from

SEEDS = range(40)


@cache
def plan(seed: int) -> Plan | None:
    """The plan of a random program; None where its spec is refused."""
    try:
        return plan_from(draw(seed), only_used=True)[0]
    except SpecError:
        return None


def plan_of_rule(rule: str, states: dict[str, dict[str, object]], view: str = "") -> Plan:
    text = as_toml("Planned", {}, states, rule, view)
    drawn = Drawn(1, text, {}, (Form("v", (3,), "float32"),))
    return plan_from(drawn, only_used=True)[0]


def settings(program: Program) -> Iterator[dict[str, bool]]:
    """Settings of the switches that a program depends on, a few of them where these are many."""
    guards = [program.guard, *(item.guard for item in program.items)]
    guards += [phase.elements.guard for phase in program.phases if phase.elements is not None]
    atoms = sorted({atom for guard in guards for atom in guard.atoms} | {CHECK_FINITE})
    for number, values in enumerate(product([False, True], repeat=len(atoms))):
        if number % max(1, 2 ** len(atoms) // 64) == 0:
            on = dict(zip(atoms, values, strict=True))
            if program.guard.holds(on):
                yield on


def holds(guard: Condition, on: dict[str, bool]) -> bool:
    return guard == ALWAYS or guard.holds({**dict.fromkeys(guard.atoms, False), **on})


def runs(stage: ElementPass, on: dict[str, bool]) -> bool:
    return holds(stage.guard, on)


def missing(items: tuple[Item, ...], known: set[str], on: dict[str, bool]) -> set[str]:
    """The names that items read before they have a value; ``known`` takes what they assign."""
    found = set()
    for item in items:
        if holds(item.guard, on):
            found |= {*names(expression_of(item))} - known
            known.add(item.target)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_pass_reads_is_there(seed: int) -> None:
    made = plan(seed)
    for program in made.programs if made is not None else ():
        assert made is not None
        vectors = {one.name for one in made.buffers if one.extent is not Extent.ELEMENT}
        given = {*SHAPES, *COUNTERS, *made.scalars, *vectors}
        given |= {item.target for item in made.host.body}
        given |= {h.name for h in made.rule.hyperparameters} | {s.name for s in made.switches}
        for on in settings(program):
            known = set(given)
            for phase in program.phases:
                if phase.elements is not None and runs(phase.elements, on):
                    stage = phase.elements
                    loaded = {one.buffer for one in stage.loads if holds(one.guard, on)}
                    inside = known | loaded
                    assert not missing(stage.body, inside, on)
                    assert {s.buffer for s in stage.stores if holds(s.guard, on)} <= inside
                    known |= {one.target for one in stage.reductions if holds(one.guard, on)}
                for scalars in (phase.shared, phase.scalars):
                    if scalars is not None:
                        assert not missing(scalars.body, known, on)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_array_is_stored_once_and_not_before_the_gradient_is_checked(seed: int) -> None:
    made = plan(seed)
    for program in made.programs if made is not None else ():
        for on in settings(program):
            stored: list[str] = []
            for phase in program.phases:
                stage = phase.elements
                if stage is None or not runs(stage, on):
                    continue
                checks = any(
                    one.target == NONFINITE and holds(one.guard, on) for one in stage.reductions
                )
                now = [one.buffer for one in stage.stores if holds(one.guard, on)]
                assert not (checks and (now or stored))
                stored += now
            assert len(stored) == len({*stored})


def stores(program: Program) -> list[list[str]]:
    """What each pass stores."""
    passes = [phase.elements for phase in program.phases if phase.elements is not None]
    return [[one.buffer for one in stage.stores] for stage in passes if stage.assignments]


def loads(program: Program) -> list[list[str]]:
    """What each pass loads while no gradient is checked."""
    passes = [phase.elements for phase in program.phases if phase.elements is not None]
    on = {CHECK_FINITE: False}
    return [[one.buffer for one in stage.loads] for stage in passes if runs(stage, on)]


RATIO = """
m = 0.9*m + 0.1*grad
v = 0.9*v + 0.1*grad**2
move = m/(sqrt(v) + 1e-7)
param = param - learning_rate*norm(param)/norm(move)*move
"""


def test_a_pass_that_takes_norms_stores_what_is_final() -> None:
    """The last pass then needs no gradient."""
    program = plan_of_rule(RATIO, {"m": {}, "v": {}}).programs[0]
    first, last = stores(program)[-2:]
    assert {*first} >= {"m", "v"}
    assert "param" in last
    assert not {*first} & {*last}
    assert "grad" not in loads(program)[-1]


def test_an_old_value_that_is_read_later_stays() -> None:
    rule = RATIO.replace("*move\n", "*move - old\n").replace("m = 0.9", "old = m\nm = 0.9", 1)
    program = plan_of_rule(rule, {"m": {}, "v": {}}).programs[0]
    for stage_loads, stage_stores in zip(loads(program)[-2:], stores(program)[-2:], strict=True):
        if "m" in stage_stores:
            break
        assert "m" in stage_loads
    else:
        pytest.fail("m is stored nowhere")
    assert stores(program)[-1].count("m") + stores(program)[-2].count("m") == 1


def test_one_pass_stores_all_where_nothing_is_reduced() -> None:
    rule = "m = 0.9*m + grad\nparam = param - learning_rate*m"
    program = plan_of_rule(rule, {"m": {}}).programs[0]
    assert len(loads(program)) == 1
