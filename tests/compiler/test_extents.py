"""Numbers, rows and columns in a spec: what is said of a wrong one, and where the caret stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optgen.analysis.exact.grids import shape_numbers
from optgen.analysis.exact.reductions import over_elements
from optgen.analysis.prove.float32 import Values
from optgen.analysis.prove.trajectories import value
from optgen.compiler.ir.condition import ALWAYS
from optgen.compiler.ir.expression import NOWHERE, Expression, Name, Operation
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.reduction import REDUCERS
from optgen.compiler.ir.rule import State, Step
from tests.compiler.mistakes import assert_told, problems

BASE = '''name = "Example"
summary = "An example."

[matrix]
view = "last two"

[hyperparameters]
learning_rate = { default = 0.001 }
decay = { default = 0.9, range = "0 <= decay < 1" }
d0 = { default = 1e-6, range = "d0 > 0" }

[inputs]
curvature = {}

[state]
product  = { shape = "call", initial = 1 }
distance = { shape = "optimizer", initial = "d0", invariant = "distance > 0" }
speed    = { shape = "tensor", invariant = "speed >= 0" }
of_rows    = { shape = "rows", when = "matrix", invariant = "of_rows >= 0" }
of_columns = { shape = "columns", when = "matrix" }
velocity = { when = "not matrix" }

[update]
rule = """
product = product*decay**step
distance = max(distance, global_norm(grad))
speed = decay*speed + (1 - decay)*mean(grad**2)
if matrix:
    of_rows = decay*of_rows + row_mean(grad**2)/columns
    of_columns = decay*of_columns + column_mean(grad**2)
    estimate = of_rows*of_columns/column_mean(of_rows)
else:
    velocity = decay*velocity + grad**2
    estimate = velocity
