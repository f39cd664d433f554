"""The result of a check as JSON; ``docs/commands.md`` documents the format."""

from __future__ import annotations

import json
from collections.abc import Iterable

from optgen.cli.spec_checks import Examined
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.proof import Finding


def print_json(examined: Iterable[Examined], problems: Iterable[Problem]) -> None:
    """Print one JSON object; standard output must contain nothing else."""
    page = {
        "problems": [_problem(problem) for problem in problems],
        "specs": [
            {
                "name": one.spec.name.value,
                "path": one.spec.path,
                "findings": [_finding(finding) for finding in one.findings],
            }
            for one in examined
            if not one.spec.is_schedule
        ],
    }
    print(json.dumps(page, indent=2))


def _problem(problem: Problem) -> dict[str, object]:
    return {
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint,
        "path": problem.location.path,
        "line": problem.location.line,
        "column": problem.location.column,
        "traceback": problem.traceback,
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "group": finding.group.value,
        "statement": finding.statement,
        "variant": finding.variant,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "numbers": dict(finding.numbers),
        "fails": finding.fails,
        "waived": finding.waived,
        "line": finding.location.line,
        "column": finding.location.column,
    }
