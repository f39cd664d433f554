"""The last check of a generated file: it compiles, and contains only expected syntax.

Text of a spec is validated when it is read and again when it is printed. If both had a hole,
injected code would still need a word, an attribute, an import or a kind of statement that neither
the templates nor the plan contain.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from symtable import SymbolTable, symtable

from optgen.compiler.emit.syntax import module
from optgen.compiler.emit.targets import TARGETS
from optgen.compiler.emit.vocabulary import Words
from optgen.compiler.ir.expression import text
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.rule import Rule
from optgen.compiler.ir.source import Source

#: What templates and printers make; a spec can bring in nothing else.
_NODES = (
    *(ast.Module, ast.ClassDef, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Lambda),
    *(ast.ImportFrom, ast.Import, ast.alias, ast.Assign, ast.AugAssign, ast.Expr, ast.For, ast.If),
    *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple, ast.Call),
    *(ast.keyword, ast.AnnAssign, ast.IfExp, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare),
    *(ast.While, ast.Yield, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)
#: What is run by the import of a module.
_TOP = (ast.ImportFrom, ast.Import, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.Expr)
_PACKAGES = frozenset({"__future__", "collections", "math", "optgen", "typing", "features"}).union(
    *(target.packages for target in TARGETS)
)
_ATTRIBUTES = frozenset({"super().__init__", "self._exclude"}).union(
    *(target.attributes for target in TARGETS)
)
#: Names behind the dot of any value.
_MEMBERS = frozenset[str]().union(*(target.members for target in TARGETS))
_BUILTINS = {
    *(f.name for f in REGISTRY.values() if f.code.python is Origin.BUILTIN),
    "bool",
    "dict",
    "float",
    "int",
    "locals",
    "range",
    "str",
    "super",
    "tuple",
    "type",
}
#: Calls whose value nobody takes.
_EFFECTS = frozenset({"super().__init__", "self._exclude"}).union(
    *(target.effects for target in TARGETS)
)


def review(source: Source, rule: Rule, words: Words, strings: Collection[str]) -> None:
    """Raise AssertionError where generated text is not made of these words.

    ``strings`` are those that aren't docstrings and may say anything.
    """
    try:
        tree = module(source.text)
        # Sees what the parser lets pass, such as one name for two arguments.
        compile(tree, source.path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise AssertionError(f"{source.path}: not a Python module: {error}") from error
    ranges = {text(h.range) for h in rule.hyperparameters if h.range is not None}
    nodes = list(ast.walk(tree))
    odd = chain(
        _odd_statements(tree),
        _odd_nodes(nodes),
        _odd_names(nodes, words),
        _odd_imports(nodes, words),
        _odd_strings(nodes, words.all | ranges | {*strings}),
        _undefined(symtable(source.text, source.path, "exec")),
    )
    for line, what in odd:
        raise AssertionError(f"{source.path}:{line}: unexpected {what}")
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    if classes not in ([], [rule.name], ["Featured"]):
        raise AssertionError(f"{source.path}: other classes than {rule.name}")


Nodes = Sequence[ast.AST]
#: A line, and what is odd there.
Odd = Iterator[tuple[int, str]]


def _odd_statements(tree: ast.Module) -> Odd:
    for statement in tree.body:
        if not isinstance(statement, _TOP):
            yield statement.lineno, f"{type(statement).__name__} at the top"


def _odd_nodes(nodes: Nodes) -> Odd:
    for node in nodes:
        if not isinstance(node, _NODES):
            yield _line(node), type(node).__name__
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            yield _line(node), "annotated value"
        if isinstance(node, ast.Expr) and not _is_plain(node.value):
            yield _line(node), "expression with no effect"


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 1)


def _is_plain(value: ast.expr) -> bool:
    """Whether a bare expression is a docstring, or a call that is made for its effect."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str)
    return isinstance(value, ast.Call) and ast.unparse(value.func) in _EFFECTS


def _odd_names(nodes: Nodes, words: Words) -> Odd:
    for node in nodes:
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name):
                if name not in words.all:
                    yield _line(node), f"name {name}"
            case ast.Call(func=function):
                if isinstance(function, ast.Name) and function.id not in words.own:
                    yield node.lineno, f"call of {function.id}"
                if not isinstance(function, (ast.Name, ast.Attribute)):
                    yield node.lineno, "call of a value"
            case ast.Attribute() if not _is_known(node, words):
                yield node.lineno, f"attribute {ast.unparse(node)}"


def _is_known(attribute: ast.Attribute, words: Words) -> bool:
    return attribute.attr in _MEMBERS or ast.unparse(attribute) in _ATTRIBUTES | words.attributes


def _odd_imports(nodes: Nodes, words: Words) -> Odd:
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            inside = getattr(node, "module", None)
            for alias in node.names:
                package = (inside or alias.name).split(".")[0]
                if package not in _PACKAGES or not {alias.name, alias.asname} <= words.all | {None}:
                    yield node.lineno, f"import of {alias.name}"


def _odd_strings(nodes: Nodes, known: frozenset[str]) -> Odd:
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            value = node.value
            if isinstance(value, str) and value not in known:
                yield node.lineno, f"string {value!r}"


def _undefined(module: SymbolTable) -> Odd:
    """Names that no function, module or builtin holds: a kernel would fail when it is compiled."""
    known = {symbol.get_name() for symbol in module.get_symbols() if symbol.is_assigned()}
    known |= {symbol.get_name() for symbol in module.get_symbols() if symbol.is_imported()}
    waiting = [module]
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if symbol.is_global() and symbol.is_referenced() and name not in known | _BUILTINS:
                yield table.get_lineno(), f"use of {name}, which is not defined"
