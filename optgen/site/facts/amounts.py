"""What a rule costs and how exact it is, for a page: tables of bytes and of errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from optgen.analysis.measure import measure
from optgen.analysis.measure.storage import in_storages
from optgen.cli.optimizer_report import H100, Explained, Scale
from optgen.cli.storage_report import HEADINGS, StorageReport, StorageRow
from optgen.compiler.ir.accuracy import Bound, in_tenths, one_digit
from optgen.compiler.ir.cost import Cost
from optgen.compiler.ir.formats import BFLOAT16
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.rule import LEARNING_RATE
from optgen.compiler.ir.storage import Rounding, Stored
from optgen.site.facts.records import Extra, Size, Table

#: States in codes of 8 bits.
CODED = Stored(states="int8")
#: The storages of a page; each one takes seconds for a rule of matrices.
_STORAGES = (
    Stored(),
    Stored(states=BFLOAT16.name),
    CODED,
    Stored(BFLOAT16, BFLOAT16),
    Stored(BFLOAT16, BFLOAT16, CODED.states, Rounding.SPLIT),
)
#: The model of the estimated times: a ResNet-50.
_PARAMETERS = 25_557_032


def sizes_of(cards: Iterable[Cost]) -> list[Size]:
    """The bytes of each setting of the rule itself."""
    return [
        {
            "setting": card.setting,
            "state": card.state_bytes,
            "moved": card.moved_bytes,
            "coded": card.state_bytes_in(CODED),
        }
        for card in cards
        if card.is_own
    ]


def extras_of(cards: Sequence[Cost], features: Iterable[str]) -> dict[str, Extra]:
    """What each feature adds to a plain step."""
    plain, known = cards[0], {card.setting: card for card in cards}
    return {
        name: {
            "state": known[f"with {name}"].state_bytes - plain.state_bytes,
            "moved": known[f"with {name}"].moved_bytes - plain.moved_bytes,
        }
        for name in features
        if f"with {name}" in known
    }


def costs_of(found: Explained) -> Table:
    """The cost card: bytes, operations and the least time of a step."""
    scale = Scale(_PARAMETERS, H100)
    headings, rows = scale.headings()[:-1], [scale.cells(card)[:-1] for card in found.cards]
    return {"headings": headings, "rows": rows, "remarks": [scale.note, *found.remarks()]}


def storage_of(plan: Plan, plain: Cost, whole: Cost) -> Table:
    """What half precision and codes of states change."""
    rate = plan.rule.hyperparameter(LEARNING_RATE)
    default = None if rate is None or rate.default is None else float(rate.default)
    rows = (StorageRow(one, plain, whole, default) for one in in_storages(plan, _STORAGES))
    report = StorageReport(tuple(rows))
    return {
        "headings": [*HEADINGS],
        "rows": [row.cells() for row in report.rows],
        "remarks": [*report.remarks()],
    }


def errors_of(plan: Plan) -> Table:
    """Proved bounds of rounding errors, and the largest errors that were found in runs."""
    found = measure(plan)
    remarks = []
    if found.planned:
        verdict = "is proved to mean" if found.proved else "isn't proved to mean"
        remarks.append(f"The update as planned {verdict} what the rule says, in exact arithmetic.")
        remarks += [
            f"Largest error found in {found.steps} steps with {kind}: {one_digit(error)} ulps; "
            f"{one_digit(found.written[kind])} with all of the rule in float32."
            for kind, error in found.planned.items()
        ]
    elif found.bounds:
        remarks.append("Not measured: a step takes all elements together, or is too large.")
    rows = [[*_bound(one, found.found.get((one.setting, one.result)))] for one in found.bounds]
    headings = ["result", "where", "at most", "found", "ulps of"]
    return {"headings": headings, "rows": rows, "remarks": remarks}


def _bound(one: Bound, error: float | None) -> Iterator[str]:
    yield one.result
    yield one.setting
    yield "no bound" if one.ulps is None else in_tenths(one.ulps)
    yield "" if error is None else f"{error:.1f}"
    yield one.why or ("the sum of its terms' magnitudes" if one.cancels else "the result")
