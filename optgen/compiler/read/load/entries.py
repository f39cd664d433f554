"""The entries of ``[hyperparameters]`` and ``[state]``."""

from __future__ import annotations

from collections.abc import Set
from itertools import pairwise

from optgen.compiler.ir.spec import HyperparameterEntry, InputEntry, Scalar, StateEntry, Text
from optgen.compiler.read.load.fields import Fields

HYPERPARAMETER = {"default", "range", "doc", "optional", "integer", "excluded", "scales_loss"}
OF_SCHEDULE = HYPERPARAMETER - {"excluded", "scales_loss"} | {"required", "list", "after_name"}
INPUT = {"shape", "optional", "doc"}
STATE = {"when", "initial", "invariant", "doc", "stands_in", "shape"}

#: More than any optimizer has; the bound limits the cost of hostile specs.
MOST_ENTRIES = 64


def read_hyperparameters(
    table: Fields, *, of_schedule: bool = False
) -> tuple[HyperparameterEntry, ...]:
    """The hyperparameters that the user of an optimizer or a schedule can set."""
    known = OF_SCHEDULE if of_schedule else HYPERPARAMETER
    keys = _keys(table, "hyperparameters")
    entries = tuple(_hyperparameter(table, key, known) for key in keys)
    _check_order(entries, table)
    return entries


def read_states(table: Fields) -> tuple[StateEntry, ...]:
    """The arrays that persist between steps."""
    return tuple(_state(table, key) for key in _keys(table, "states"))


def read_inputs(table: Fields) -> tuple[InputEntry, ...]:
    """What a call is given beside the gradient."""
    return tuple(_input(table, key) for key in _keys(table, "inputs"))


def _input(table: Fields, key: str) -> InputEntry:
    fields = table.table(key, f"{key} = {{}}")
    fields.only(INPUT)
    shape, optional = fields.text("shape"), fields.flag("optional")
    return InputEntry(table.name(key), shape, optional, fields.prose("doc"))


def _keys(table: Fields, what: str) -> list[str]:
    keys = list(table)
    if len(keys) > MOST_ENTRIES:
        table.complain(keys[MOST_ENTRIES], f"there are more than {MOST_ENTRIES} {what}")
    return keys[:MOST_ENTRIES]


def _check_order(entries: tuple[HyperparameterEntry, ...], table: Fields) -> None:
    """Check that arguments are in file order and that those without a default come first."""
    for before, entry in pairwise(entries):
        name = entry.name.value
        if entry.required and not before.required:
            message = f"{name} is required and stands after an argument that isn't"
            table.complain(name, message, "put the required ones first")
        if before.after_name and not entry.after_name:
            message = f"{name} stands after an argument that comes after name"
            table.complain(name, message, "put those with after_name last")


def _hyperparameter(table: Fields, key: str, known: Set[str]) -> HyperparameterEntry:
    fields = table.table(key, f"{key} = {{ default = 0.9 }}")
    fields.only(known)
    entry = HyperparameterEntry(
        name=table.name(key),
        default=fields.scalar("default"),
        range=fields.text("range"),
        doc=fields.prose("doc"),
        optional=fields.flag("optional"),
        integer=fields.flag("integer"),
        required=fields.flag("required"),
        is_list=fields.flag("list"),
        after_name=fields.flag("after_name"),
        excluded=fields.number("excluded"),
        scales_loss=fields.flag("scales_loss"),
        default_at=fields.place("default"),
        excluded_at=fields.place("excluded"),
    )
    if table.holds_table(key):
        _agree(entry, fields, known)
    return entry


def _agree(entry: HyperparameterEntry, fields: Fields, known: Set[str]) -> None:
    """Collect contradictions between the fields of one hyperparameter."""
    name, is_switch = entry.name.value, isinstance(entry.default, bool)
    if entry.optional and "default" in fields:
        fields.complain(
            "default", f"{name} is optional, so its default is None", "leave default out"
        )
    elif not (entry.optional or entry.required or "default" in fields) and not (
        fields.misspells("default") or fields.misspells("required")
    ):
        other = "required" if "required" in known else "optional"
        message, hint = f"{name} has no default", f"add default = …, or {other} = true"
        fields.complain("default", message, hint)
    for field in ("default", "optional", "after_name"):
        if entry.required and field in fields:
            fields.complain(field, f"{name} is required, so {field} says nothing", f"drop {field}")
    if entry.is_list and not entry.required:
        fields.complain("list", f"{name} is a list, which has no default", "add required = true")
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
        shape=fields.text("shape"),
    )


def _initial(fields: Fields) -> Text | Scalar:
    value = fields.text("initial") if fields.holds_text("initial") else fields.number("initial")
    return 0 if value is None else value
