"""The packages that optgen requires, by its own metadata, and the installed versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata

from optgen.doctor.finding import Finding, Verdict

#: Extras that only the development of optgen needs.
_OF_DEVELOPMENT = frozenset({"test", "dev"})
_ENTRY = re.compile(r"\s*([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*(?:;(.*))?$")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)['"]""")
_LEAST = re.compile(r">=\s*([\d.]+)")


@dataclass(frozen=True)
class Requirement:
    """A package, the oldest version that will do ("" for any), and the extra that needs it."""

    package: str
    least: str
    extra: str = ""


def parsed(lines: Iterable[str]) -> Iterator[Requirement]:
    """Requirements in the notation of package metadata, without those of optgen on itself."""
    for line in lines:
        entry = _ENTRY.match(line)
        if entry is None or entry[1] == "optgen":
            continue
        extra, least = _EXTRA.search(entry[3] or ""), _LEAST.search(entry[2])
        yield Requirement(entry[1], least[1] if least else "", extra[1] if extra else "")


def requirements() -> list[Requirement]:
    """What users of optgen need; empty in a folder of sources that isn't installed."""
    try:
        lines = metadata.requires("optgen") or []
    except metadata.PackageNotFoundError:
        return []
    return [one for one in parsed(lines) if one.extra not in _OF_DEVELOPMENT]


def version(package: str) -> str:
    """The installed version of a package; empty if there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def examined(requirement: Requirement) -> Finding:
    """Whether a package is installed, in a version that will do."""
    extra, least = requirement.extra, requirement.least
    # A name with brackets is quoted, since shells expand those.
    install = f"pip install 'optgen[{extra}]'" if extra else f"pip install {requirement.package}"
    subject = f"{requirement.package} [{extra}]" if extra else requirement.package
    found = version(requirement.package)
    if not found:
        absent = Verdict.MISSING if extra else Verdict.FAULT
        return Finding(subject, absent, "not installed", install)
    if least and numbers(found) < numbers(least):
        upgrade = f"pip install --upgrade '{requirement.package}>={least}'"
        return Finding(subject, Verdict.FAULT, f"{found}, older than {least}", upgrade)
    return Finding(subject, Verdict.OK, found)


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, without zeros at the end: ``1.10.0rc1`` is (1, 10)."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    parts = [int(part) for part in release[0].split(".")] if release else []
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)
