"""Products that the checker accepts can be multiplied, and those that it refuses can't."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.spec import Spec
from optgen.compiler.pipeline import checked_rule
from optgen.compiler.read.load import load
from tests.random_programs.bounded import Array

SPEC = """name = "Product"
summary = "One product."
[matrix]
view = "first by rest"
[state]
r = { shape = "rows by rows", when = "matrix", doc = "Rows." }
c = { shape = "columns by columns", when = "matrix", doc = "Columns." }
s = { shape = "short by short", when = "matrix", doc = "The fewer." }
[update]
rule = '''
if matrix:
    r = r + grad @ transpose(grad)
    c = c + transpose(grad) @ grad
    s = s + gram(grad)
    change = learning_rate*norm({product})*(r @ grad @ c + s @ grad)
else:
    change = learning_rate*grad
'''
"""


@dataclass(frozen=True)
class Tree:
    """A leaf, or a product; either may be transposed."""

    leaf: str = ""
    factors: tuple[Tree, ...] = ()
    is_turned: bool = False

    def __str__(self) -> str:
        shown = self.leaf or f"({self.factors[0]} @ {self.factors[1]})"
        return f"transpose({shown})" if self.is_turned else shown

    def value(self, rows: int, columns: int) -> tuple[Array, bool]:
        """The value for a size, and whether it is a square of the fewer. Raises ValueError."""
        if self.leaf:
            fewer = min(rows, columns)
            sizes = {"grad": (rows, columns), "r": (rows, rows), "c": (columns, columns)}
            found = np.ones(sizes.get(self.leaf, (fewer, fewer)))
            is_short = self.leaf == "s"
        else:
            (left, of_short), (right, is_short) = (one.value(rows, columns) for one in self.factors)
            is_tall = rows > columns
            # A square of the fewer multiplies the shorter side.
            if of_short and not is_short and right.shape == (rows, columns):
                found = (left @ right.T).T if is_tall else left @ right
            elif is_short and not of_short and left.shape == (columns, rows):
                found = (left.T @ right).T if is_tall else left @ right
            else:
                found = left @ right
            is_short = of_short and is_short
        return (found.T if self.is_turned else found), is_short


LEAVES = st.builds(Tree, st.sampled_from(["grad", "r", "c", "s"]), is_turned=st.booleans())
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        Tree, factors=st.tuples(inner, inner), is_turned=st.sampled_from([False, False, True])
    ),
    max_leaves=6,
).filter(lambda tree: bool(tree.factors) and not tree.is_turned)
SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9)).filter(lambda size: size[0] != size[1])


def is_accepted(tree: Tree) -> bool:
    """Whether a rule with a product has no error."""
    try:
        checked_rule(spec_of(tree))
    except SpecError as error:
        return not any("@" in str(one) for one in error.problems)
    return True


def spec_of(tree: Tree) -> Spec:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "product.toml"
        path.write_text(SPEC.replace("{product}", str(tree)[1:-1]), encoding="utf-8")
        return load(path)


def can_be_multiplied(tree: Tree, rows: int, columns: int) -> bool:
    """Whether NumPy has a value for a size, of a shape that values have."""
    try:
        found, _ = tree.value(rows, columns)
    except ValueError:
        return False
    return bool(found.shape != (columns, rows))


E, R, S = Tree("grad"), Tree("r"), Tree("s")
TURNED = Tree("grad", is_turned=True)


@settings(max_examples=300, deadline=None)
@given(TREES, SIZES)
@example(Tree(factors=(S, E)), (3, 5))
@example(Tree(factors=(S, R)), (3, 5))
@example(Tree(factors=(Tree(factors=(TURNED, R)), E)), (3, 5))
@example(Tree(factors=(TURNED, R)), (3, 5))
@example(Tree(factors=(TURNED, Tree(factors=(TURNED, S), is_turned=True))), (1, 2))
def test_what_is_accepted_can_be_multiplied(tree: Tree, size: tuple[int, int]) -> None:
    """In both orientations: what only fits where rows are fewer is refused."""
    rows, columns = size
    both = can_be_multiplied(tree, rows, columns) and can_be_multiplied(tree, columns, rows)
    assert is_accepted(tree) == both
