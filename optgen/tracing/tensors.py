"""Torch's functions during a trace: each runs as it is, and its result gets a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from optgen.tracing.graph import Node
from optgen.tracing.lists import for_each
from optgen.tracing.operations import OPERATIONS
from optgen.tracing.places import here
from optgen.tracing.reductions import is_reduction, reduced
from optgen.tracing.scalars import Recorded, plain
from optgen.tracing.torch_names import COPIES, EMPTY, FACTS, FULL, MADE, PRODUCTS, TENSORS, VIEWS
from optgen.tracing.trace import Cell, Trace
from optgen.tracing.unfollowed import UnfollowedError

_NARROW = (torch.float32, torch.float16, torch.bfloat16)


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
            return for_each(self.name, self.args, self.kwargs, self._one)
        if self.access == "__set__":
            return self._assigned()
        if (self.bare in FACTS and not self.is_inplace) or self._is_plumbing():
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
        if self.bare in VIEWS and not self.is_inplace:
            return self._view()
        return self._recorded()

    def _one(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _Call(self.mode, func, args, kwargs).carried_out()

    def _run(self) -> Any:
        return self.func(*_plain(self.args), **_plain(self.kwargs))

    def _is_plumbing(self) -> bool:
        """Whether it neither takes a tensor nor makes one, as profilers don't."""
        known = self.name in EMPTY | FULL.keys() | MADE.keys() | TENSORS | {"item"}
        given = any(True for _ in _tensors((self.args, self.kwargs)))
        return not (known or given or "rand" in self.name)

    def refuse(self, message: str, hint: str = "") -> UnfollowedError:
        return UnfollowedError(message, here(), hint)

    # Results that aren't tensors

    def _numel(self) -> Any:
        size = self.mode.size(self.args[0])
        return self.trace.scalar(self._run(), size)

    def _item(self) -> Any:
        (tensor, *_) = self.args
        if tensor.numel() != 1:
            raise self.refuse("the elements of a tensor become numbers of Python")
        value = self.trace.scalar(tensor.detach().reshape(()).item(), self.trace.held(tensor))
        # Python takes nothing but its own numbers from these methods.
        if self.name.startswith("__") and isinstance(value, Recorded):
            self.trace.lose(value.node, f"{self.bare}() of a tensor")
        kinds = {"__float__": float, "__int__": int, "__index__": int}
        return kinds[self.name](plain(value)) if self.name in kinds else value

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
        if result.dtype in _NARROW and not self.trace.narrow:
            self.trace.narrow.append(here())
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
        if self.name in EMPTY:
            return None
        if self.name in MADE:
            return self.graph.number(MADE[self.name])
        if self.name in FULL:
            value = self.args[1:][-1] if len(self.args) > 1 else self.kwargs["fill_value"]
            return self.trace.node_of(value)
        if self.name in TENSORS:
            return self._from_number()
        if self.bare in COPIES:
            return self._copied()
        if is_reduction(self.bare, self.args, self.kwargs):
            return reduced(self.mode, self.bare, self.args, self.kwargs)
        if self.bare in PRODUCTS:
            product = self.graph.multiply(*map(self.trace.held, self.args[:2]))
            if not product.has_elements:
                return self.graph.multiply(self.mode.size(self.args[0]), product)
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


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _plain(value: Any) -> Any:
    """Arguments without records."""
    if isinstance(value, Recorded):
        return plain(value)
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value
