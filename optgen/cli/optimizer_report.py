"""The report on one optimizer, from which all formats are printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from optgen.analysis.exact.representative import representative
from optgen.analysis.explain import costs, stabilities, variants
from optgen.analysis.reports import findings
from optgen.cli.storage_report import StorageReport, storage_report
from optgen.compiler.ir.cost import EXAMPLE_RANK, NUMBER_WIDTH, Cost, Pass
from optgen.compiler.ir.expression import Expression, rename
from optgen.compiler.ir.extent import MATRICES, Extent
from optgen.compiler.ir.extents import AMOUNTS
from optgen.compiler.ir.language import SPELLED
from optgen.compiler.ir.proof import ASIDE, Finding, Verdict
from optgen.compiler.ir.rule import Rule, Step
from optgen.compiler.ir.spec import Spec
from optgen.compiler.ir.stability import Stability
from optgen.compiler.ir.storage import WIDTH, Stored
from optgen.compiler.pipeline import checked_rule, plan_of, surroundings

#: The bandwidth of a copy within the memory of an H100, in bytes per second.
H100 = 3.0e12
#: The rows and columns of an example: a layer of a transformer of width 1024.
EXAMPLE = (1024, 4096)


@dataclass(frozen=True)
class Explained:
    """One optimizer: its rule, proved properties, stability limits, and costs."""

    rule: Rule
    proved: Sequence[Finding]
    stable: Sequence[Stability]
    cards: Sequence[Cost]
    #: What other storages than float32 change, where it is asked for.
    storage: StorageReport | None = None

    def variants(self) -> Iterator[tuple[str, Sequence[Step]]]:
        """A heading for the steps of each variant, and the steps."""
        for variant in variants(self.rule):
            steps = [replace(s, expression=rename(s.expression, SPELLED)) for s in variant.steps]
            yield f"A step{f', {variant.setting}' if variant.setting else ''}", steps

    def properties(self) -> Iterator[str]:
        """Each property once, with its verdict in all variants."""
        statements = dict.fromkeys((finding.group, finding.statement) for finding in self.proved)
        for group, statement in statements:
            alike = [f for f in self.proved if (f.group, f.statement) == (group, statement)]
            if group in ASIDE:
                yield from _told(statement, alike)
                continue
            verdicts = dict.fromkeys(finding.verdict for finding in alike)
            shown = "; ".join(
                verdict if len(verdicts) == 1 else f"{verdict} where {_where(alike, verdict)}"
                for verdict in verdicts
            )
            reasons = dict.fromkeys(f.reason for f in alike if f.reason)
            yield f"{shown}: {statement} ({next(iter(reasons), 'by numbers')})"

    def limits(self) -> Iterator[tuple[str, Expression, str]]:
        """The stability condition, with the text before and after it."""
        for found in self.stable:
            behind = f", where {found.setting}" if found.setting else ""
            yield "on a quadratic it is stable for ", found.condition, behind

    def passes(self) -> Iterator[str]:
        """What each pass of the optimizer's own settings reads and writes, and why it is needed."""
        for card in self.cards:
            if not card.is_own or not any(one.reductions for one in card.stages):
                continue
            for number, one in enumerate(card.stages, 1):
                yield f"{card.setting}, pass {number} {_of_pass(one)}"

    def remarks(self) -> Iterator[str]:
        """What the table of costs doesn't say."""
        yield from (*self.sizes(), *self.passes(), *self.products())

    def products(self) -> Iterator[str]:
        """The functions of matrices between the passes, and their cost for one size."""
        for card in self.cards:
            if card.is_own and card.calls:
                yield from (f"{card.setting}, {line}" for line in _of_calls(card))

    def sizes(self) -> Iterator[str]:
        """The sizes of states that are numbers or vectors."""
        shaped = dict.fromkeys(one for card in self.cards for one in card.shaped)
        for name, extent in shaped:
            width = WIDTH if extent in MATRICES else NUMBER_WIDTH
            yield f"{name} holds {width} B: {AMOUNTS[extent]}"


