"""The report on an optimizer as JSON; ``docs/commands.md`` documents the format."""

from __future__ import annotations

from optgen.cli.optimizer_report import Explained, Scale
from optgen.cli.step_lines import line_of
from optgen.cli.storage_report import StorageRow
from optgen.compiler.ir.cost import Cost
from optgen.compiler.ir.expression import text


def as_json(found: Explained, scale: Scale) -> dict[str, object]:
    """The report as numbers and strings."""
    storage = () if found.storage is None else found.storage.rows
    return {
        "name": found.rule.name,
        "summary": found.rule.summary,
        "reference": found.rule.reference,
        "variants": [
            {"heading": heading, "steps": [*map(line_of, steps)]}
            for heading, steps in found.variants()
        ],
        "properties": [*found.properties()],
        "stability": [f"{text(one.condition)}" for one in found.stable],
        "costs": [_cost(card, scale) for card in found.cards],
        "storage": [_storage(row) for row in storage],
    }


def _cost(card: Cost, scale: Scale) -> dict[str, object]:
    return {
        "setting": card.setting,
        "state_bytes": card.state_bytes,
        "moved_bytes": card.moved_bytes,
        "operations": card.operations,
        "passes": card.passes,
        "seconds": card.floor(scale.parameters, scale.bandwidth),
    }


def _storage(row: StorageRow) -> dict[str, object]:
    stored, found = row.stored, row.found
    bound, runs = found.bound, found.found
    return {
        "param": stored.param.name,
        "grad": stored.grad.name,
        "states": stored.states,
        "rounding": stored.rounding.value,
        "state_bytes": row.plain.state_bytes_in(stored),
        "moved_bytes": row.plain.moved_bytes_in(stored),
        "moved_bytes_with_every_feature": row.whole.moved_bytes_in(stored),
        "error": None if bound is None or bound.error is None else float(bound.error),
        "why_no_bound": "" if bound is None else bound.why,
        "found": None if runs is None else runs.error,
        "lost_update": row.lost,
        "stops_at": row.reach,
        "means": [
            {
                "state": one.mean.state,
                "feature": one.mean.feature,
                "kind": one.mean.kind.value,
                "share": one.mean.share,
                "stands_still": one.stands,
                "statement": one.said(),
            }
            for one in found.means
        ],
        "invariants": [
            {"statement": one.statement, "survives": one.survives, "reason": one.reason}
            for one in found.invariants
        ],
    }
