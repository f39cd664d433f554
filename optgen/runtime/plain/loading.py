"""Kernels of a generated class as functions of Python, with the lines of their file."""

from __future__ import annotations

import ast
import sys
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from optgen.archive import real_file
from optgen.runtime.kernels import Kernels, kernels_in
from optgen.runtime.plain.stand_ins import STAND_INS
from optgen.runtime.rule_metadata import Generated

Kind = TypeVar("Kind", bound=type[Generated])
_MODULE = f"{__package__}.stand_ins"
_TABLE = "STAND_INS"
#: The type of literals.
_WIDE = "_float64"


def in_numpy(kind: Kind) -> Kind:
    """A class of the same rule whose kernels Python runs, element by element.

    A debugger stops in the file that ``kernel_file`` names: at breakpoints there, and in its
    functions ``update``, ``update_scalars`` and so on. Numbers are NumPy's, and results are those
    of compiled kernels up to rounding; functions of whole matrices are NumPy's. It is a thousand
    times as slow. Variables are NumPy's arrays, or torch's on the host.
    """
    rule: Any = kind.rule_class()
    kernels = kernels_of(rule)

    def found(cls: type[Generated], target: str) -> Kernels:
        return kernels

    made: Any = type(kind.__name__, (kind,), {"kernels_of": classmethod(found)})
    made.__module__, made.__doc__ = kind.__module__, kind.__doc__
    return made  # type: ignore[no-any-return]


def kernel_file(kind: type[Generated]) -> Path:
    """The file with the kernels of a class, in which a debugger stops."""
    return Path(_origin(_path(kind.rule_class(), "")))


def _path(rule: type[Generated], module: str) -> str:
    package, _, own = rule.__module__.rpartition(".")
    return f"{package}.cpu.{module or own}"


def _origin(path: str) -> str:
    spec = find_spec(path)
    assert spec is not None
    assert spec.origin is not None
    return str(real_file(Path(spec.origin)))


@cache
def kernels_of(rule: Any) -> Kernels:
    """The kernels of a generated class on the host, run by Python."""
    shared, own = _loaded(_path(rule, "features")), _loaded(_path(rule, ""))
    layout = rule.layout
    tables = layout.buffers, layout.columns, layout.factors
    decided = tuple(switch for switch in rule.switches if switch.of_calls)
    scratch = layout.vectors, layout.matrices
    return kernels_in(own, shared, *tables, layout.programs, *scratch, decided)


def _loaded(path: str) -> ModuleType:
    """A module of kernels beside the compiled one; it imports its features from beside those."""
    name = path.replace(".cpu.", ".cpu_in_python.")
    if name not in sys.modules:
        loader = _Loader(name, _origin(path))
        module = module_from_spec(ModuleSpec(name, loader, origin=loader.path))
        module.__file__ = loader.path
        sys.modules[name] = module
        loader.exec_module(module)
    return sys.modules[name]


class _Loader(SourceFileLoader):
    """Loads the source with other imports; nothing is cached as bytecode."""

    def get_code(self, fullname: str) -> Any:
        """The code of the module."""
        path = self.get_filename(fullname)
        tree = _StandingIn().visit(ast.parse(self.get_data(path)))
        return compile(ast.fix_missing_locations(tree), path, "exec")


class _StandingIn(ast.NodeTransformer):
    """Imports stand-ins, and makes literals NumPy's numbers.

    Python's own raise errors where compiled code has infinities.
    """

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.level or node.module == "__future__":
            return node
        ours = [alias for alias in node.names if alias.name in STAND_INS]
        others = [alias for alias in node.names if alias not in ours]
        made: list[ast.stmt] = []
        if others:
            made.append(ast.copy_location(ast.ImportFrom(node.module, others, 0), node))
        if ours:
            made.append(ast.copy_location(ast.ImportFrom(_MODULE, [ast.alias(_TABLE)], 0), node))
        for alias in ours:
            key, table = ast.Constant(alias.name), ast.Name(_TABLE, ast.Load())
            value = ast.Subscript(table, key, ast.Load())
            target = ast.Name(alias.asname or alias.name, ast.Store())
            made.append(ast.copy_location(ast.Assign([target], value), node))
        return made

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, float):
            return node
        return ast.copy_location(ast.Call(ast.Name(_WIDE, ast.Load()), [node], []), node)

    def visit_Module(self, node: ast.Module) -> ast.Module:
        self.generic_visit(node)
        at = next(k for k, one in enumerate(node.body) if not _is_docstring(one, k))
        at += sum(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in node.body)
        made = ast.ImportFrom("numpy", [ast.alias("float64", _WIDE)], 0)
        node.body.insert(at, ast.copy_location(made, node.body[at]))
        return node


def _is_docstring(node: ast.stmt, place: int) -> bool:
    return place == 0 and isinstance(node, ast.Expr)
