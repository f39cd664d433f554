"""``optgen show``: the nouns of the compiler, readable enough to debug a spec with."""

from __future__ import annotations

from enum import StrEnum

from rich.syntax import Syntax

from optgen.cli.console import FINE, USAGE, WRONG, complain, out, print_problems
from optgen.cli.pages import plan_page, rule_page, spec_page
from optgen.compiler.build import prepare
from optgen.compiler.library import find_specs
from optgen.compiler.nouns.problem import SpecError
from optgen.compiler.pipeline import checked_rule, compile_spec, composed, load_all, plan_of
from optgen.compiler.pipeline import surroundings as built_in_surroundings


class Stage(StrEnum):
    """What to show: a noun of the compiler."""

    SPEC = "spec"
    RULE = "rule"
    PLAN = "plan"
    SOURCE = "source"


class Target(StrEnum):
    """Whose kernels to show at stage ``source``."""

    CPU = "cpu"
    CLASS = "class"


def show(name: str, stage: Stage, target: Target) -> int:
    """Print a stage of one spec; returns the exit status."""
    try:
        found = find_specs([name])
        if len(found.files) != 1:
            complain(f"{name} holds {len(found.files)} specs; name one of them")
            return USAGE
        (spec,) = load_all(found.files)
        if stage is Stage.SPEC:
            _print(spec_page(spec), "text")
        elif spec.slot is not None:
            if stage is not Stage.RULE:
                complain(f"{spec.name} is a feature; it has a rule, and a plan in each optimizer")
                return USAGE
            _print(rule_page(checked_rule(spec)), "python")
        elif stage is Stage.RULE:
            _print(rule_page(composed(spec, built_in_surroundings())), "python")
        elif stage is Stage.PLAN:
            _print(plan_page(plan_of(spec, built_in_surroundings())), "python")
        else:
            sources = compile_spec(spec, prepare(found).around)
            folder = "cpu/" if target is Target.CPU else ""
            wanted = f"{folder}{spec.module}.py"
            _print(next(s.text for s in sources if s.path == wanted), "python")
    except SpecError as error:
        print_problems(error.problems)
        return WRONG
    except FileNotFoundError as error:
        complain(str(error))
        return USAGE
    return FINE


def _print(page: str, language: str) -> None:
    if out.is_terminal:
        out.print(Syntax(page, language, background_color="default", word_wrap=False))
    else:
        print(page, end="" if page.endswith("\n") else "\n")
