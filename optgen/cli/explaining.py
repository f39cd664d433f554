"""``optgen explain``: what a rule does, what is proved of it, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from statistics import median

import numpy as np
from rich.console import Console, JustifyMethod
from rich.table import Table

from optgen.cli.console import FINE, USAGE, WRONG, complain, out, print_problems
from optgen.compiler.explain import costs, latex
from optgen.compiler.library import find_specs, is_feature
from optgen.compiler.nouns.cost import Cost
from optgen.compiler.nouns.expression import text
from optgen.compiler.nouns.problem import SpecError
from optgen.compiler.nouns.proof import Finding, Verdict
from optgen.compiler.nouns.rule import Rule, Step
from optgen.compiler.pipeline import checked_rule, findings, load_all, plan_of, surroundings

#: What a copy within the memory of an H100 reaches, in bytes a second.
H100 = 3.0e12
#: Columns that the table of costs needs.
_WIDTH = 110


class Format(StrEnum):
    """How an explanation is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"


def explain(name: str, style: Format, parameters: int) -> int:
    """Print what there is to know about one optimizer; returns the exit status."""
    try:
        found = find_specs([name])
        if len(found.files) != 1:
            complain(f"{name} holds {len(found.files)} specs; name one of them")
            return USAGE
        (spec,) = load_all(found.files)
        if is_feature(spec) or spec.is_schedule:
            complain(f"{spec.name} is no optimizer; optgen show tells what it is")
            return USAGE
        rule, proved = checked_rule(spec), findings(spec)
        cards = list(costs(plan_of(spec, surroundings())))
    except SpecError as error:
        print_problems(error.problems)
        return WRONG
    except FileNotFoundError as error:
        complain(str(error))
        return USAGE
    if style is Format.LATEX:
        print("\n\n".join(_latex(rule)))
        return FINE
    bandwidth = _bandwidth()
    if style is Format.MARKDOWN:
        print("\n".join(_markdown(rule, proved, cards, parameters, bandwidth)))
        return FINE
    _print(rule, proved, cards, parameters, bandwidth)
    return FINE


def variants(rule: Rule) -> Iterator[tuple[str, list[Step]]]:
    """The steps of a rule, for each setting of its switches that changes them."""
    (block,) = rule.blocks
    atoms = list(dict.fromkeys(atom for step in block.steps for atom in step.guard.atoms))
    seen: set[tuple[int, ...]] = set()
    for number in range(2 ** len(atoms)):
        on = {atom: bool(number >> place & 1) for place, atom in enumerate(atoms)}
        taken = [step for step in block.steps if step.guard.holds(on)]
        key = tuple(map(id, taken))
        if key not in seen:
            seen.add(key)
            yield ", ".join(a if holds else f"not {a}" for a, holds in on.items()), taken


def _latex(rule: Rule) -> Iterator[str]:
    for label, steps in variants(rule):
        lines = r" \\ ".join(f"&{latex(step)}" for step in steps)
        comment = f"% {label}\n" if label else ""
        yield rf"{comment}\begin{{aligned}} {lines} \end{{aligned}}"


def _print(
    rule: Rule, proved: Sequence[Finding], cards: Sequence[Cost], parameters: int, bandwidth: float
) -> None:
    out.print(f"[bold]{rule.name}[/bold]: ", end="")
    out.print(rule.summary, markup=False)
    if rule.reference:
        out.print(rule.reference, markup=False, style="dim")
    for label, steps in variants(rule):
        out.print(f"\nA step{f', {label}' if label else ''}:", markup=False)
        for step in steps:
            out.print(f"    {step.target} = {text(step.expression)}", markup=False)
    out.print("\nOf the rule:")
    for line in _summary(proved):
        out.print(f"    {line}", markup=False)
    table = Table(title="", box=None, pad_edge=False)
    for heading in _headings(parameters, bandwidth):
        justify: JustifyMethod = "left" if heading == "setting" else "right"
        table.add_column(heading, justify=justify, no_wrap=True)
    for card in cards:
        table.add_row(*_cells(card, parameters, bandwidth))
    out.print()
    Console(width=max(out.width, _WIDTH), highlight=False).print(table)
    out.print(f"B for each float32 parameter; ms for {parameters:,} of them", style="dim")


def _markdown(
    rule: Rule, proved: Sequence[Finding], cards: Sequence[Cost], parameters: int, bandwidth: float
) -> Iterator[str]:
    yield f"# {rule.name}\n\n{rule.summary}\n"
    for label, steps in variants(rule):
        yield f"A step{f', {label}' if label else ''}:\n"
        lines = r" \\ ".join(f"&{latex(step)}" for step in steps)
        yield rf"$$\begin{{aligned}} {lines} \end{{aligned}}$$" + "\n"
    yield from (f"- {line}" for line in _summary(proved))
    headings = _headings(parameters, bandwidth)
    yield "\n| " + " | ".join(headings) + " |"
    yield "|" + " --- |" * len(headings)
    for card in cards:
        yield "| " + " | ".join(_cells(card, parameters, bandwidth)) + " |"


def _summary(proved: Sequence[Finding]) -> Iterator[str]:
    """Each property once, with its verdict in all variants."""
    statements = dict.fromkeys((finding.group, finding.statement) for finding in proved)
    for group, statement in statements:
        alike = [f for f in proved if (f.group, f.statement) == (group, statement)]
        verdicts = dict.fromkeys(finding.verdict for finding in alike)
        shown = "; ".join(
            verdict if len(verdicts) == 1 else f"{verdict} where {_where(alike, verdict)}"
            for verdict in verdicts
        )
        reasons = dict.fromkeys(f.reason for f in alike if f.reason)
        yield f"{shown}: {statement} ({next(iter(reasons), 'by numbers')})"


def _where(alike: Sequence[Finding], verdict: Verdict) -> str:
    return " or ".join(finding.variant for finding in alike if finding.verdict is verdict)


def _headings(parameters: int, bandwidth: float) -> list[str]:
    return [
        "setting",
        "state B",
        "moved B",
        "operations",
        "passes",
        f"ms at {bandwidth / 1e9:.0f} GB/s",
        f"ms at {H100 / 1e12:.0f} TB/s",
    ]


def _cells(card: Cost, parameters: int, bandwidth: float) -> list[str]:
    return [
        card.setting,
        str(card.state_bytes),
        str(card.moved_bytes),
        str(card.operations),
        str(card.passes),
        f"{1e3 * card.floor(parameters, bandwidth):.3g}",
        f"{1e3 * card.floor(parameters, H100):.3g}",
    ]


def _bandwidth() -> float:
    """What this machine's memory moves in place, in bytes a second; one thread's share at least."""
    array = np.ones(2**24, np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        np.multiply(array, np.float32(1.0), out=array)
        times.append(time.perf_counter() - start)
    return 2 * array.nbytes / median(times)
