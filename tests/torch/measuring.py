"""What a rank has and does in a step, counted from its arrays, calls and exchanges."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

import optgen
from optgen import optimizers
from optgen.cluster import Kind
from optgen.runtime import engine, running
from optgen.runtime.cpu.launch import launching
from optgen.runtime.cpu.matrix_calls import NUMPY, MatrixCalls
from optgen.runtime.cpu.memory import HostMemory
from optgen.runtime.plain import in_numpy
from optgen.torch import exchange, optimizer_class
from optgen.torch.owners import Owned
from tests.torch.owning import JOINT
from tests.torch.sharding import processes

with warnings.catch_warnings():
    # Torch compiles functions there in a way that it deprecates itself.
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch.distributed.optim import ZeroRedundancyOptimizer

RANKS, BUCKET = 4, 400
#: More and fewer rows than ranks, a vector without an element for some, and batches of matrices.
SHAPES = ((6, 4), (4, 6), (3, 7), (7,), (2, 4, 3), (6, 4), (9, 5), (1,))
#: Large enough for codes, and slow where Python runs kernels.
LARGE = (80, 64)
#: Rules with their options and the dtype of parameters, by how they are divided.
RUNS: dict[str, tuple[str, dict[str, Any], str]] = {
    "plain": ("Adam", {}, "float32"),
    "clipped": ("Adam", {"global_clipnorm": 1.0, "use_ema": True}, "float32"),
    "half": ("Adam", {"state_dtype": "bfloat16", "rounding": "split"}, "bfloat16"),
    "codes": ("Adam", {"state_dtype": "int8", "clipnorm": 1.0}, "float32"),
    "factored": ("Adafactor", {}, "float32"),
    "muon": ("KerasMuon", {"global_clipnorm": 1.0}, "float32"),
    "soap": ("SOAP", {}, "float32"),
    "joint": ("Joint", {}, "float32"),
    "few": ("Joint", {}, "float32"),
}
DIVIDED = {"fsdp": (Kind.FSDP, 1), "copies": (Kind.FSDP, 2), "zero": (Kind.ZERO, 1)}
Found = dict[str, Any]


#: Those whose storage needs compiled kernels; Python runs the others'.
STORED = ("half", "codes")


def rule_of(title: str) -> Any:
    name, *_ = RUNS[title]
    rule = optgen.compile(JOINT) if name == "Joint" else getattr(optimizers, name)
    return rule if title in STORED else in_numpy(rule)


def shapes_of(title: str) -> list[tuple[int, ...]]:
    """More matrices than ranks, or one."""
    if title == "few":
        return [*SHAPES[3:5]]
    return [*SHAPES, LARGE] if title in STORED else [*SHAPES]


def params_of(title: str, mesh: Any = None) -> list[Any]:
    dtype = getattr(torch, RUNS[title][2])
    wide = [torch.ones(shape, dtype=dtype) for shape in shapes_of(title)]
    if mesh is not None:
        placements = [*[Replicate()] * (mesh.ndim - 1), Shard(0)]
        wide = [distribute_tensor(one, mesh, placements) for one in wide]
    return [one.requires_grad_() for one in wide]


class Meter:
    """Counts what an optimizer has, and what its steps do."""

    def __init__(self) -> None:
        self.exchanges: list[list[Any]] = []
        self.kernels = self.calls = self.scratch = self.gathered = self.buffers = 0

    @contextmanager
    def building(self) -> Iterator[None]:
        """Count scratch memory."""
        real = HostMemory.scratch

        def scratch(memory: Any, near: Any, shape: Any) -> Any:
            found = real(memory, near, shape)
            self.scratch += found.nbytes
            return found

        with patch.object(HostMemory, "scratch", scratch):
            yield

    @contextmanager
    def stepping(self) -> Iterator[None]:
        """Count launches and exchanges."""
        of, new = MatrixCalls.of, Owned._new
        reduce, move = distributed.all_reduce, distributed.all_to_all_single
        send = distributed.broadcast

        def launched(*arguments: Any) -> Any:
            self.kernels += 1
            return launching(*arguments)

        def called(calls: Any, call: Any, chosen: Any) -> Any:
            found = [*of(calls, call, chosen)]
            functions = {NUMPY.multiply, *NUMPY.of_matrix.values()}
            self.calls += sum(one[0] in functions for one in found)
            return found

        def gathered(owned: Any, index: int) -> Any:
            found = new(owned, index)
            self.gathered += found.nbytes
            return found

        def reduced(tensor: Any, *rest: Any, **named: Any) -> Any:
            self.exchanges.append(["all_reduce", tensor.nbytes, tensor.nbytes])
            return reduce(tensor, *rest, **named)

        def moved(target: Any, source: Any, received: Any, sent: Any, **named: Any) -> Any:
            number = distributed.get_rank(named["group"])
            sides = (sent, source), (received, target)
            other = [(sum(counts) - counts[number]) * one.element_size() for counts, one in sides]
            self.exchanges.append(["all_to_all", *other])
            self.buffers = max(self.buffers, target.nbytes + source.nbytes)
            return move(target, source, received, sent, **named)

        def sent(tensor: Any, src: int, *rest: Any, **named: Any) -> Any:
            is_here = src == distributed.get_rank()
            sides = (tensor.nbytes, 0) if is_here else (0, tensor.nbytes)
            self.exchanges.append(["broadcast", *sides])
            return send(tensor, src, *rest, **named)

        with (
            patch.object(running, "launching", launched),
            patch.object(engine, "launching", launched),
            patch.object(MatrixCalls, "of", called),
            patch.object(Owned, "_new", gathered),
            patch.object(distributed, "all_reduce", reduced),
            patch.object(distributed, "all_to_all_single", moved),
            patch.object(distributed, "broadcast", sent),
        ):
            yield

    def found(self, optimizer: Any, params: list[Any]) -> Found:
        """All that was counted, and bytes of arrays."""
        parts = [getattr(param, "to_local", lambda param=param: param)() for param in params]
        model = optimizer._core.model
        states = optimizer.storage().nbytes + sum(one.nbytes for one in model.shared.values())
        vectors = [
            array.nbytes
            for name, _ in optimizer.rule.kernels_of("cpu").vectors
            for array in model._held[name]
            if array is not None
        ]
        owned = optimizer._parameters.owned._memory.values()
        return {
            "parameters": sum(part.nbytes for part in parts),
            "states": states,
            "owned": sum(one.nbytes for one in owned),
            "scratch": self.scratch + sum(vectors),
            "step": self.gathered + self.buffers,
            "kernels": self.kernels,
            "calls": self.calls,
            "exchanges": self.exchanges,
        }


def measured(kind: Any, params: list[Any], options: Any, *, is_zero: bool = False) -> Found:
    """One step, after one that isn't counted."""
    meter = Meter()
    made = ZeroRedundancyOptimizer(params, kind, **options) if is_zero else kind(params, **options)
    optimizer = made.optim if is_zero else made
    for param in params:
        param.grad = torch.ones_like(param)
    with patch.object(exchange, "BUCKET_BYTES", BUCKET):
        with meter.building():
            made.step()
        with meter.stepping():
            made.step()
    return meter.found(optimizer, params)


def rank(number: int, folder: Path) -> None:
    """All runs; what was counted is written down."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    counted: dict[str, Found] = {}
    with processes(folder, "measured", number, RANKS):
        line = init_device_mesh("cpu", (RANKS,))
        grid = init_device_mesh("cpu", (2, 2), mesh_dim_names=("copies", "parts"))
        for title, (_, options, _) in RUNS.items():
            kind = optimizer_class(rule_of(title))
            for how, (sharding, copies) in DIVIDED.items():
                is_zero = sharding is Kind.ZERO
                mesh = None if is_zero else line if copies == 1 else grid
                own = measured(kind, params_of(title, mesh), options, is_zero=is_zero)
                counted[f"{title}, {how}"] = own
    (folder / f"{number}.json").write_text(json.dumps(counted))
