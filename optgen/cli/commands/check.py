"""``optgen check``: errors in specs, proofs and counterexamples."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from optgen.cli.console import (
    FAILED,
    FINE,
    USAGE,
    WRONG,
    complain,
    out,
    print_problems,
    status_of,
)
from optgen.cli.json_report import print_json
from optgen.cli.spec_checks import examine
from optgen.compiler.ir.problem import Location, Problem
from optgen.compiler.ir.proof import ASIDE, BINDING, STRICT, TOLD, Finding, Verdict
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import feature_files, find_specs
from optgen.compiler.project import read_project, unique


@dataclass(frozen=True)
class Wishes:
    """Options of a check: its failure criteria and its output."""

    strict: bool = False
    require_proof: bool = False
    proofs: bool = False
    as_json: bool = False


def check(paths: list[str], options: Wishes) -> int:
    """Compile specs and prove their properties; returns the exit status."""
    try:
        return _check(paths, options)
    except OSError as error:
        usage = Problem(str(error), Location(error.filename or "", 0), severity="usage")
        return _end(usage, options, USAGE)
    except Exception as error:
        return _end(Problem.of_failure(error, Location("optgen check", 0)), options, FAILED)


def _end(problem: Problem, options: Wishes, status: int) -> int:
    """Print a problem that prevents the check; returns the exit status."""
    if options.as_json:
        print_json((), [problem])
    elif status == USAGE:
        complain(problem.message)
    else:
        print_problems([problem])
    return status


def _check(paths: list[str], options: Wishes) -> int:
    found = find_specs(paths)
    files = found.files if paths else (*feature_files(), *found.files)
    project = read_project(files)
    examined = examine(project)
    every = [*project.problems, *(problem for one in examined for problem in one.problems)]
    problems = unique(every)
    proved = [(one.spec, one.findings) for one in examined]
    if options.as_json:
        print_json(examined, [*problems, *project.warnings])
    else:
        _print(proved, [*problems, *project.warnings], len(files), options)
    refuted = any(_fails(one, options) for _, every in proved for one in every)
    return max(status_of(problems), WRONG if refuted else FINE)


def _fails(finding: Finding, options: Wishes) -> bool:
    """Whether a finding makes the check fail."""
    if finding.is_refuted:
        return finding.group in (STRICT if options.strict else BINDING)
    if finding.group in ASIDE or finding.waived:
        return False
    return options.require_proof and finding.verdict is Verdict.UNDECIDED


def _is_odd(finding: Finding) -> bool:
    """Whether a finding is a warning."""
    return finding.is_refuted and finding.group not in TOLD


def _print(
    proved: Sequence[tuple[Spec, Sequence[Finding]]],
    odd: Sequence[Problem],
    files: int,
    options: Wishes,
) -> None:
    every = [finding for _, found in proved for finding in found]
    if options.proofs:
        for spec, found in proved:
            _print_findings(spec, found)
    told = [finding for finding in every if _is_odd(finding) or _fails(finding, options)]
    print_problems([*odd, *_problems(told, options)])
    errors = sum(_fails(finding, options) for finding in every) + bool(status_of(odd))
    count = f"{files} spec{'s' if files > 1 else ''}"
    if not errors:
        count += " without errors"
    every = [finding for finding in every if finding.group not in ASIDE]
    verdicts = [f"{sum(f.verdict is v for f in every)} {v}" for v in Verdict]
    waived = sum(bool(f.waived) and f.verdict is not Verdict.PROVED for f in every)
    verdicts += [f"{waived} waived"] if waived else []
    out.print(f"{count}; of {len(every)} properties {', '.join(verdicts)}" if every else count)


def _problems(told: Iterable[Finding], options: Wishes) -> Iterable[Problem]:
    """One problem per property, with the variants concerned."""
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for finding in told:
        grouped.setdefault((str(finding.location), finding.statement), []).append(finding)
    for alike in grouped.values():
        first = alike[0]
        variants = list(dict.fromkeys(finding.variant for finding in alike if finding.variant))
        message = first.headline
        if variants:
            message += f" (where {'; or '.join(variants)})"
        severity = "error" if any(_fails(finding, options) for finding in alike) else "warning"
        yield Problem(message, first.location, _hint(first), severity)


def _hint(finding: Finding) -> str:
    """The counterexample, as Python code."""
    if not finding.fails:
        return finding.reason
    used = set(re.findall(r"\w+", finding.fails))
    shown = {name: value for name, value in finding.numbers.items() if name in used}
    numbers = "; ".join(f"{name} = {value!r}" for name, value in shown.items())
    return f"in Python: from math import *; {numbers}; print({finding.fails})"


def _print_findings(spec: Spec, found: Sequence[Finding]) -> None:
    """Every property of a spec with its verdict."""
    colours = {Verdict.PROVED: "green", Verdict.REFUTED: "red", Verdict.UNDECIDED: "yellow"}
    out.print(Text(spec.name.value, style="bold"))
    for finding in found:
        where = f" ({finding.variant})" if finding.variant else ""
        reason = finding.reason or _hint(finding)
        if finding.waived and finding.verdict is not Verdict.PROVED:
            reason += f"; waived: {finding.waived}"
        line = Text.assemble(
            "  ",
            (finding.word, "" if finding.group in ASIDE else colours[finding.verdict]),
            f"  {finding.group}: {finding.statement}{where}; ",
            (reason, "dim"),
        )
        out.print(line)
