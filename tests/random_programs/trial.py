"""A program through the compiler and its comparisons; what breaks is a finding."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from optgen.compiler.ir.problem import SpecError
from tests.random_programs.commands import by_commands, by_diff
from tests.random_programs.comparison import Arrays, Outcome, compare, small_chunks
from tests.random_programs.compiled import by_numba, by_ptx
from tests.random_programs.plain import optimizer_class
from tests.random_programs.program import Program
from tests.random_programs.sources import Sources, plan_from

Comparison = Callable[[Program, Sources], Outcome]


@dataclass
class Trial:
    """What became of a program: refused, a difference, a crash, or none of them."""

    program: Program
    refused: str = ""
    crash: str = ""
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def finding(self) -> str:
        """What is wrong, without numbers: one that is made smaller stays of this kind."""
        if self.crash:
            return self.crash.strip().splitlines()[-1].split(":")[0]
        # The first difference without its numbers.
        told = self.outcome.differences[:1]
        return "".join(re.sub(r"[-+.\de]*\d|\(.*?\)|'.*?'", "", one)[:60] for one in told)


def by_python(program: Program, sources: Sources) -> Outcome:
    """The emitted CPU kernels, run by Python itself."""
    kind = optimizer_class(str(program.spec["name"]), sources.of("cpu"))
    with small_chunks():
        return compare(Arrays(kind, program), program)


def by_device(program: Program, sources: Sources) -> Outcome:
    """CUDA kernels on a device or in Numba's simulator, which needs a process of its own."""
    found: Outcome = import_module("tests.random_programs.on_device").by_device(program, sources)
    return found


def by_keras(program: Program, sources: Sources) -> Outcome:
    """Operations of Keras, whose backend is that of the process."""
    found: Outcome = import_module("tests.random_programs.in_keras").by_keras(program, sources)
    return found


def by_jax(program: Program, sources: Sources) -> Outcome:
    """Functions of JAX."""
    found: Outcome = import_module("tests.random_programs.in_jax").by_jax(program, sources)
    return found


def printed(program: Program, sources: Sources) -> Outcome:
    """All kernels are printed, and looked over; nothing runs."""
    sources.looked_over()
    return Outcome()


#: What a program may be tried with.
COMPARISONS: Mapping[str, Comparison] = {
    "python": by_python,
    "printed": printed,
    "numba": by_numba,
    "ptx": by_ptx,
    "device": by_device,
    "keras": by_keras,
    "jax": by_jax,
    "commands": by_commands,
    "diff": by_diff,
}


def run(program: Program, comparison: Comparison = by_python) -> Trial:
    """Compile and compare a program."""
    trial = Trial(program)
    try:
        # Every fourth program has all features around it, which takes longer.
        made = plan_from(program, only_used=program.seed % 4 > 0)
        trial.outcome = comparison(program, Sources(*made))
    except SpecError as error:
        trial.refused = "; ".join(problem.message for problem in error.problems)
    except Exception:
        trial.crash = traceback.format_exc()
    return trial
