"""Reductions of torch over all elements of a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch

from optgen.tracing.graph import Graph, Node
from optgen.tracing.operations import reduction
from optgen.tracing.places import here
from optgen.tracing.scalars import plain
from optgen.tracing.torch_names import NORMS, REDUCTIONS
from optgen.tracing.trace import Trace
from optgen.tracing.unfollowed import UnfollowedError


class Recorder(Protocol):
    """What reductions need of the recording of torch's functions."""

    trace: Trace

    def size(self, tensor: torch.Tensor) -> Node:
        """The number of elements."""


def is_reduction(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a function reduces its tensor: ``max`` of two doesn't."""
    if name in NORMS:
        return True
    both = len(args) > 1 and isinstance(args[1], torch.Tensor)
    return name in REDUCTIONS and not both and "other" not in kwargs


def reduced(recorder: Recorder, bare: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Node:
    """The node of a reduction; refuses those over some dimensions."""
    tensor, rest = args[0], list(map(plain, args[1:]))
    name, degree = NORMS.get(bare, bare), 2.0
    if name == "norm":
        given = rest.pop(0) if rest else None
        given = kwargs.get("p", kwargs.get("ord", given))
        degree = 2.0 if given in (None, "fro") else float(given)
    if name in ("std", "var") and kwargs.get("unbiased", True) is not True:
        raise UnfollowedError("this variance isn't that of a sample", here())
    if not _covers(kwargs.get("dim", rest[0] if rest else None), tensor.ndim):
        raise UnfollowedError(
            f"{bare} over some dimensions",
            here(),
            "only reductions over all elements are followed; write those of rows by hand",
        )
    node, size = recorder.trace.held(tensor), recorder.size(tensor)
    graph = recorder.trace.graph
    if tensor.numel() == 1 or not node.has_elements:
        found = _of_one_number(graph, name, node, size, degree)
    else:
        found = reduction(graph, name, node, size, degree)
    if found is None:
        raise UnfollowedError(f"a spec has no {bare} of degree {degree:g}", here())
    return found


def _covers(dims: Any, count: int) -> bool:
    if dims is None:
        return True
    listed = [dims] if isinstance(dims, int) else list(dims)
    return not listed or {dim % count for dim in listed if count} == set(range(count))


def _of_one_number(graph: Graph, name: str, node: Node, size: Node, degree: float) -> Node | None:
    """That of a tensor whose elements are all the same."""
    if name in ("any", "all"):
        return node
    node = graph.numeric(node)
    if name == "sum":
        return graph.multiply(size, node)
    if name == "norm":
        root = graph.power(size, graph.number(1 / degree if degree else 0))
        return graph.multiply(root, graph.combine("abs", node))
    return None if name in ("std", "var") else node
