"""What the states of a parameter begin with, in an ejected file."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.emit.layout import Line
from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.extent import MATRICES, Extent
from optgen.compiler.ir.matrix import LONG, RANK, SHORT, sides
from optgen.compiler.ir.reserved import COLUMNS, MATRIX, ROWS
from optgen.compiler.ir.rule import Rule, State

#: The shapes of vectors, which broadcast against the parameter.
_SHAPES = {
    Extent.ROWS: "(*param.shape[:-1], 1)",
    Extent.COLUMNS: "(*param.shape[:-2], 1, param.shape[-1])",
    Extent.MATRIX: "(*param.shape[:-2], 1, 1)",
}
_SIDES = {"rows": "param.shape[-2]", "columns": "param.shape[-1]"}


def lengths(rule: Rule, states: list[str]) -> Iterator[Line]:
    """The lengths that shapes of states are made of, besides rows and columns."""
    used = [side for s in rule.states if s.name in states for side in sides(s.extent) or ()]
    matrix = Condition.of(MATRIX)
    rank = next((h.name for h in rule.hyperparameters if h.bounds == RANK), "")
    if SHORT in used or RANK in used:
        yield Line("short = min(param.shape[-2:])", matrix, "states")
    if LONG in used:
        yield Line("long = max(param.shape[-2:])", matrix, "states")
    if RANK in used:
        yield Line(f"most = min(int({rank}), short)", matrix, "states")


def started(state: State, guard: Condition, initial: str) -> Iterator[Line]:
    """The lines that make a state; ``initial`` is a number or its name."""
    place = f'state["{state.name}"]'
    if state.initial == "param":
        yield Line(f"{place} = param.clone()", guard, "states")
        return
    value = "" if state.initial == 0 else initial
    if state.extent is Extent.ELEMENT:
        made = f"torch.full_like(param, {value})" if value else "torch.zeros_like(param)"
        yield Line(f"{place} = {made}", guard, "states")
        return
    if state.extent in MATRICES:
        made = f"param.new_zeros({_form(state)})"
        yield Line(f"{place} = {f'identity({made}, {value})' if value else made}", guard, "states")
        return
    shape = _SHAPES.get(state.extent, "()")
    made = f"param.new_full({shape}, {value})" if value else f"param.new_zeros({shape})"
    yield Line(f"{place} = {made}", guard, "states")


def _form(state: State) -> str:
    """The shape of a matrix that isn't the parameter's."""
    names = {**_SIDES, SHORT: "short", LONG: "long", RANK: "most"}
    found = sides(state.extent)
    assert found is not None
    return f"(*param.shape[:-2], {names[found[0]]}, {names[found[1]]})"


#: The numbers of a shape that a rule may use, with what they are in an ejected file.
NUMBERS = {
    "tensor_size": "param.numel()",
    ROWS: "param.shape[-2]",
    COLUMNS: "param.shape[-1]",
    "tensor_dims": "parameter.dim()",
    "matrices": "math.prod(param.shape[:-2])",
}
