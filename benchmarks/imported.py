"""All optimizers of torch.optim and of pytorch_optimizer, imported, compiled and compared.

Run it with ``python benchmarks/imported.py``; names after it are the only ones. With all of them it
takes minutes: each spec is compiled.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from types import ModuleType

import pytorch_optimizer
import torch

import optgen
from optgen.compiler.ir.problem import SpecError, UsageError
from optgen.tracing.importer import imported
from optgen.tracing.verification import verified

LIBRARIES = (torch.optim, pytorch_optimizer)


def classes(library: ModuleType) -> Iterator[type]:
    """The optimizers of a library, by name."""
    for name, one in sorted(vars(library).items()):
        is_class = inspect.isclass(one) and issubclass(one, torch.optim.Optimizer)
        # pytorch_optimizer also has torch's under its own name.
        is_own = is_class and one.__module__.startswith(library.__name__)
        if is_own and name == one.__name__ and name not in ("Optimizer", "BaseOptimizer"):
            yield one


def verdict(owner: type) -> tuple[str, str]:
    """What became of a class, and the details."""
    try:
        found = imported(owner)
    except UsageError as error:
        return "needs arguments", str(error)
    except SpecError as error:
        (problem, *_) = error.problems
        kind = "fails itself" if "itself fails" in problem.message else "not followed"
        return kind, f"{problem.message} ({problem.location})"
    try:
        result = verified(found.subject, optgen.compile(found.text))
    except SpecError as error:
        return "WRONG SPEC", str(error)
    details = f"{result.difference:.1e} of {result.tolerance:.0e}"
    if found.subject.narrow:
        details += f", rounded to float32 by the original ({found.subject.narrow[0]})"
    return ("equal" if result.is_equal else "DIFFERENT"), details


def main(only: list[str]) -> None:
    """Print what becomes of each class, and the counts."""
    warnings.simplefilter("ignore")
    for library in LIBRARIES:
        counts: Counter[str] = Counter()
        for owner in classes(library):
            if only and owner.__name__ not in only:
                continue
            kind, details = verdict(owner)
            counts[kind] += 1
            print(f"{library.__name__}.{owner.__name__}: {kind}: {details}", flush=True)
        print(f"{library.__name__}: {dict(counts.most_common())}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
