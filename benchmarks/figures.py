"""Every figure of the README and of docs/performance.md, by the command that measures it.

    python benchmarks/figures.py [SECTION ...] [--quick]

Each command runs in a process of its own, one after the other; tables are printed as Markdown.
``--quick`` makes runs of `optgen bench` quick, as the tables in the documentation say. ``--list``
prints the commands only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BENCH = ("-m", "optgen", "bench")
TARGETS = ("", "cpu", "cuda", "jax", "keras")
PICTURE = str(ROOT / "docs" / "pictures" / "steps.png")


@dataclass(frozen=True)
class Section:
    """Figures that one command measures, and where they are written down."""

    name: str
    where: str
    command: tuple[str, ...]


def bench(name: str, where: str, arguments: str) -> Section:
    return Section(name, where, (*BENCH, *arguments.split()))


def script(name: str, where: str) -> Section:
    return Section(name, where, (str(ROOT / "benchmarks" / f"{name}.py"),))


SECTIONS = (
    # One by one, so that each quick run has its two minutes.
    Section(
        "steps",
        "README: the chart; performance: the first table, ResNet-50",
        (*BENCH, "--model", "resnet50", "--picture", PICTURE),
    ),
    *(
        bench(f"steps_{model}", "performance: the first table", f"--model {model}")
        for model in ("gpt2_small", "flat", "many_tiny")
    ),
    bench(
        "compiled",
        "README, performance: torch.compile",
        "adadelta adam --model resnet50 --model flat",
    ),
    bench(
        "libraries",
        "performance: Adafactor, LAMB and others beside Optax, torch and Keras",
        "adafactor lamb lion adam adamw sgd --peer torch,keras,optax --model gpt2_small",
    ),
    bench(
        "others", "performance: rules that aren't timed by default", "lion adan lamb --model flat"
    ),
    script("many_tensors", "performance: 1000 tensors of 64, on their own"),
    script("torch_step", "performance: in turns with torch's steps"),
    script("torch_muon", "performance: Muon in turns with torch's"),
    script("keras_step", "performance: in turns with Keras's steps"),
    script("large_model", "performance: 3 GB of parameters"),
    script("denormals", "performance: denormal numbers"),
    Section("lines", "README: lines of a rule's generated code, and numbers of rules", ()),
)
#: Sections that need all of ``optgen bench``'s rounds, or torch.compile, which a quick run omits.
THOROUGH = {"compiled"}


def table(found: dict[str, Any]) -> Iterator[str]:
    """The steps of a benchmark: a row for each optimizer and model."""
    plain = [one for one in found["steps"] if not one["everything_on"]]
    full = {(one["model"], one["case"]): one for one in found["steps"] if one["everything_on"]}
    peers, others = (
        [*dict.fromkeys(n for one in rows for n in one["peers"])] for rows in (plain, full.values())
    )
    heads = [
        "model",
        "optimizer",
        "ms",
        "GB/s",
        "floor",
        *peers,
        "everything on: ms",
        "floor",
        *others,
    ]
    yield _row(heads)
    yield _row(["---"] * len(heads))
    for one in plain:
        more = full.get((one["model"], one["case"]))
        cells = [one["model"], one["case"], *_own(one, bandwidth=True), *_ratios(one, peers)]
        if more is not None:
            cells += [*_own(more, bandwidth=False), *_ratios(more, others)]
        yield _row(cells)


def _own(one: dict[str, Any], *, bandwidth: bool) -> list[str]:
    share = one["share_of_floor"]
    speed = [f"{one['gigabytes_per_second']:.0f}"] if bandwidth else []
    return [f"{one['milliseconds']:.3g}", *speed, "" if share is None else f"{share:.0%}"]


def _ratios(one: dict[str, Any], peers: list[str]) -> list[str]:
    return [f"{one['peers'][name]:.1f} x" if name in one["peers"] else "" for name in peers]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def rest(found: dict[str, Any]) -> Iterator[str]:
    """What a benchmark measures besides steps."""
    yield json.dumps(found["machine"])
    for label, row in found["growth"].items():
        yield f"{label}, us by the number of tensors of 64: {json.dumps(row)}"
    yield json.dumps(found["startup"])
    yield from found["notes"]
    yield from (f"no time for {what}" for what in found["left_out"])


def lines() -> Iterator[str]:
    """The lines of each rule's class, kernels and operations, and how many rules there are."""
    names = sorted(path.stem for path in (ROOT / "specs" / "optimizers").rglob("*.toml"))
    sizes = {}
    for name in names:
        files = [ROOT / "generated" / target / f"{name}.py" for target in TARGETS]
        sizes[name] = sum(len(path.read_text().splitlines()) for path in files if path.exists())
    ordered = sorted(names, key=lambda name: sizes[name])
    yield ", ".join(f"{name} {sizes[name]}" for name in ordered)
    published = len([*(ROOT / "specs" / "published").glob("*.toml")])
    yield f"{len(names)} rules built in, {published} published"


def run(section: Section, *, quick: bool) -> bool:
    """Print the figures of a section; returns whether its command succeeded."""
    if not section.command:
        print(*lines(), sep="\n", flush=True)
        return True
    command = [sys.executable, *section.command]
    if section.command[: len(BENCH)] != BENCH:
        return subprocess.run(command, check=False, cwd=ROOT).returncode == 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        wish = ["--quick"] if quick and section.name not in THOROUGH else []
        command += ["--json", str(path), *wish]
        done = subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.DEVNULL)
        if done.returncode:
            return False
        found = json.loads(path.read_text(encoding="utf-8"))
    print(*table(found), "", *rest(found), sep="\n", flush=True)
    return True


def main() -> int:
    """Run the sections that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--list", action="store_true")
    wishes = parser.parse_args()
    known = {section.name: section for section in SECTIONS}
    unknown = [name for name in wishes.sections if name not in known]
    if unknown:
        parser.error(f"there is no section {unknown[0]!r}; there are {', '.join(known)}")
    failed = []
    for name in wishes.sections or known:
        section = known[name]
        shown = " ".join(["python", *section.command]) if section.command else "lines of files"
        print(f"\n## {name}: {section.where}\n\n`{shown.replace(f'{ROOT}/', '')}`\n", flush=True)
        if not wishes.list and not run(section, quick=wishes.quick):
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
