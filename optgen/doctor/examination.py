"""The whole examination. No fault of one part keeps the others from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optgen.doctor import gpu, imports, kernels, machine, paths, python, threads
from optgen.doctor.finding import Finding, Section, Verdict
from optgen.doctor.requirements import examined, requirements


def examination(*, thorough: bool = False) -> list[Section]:
    """The sections of a report, the ways to use optgen first; imports, if ``thorough``."""
    needed = requirements()
    base = [python.interpreter(), *(examined(one) for one in needed if not one.extra)]
    extras = [examined(one) for one in needed if one.extra]
    parts = {
        "Kernels on the CPU": _all(kernels.examine),
        "Threads": _all(threads.examine),
        "Machine": _all(machine.examine),
    }
    imported = imports.examine() if thorough else {}
    installed = paths.Installed(needed, imports.failures(imported))
    own = [*base, *(found for findings in parts.values() for found in findings)]
    found = {
        "Paths": list(paths.examine(installed, own)),
        **parts,
        "GPU": _all(gpu.examine),
        "Packages": [*base, *extras],
    }
    if imported:
        found["Imports"] = [finding for findings in imported.values() for finding in findings]
    return [Section(title, tuple(findings)) for title, findings in found.items()]


def _all(examine: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """The findings of a part, up to a package that can't be imported, which is one more."""
    found: list[Finding] = []
    try:
        found += examine()
    except Exception as error:
        # Broken packages raise anything.
        what = f"{type(error).__name__}: {error}".partition("\n")[0]
        found.append(Finding("import", Verdict.FAULT, what, "pip install --force-reinstall optgen"))
    return found


def is_usable(sections: list[Section]) -> bool:
    """Whether optimizers run here at all: the first path isn't at fault."""
    return sections[0].findings[0].verdict is not Verdict.FAULT
