"""Makes a program that shows something smaller, as long as it still shows it."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.random_programs.program import Program, as_toml
from tests.random_programs.tidying import is_of_matrices, tidy, uses_view

#: Smaller programs that are tried at most.
MOST_TRIALS = 600


def shrunk(program: Program, shows: Callable[[Program], bool]) -> Program:
    """A small program that ``shows`` what the given one does."""
    left = MOST_TRIALS
    while True:
        for smaller in _smaller(program):
            left -= 1
            if shows(smaller):
                program = smaller
                break
            if left <= 0:
                return program
        else:
            return program


def _smaller(program: Program) -> Iterator[Program]:
    for calls in dict.fromkeys((1, program.calls // 2, program.calls - 1)):
        if 0 < calls < program.calls:
            yield replace(program, calls=calls)
    for form in program.forms if len(program.forms) > 1 else ():
        yield replace(program, forms=tuple(f for f in program.forms if f is not form))
    for name in program.arguments:
        yield replace(program, arguments={k: v for k, v in program.arguments.items() if k != name})
    for pattern in program.options:
        less = {k: v for k, v in program.options.items() if k != pattern}
        yield replace(program, options=less)
    yield from (replace(program, toml=toml) for toml in _smaller_specs(program.spec))
    if program.missing or program.odd:
        yield replace(program, missing=0.0)
        yield replace(program, odd=0.0)
    for place, form in enumerate(program.forms):
        for simple in (
            replace(form, shape=(1,), order=()),
            replace(form, shape=(2, 3), order=()) if len(form.shape) > 2 else form,
            replace(form, excluded=()),
            replace(form, order=()),
        ):
            if simple != form:
                forms = (*program.forms[:place], simple, *program.forms[place + 1 :])
                yield replace(program, forms=forms)


def _smaller_specs(spec: Mapping[str, Any]) -> Iterator[str]:
    """Specs with a part left out, the larger parts first."""
    hyperparameters, states = spec.get("hyperparameters", {}), spec.get("state", {})
    tree = ast.parse(spec["update"]["rule"])
    for edited in _smaller_trees(tree):
        if not is_of_matrices(edited, states):
            continue
        yield _written(spec, edited, hyperparameters, states)
    for table in (hyperparameters, states):
        for name, entry in table.items():
            for key in entry:
                less = {k: v for k, v in entry.items() if k != key}
                changed = {**table, name: less}
                if not is_of_matrices(tree, states if table is hyperparameters else changed):
                    continue
                pair = (changed, states) if table is hyperparameters else (hyperparameters, changed)
                yield _written(spec, copy.deepcopy(tree), *pair)


def _written(spec: Mapping[str, Any], tree: ast.Module, hyperparameters: Any, states: Any) -> str:
    tables = tidy(tree, hyperparameters, states)
    view = spec.get("matrix", {}).get("view", "") if uses_view(tree, tables[1]) else ""
    return as_toml(spec["name"], *tables, ast.unparse(tree), view)


def _smaller_trees(tree: ast.Module) -> Iterator[ast.Module]:
    count = sum(1 for _ in ast.walk(tree))
    for place in range(count):
        edits = len(_edits(_node(tree, place)))
        for number in range(edits):
            edited = copy.deepcopy(tree)
            _edits(_node(edited, place))[number]()
            yield edited


def _node(tree: ast.Module, place: int) -> ast.AST:
    return list(ast.walk(tree))[place]


def _edits(node: ast.AST) -> list[Callable[[], None]]:
    """What could be left out right below a node."""
    found: list[Callable[[], None]] = []
    for name, value in ast.iter_fields(node):
        if isinstance(value, list):
            for place, item in enumerate(value):
                found += _in_list(value, place, item)
        elif isinstance(value, ast.expr):
            found += [
                lambda name=name, simple=simple: setattr(node, name, simple)  # type: ignore[misc]
                for simple in _simpler(value)
            ]
    return found


def _in_list(items: list[Any], place: int, item: Any) -> list[Callable[[], None]]:
    def put(new: list[Any]) -> Callable[[], None]:
        def edit() -> None:
            items[place : place + 1] = new

        return edit

    if isinstance(item, ast.If):
        return [put([]), put(item.body), put(item.orelse)]
    if isinstance(item, ast.stmt):
        return [put([])]
    if isinstance(item, ast.expr):
        return [put([simple]) for simple in _simpler(item)]
    return []


def _simpler(expression: ast.expr) -> list[ast.expr]:
    """What may take the place of an expression: a part of it, or a name."""
    if isinstance(expression, ast.Name | ast.Constant):
        return []
    parts = [part for part in ast.walk(expression) if isinstance(part, ast.expr)]
    inner = [part for part in parts[1:] if not isinstance(part, ast.Constant)]
    names = [ast.Name("grad", ast.Load()), ast.Constant(1)]
    functions = {id(part.func) for part in parts if isinstance(part, ast.Call)}
    return [*names, *(part for part in inner if id(part) not in functions)]
