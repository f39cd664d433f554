"""``optgen show``: the stages of the compiler as readable text."""

from __future__ import annotations

from rich.syntax import Syntax

from optgen.analysis.reports import accuracy_of
from optgen.cli.choices import CLASS, Stage
from optgen.cli.console import FINE, USAGE, complain, ends_well, out, print_problems
from optgen.cli.plan_reasons import print_reasons
from optgen.cli.stage_pages import plan_page, rule_page, spec_page
from optgen.compiler.emit.targets.javascript import TARGET as SCRIPTS
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import find_specs, is_feature
from optgen.compiler.pipeline import checked_rule, compile_spec, composed, load_all, plan_of
from optgen.compiler.pipeline import surroundings as built_in_surroundings
from optgen.site import scripts


@ends_well("optgen show")
def show(name: str, stage: Stage, target: str, *, why: bool = False) -> int:
    """Print a stage of one spec, and the reasons for a plan; returns the exit status."""
    try:
        found = find_specs([name])
        if len(found.files) != 1:
            complain(f"{name} holds {len(found.files)} specs; name one of them")
            return USAGE
        (spec,) = load_all(found.files)
        missing = _missing(spec, stage, why=why)
        if missing:
            complain(missing)
            return USAGE
        page = _page(spec, stage, target)
        _print(page, "text" if stage is Stage.SPEC else "python")
        if why:
            print_reasons(accuracy_of(spec, built_in_surroundings()))
    except SpecError as error:
        return print_problems(error.problems)
    except FileNotFoundError as error:
        complain(str(error))
        return USAGE
    return FINE


def _missing(spec: Spec, stage: Stage, *, why: bool) -> str:
    """The reason why a spec doesn't have a stage; empty if it does."""
    if why and stage is not Stage.PLAN:
        return "--why explains a plan; show --stage plan"
    if is_feature(spec) and stage in (Stage.PLAN, Stage.SOURCE):
        return f"{spec.name} is a feature; it has a rule, and a plan in each optimizer"
    if spec.is_schedule and stage is Stage.PLAN:
        return f"{spec.name} is a schedule, which has no plan; show --stage rule or source"
    return ""


def _page(spec: Spec, stage: Stage, target: str) -> str:
    match stage:
        case Stage.SPEC:
            return spec_page(spec)
        case Stage.RULE if is_feature(spec) or spec.is_schedule:
            return rule_page(checked_rule(spec))
        case Stage.RULE:
            return rule_page(composed(spec, built_in_surroundings()))
        case Stage.PLAN:
            return plan_page(plan_of(spec, built_in_surroundings()))
    if target == SCRIPTS.name and not spec.is_schedule:
        return scripts.rule(spec, built_in_surroundings())
    # An optimizer has a class followed by its kernels; a schedule only has a class.
    sources = compile_spec(spec, built_in_surroundings())
    folder = "" if target == CLASS else f"{target}/"
    return next((s for s in sources if folder and s.path.startswith(folder)), sources[0]).text


def _print(page: str, language: str) -> None:
    if out.is_terminal:
        out.print(Syntax(page, language, background_color="default", word_wrap=False))
    else:
        print(page, end="" if page.endswith("\n") else "\n")
