"""The lines of ``[hyperparameters]`` and ``[state]``."""

from __future__ import annotations

from optgen.compiler.load.fields import Fields
from optgen.compiler.nouns.spec import HyperparameterEntry, Scalar, StateEntry, Text

HYPERPARAMETER = {"default", "range", "doc", "optional", "integer", "excluded", "scales_loss"}
STATE = {"when", "initial", "invariant", "doc", "stands_in"}

#: More than any optimizer has; the bound keeps hostile specs cheap.
MOST_ENTRIES = 64


def read_hyperparameters(table: Fields) -> tuple[HyperparameterEntry, ...]:
    """What the optimizer's user can set."""
    return tuple(_hyperparameter(table, key) for key in _keys(table, "hyperparameters"))


def read_states(table: Fields) -> tuple[StateEntry, ...]:
    """The arrays that outlive a step."""
    return tuple(_state(table, key) for key in _keys(table, "states"))


def _keys(table: Fields, what: str) -> list[str]:
    keys = list(table)
    if len(keys) > MOST_ENTRIES:
        table.complain(keys[MOST_ENTRIES], f"there are more than {MOST_ENTRIES} {what}")
    return keys[:MOST_ENTRIES]


def _hyperparameter(table: Fields, key: str) -> HyperparameterEntry:
    fields = table.table(key, f"{key} = {{ default = 0.9 }}")
    fields.only(HYPERPARAMETER)
    entry = HyperparameterEntry(
        name=table.name(key),
        default=fields.scalar("default"),
        range=fields.text("range"),
        doc=fields.prose("doc"),
        optional=fields.flag("optional"),
        integer=fields.flag("integer"),
        excluded=fields.number("excluded"),
        scales_loss=fields.flag("scales_loss"),
        default_at=fields.place("default"),
        excluded_at=fields.place("excluded"),
    )
    if table.holds_table(key):
        _agree(entry, fields)
    return entry


def _agree(entry: HyperparameterEntry, fields: Fields) -> None:
    """Collect what the fields of one hyperparameter say against each other."""
    name, is_switch = entry.name.value, isinstance(entry.default, bool)
    if entry.optional and "default" in fields:
        fields.complain(
            "default", f"{name} is optional, so its default is None", "leave default out"
        )
    elif not (entry.optional or "default" in fields or fields.misspells("default")):
        fields.complain("default", f"{name} has no default", "add default = …, or optional = true")
    for field in ("range", "integer", "excluded", "scales_loss"):
        if is_switch and not entry.optional and field in fields:
            message = f"{name} is a switch, which takes no {field}"
            fields.complain(field, message, "a default of true or false makes a switch")


def _state(table: Fields, key: str) -> StateEntry:
    fields = table.table(key, f"{key} = {{}}")
    fields.only(STATE)
    return StateEntry(
        name=table.name(key),
        when=fields.text("when"),
        initial=_initial(fields),
        invariant=fields.text("invariant"),
        doc=fields.prose("doc"),
        stands_in=fields.flag("stands_in"),
    )


def _initial(fields: Fields) -> Text | Scalar:
    value = fields.text("initial") if fields.holds_text("initial") else fields.number("initial")
    return 0 if value is None else value
