"""Parameters of plans, and how they are divided."""

from __future__ import annotations

import warnings
from math import prod
from typing import Any

import pytest
import torch

from optgen.cluster import Kind, Sharding, decoder, model_named, of_shapes, plan
from optgen.compiler.ir.problem import UsageError
from optgen.optimizers import SGD

with warnings.catch_warnings():
    # Torch compiles functions there in a way that it deprecates itself.
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch.distributed.optim import ZeroRedundancyOptimizer


@pytest.mark.parametrize("count", [7e6, 1.3e9, 7e10, 1e12])
def test_a_decoder_has_about_as_many_parameters(count: float) -> None:
    assert abs(decoder(count).elements / count - 1) < 0.1


def test_a_decoder_has_the_parameters_of_a_module() -> None:
    found = decoder(2e7)
    width = found.tensors[-1].shape[0]
    layers = (len(found.tensors) - 2) // 6
    with torch.device("meta"):
        one = torch.nn.TransformerEncoderLayer(width, 4, 4 * width, norm_first=True, bias=False)
        embedding = torch.nn.Embedding(50304, width)
    count = sum(param.numel() for param in one.parameters())
    assert found.elements == embedding.weight.numel() + layers * count + width


def test_shapes_are_read() -> None:
    found = of_shapes("50x4:plain, 4x4*3,7").tensors
    assert [one.shape for one in found] == [(50, 4), (4, 4), (4, 4), (4, 4), (7,)]
    assert [one.is_plain for one in found] == [True, False, False, False, False]


@pytest.mark.parametrize("text", ["", "4y4", "4x4*", "4x-4", "4x4:flat", "4x4*9999999"])
def test_what_is_no_shape_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no shape"):
        of_shapes(text)


def test_small_decoders_and_unknown_models_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 6,635,520"):
        decoder(1e5)
    with pytest.raises(UsageError, match="no model 'gpt5'; there are resnet50, gpt2_small"):
        model_named("gpt5")


@pytest.mark.parametrize("ranks", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("shape", [(1,), (6, 2), (16, 3), (17,), (5, 2, 3)])
def test_parts_are_those_of_torch(shape: tuple[int, ...], ranks: int) -> None:
    chunks = torch.chunk(torch.empty(shape), ranks)
    expected = [chunk.numel() for chunk in chunks] + [0] * (ranks - len(chunks))
    assert Sharding(Kind.FSDP, ranks).parts(shape).tolist() == expected
    assert Sharding(Kind.DDP, ranks).parts(shape).tolist() == [prod(shape)]


def test_sets_are_of_equally_many_processes() -> None:
    with pytest.raises(UsageError, match="10 processes aren't 4 sets"):
        Sharding(Kind.FSDP, 10, 4)
    with pytest.raises(UsageError, match="ddp has no parts"):
        Sharding(Kind.DDP, 4, 2)


def test_states_of_zero_are_where_torch_puts_them() -> None:
    shapes = [(k % 7 + 1, k % 5 + 2) for k in range(40)]
    parameters = of_shapes(",".join(f"{rows}x{columns}" for rows, columns in shapes))
    found = plan(SGD(momentum=0.9), parameters, Sharding(Kind.ZERO, 6))
    # Torch's division needs no processes but their number.
    theirs: Any = object.__new__(ZeroRedundancyOptimizer)
    theirs.world_size, theirs._partition_parameters_cache = 6, []
    theirs.param_groups = [{"params": [torch.empty(shape) for shape in shapes]}]
    divided = [
        sum(param.numel() for group in groups for param in group["params"])
        for groups in theirs._partition_parameters()
    ]
    assert [share.states for share in found.shares] == [4 * size for size in divided]
