"""Python syntax outside the language: its name in messages, and the replacement to suggest."""

from __future__ import annotations

import ast

_LOOP = ("a loop", "a rule states what happens to every element at once")
_FUNCTION = ("a function of your own", "give the value a name, on a line of its own")
_LIST = ("a list of values", "a name stands for the whole array")

_IMPORT = ("an import", "the functions of the language are all there is")

_FOREIGN: dict[type[ast.AST], tuple[str, str]] = {
    ast.AnnAssign: ("an annotation", "write name = value"),
    ast.Attribute: ("a dot", "names are plain; matrix.T is transpose(matrix)"),
    ast.AugAssign: ("an assignment like +=", "write it out, as in x = x + y"),
    ast.BitAnd: ("&", "write and"),
    ast.BitOr: ("|", "write or"),
    ast.BitXor: ("^", "a power is written **"),
    ast.Dict: _LIST,
    ast.Expr: ("a value that gets no name", "write name = value"),
    ast.FloorDiv: ("//", "write /, or % for the remainder"),
    ast.For: _LOOP,
    ast.FunctionDef: _FUNCTION,
    ast.IfExp: (
        "an if inside a line",
        "give it a line: x = a if … else b, or write where(…, a, b)",
    ),
    ast.Import: _IMPORT,
    ast.ImportFrom: _IMPORT,
    ast.In: ("in", ""),
    ast.Invert: ("~", "write not"),
    ast.Is: ("is", "write =="),
    ast.IsNot: ("is not", "write !="),
    ast.Lambda: _FUNCTION,
    ast.List: _LIST,
    ast.MatMult: ("@", "write sum(a*b) for a product of vectors"),
    ast.NamedExpr: (":=", "give the value a line of its own"),
    ast.Set: _LIST,
    ast.Starred: ("*", "name each argument"),
    ast.Subscript: ("[…]", "a name stands for the whole array"),
    ast.Tuple: _LIST,
    ast.UAdd: ("a plus before a value", "leave it out"),
    ast.While: _LOOP,
}


def foreign(node: ast.AST) -> tuple[str, str]:
    """A message and a hint for a Python construct that is not part of the language."""
    if isinstance(node, ast.Assign):
        message = "only a single name can be assigned"
        return message, "write one assignment a line: name = value"
    parts = [node, getattr(node, "op", node), *getattr(node, "ops", ())]
    hint = "a rule is made of assignments and if … else" if isinstance(node, ast.stmt) else ""
    found = (_FOREIGN[type(part)] for part in parts if type(part) in _FOREIGN)
    what, hint = next(found, (f"Python's {type(node).__name__}", hint))
    return f"{what} is not part of the language", hint