param = param - learning_rate*product*distance*grad/(sqrt(estimate) + sqrt(speed) + curvature**2)
"""
'''

#: By what is wrong: what to replace, with what, part of the message, part of the hint, and what
#: the caret is under.
MISTAKES: dict[str, tuple[str, str, str, str, str]] = {
    "elements in the optimizer's number": (
        "max(distance, global_norm(grad))",
        "max(distance, abs(grad))",
        "'distance' has one number for all tensors, and this has one number for each element",
        "global_sum or global_norm",
        "max(distance, abs",
    ),
    "a tensor's number in the optimizer's": (
        "global_norm(grad))",
        "norm(grad))",
        "this has one number for each tensor",
        "global_norm",
        "max(distance, norm",
    ),
    "an input's elements in the optimizer's number": (
        "global_norm(grad))",
        "curvature)",
        "'distance' has one number for all tensors, and this has one number for each element",
        "global_norm",
        "max(distance, curvature",
    ),
    "a call's number in the optimizer's": (
        "max(distance, global_norm(grad))",
        "max(distance, product*global_norm(grad))",
        "'distance' is of all variables, and each has its own 'product'",
        "give 'product' the shape \"optimizer\"",
        "max(distance, product",
    ),
    "a shape in the optimizer's number": (
        "global_norm(grad))",
        "size)",
        "this has one number for each tensor",
        "global_sum",
        "max(distance, size",
    ),
    "elements in a tensor's number": (
        "mean(grad**2)\nif",
        "grad**2\nif",
        "'speed' has one number for each tensor, and this has one number for each element",
        "mean, sum, norm",
        "decay*speed",
    ),
    "elements in rows": (
        "row_mean(grad**2)/columns",
        "grad**2",
        "'of_rows' has one number for each row, and this has one number for each element",
        "row_mean",
        "decay*of_rows",
    ),
    "columns in rows": (
        "row_mean(grad**2)/columns",
        "column_mean(grad**2)",
        "'of_rows' has one number for each row, and this has one number for each element",
        "row_mean",
        "decay*of_rows",
    ),
    "a sum in a call's number": (
        "product*decay**step",
        "product*global_norm(grad)",
        "'product' has one value for each call, and this has one number for all tensors",
        "call, step",
        "product*global",
    ),
    "a tensor's number in a call's": (
        "product*decay**step",
        "product*speed",
        "'product' has one value for each call, and this has one number for each tensor",
        "call, step",
        "product*speed",
    ),
    "rows of what is no matrix": (
        "velocity = decay*velocity + grad**2",
        "velocity = decay*velocity + row_mean(grad**2)",
        "row_mean needs a matrix",
        "if matrix:",
        "row_mean",
    ),
    "rows where no if is": (
        "mean(grad**2)\nif",
        "mean(column_largest(abs(grad)))\nif",
        "column_largest needs a matrix",
        "if matrix:",
        "column_largest",
    ),
    "a state of rows without a condition": (
        'shape = "rows", when = "matrix", ',
        'shape = "rows", ',
        "'of_rows' has one number for each row, and not every tensor is a matrix",
        'when = "matrix"',
        "of_rows",
    ),
    "a state of columns elsewhere": (
        'shape = "columns", when = "matrix"',
        'shape = "columns", when = "not matrix"',
        "not every tensor is a matrix",
        'when = "matrix"',
        "of_columns",
    ),
    "a number that begins as the parameter": (
        'initial = "d0"',
        'initial = "param"',
        "'distance' has one number for all tensors, and can't begin as the parameter",
        "drop shape",
        'param"',
    ),
    "a vector that begins as the parameter": (
        'shape = "columns", when',
        'shape = "columns", initial = "param", when',
        "can't begin as the parameter",
        "drop shape",
        'param"',
    ),
    "a number that stands in": (
        'shape = "tensor", ',
        'shape = "tensor", stands_in = true, ',
        "'speed' has one number for each tensor, and can't stand in",
        "stands_in",
        "speed",
    ),
    "an invariant of more than its state": (
        "distance > 0",
        "distance > speed",
        "'distance' has one number for all tensors, and 'speed' has one number for each tensor",
        "'speed'",
        "speed",
    ),
    "an invariant across axes": (
        "of_rows >= 0",
        "of_rows >= of_columns",
        "'of_columns' has one number for each column",
        "'of_columns'",
        "of_columns",
    ),
    "rows of rows": (
        "column_mean(of_rows)",
        "row_mean(of_rows)",
        "row_mean is of many numbers for each row, and this has one number for each row",
        "column_mean",
        "row_mean(of_rows)",
    ),
    "rows of a number": (
        "column_mean(of_rows)",
        "row_mean(speed)",
        "row_mean is of many numbers for each row, and this has one number for each tensor",
        "drop row_mean",
        "row_mean(speed)",
    ),
    "a vector over all tensors": (
        "column_mean(of_rows)",
        "global_sum(of_rows)",
        "global_sum is of the elements of all tensors, and this has one number for each row",
        "write global_sum(sum(x)/size)",
        "global_sum(of_rows)",
    ),
    "a name that matrices have too": (
        "/column_mean(of_rows)\nelse:",
        "/column_mean(of_rows)\n    part = of_rows\nelse:\n    part = speed\n    speed = part + 1",
        "'speed' has one number for each tensor, and this has one number for each row",
        "names that matrices don't use",
        "part + 1",
    ),
    "a misspelled shape": ('"optimizer"', '"optimiser"', "'optimiser' is no shape", "", "optimis"),
    "a misspelled view": ('"last two"', '"last too"', "'last too' is no view", "", "last too"),
    "columns without a view": (
        '[matrix]\nview = "last two"\n',
        "",
        "no view says",
        "[matrix]",
        "",
    ),
}

#: Those that are wrong in several lines.
SEVERAL = {"columns without a view", "a state of columns elsewhere"}


def test_the_base_is_sound(tmp_path: Path) -> None:
    assert problems(tmp_path, BASE) == ()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake(mistake: str, tmp_path: Path) -> None:
    old, new, message, hint, under = MISTAKES[mistake]
    assert BASE.count(old) >= 1
    text = BASE.replace(old, new, 1)
    assert_told(tmp_path, text, message, under)
    told = next(p for p in problems(tmp_path, text) if message in str(p))
    assert hint in told.hint


@pytest.mark.parametrize("mistake", sorted({*MISTAKES} - SEVERAL))
def test_a_mistake_is_said_once(mistake: str, tmp_path: Path) -> None:
    old, new, message, _, _ = MISTAKES[mistake]
    found = problems(tmp_path, BASE.replace(old, new, 1))
    unused = ("is never read", "is never used", "never assigned")
    kept = [one for one in found if not any(part in one.message for part in unused)]
    assert len(kept) == 1, [str(one) for one in kept]
    assert message in kept[0].message


PERTURB = '''
[perturb]
rule = """
velocity = param
param = param + grad/max(row_norm(grad), 1)
"""
'''


def test_rows_where_perturb_needs_no_matrix(tmp_path: Path) -> None:
    assert_told(tmp_path, BASE + PERTURB, "row_norm needs a matrix", "row_norm(grad)")


def test_a_view_that_only_perturb_uses(tmp_path: Path) -> None:
    guarded = PERTURB.replace("velocity = param\n", "if matrix:\n    ").replace("\nparam", "param")
    assert problems(tmp_path, PLAIN + guarded) == ()


PLAIN = '''name = "Plain"
[matrix]
view = "last two"
[state]
m = {}
[update]
rule = """
m = 0.9*m + grad
param = param - learning_rate*m/(1 + norm(m))
"""
'''


def test_a_view_that_nothing_uses(tmp_path: Path) -> None:
    assert_told(tmp_path, PLAIN, "no line of the rule uses the view", 'last two"')
    (found,) = problems(tmp_path, PLAIN)
    assert "drop [matrix]" in found.hint
    assert problems(tmp_path, PLAIN.replace('[matrix]\nview = "last two"\n', "")) == ()


@pytest.mark.parametrize("use", ["(1 + rows)", "(1 + columns)"])
def test_shapes_use_a_view(use: str, tmp_path: Path) -> None:
    used = PLAIN.replace("(1 + norm(m))", use)
    assert problems(tmp_path, used) == ()
    bare = used.replace('[matrix]\nview = "last two"\n', "")
    name = use[5:-1]
    assert_told(tmp_path, bare, f"no view says what the {name} are", name)


def test_size_and_dims_need_no_view(tmp_path: Path) -> None:
    bare = PLAIN.replace('[matrix]\nview = "last two"\n', "")
    assert problems(tmp_path, bare.replace("norm(m)", "sqrt(size)/dims")) == ()


def test_an_enclosing_condition_is_enough(tmp_path: Path) -> None:
    nested = BASE.replace("if matrix:\n", "if matrix and d0 > 1:\n").replace(
        'of_columns = { shape = "columns", when = "matrix" }',
        'of_columns = { shape = "columns", when = "matrix and d0 > 1" }',
    )
    found = [str(one) for one in problems(tmp_path, nested)]
    assert not any("needs a matrix" in one or "not every tensor" in one for one in found), found


#: Names of each extent, and their values on a matrix of two rows and three columns.
MATRIX = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.5]])
NAMED = {
    "call": (Extent.CALL, np.full((2, 3), 3.0)),
    "number": (Extent.TENSOR, np.full((2, 3), 1.5)),
    "of_rows": (Extent.ROWS, np.broadcast_to(MATRIX[:, :1], (2, 3))),
    "of_columns": (Extent.COLUMNS, np.broadcast_to(MATRIX[:1], (2, 3))),
    "grad": (Extent.ELEMENT, MATRIX),
}
STATES = [State(name, NOWHERE, extent=extent) for name, (extent, _) in NAMED.items()]
STATES[0] = replace(STATES[0], is_of_calls=True, extent=Extent.TENSOR)
names = st.sampled_from(sorted(NAMED)).map(Name)


def larger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    signs = st.sampled_from(["+", "-", "*"])
    both = st.builds(lambda op, a, b: Operation(op, (a, b)), signs, inner, inner)
    reduced = st.builds(lambda op, a: Operation(op, (a,)), st.sampled_from(sorted(REDUCERS)), inner)
    return both | reduced.filter(is_allowed)


def is_allowed(reduction: Operation) -> bool:
    """Whether it isn't a reduction of rows to rows, or of columns to columns."""
    operand = Extents(STATES, ()).of(reduction.operands[0])
    return operand is Extent.ELEMENT or operand is not REDUCERS[reduction.operator].extent


