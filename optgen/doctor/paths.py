"""The ways to use optgen, and which of them are fast here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from optgen.cuda import missing_packages, why_not
from optgen.doctor.finding import Finding, Verdict
from optgen.doctor.requirements import Requirement, examined, version

#: What each backend of Keras runs, and its package.
_KERAS = {
    "torch": ("torch", "compiled kernels on the variables' memory"),
    "jax": ("jax", "operations in JAX's compiled step"),
    "tensorflow": ("tensorflow", "operations in TensorFlow's graph"),
}
#: Packages that hold a module of TensorFlow.
_TENSORFLOW = ("tensorflow", "tensorflow-cpu")


@dataclass(frozen=True)
class Installed:
    """What optgen requires, and the imports that failed, by the extra that they are for."""

    requirements: Sequence[Requirement]
    failed: Mapping[str, Finding] = field(default_factory=dict)

    def path(self, subject: str, extra: str, then: Finding) -> Finding:
        """A path that needs the packages of an extra, and then is as another one."""
        findings = [examined(one) for one in self.requirements if one.extra == extra]
        if not findings:
            reinstall = f"reinstall optgen: its metadata doesn't list the extra {extra}"
            return Finding(subject, Verdict.NOTE, "unknown", reinstall)
        for verdict in (Verdict.MISSING, Verdict.FAULT):
            named = [f"{one.subject} {one.found}" for one in findings if one.verdict is verdict]
            if named:
                install = f"pip install --upgrade 'optgen[{extra}]'"
                return Finding(subject, verdict, ", ".join(named), install)
        then = self.failed.get(extra, then)
        return Finding(subject, then.verdict, then.found, then.advice)


def examine(installed: Installed, others: Sequence[Finding]) -> Iterator[Finding]:
    """Each path; ``others`` are the findings about packages, kernels, threads and machine."""
    kernels = of_kernels([*others, *filter(None, [installed.failed.get("")])])
    yield kernels
    yield installed.path("torch", "torch", kernels)
    yield keras(backend(os.environ), installed, kernels)
    fine = Finding("", Verdict.FAST, "operations in JAX's compiled step")
    yield installed.path("JAX, Optax", "jax", fine)
    yield cuda(missing_packages(), why_not())
    for subject, extra in (("rules of your own", "compiler"), ("commands", "cli")):
        yield installed.path(subject, extra, Finding("", Verdict.OK, "installed"))


def cuda(packages: str, reason: str) -> Finding:
    """Kernels on a device: what packages are missing, or another reason why there are none."""
    if packages:
        found, _, install = packages.partition(": ")
        return Finding("CUDA", Verdict.MISSING, found, install)
    if reason:
        return Finding("CUDA", Verdict.MISSING, reason, "see GPU below")
    return Finding("CUDA", Verdict.FAST, "compiled kernels on the device")


def of_kernels(others: Sequence[Finding]) -> Finding:
    """Kernels on the CPU: as good as what they depend on."""
    subject = "NumPy"
    for verdict in (Verdict.FAULT, Verdict.SLOW):
        found = [one for one in others if one.verdict is verdict]
        if found:
            named = ", ".join(one.subject for one in found)
            return Finding(subject, verdict, f"because of {named}", "see below")
    return Finding(subject, Verdict.FAST, "compiled kernels on the CPU")


def backend(environment: Mapping[str, str]) -> str:
    """The backend that Keras takes: of the environment, of its file, or its default."""
    home = environment.get("KERAS_HOME") or Path("~/.keras").expanduser()
    try:
        settings = json.loads((Path(home) / "keras.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = {}
    kept = settings.get("backend") if isinstance(settings, dict) else None
    return environment.get("KERAS_BACKEND") or kept or "tensorflow"


def keras(name: str, installed: Installed, kernels: Finding) -> Finding:
    """Keras with a backend."""
    subject = f"Keras on {name}"
    if name not in _KERAS:
        advice = f"set KERAS_BACKEND to one of {', '.join(_KERAS)}"
        return Finding(subject, Verdict.FAULT, "optgen has no steps for this backend", advice)
    package, found = _KERAS[name]
    packages = _TENSORFLOW if package == "tensorflow" else (package,)
    if not any(map(version, packages)):
        there = [other for other, (one, _) in _KERAS.items() if version(one)]
        advice = f"set KERAS_BACKEND={there[0]}" if there else f"pip install {package}"
        return Finding(subject, Verdict.MISSING, f"{package} not installed", advice)
    fine = kernels if package == "torch" else Finding("", Verdict.FAST, found)
    return installed.path(subject, "keras", fine)
