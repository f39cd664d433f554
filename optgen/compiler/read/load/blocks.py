"""``[matrix] block``: the length of blocks, where a spec doesn't declare it."""

from __future__ import annotations

from dataclasses import replace

from optgen.compiler.ir.spec import HyperparameterEntry, Spec, Text

_DOC = "Longest side of the equal blocks that a matrix is divided into; with None, it is whole."


def with_block_length(spec: Spec) -> Spec:
    """The spec with the hyperparameter that bounds the sides of blocks, behind all others."""
    block = spec.block
    if block is None or any(one.name.value == block.value for one in spec.hyperparameters):
        return spec
    bounds = Text(f"{block.value} >= 1", block.location)
    entry = HyperparameterEntry(block, range=bounds, doc=_DOC, optional=True, integer=True)
    return replace(spec, hyperparameters=(*spec.hyperparameters, entry))