@given(st.recursive(names, larger, max_leaves=8))
def test_values_are_the_same_along_what_their_extent_leaves_out(expression: Expression) -> None:
    extents = Extents(STATES, ())
    step = Step("y", expression, ALWAYS, NOWHERE)
    (whole,) = over_elements([step], extents)
    values: Values = {name: worth.reshape(1, -1) for name, (_, worth) in NAMED.items()}
    values |= {n: np.float64(k) for n, k in shape_numbers(6).items()}
    values["param"] = values["grad"]
    found = np.broadcast_to(value(whole.expression, values), (1, 6)).reshape(2, 3)
    extent = extents.of(expression)
    if not extent >= Extent.COLUMNS:
        np.testing.assert_allclose(found, np.broadcast_to(found[:, :1], (2, 3)))
    if not extent >= Extent.ROWS:
        np.testing.assert_allclose(found, np.broadcast_to(found[:1], (2, 3)))


def test_no_number_of_all_variables_is_decided_by_some(tmp_path: Path) -> None:
    text = '''name = "Some"
[matrix]
view = "last two"
[state]
total = { shape = "optimizer", invariant = "total >= 0" }
[update]
rule = """
if matrix:
    total = total + global_norm(grad)
change = learning_rate*grad/(1 + total)
"""
'''
    assert_told(tmp_path, text, "'total' is of all variables", "total = ")
    plain = text.replace("if matrix:\n    total", "total").replace(
        '[matrix]\nview = "last two"\n', ""
    )
    assert problems(tmp_path, plain) == ()
