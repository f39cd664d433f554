"""JAX is imported where it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from optgen.optimizers import Adam
Adam.kernels
{then}
print("jax" in sys.modules, "keras" in sys.modules, "torch" in sys.modules)
"""


@pytest.mark.parametrize(
    ("then", "printed"),
    [("", "False False False"), ("import optgen.optax; optgen.optax.adam()", "True False False")],
    ids=["optimizers", "optax"],
)
def test_what_is_imported(then: str, printed: str) -> None:
    command = [sys.executable, "-c", PROGRAM.format(then=then)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == printed, done.stderr
