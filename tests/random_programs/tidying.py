"""Takes out of a rule what serves nothing, which a spec may not hold."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from tests.random_programs.settings import MATRIX

Table = Mapping[str, Mapping[str, Any]]
GIVEN = {"param", "grad", "learning_rate", "call", "step"}


def tidy(tree: ast.Module, hyperparameters: Table, states: Table) -> tuple[Table, Table]:
    """Drop idle lines of a rule, in place, and return the declarations that it still needs."""
    while True:
        read, assigned, used = _names(tree)
        conditions = "\n".join(e.get("when", "") for e in states.values())
        asked = {node.id for node in ast.walk(ast.parse(conditions)) if isinstance(node, ast.Name)}
        asked |= {str(e["initial"]) for e in states.values() if "initial" in e}
        left = {name: e for name, e in states.items() if name in assigned and name in read}
        idle = {name for name in assigned if name not in used | GIVEN and name not in left}
        needed = {k: e for k, e in hyperparameters.items() if k in read | asked}
        lost = {name for name in states if name not in left}
        if not idle and not lost and len(needed) == len(hyperparameters):
            return hyperparameters, states
        _Drop(idle | lost).visit(tree)
        hyperparameters, states = needed, left


def is_of_matrices(tree: ast.Module, states: Table) -> bool:
    """Whether rows and columns are used where variables are matrices, and nowhere else."""
    axial = {name for name, entry in states.items() if entry.get("shape") in ("rows", "columns")}
    if any(MATRIX not in states[name].get("when", "") for name in axial):
        return False
    return all(_is_of_matrices(node) for node in tree.body)


def uses_view(tree: ast.Module, states: Table) -> bool:
    """Whether a rule distinguishes matrices; a spec holds no view that nothing uses."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return (
        bool(names & {MATRIX, "rows", "columns"})
        or any(name.startswith(("row_", "column_")) for name in names)
        or any(MATRIX in entry.get("when", "") for entry in states.values())
    )


def _is_of_matrices(node: ast.AST) -> bool:
    if isinstance(node, ast.If) and MATRIX in ast.unparse(node.test):
        return all(map(_is_of_matrices, node.orelse))
    if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("row_", "column_")):
        return False
    return all(map(_is_of_matrices, ast.iter_child_nodes(node)))


def _names(tree: ast.Module) -> tuple[set[str], set[str], set[str]]:
    """What is read, what is assigned, and what something else is computed from."""
    read, assigned, used = set(), set(), set()
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value):
                found = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
                assigned.add(target)
                read |= found
                used |= found - {target}
            case ast.If(test=test):
                found = {n.id for n in ast.walk(test) if isinstance(n, ast.Name)}
                read |= found
                used |= found
    return read, assigned, used


class _Drop(ast.NodeTransformer):
    """Takes assignments out, and names that had their value from them."""

    def __init__(self, targets: set[str]) -> None:
        self._targets = targets

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
        self.generic_visit(node)
        target = node.targets[0]
        return None if isinstance(target, ast.Name) and target.id in self._targets else node

    def visit_If(self, node: ast.If) -> ast.If | None:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        # A state that is never assigned may be read, also where no elements are.
        if node.id in self._targets and isinstance(node.ctx, ast.Load):
            return ast.Constant(1)
        return node
