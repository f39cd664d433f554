"""The JavaScript target: scripts that pages run, printed on demand and in no package."""

from __future__ import annotations

from optgen.compiler.emit.target import Naming, Target
from optgen.compiler.emit.targets.javascript.printer import ScriptPrinter
from optgen.compiler.ir.plan import Plan

#: Reserved words of the language, those of later editions too.
_RESERVED = """
arguments async await boolean break byte case catch char class const continue debugger default
delete do double else enum eval export extends false final finally float for function get goto if
implements import in Infinity instanceof int interface let long NaN native new null of package
private protected public return set short static super switch synchronized this throw throws
transient true try typeof undefined var void volatile while with yield
"""
#: What functions are given, and what they need for themselves.
_OWN = """
arrays column_place i length line math matrix_place on position row_place scalars size tensor
variable Math
"""


class Javascript(Target):
    """Loops over typed arrays."""

    name = "javascript"
    title = "JavaScript"
    words = frozenset([*_RESERVED.split(), *_OWN.split()])
    endings = ("_array", "_vector")
    has_columns = False
    is_packaged = False

    def printer(self, plan: Plan, naming: Naming) -> ScriptPrinter:
        """What prints the statements of a plan."""
        return ScriptPrinter(plan, naming)


TARGET = Javascript()
