"""Text of a spec → Python's syntax tree, with size limits and source locations.

The text is only ever parsed by ``ast``, never evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings

from optgen.compiler.ir.problem import CONTROL, Location, Problems
from optgen.compiler.ir.spec import Text

#: Bounds on one text, far above any readable rule or condition.
MOST_CHARACTERS = {"exec": 16_000, "eval": 2_000}
MOST_NODES, MOST_DEPTH = 4_000, 120

_TOO_LARGE = "is too large or nested too deeply"
_LINE = re.compile(r"on line (\d+)")
#: A line that repeats those below it; Python's own word for a loop has its place in the syntax.
_REPEAT = re.compile(r"^([ \t]*)repeat(?= +[^=\s])")
#: A line that keeps a value for users; Python's own word is as long.
_PROBE = re.compile(r"^([ \t]*)probe(?= +[A-Za-z_])")


class Reading:
    """One located text as an AST; ``tree`` is None, with a problem, on a syntax error."""

    def __init__(self, text: Text, mode: str, problems: Problems) -> None:
        self._text, self._problems = text, problems
        rows = text.value.split("\n")
        # Python would parse leading whitespace of an expression as indentation.
        self._shift = len(rows[0]) - len(rows[0].lstrip(" \t")) if mode == "eval" else 0
        self._rows = [rows[0][self._shift :], *rows[1:]]
        ends = (found.end() for found in re.finditer("\n", text.value))
        self._starts = [0, *ends, len(text.value) + 1]
        self.tree = self._parse(mode) if self._is_plain(MOST_CHARACTERS[mode]) else None

    def at(self, node: ast.AST) -> Location:
        """The location of a node in the spec file."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        last, end = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", column)
        start = self._index(line, column)
        stop = self._index(line, end) if last == line else start + len(self._rows[line - 1])
        return self._text.at(start, max(1, stop - start))

    def is_repeat(self, node: ast.stmt) -> bool:
        """Whether a statement repeats lines."""
        return _REPEAT.match(self._rows[node.lineno - 1]) is not None

    def is_probe(self, node: ast.stmt) -> bool:
        """Whether a statement keeps a value for users."""
        return _PROBE.match(self._rows[node.lineno - 1]) is not None

    def _index(self, line: int, column: int) -> int:
        """The index in the text of a column that Python counts in bytes."""
        row = self._rows[line - 1].encode()[:column].decode(errors="ignore")
        return self._starts[line - 1] + len(row) + (self._shift if line == 1 else 0)

    def _is_plain(self, longest: int) -> bool:
        if len(self._text.value) > longest:
            self._problems.add(f"is longer than {longest} characters", self._text.location)
            return False
        for start, row in zip(self._starts, self._text.value.split("\n"), strict=False):
            message = hint = ""
            control = CONTROL.search(row.replace("\t", " "))
            odd = control or re.search(r"[^\x00-\x7f]", row.split("#")[0])
            if control:
                message = f"{control[0]!r} is a control character"
            elif odd:
                message = f"{odd[0]!r} is not an ASCII character"
                hint = "write names and operators in plain ASCII; comments may hold anything"
            if odd:
                self._problems.add(message, self._text.at(start + odd.start()), hint)
                return False
        return True

    def _parse(self, mode: str) -> ast.AST | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows = (_PROBE.sub(r"\1raise", row) for row in self._rows)
                rows = (_REPEAT.sub(r"\1while ", row) for row in rows)
                tree = ast.parse("\n".join(rows), mode=mode)
        except SyntaxError as error:
            self._refuse_syntax(error)
            return None
        except (RecursionError, MemoryError, ValueError):
            self._problems.add(_TOO_LARGE, self._text.location)
            return None
        if not _is_small(tree):
            self._problems.add(_TOO_LARGE, self._text.location)
            return None
        return tree

    def _refuse_syntax(self, error: SyntaxError) -> None:
        line = min(error.lineno or 1, len(self._rows))
        column = min(max(0, (error.offset or 1) - 1), len(self._rows[line - 1]))
        place = self._starts[line - 1] + column + (self._shift if line == 1 else 0)

        def in_file(found: re.Match[str]) -> str:
            return f"on line {self._text.at(self._starts[int(found[1]) - 1]).line}"

        message = _LINE.sub(in_file, error.msg or "")
        if "integer string conversion" in message:
            message = "it holds a number with thousands of digits"
        self._problems.add(f"can't be read: {message}", self._text.at(place))


def _is_small(tree: ast.AST) -> bool:
    """Whether the node count and the nesting depth of an AST, as expressions count, are bounded."""
    waiting, count = [(tree, 0)], 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if depth > MOST_DEPTH or count > MOST_NODES:
            return False
        # Chains of and, or and comparisons are flat in Python's AST, but nested in this one.
        chain = getattr(node, "values", None) or getattr(node, "comparators", None) or ()
        deeper = depth + max(1, len(chain))
        waiting += [(child, deeper) for child in ast.iter_child_nodes(node)]
    return True
