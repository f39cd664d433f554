"""Torch's functions during a trace: each runs as it is, and its result gets a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from optgen.tracing.graph import Node
from optgen.tracing.operations import OPERATIONS, reduction
from optgen.tracing.places import here
from optgen.tracing.refusal import Refusal
from optgen.tracing.scalars import Recorded, plain
from optgen.tracing.trace import Cell, Trace

#: Functions whose result is the same numbers in the same memory, or shares it where it can.
_VIEWS = frozenset(
    [
        *("view", "view_as", "reshape", "reshape_as", "flatten", "ravel", "squeeze", "unsqueeze"),
        *("detach", "contiguous", "data", "requires_grad", "alias", "swapaxes", "t", "T", "mT"),
        *("transpose", "permute", "unflatten", "expand_as", "expand", "real", "moveaxis"),
    ]
)
#: Those whose result is a copy, of another type where asked for.
_COPIES = frozenset(
    ["clone", "to", "type", "type_as", "float", "double", "bool", "int", "long", "cpu", "cuda"]
)
_MADE = {"zeros": 0, "ones": 1, "zeros_like": 0, "ones_like": 1, "new_zeros": 0, "new_ones": 1}
_EMPTY = frozenset({"empty", "empty_like", "new_empty", "empty_strided"})
_FULL = {"full": 1, "full_like": 1, "new_full": 1}
_TENSORS = frozenset({"tensor", "as_tensor", "scalar_tensor", "asarray", "new_tensor"})
_REDUCTIONS = frozenset(
    ["sum", "mean", "norm", "max", "min", "amax", "amin", "std", "var", "any", "all"]
)
_NORMS = {"norm": "norm", "linalg_norm": "norm", "linalg_vector_norm": "norm"}
_NORMS |= {"vector_norm": "norm"}
_PRODUCTS = frozenset({"dot", "vdot", "inner"})
#: Results without elements, which are the same for all values.
_FACTS = frozenset(
    [
        *("shape", "size", "dim", "ndim", "ndimension", "stride", "dtype", "device", "layout"),
        *("is_sparse", "is_complex", "is_floating_point", "is_cuda", "is_cpu", "is_mps", "is_meta"),
        *("is_leaf", "requires_grad", "is_contiguous", "element_size", "data_ptr", "is_quantized"),
        *("storage_offset", "is_xla", "is_mkldnn", "is_nested", "is_tensor", "grad_fn", "is_xpu"),
        *("len", "hash", "names", "register_hook", "get_device", "untyped_storage", "is_conj"),
        *("is_neg", "is_inference", "_version", "is_same_size", "result_type", "can_cast"),
        *("is_coalesced", "repr", "format", "deepcopy", "_is_view", "is_signed", "itemsize"),
    ]
)


class Recording(TorchFunctionMode):
    """Records what torch's functions compute, in a trace."""

    def __init__(self, trace: Trace, sizes: Mapping[int, str]) -> None:
        super().__init__()
        self.trace = trace
        #: What the number of elements is called, by the number.
        self.sizes = sizes

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the function, and record its result."""
        call = _Call(self, func, tuple(args), dict(kwargs or {}))
        self.trace.look_at_names()
        return call.carried_out()

    def size(self, tensor: torch.Tensor) -> Node:
        """The number of elements."""
        graph, count = self.trace.graph, tensor.numel()
        return graph.name(self.sizes[count]) if count in self.sizes else graph.number(count)


class _Call:
    """One call of a function of torch."""

    def __init__(
        self, mode: Recording, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Any
    ) -> None:
        self.mode, self.trace, self.graph = mode, mode.trace, mode.trace.graph
        self.func, self.args, self.kwargs = func, args, kwargs
        name = getattr(func, "__name__", "")
        self.access = name if name in ("__get__", "__set__") else ""
        if self.access:
            name = getattr(getattr(func, "__self__", None), "__name__", "")
        self.name = name
        dunder = name.startswith("__") and name.endswith("__")
        bare = name.strip("_") if dunder else name.removesuffix("_")
        self.is_inplace = (name.endswith("_") and not dunder) or (
            dunder and bare in ("iadd", "isub", "imul", "itruediv", "ipow", "iand", "ior")
        )
        self.bare = bare if bare in OPERATIONS else bare.removeprefix("special_")

    def carried_out(self) -> Any:
        if self.name.startswith("_foreach_"):
            return self._for_each()
        if self.access == "__set__":
            return self._assigned()
        if self.bare in _FACTS and not self.is_inplace or self._is_plumbing():
            return self._run()
        special = {
            "numel": self._numel,
            "nelement": self._numel,
            "item": self._item,
            "tolist": self._item,
            "bool": self._truth,
            "float": self._item if self.name == "__float__" else None,
            "int": self._item if self.name in ("__int__", "__index__") else None,
            "grad": self._grad,
            "setitem": self._set_item,
            "clone": None,
        }.get(self.bare)
        if special is not None and (self.bare != "bool" or self.name == "__bool__"):
            return special()
        if self.bare in _VIEWS and not self.is_inplace:
            return self._view()
        return self._recorded()

    def _run(self) -> Any:
        return self.func(*_plain(self.args), **_plain(self.kwargs))

    def _is_plumbing(self) -> bool:
        """Whether it neither takes a tensor nor makes one, as profilers don't."""
        known = self.name in _EMPTY | _FULL.keys() | _MADE.keys() | _TENSORS | {"item"}
        given = any(True for _ in _tensors((self.args, self.kwargs)))
        return not (known or given or "rand" in self.name)

    def refuse(self, message: str, hint: str = "") -> Refusal:
        return Refusal(message, here(), hint)

    # Results that aren't tensors

    def _numel(self) -> Any:
        size = self.mode.size(self.args[0])
        return self.trace.scalar(self._run(), size)

    def _item(self) -> Any:
        (tensor, *_) = self.args
        if tensor.numel() != 1:
            raise self.refuse("the elements of a tensor become numbers of Python")
        return self.trace.scalar(tensor.detach().reshape(()).item(), self.trace.held(tensor))

    def _truth(self) -> bool:
        (tensor,) = self.args
        node = self.trace.held(tensor)
        if not node.is_condition:
            node = self.graph.apply("!=", node, self.graph.number(0))
        return self.trace.decide(node, bool(self._run()))

    def _grad(self) -> Any:
        return self._run()

    # Memory

    def _view(self) -> Any:
        tensor = self.args[0]
        cell = self.trace.cell_of(tensor)
        result = self._run()
        if cell is None or not isinstance(result, torch.Tensor):
            return result
        if result is tensor or result.data_ptr() == tensor.data_ptr():
            return self.trace.keep(result, cell)
        return self.trace.keep(result, Cell(self.trace.held(tensor)))

    def _assigned(self) -> None:
        tensor, value = self.args
        if self.name == "data":
            node = self.trace.held(value)
            self._run()
            cell = self.trace.cell_of(tensor)
            if cell is None:
                self.trace.keep(tensor, Cell(node))
            else:
                cell.node = node
            return
        self._run()

    def _set_item(self) -> None:
        tensor, index, value = self.args
        cell = self.trace.cell_of(tensor)
        if isinstance(index, torch.Tensor) and index.dtype == torch.bool and cell is not None:
            cell.node = self.graph.where(
                self.trace.held(index), self.trace.node_of(value), self.trace.held(tensor)
            )
        elif index is Ellipsis and cell is not None:
            cell.node = self.trace.node_of(value)
        else:
            raise self.refuse("elements are set one by one", "a rule has one line for all elements")
        self._run()

    # Values

    def _recorded(self) -> Any:
        out = self.kwargs.get("out")
        node = self._node()
        result = self._run()
        if not isinstance(result, torch.Tensor):
            raise self.refuse(f"the result of {self.name} isn't a tensor")
        target = out if out is not None else self.args[0] if self.is_inplace else None
        cell = self.trace.cell_of(target) if target is not None else None
        if cell is not None:
            cell.node = node
            return result
        if node is not None:
            self.trace.place(node)
        return self.trace.keep(result, Cell(node))

    def _node(self) -> Node | None:
        """The node of the result; None if its memory isn't written yet."""
        if self.name in _EMPTY:
            return None
        if self.name in _MADE:
            return self.graph.number(_MADE[self.name])
        if self.name in _FULL:
            value = self.args[1:][-1] if len(self.args) > 1 else self.kwargs["fill_value"]
            return self.trace.node_of(value)
        if self.name in _TENSORS:
            return self._from_number()
        if self.bare in _COPIES:
            return self._copied()
        if self._is_reduction():
            return self._reduced()
        if self.bare in _PRODUCTS:
            product = self.graph.multiply(*map(self.trace.held, self.args[:2]))
            return self.graph.apply("sum", product)
        return self._elementwise()

    def _from_number(self) -> Node:
        value = next((one for one in self.args if not isinstance(one, torch.Size)), None)
        if isinstance(value, list | tuple) and len(value) == 1:
            (value,) = value
        if not isinstance(value, int | float | torch.Tensor):
            raise self.refuse("a tensor is made of several numbers")
        return self.trace.node_of(value)

    def _copied(self) -> Node:
        node = self.trace.held(self.args[0])
        given = {*map(str, _plain(self.args[1:])), *map(str, self.kwargs.values())}
        if self.bare == "bool" or "torch.bool" in given:
            zero = self.graph.number(0)
            return node if node.is_condition else self.graph.apply("!=", node, zero)
        if self.bare in ("int", "long") and not node.is_condition:
            raise self.refuse("numbers are rounded to whole ones")
        return node if self.bare == "clone" else self.graph.numeric(node)

    def _is_reduction(self) -> bool:
        if self.bare in _NORMS:
            return True
        both = len(self.args) > 1 and isinstance(self.args[1], torch.Tensor)
        return self.bare in _REDUCTIONS and not both and "other" not in self.kwargs

    def _reduced(self) -> Node:
        tensor = self.args[0]
        name = _NORMS.get(self.bare, self.bare)
        degree = 2.0
        rest = list(_plain(self.args[1:]))
        if name == "norm":
            given = rest.pop(0) if rest else None
            given = self.kwargs.get("p", self.kwargs.get("ord", given))
            degree = 2.0 if given in (None, "fro") else float(given)
        if name in ("std", "var") and self.kwargs.get("unbiased", True) is not True:
            raise self.refuse("this variance isn't that of a sample")
        dims = self.kwargs.get("dim", rest[0] if rest else None)
        if not _covers(dims, tensor.ndim):
            raise self.refuse(
                f"{self.name} over some dimensions",
                "only reductions over all elements are followed; write those of rows by hand",
            )
        node = self.trace.held(tensor)
        if tensor.numel() == 1 or not node.has_elements:
            return self._of_one_number(name, node, tensor)
        found = reduction(self.graph, name, node, self.mode.size(tensor), degree)
        if found is None:
            raise self.refuse(f"a spec has no {self.name} of degree {degree:g}")
        return found

    def _of_one_number(self, name: str, node: Node, tensor: torch.Tensor) -> Node:
        node = self.graph.numeric(node) if name not in ("any", "all") else node
        if name in ("mean", "max", "min", "amax", "amin", "any", "all"):
            return node
        size = self.mode.size(tensor)
        if name == "sum":
            return self.graph.multiply(size, node)
        if name == "norm":
            return self.graph.multiply(
                self.graph.combine("sqrt", size), self.graph.combine("abs", node)
            )
        raise self.refuse(f"{self.name} of one number")

    def _elementwise(self) -> Node:
        function = OPERATIONS.get(self.bare)
        if self.bare in ("max", "min") and self._pair():
            function = OPERATIONS["maximum" if self.bare == "max" else "minimum"]
        if function is None:
            raise self.refuse(
                f"{self.name} can't be followed", "the functions of rules are in docs/language.md"
            )
        if self.bare == "clamp_max":
            return function(self.graph, self._argument(self.args[0]), None, *self._rest(1))
        named = {key: self._argument(value) for key, value in self.kwargs.items() if key != "out"}
        named.pop("dtype", None)
        named.pop("memory_format", None)
        try:
            return function(self.graph, *map(self._argument, self.args), **named)
        except TypeError:
            raise self.refuse(f"{self.name} can't be followed with these arguments") from None

    def _pair(self) -> bool:
        return len(self.args) > 1 or "other" in self.kwargs

    def _rest(self, first: int) -> list[Any]:
        return [self._argument(one) for one in (*self.args[first:], *self.kwargs.values())]

    def _argument(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor | int | float) and not isinstance(value, bool):
            return self.trace.node_of(value)
        return value

    # Lists of tensors

    def _for_each(self) -> Any:
        inner = self.name.removeprefix("_foreach_")
        first = self.args[0]
        function = getattr(torch.Tensor, inner, None) or getattr(torch, inner, None)
        if inner == "norm":
            function = torch.norm
        if function is None:
            raise self.refuse(f"{self.name} can't be followed")
        results = []
        for place in range(len(first)):
            args = [_item_of(one, place) for one in self.args]
            kwargs = {key: _item_of(one, place) for key, one in self.kwargs.items()}
            if inner.removesuffix("_") in ("addcdiv", "addcmul") and len(args) > 3:
                kwargs["value"] = args.pop()
            if inner == "norm":
                args[1:] = [kwargs.pop("ord", args[1] if len(args) > 1 else 2)]
            results.append(_Call(self.mode, function, tuple(args), kwargs).carried_out())
        return None if inner.endswith("_") else results


def _item_of(value: Any, place: int) -> Any:
    return value[place] if isinstance(value, list | tuple) else value


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _covers(dims: Any, count: int) -> bool:
    if dims is None:
        return True
    listed = [dims] if isinstance(dims, int) else list(dims)
    return not listed or {dim % count for dim in listed if count} == set(range(count))


def _plain(value: Any) -> Any:
    """Arguments without records."""
    if isinstance(value, Recorded):
        return plain(value)
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value
