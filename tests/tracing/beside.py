"""A class of torch beside the spec that its import gives, whose kernels Python runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from optgen.compiler.pipeline import load_file, plan_of, surroundings
from optgen.tracing.importer import imported
from tests.random_programs.plain import optimizer_class
from tests.random_programs.sources import Sources

STEPS = 12
SHAPES = ((3, 4), (5,), (2, 3, 2))


def text_of(owner: type, values: Mapping[str, Any]) -> str:
    return imported(owner, values).text


def difference(owner: type, values: Mapping[str, Any], text: str, folder: Path) -> float:
    """The largest difference after any step, relative to how far an element went."""
    path = folder / "spec.toml"
    path.write_text(text, encoding="utf-8")
    sources = Sources(plan_of(load_file(path), surroundings()), None).of("cpu")
    draw = np.random.default_rng(3)
    mine = [draw.normal(size=shape) for shape in SHAPES]
    # torch's memory is its own.
    theirs = [torch.nn.Parameter(torch.tensor(one.copy())) for one in mine]
    made: Any = optimizer_class(owner.__name__, sources)
    optimizer, original = made(), owner(theirs, **values)
    way, found = [np.full_like(one, 1e-12) for one in mine], 0.0
    for _ in range(STEPS):
        row = [draw.normal(0.2, 1, shape) for shape in SHAPES]
        before = [one.detach().numpy().copy() for one in theirs]
        for one, gradient in zip(theirs, row, strict=True):
            one.grad = torch.tensor(gradient)
        original.step()
        optimizer.apply(row, mine)
        for k, one in enumerate(theirs):
            now = one.detach().numpy()
            way[k] += np.abs(now - before[k])
            found = max(found, float(np.max(np.abs(mine[k] - now) / way[k])))
    return found
