"""Functions of specs: their bodies as steps, which take the place of calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from optgen.compiler.ir.condition import ALWAYS
from optgen.compiler.ir.expression import GIVEN, Name, Operation, walk
from optgen.compiler.ir.language import Language, language_of
from optgen.compiler.ir.problem import Problems, SpecError, nearest
from optgen.compiler.ir.rule import COUNTERS, Step
from optgen.compiler.ir.spec import Spec
from optgen.compiler.read.parse.grammar import Grammar
from optgen.compiler.read.parse.names import fault


@dataclass(frozen=True)
class Function:
    """Steps that compute values from arguments; the last one assigns a result."""

    name: str
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    steps: tuple[Step, ...]


def with_arities(
    language: Language, functions: Sequence[Spec], more: Mapping[str, int] = MappingProxyType({})
) -> Language:
    """A language that has more functions."""
    arities = {function.name.value: len(function.arguments) for function in functions}
    return replace(language, functions={**arities, **more, **language.functions})


def parse_functions(specs: Sequence[Spec], problems: Problems) -> Mapping[str, Function]:
    """The functions of these specs; each may call those that are listed with it."""
    return {spec.name.value: parse_function(spec, problems) for spec in specs}


def checked_function(spec: Spec) -> Function:
    """The function of one spec. Raises SpecError if anything is wrong with it."""
    problems = Problems()
    function = parse_function(spec, problems)
    if problems:
        raise SpecError(problems)
    return function


def parse_function(spec: Spec, problems: Problems) -> Function:
    """The function of a spec; problems are collected."""
    _check_names(spec, problems)
    language = with_arities(language_of(spec), spec.functions)
    grammar = Grammar(spec.rule, "exec", problems, language)
    steps = tuple(_steps(grammar, grammar.statements(), problems))
    if not problems:
        _check_steps(spec, steps, problems)
    arguments, results = (tuple(map(str, names)) for names in (spec.arguments, spec.results))
    return Function(spec.name.value, arguments, results, steps)


def _steps(grammar: Grammar, statements: Sequence[ast.stmt], problems: Problems) -> Iterator[Step]:
    for node in statements:
        match node:
            case ast.While(orelse=[]):
                for _ in range(grammar.rounds(node)):
                    yield from _steps(grammar, node.body, problems)
            case ast.Assign(targets=[ast.Name(id=target)]):
                expression = grammar.convert(node.value)
                if message := fault(target):
                    problems.add(message, grammar.at(node.targets[0]))
                if expression is not None:
                    yield Step(target, expression, ALWAYS, grammar.at(node.targets[0]))
            case ast.If():
                message = "a function has no if, as its arguments may be any values"
                problems.add(message, grammar.at(node), "use where(condition, a, b)")
            case _:
                grammar.refuse(node)


def _check_names(spec: Spec, problems: Problems) -> None:
    name = spec.name.value
    message = fault(name) or ("" if name.islower() else f"{name!r:.80} must be in lower case")
    if message:
        problems.add(message, spec.name.location)
    seen: set[str] = set()
    for argument in spec.arguments:
        message = fault(argument.value)
        if argument.value in COUNTERS:
            message = f"{argument.value!r} is given by the language"
        elif argument.value in seen:
            message = f"there are two arguments {argument.value!r}"
        seen.add(argument.value)
        if message:
            problems.add(message, argument.location)


def _check_steps(spec: Spec, steps: Sequence[Step], problems: Problems) -> None:
    """Names without a value, arguments without a use, and another result."""
    arguments = {one.value for one in spec.arguments}
    known, used = arguments | {*COUNTERS}, set[str]()
    for step in steps:
        for part in walk(step.expression):
            if isinstance(part, Operation) and part.operator == GIVEN:
                message = "given(…) asks for a hyperparameter, and a function has none"
                problems.add(message, part.location, "pass a number, and use where")
            if not isinstance(part, Name):
                continue
            used.add(part.id)
            if part.id not in known:
                message = f"{part.id!r} is not defined in the function {spec.name.value!r}"
                hint = nearest(part.id, known) or "pass it as an argument"
                problems.add(message, part.location, hint)
                known.add(part.id)
        if step.target in arguments | {*COUNTERS}:
            message = f"{step.target!r} can't be assigned"
            problems.add(message, step.location, "give the value a new name")
        known.add(step.target)
    for argument in spec.arguments:
        if argument.value not in used:
            message = f"the argument {argument.value!r} is never used"
            problems.add(message, argument.location, "use it in the rule, or drop it")
    _check_results(spec, [step.target for step in steps], problems)


def _check_results(spec: Spec, targets: Sequence[str], problems: Problems) -> None:
    """Results that the rule doesn't assign, or that aren't the last that it assigns."""
    results = [str(one) for one in spec.results]
    for number, result in enumerate(spec.results):
        message, hint = "", f"end with {result.value:.80} = …"
        if result.value in results[:number]:
            message, hint = f"there are two results {result.value!r:.80}", "drop one"
        elif result.value not in targets:
            message = f"the rule doesn't end with the result {result.value!r:.80}"
        if message:
            problems.add(message, result.location, hint)
    if {*targets} >= {*results} and targets[-1] not in results:
        message = f"the rule doesn't end with the result {results[-1]!r:.80}"
        problems.add(message, spec.results[-1].location, f"end with {results[-1]:.80} = …")
