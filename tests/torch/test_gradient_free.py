"""Rules that read no gradient: all parameters move, and keep the gradients that they have."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

import optgen.optimizers as oo
import optgen.torch as fused

LOSSES = (3.0, 2.5, 2.7, 1.0, 0.5, 0.8)
SHAPES = ((3, 4), (5,))


def start() -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    draw = np.random.default_rng(0)
    return [draw.normal(size=shape) for shape in SHAPES]


def test_steps_are_those_of_arrays() -> None:
    arrays = start()
    own = oo.MeZO(learning_rate=0.01, epsilon=0.1, seed=2**33 + 7)
    params = [torch.nn.Parameter(torch.tensor(array)) for array in start()]
    optimizer = fused.MeZO(params, lr=0.01, epsilon=0.1, seed=2**33 + 7)
    params[1].grad = gradient = torch.full((5,), torch.nan, dtype=torch.float64)
    for loss in LOSSES:
        own.apply(None, arrays, loss=loss)
        optimizer.step(partial(torch.tensor, loss, dtype=torch.float64))
    for param, array in zip(params, arrays, strict=True):
        assert param.detach().numpy().tobytes() == array.tobytes()
    assert params[0].grad is None
    assert params[1].grad is gradient


def test_a_parameter_that_is_frozen_stays() -> None:
    still, moving = (torch.nn.Parameter(torch.tensor(array)) for array in (start()[0], start()[1]))
    still.requires_grad_(False)
    before = still.detach().clone()
    optimizer = fused.MeZO([still, moving], lr=0.01)
    optimizer.step(loss=1.0)
    assert torch.equal(still, before)
    assert not torch.equal(moving.detach(), torch.tensor(start()[1]))