def _of_calls(card: Cost) -> Iterator[str]:
    """The functions of matrices of a setting in words, and scratch memory."""
    for call in card.calls:
        moved = " + ".join(map(str, call.matrices))
        often = "once" if call.times == 1 else f"{call.times} times"
        work = f"{call.operations} operations, and {moved} numbers read and written"
        yield f"{call.function}, {often}: {work}"
    billions = sum(call.operations_at(*EXAMPLE) for call in card.calls) / 1e9
    megabytes = sum(call.bytes_at(*EXAMPLE) for call in card.calls) / 1e6
    calls = sum(call.times for call in card.calls)
    rows, columns = EXAMPLE
    has_rank = any("rank" in one.operations.sides for one in card.calls)
    rank = f" of rank {EXAMPLE_RANK}" if has_rank else ""
    yield (
        f"{calls} such calls of a library in a step: for {rows} by {columns}{rank} in float32 "
        f"{billions:.3g} billion operations, and {megabytes:.4g} MB read and written"
    )
    held = " + ".join(f"{count}*{size}" for size, count in card.scratch)
    there = card.scratch_bytes(*EXAMPLE) / 1e6
    yield f"{held} numbers of scratch memory for a variable, here {there:.4g} MB"


def _of_pass(one: Pass) -> str:
    """A pass in words."""
    where = "" if one.over is Extent.ELEMENT else "of squares "
    parts = [f"{where}reads {', '.join(one.loads)}"]
    if one.stores:
        parts.append(f"writes {', '.join(one.stores)}")
    if one.reductions:
        parts.append(f"makes {', '.join(one.reductions)}")
    if one.needs:
        parts.append(f"needs {', '.join(one.needs)}")
    return "; ".join(parts)


def explained(
    spec: Spec, together: Sequence[str], storages: Sequence[Stored] | None = None
) -> Explained:
    """The complete report on an optimizer, with its cost when some features are on together.

    With ``storages``, it is also about the usual ones and these. Raises SpecError, and UsageError
    for an unknown feature.
    """
    rule, plan = checked_rule(spec), plan_of(spec, surroundings())
    cards = tuple(costs(plan, together))
    storage = None if storages is None else storage_report(plan, storages)
    stable = tuple(stabilities(representative(rule)))
    return Explained(rule, findings(spec), stable, cards, storage)


@dataclass(frozen=True)
class Scale:
    """The scale of given times: the number of parameters, and the bandwidth in bytes per second."""

    parameters: int
    bandwidth: float

    def headings(self) -> list[str]:
        """The headings of the table of costs."""
        return [
            "setting",
            "state B",
            "moved B",
            "operations",
            "passes",
            f"ms at {self.bandwidth / 1e9:.0f} GB/s",
            f"ms at {H100 / 1e12:.0f} TB/s",
        ]

    def cells(self, card: Cost) -> list[str]:
        """The cells of one row of the table."""
        return [
            card.setting,
            str(card.state_bytes),
            str(card.moved_bytes),
            str(card.operations),
            str(card.passes),
            f"{1e3 * card.floor(self.parameters, self.bandwidth):.3g}",
            f"{1e3 * card.floor(self.parameters, H100):.3g}",
        ]

    @property
    def note(self) -> str:
        """The definition of the numbers in the table."""
        return f"B for each float32 parameter; ms for {self.parameters:,} of them"


def _where(alike: Sequence[Finding], verdict: Verdict) -> str:
    return "; or ".join(finding.variant for finding in alike if finding.verdict is verdict)


def _told(statement: str, alike: Sequence[Finding]) -> Iterator[str]:
    """An optional property of a rule, with each reason on a separate line."""
    reasons = dict.fromkeys((finding.word, finding.reason) for finding in alike)
    for word, reason in reasons:
        places = [f.variant for f in alike if (f.word, f.reason) == (word, reason)]
        where = f", where {'; or '.join(places)}" if len(reasons) > 1 else ""
        yield f"{word}: {statement} ({reason}{where})"
