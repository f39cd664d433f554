"""The entries of ``[hyperparameters]``, ``[queues]`` and ``[state]``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import pairwise

from optgen.compiler.ir.problem import nearest
from optgen.compiler.ir.spec import (
    HyperparameterEntry,
    InputEntry,
    QueueEntry,
    Scalar,
    StateEntry,
    Text,
)
from optgen.compiler.read.load.fields import Fields

_OF_EVERY = {"default", "range", "doc", "optional", "integer", "list"}
OF_FEATURE = _OF_EVERY | {"excluded", "scales_loss"}
OF_OPTIMIZER = OF_FEATURE | {"replaces"}
OF_SCHEDULE = _OF_EVERY | {"required", "after_name"}
INPUT = {"shape", "optional", "doc"}
STATE = {"when", "initial", "invariant", "doc", "stands_in", "shape", "each"}

#: More than any optimizer has; the bounds limit the cost of hostile specs.
MOST_ENTRIES, MOST_ITEMS = 64, 16


def read_hyperparameters(table: Fields, known: Set[str]) -> tuple[HyperparameterEntry, ...]:
    """The hyperparameters that users can set, each with these keys at most."""
    keys = _keys(table, "hyperparameters")
    entries = tuple(one for key in keys for one in _hyperparameters(table, key, known))
    _check_order(entries, table)
    return entries


def read_queues(table: Fields) -> tuple[QueueEntry, ...]:
    """The queues, each with its length."""
    read_ones = [(table.name(key), table.number(key)) for key in table]
    for name, length in read_ones:
        if not isinstance(length, int) or not 0 < length <= MOST_ITEMS:
            message = f"the length of {name.value!r:.80} is a whole number from 1 to {MOST_ITEMS}"
            table.complain(name.value, message, f"write {name.value:.80} = 5")
    return tuple(QueueEntry(name, n) for name, n in read_ones if isinstance(n, int))


def with_lengths(
    states: Sequence[StateEntry], queues: Iterable[QueueEntry]
) -> tuple[StateEntry, ...]:
    """States with as many items as these queues have."""
    lengths = {queue.name.value: queue.length for queue in queues}
    found: list[StateEntry] = []
    for state in states:
        if state.of_list not in lengths:
            found.append(state)
        elif state.name.value == f"{state.inside}_1":
            found += _items(state, lengths[state.of_list])
    return tuple(found)


def read_states(
    table: Fields,
    hyperparameters: Sequence[HyperparameterEntry],
    queues: Sequence[QueueEntry],
) -> tuple[StateEntry, ...]:
    """The arrays that persist between steps, each with these keys at most."""
    counts = Counter(entry.of_list for entry in hyperparameters if entry.of_list)
    counts.update({queue.name.value: queue.length for queue in queues})
    keys = _keys(table, "states")
    return tuple(one for key in keys for one in _states(table, key, counts))


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
        name = entry.of_list or entry.name.value
        if entry.required and not before.required:
            message = f"{name} is required and stands after an argument that isn't"
            table.complain(name, message, "put the required ones first")
        if before.after_name and not entry.after_name:
            message = f"{name} stands after an argument that comes after name"
            table.complain(name, message, "put those with after_name last")


def _hyperparameters(table: Fields, key: str, known: Set[str]) -> Iterator[HyperparameterEntry]:
    """One hyperparameter, or one for each item of a list, but for a schedule's."""
    entry = _hyperparameter(table, key, known)
    if not entry.is_list or "required" in known:
        yield entry
        return
    fields = table.table(key)
    items = fields.numbers("default")
    if len(items) > MOST_ITEMS:
        fields.complain("default", f"there are more than {MOST_ITEMS} items")
    for field in ("optional", "replaces", "scales_loss"):
        if field in fields:
            fields.complain(field, f"{key} is a list, which takes no {field}", f"drop {field}")
    for number, item in enumerate(items[:MOST_ITEMS], start=1):
        yield replace(
            entry,
            name=Text(f"{key}_{number}", entry.name.location),
            default=item,
            doc=f"{entry.doc.rstrip('.')}; item {number} of {key}." if entry.doc else "",
            is_list=False,
            of_list=key,
        )


def _hyperparameter(table: Fields, key: str, known: Set[str]) -> HyperparameterEntry:
    fields = table.table(key, f"{key} = {{ default = 0.9 }}")
    fields.only(known)
    is_list = fields.flag("list")
    entry = HyperparameterEntry(
        name=table.name(key),
        default=None if is_list else fields.scalar("default"),
        range=fields.text("range"),
        doc=fields.prose("doc"),
        optional=fields.flag("optional"),
        integer=fields.flag("integer"),
        required=fields.flag("required"),
        is_list=is_list,
        after_name=fields.flag("after_name"),
        excluded=fields.number("excluded"),
        scales_loss=fields.flag("scales_loss"),
        replaces=fields.text("replaces"),
        default_at=fields.place("default"),
        excluded_at=fields.place("excluded"),
    )
    if table.holds_table(key):
        _agree(entry, fields, known)
    return entry


def _agree(entry: HyperparameterEntry, fields: Fields, known: Set[str]) -> None:
    """Collect contradictions between the fields of one hyperparameter."""
    name, is_switch = entry.name.value, isinstance(entry.default, bool)
    if entry.optional and is_switch:
        message = f"{name} is a switch, which is true or false and never None"
        fields.complain("optional", message, "drop optional")
    elif not (entry.optional or entry.required or "default" in fields) and not (
        fields.misspells("default") or fields.misspells("required")
    ):
        other = "required" if "required" in known else "optional"
        message, hint = f"{name} has no default", f"add default = …, or {other} = true"
        fields.complain("default", message, hint)
    for field in ("default", "optional", "after_name"):
        if entry.required and field in fields:
            fields.complain(field, f"{name} is required, so {field} says nothing", f"drop {field}")
    if entry.is_list and not entry.required and "required" in known:
        fields.complain("list", f"{name} is a list, which has no default", "add required = true")
    for field in ("range", "integer", "excluded", "scales_loss"):
        if is_switch and field in fields:
            message = f"{name} is a switch, which takes no {field}"
            fields.complain(field, message, "a default of true or false makes a switch")


def _states(table: Fields, key: str, counts: Mapping[str, int]) -> Iterator[StateEntry]:
    """One state, or one for each item of a list."""
    fields = table.table(key, f"{key} = {{}}")
    fields.only(STATE)
    entry, each = _state(table, key, fields), fields.text("each")
    if each is None:
        yield entry
        return
    if each.value not in counts:
        hint = nearest(each.value, counts) or "declare a hyperparameter with list = true"
        fields.complain("each", f"there is no list {each.value!r:.80}", hint)
    listed = replace(entry, of_list=each.value, inside=key)
    yield from _items(listed, min(counts.get(each.value, 0), MOST_ITEMS))


def _items(entry: StateEntry, count: int) -> Iterator[StateEntry]:
    """The states of the items of a list."""
    for number in range(1, count + 1):
        yield replace(entry, name=Text(f"{entry.inside}_{number}", entry.name.location))


def _state(table: Fields, key: str, fields: Fields) -> StateEntry:
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
