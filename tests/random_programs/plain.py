"""Emitted CPU kernels run by Python itself, element by element, with NumPy's scalars.

What decorates and compiles them is left out; all else is the emitted text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.source import Source
from optgen.runtime.kernels import kernels_in
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.plain.stand_ins import STAND_INS
from tests.random_programs.plain_blocks import as_stored, block, encode, store

#: Elements that a kernel goes through at a time: so few that small variables have several.
BLOCK = 4


_IMPORTED = (Origin.MATH, Origin.RUNTIME)
_NAMES: Mapping[str, Any] = {
    **STAND_INS,
    "BLOCK": BLOCK,
    "as_stored": as_stored,
    "block": block,
    "encode": encode,
    "long_block": lambda formats, is_rough: BLOCK,
    "store": store,
    "strips": lambda streams: (BLOCK, 0),
    **{f.kernel: getattr(np, f.array) for f in REGISTRY.values() if f.code.cpu in _IMPORTED},
}


class _Literals(ast.NodeTransformer):
    """Literals as NumPy's numbers: Python's own raise errors where compiled code has infinities."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, float):
            name = ast.copy_location(ast.Name("float64", ast.Load()), node)
            return ast.copy_location(ast.Call(name, [node], []), node)
        return node


def run_module(
    source: Source, names: Mapping[str, Any], *, literals: bool = False
) -> dict[str, Any]:
    """What a generated module defines, with some of what it imports replaced."""
    tree = ast.parse(source.text)
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            node.names = [a for a in node.names if (a.asname or a.name) not in names]
            if not node.names:
                continue
        body.append(node)
    tree.body = body
    if literals:
        tree = _Literals().visit(tree)
    module: dict[str, Any] = {**names, "__name__": source.path, "__package__": "generated"}
    exec(compile(tree, source.path, "exec"), module)
    return module


def optimizer_class(name: str, sources: Iterable[Source], length: int = BLOCK) -> type[Optimizer]:
    """The generated class, with kernels that Python runs on so many elements at a time."""
    texts = {source.path: source for source in sources}
    inside = f"{name.lower()}.py"
    features = SimpleNamespace(**run_module(texts["features.py"], {}))
    stretches = {"BLOCK": length, "strips": lambda streams: (length, 0)}
    names = {
        **_NAMES,
        **stretches,
        **{name: k for name, k in vars(features).items() if name.isupper()},
    }
    shared: Any = SimpleNamespace(**run_module(texts["cpu/features.py"], names, literals=True))
    names["feature_scalars"] = shared.feature_scalars
    own: Any = SimpleNamespace(**run_module(texts[f"cpu/{inside}"], names, literals=True))
    module = run_module(texts[inside], {"Featured": features.Featured})
    found: Any = module[name]
    layout = found.layout
    tables = layout.buffers, layout.columns, layout.factors
    decided = tuple(switch for switch in found.switches if switch.of_calls)
    kernels = kernels_in(
        own, shared, *tables, layout.programs, layout.vectors, layout.matrices, decided
    )
    found.kernels_of = classmethod(lambda cls, target: kernels)
    made: type[Optimizer] = found
    return made
