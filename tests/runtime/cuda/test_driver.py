"""What the real driver is asked for: a library in its place writes it down."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba_cuda", reason='no CUDA toolkit: pip install -e ".[cuda]"')

ROOT = Path(__file__).parents[3]
COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = pytest.mark.skipif(
    COMPILER is None or not sys.platform.startswith("linux"), reason="no C compiler, or no Linux"
)

PROGRAM = """
import sys
import numpy as np
import optgen.optimizers as oo
from optgen.runtime.cuda.arrays import on_device

def note(text):
    print(text, file=sys.stderr, flush=True)

variables = [on_device(np.ones((k,), np.float32)) for k in (10_000, 3)]
gradients = [on_device(np.ones((k,), np.float32)) for k in (10_000, 3)]
optimizer = oo.Adam({arguments})
optimizer.build(variables)
optimizer.apply(gradients)
note("begin")
optimizer.apply(gradients)
note("end")
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert COMPILER is not None
    made = tmp_path_factory.mktemp("driver") / "libcuda.so.1"
    source = Path(__file__).with_name("driver.c")
    command = [COMPILER, "-shared", "-fPIC", "-o", str(made), str(source), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return made


def run(library: Path, program: str, **environment: str) -> str:
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={
            **os.environ,
            "LD_PRELOAD": str(library),
            "LD_LIBRARY_PATH": str(library.parent),
            **environment,
        },
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert found.returncode == 0, found.stderr
    return found.stderr


def second_step(library: Path, arguments: str = "", **environment: str) -> list[str]:
    """What a step asks for that is like the one before, with kernels by their short names."""
    log = run(library, PROGRAM.format(arguments=arguments), **environment)
    lines = log[log.index("begin\n") + 6 : log.index("end\n")].splitlines()
    return [re.sub(r"launch _ZN\S*\d([a-z_]+)B\d\S*", r"launch \1", line) for line in lines]


def test_a_step_is_a_copy_of_scalars_and_a_launch(library: Path) -> None:
    copied, launched = second_step(library)
    assert re.fullmatch(r"upload \d+ on \(nil\)", copied)
    # Three chunks of 4096, and one for the second variable.
    assert launched == "launch update grid 4 block 256 on (nil) with 4"


def test_a_norm_is_one_launch_more(library: Path) -> None:
    launched = second_step(library, "global_clipnorm=1.0")[1:]
    assert [line.split()[1] for line in launched] == ["update_sums", "update"]


def test_a_step_that_may_be_skipped_asks_for_no_answer(library: Path) -> None:
    asked = second_step(library, "on_nonfinite='skip'")
    assert [line.split()[1] for line in asked] == [
        *("host_scalars", "choose", "update_sums", "judge", "update")
    ]


def test_nothing_but_launches_is_captured(library: Path) -> None:
    log = run(library, PROGRAM.format(arguments=""), STUB_CAPTURE="1")
    copies = re.findall(r"^(?:upload|download|copy) .* on (\S+)$", log, re.M)
    assert set(copies) == {"0x77"}
    launches = re.findall(r"^launch .* on (\S+) with", log, re.M)
    assert len(launches) == 2 * 3
    assert set(launches) == {"(nil)"}


def test_a_changing_rate_can_t_be_captured(library: Path) -> None:
    program = PROGRAM.format(arguments="lambda: 0.1")
    program = program.replace("optimizer.apply", "refuse")
    program = program.replace(
        "optimizer.build(variables)",
        """optimizer.build(variables)
def refuse(row):
    try:
        optimizer.apply(row)
    except RuntimeError as error:
        assert "a graph can't compute learning_rate" in str(error)
    else:
        raise AssertionError("captured")
""",
    )
    assert "launch" not in run(library, program, STUB_CAPTURE="1")


def test_a_refusal_of_the_driver_is_told(library: Path) -> None:
    program = PROGRAM.format(arguments="").split('note("begin")')[0]
    program = program.replace(
        "optimizer.apply(gradients)",
        """
from optgen.runtime.cuda.driver import CudaError
try:
    optimizer.apply(gradients)
except CudaError as error:
    assert "CUDA_ERROR_ILLEGAL_ADDRESS" in str(error)
else:
    raise AssertionError("launched")
""",
    )
    run(library, program, STUB_FAIL="1")


def test_memory_is_given_back(library: Path) -> None:
    program = PROGRAM.format(arguments="global_clipnorm=1.0")
    log = run(library, program + "\ndel optimizer, variables, gradients\nimport gc; gc.collect()\n")
    assert log.count("alloc") == log.count("free\n")
