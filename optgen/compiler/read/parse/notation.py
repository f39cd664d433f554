"""The rule for readers: as its spec has it, with what its lines stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from optgen.compiler.ir.rule import ENDING
from optgen.compiler.ir.spec import Spec


def notation(spec: Spec, endings: int) -> Iterator[str]:
    """The lines of the rule, with the step that it leaves out, and what its functions are."""
    parts = {str(name): text.value for name, text in spec.parts}
    lines = [*_with_lines(spec.rule.value.strip("\n"), parts)]
    yield from [*lines, *[ENDING] * endings]
    for function in _called(spec.functions, "\n".join(lines)):
        arguments = ", ".join(argument.value for argument in function.arguments)
        yield f"# {function.name}({arguments}): {function.summary}"


def _called(functions: Sequence[Spec], text: str) -> list[Spec]:
    """The functions that a text calls, or functions that it calls; each is behind its own."""
    found: list[Spec] = []
    for function in reversed(functions):
        if re.search(rf"\b{function.name.value}[ \t]*\(", text):
            found.append(function)
            text += function.rule.value if function.rule is not None else ""
    return found[::-1]


def _with_lines(rule: str, parts: Mapping[str, str]) -> Iterator[str]:
    """The lines of a rule, with those of parts in their place."""
    for line in rule.split("\n"):
        found = parts.get(line.split("#")[0].strip())
        if found is None:
            yield line
        else:
            space = line[: len(line) - len(line.lstrip())]
            yield from (space + one for one in _with_lines(found.strip("\n"), parts))
