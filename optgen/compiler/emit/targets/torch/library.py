"""The functions that files of this target bring with them, as texts of templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from optgen.compiler.emit.templates import Templates
from optgen.compiler.ir.rule import Rule

_FOLDER = "torch/functions"
#: What each function calls.
_CALLS: Mapping[str, tuple[str, ...]] = {
    "as_blocks": ("block_length",),
    "gram": ("turned",),
    "orthonormal": ("finite", "wide"),
    "eigenvectors": ("finite", "wide"),
    "inverse_root": ("finite", "wide"),
    "singular_vectors": ("finite", "wide"),
    "largest_rows": ("finite", "wide"),
    "normal": ("fraction", "words"),
    "uniform": ("fraction", "words"),
    "random_sign": ("words",),
}
#: The functions by name, in the order of a file.
NAMES = (
    *("together", "as_matrix", "from_matrix", "block_length", "as_blocks", "from_blocks"),
    "identity",
    *("words", "fraction", "normal", "uniform", "random_sign", "places_of"),
    *("sign", "wide", "finite", "product", "turned", "gram"),
    *("orthonormal", "eigenvectors", "inverse_root", "singular_vectors", "largest_rows"),
)


def functions(called: Iterable[str], rule: Rule, templates: Templates) -> Iterator[str]:
    """The texts of functions that a rule calls, each after those that it calls."""
    wanted = {*called}
    wanted |= {"product"} if rule.compute and "gram" in wanted else set()
    for name in [*wanted]:
        wanted |= {*_CALLS.get(name, ())}
    context = {"is_narrow": bool(rule.compute), "compute": rule.compute}
    for name in NAMES:
        if name in wanted:
            yield templates.fill(f"{_FOLDER}/{name}.py.j2", context)
