"""Load: a file becomes a Spec. The only stage that reads spec files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from keyword import iskeyword
from pathlib import Path

from optgen.compiler.ir.problem import CONTROL, Problems, SpecError
from optgen.compiler.ir.proof import Group
from optgen.compiler.ir.spec import Spec, Text
from optgen.compiler.read.load.document import Document, read
from optgen.compiler.read.load.entries import (
    HYPERPARAMETER,
    OF_LISTS,
    OF_OPTIMIZER,
    OF_SCHEDULE,
    STATE,
    read_hyperparameters,
    read_states,
)
from optgen.compiler.read.load.extends import base_of, check_fragments, extended, with_lines_of
from optgen.compiler.read.load.fields import Fields
from optgen.compiler.read.load.functions import with_functions

HEADER = {"name", "summary", "reference"}
OPTIMIZER = {"label", "defaults", "demo", "torch", "waive"}
BODY = {"hyperparameters", "state", "update"}
FEATURE = {"slot", "when", "exclusive", "before", "after", "every_variable", "position"}
SCHEDULE = {"label", "hyperparameters", "schedule"}
UPDATE = {"rule"}
FUNCTION = {"arguments", "rule", "result"}
FEATURE_UPDATE = {"rule", "proceed", "otherwise"}

#: Formats the name of a file in messages.
Shown = Callable[[Path], str]


def load(path: Path, bases: tuple[Path, ...] = (), shown: Shown = Path.as_posix) -> Spec:
    """Read one spec file.

    ``bases`` are the folders that are searched, after the file's own, for a spec that it extends.

    Raises SpecError with all problems of the file.
    """
    return _load(path, bases, shown, ())


def _load(path: Path, bases: tuple[Path, ...], shown: Shown, within: tuple[str, ...]) -> Spec:
    """Read a spec file; ``within`` are the functions that call it."""
    document = read(path, shown(path))
    problems = Problems()
    top = Fields(document, problems, document.data)
    extends = top.text("extends")
    if "schedule" in top:
        spec = _schedule(document, top)
    elif "function" in top:
        spec = _function(document, top)
    elif extends is None:
        spec = _whole(document, top)
    else:
        spec = _extending(document, top, extends, (path, bases, shown), problems)

    def function(file: Path, inside: tuple[str, ...]) -> Spec | None:
        is_one = "function" in read(file, shown(file)).data
        return _load(file, bases, shown, inside) if is_one else None

    if spec.fragments and extends is None:
        check_fragments(spec, [name for name, _ in spec.fragments], problems)
    if not spec.is_schedule:
        spec = with_functions(spec, (path.parent, *bases), function, problems, within)
    if problems:
        raise SpecError(sorted(problems, key=lambda p: (p.location.line, p.location.column)))
    return spec


def _extending(
    document: Document,
    top: Fields,
    extends: Text,
    where: tuple[Path, tuple[Path, ...], Shown],
    problems: Problems,
) -> Spec:
    """A spec that extends another, with a rule of its own or without."""
    path, bases, shown = where
    has_rule = "update" in top
    if has_rule:
        own = _whole(document, top)
    else:
        own = _header(document, top)
        top.only(HEADER | OPTIMIZER | {"extends"})

    def base_from(file: Path) -> Spec:
        return load(file, bases, shown)

    base = base_of(path, extends, (path.parent, *bases), shown, base_from, problems)
    if base is None:
        return own
    if not has_rule:
        return extended(base, own)
    spec = with_lines_of(base, own, extends, problems)
    check_fragments(spec, [name for name, _ in own.fragments], problems)
    return spec


def _whole(document: Document, top: Fields) -> Spec:
    is_feature = "slot" in top
    top.only(HEADER | BODY | (FEATURE if is_feature else OPTIMIZER | {"extends", "fragments"}))
    update = top.table("update")
    update.only(FEATURE_UPDATE if is_feature else UPDATE)
    rule = update.text("rule")
    if "update" not in top:
        top.complain("name", "there is no rule", 'write [update] and rule = """…"""')
    elif top.holds_table("update") and "rule" not in update:
        update.complain("rule", "there is no rule", 'write rule = """…"""')
    header = _header(document, top)
    keys, of_states = (HYPERPARAMETER, STATE) if is_feature else (OF_OPTIMIZER, OF_LISTS)
    hyperparameters = read_hyperparameters(top.table("hyperparameters"), keys)
    return replace(
        header,
        hyperparameters=hyperparameters,
        states=read_states(top.table("state"), hyperparameters, of_states),
        rule=rule or header.rule,
        slot=top.text("slot"),
        when=top.text("when"),
        proceed=update.text("proceed"),
        otherwise=update.text("otherwise"),
        exclusive=top.prose("exclusive"),
        before=top.texts("before"),
        after=top.texts("after"),
        every_variable=top.flag("every_variable"),
        position=_position(top),
        fragments=_fragments(top.table("fragments", 'name = """…"""')),
    )


def _fragments(table: Fields) -> tuple[tuple[Text, Text], ...]:
    """Named lines of a rule."""
    read_ones = [(table.name(key), table.text(key)) for key in table]
    return tuple((name, text) for name, text in read_ones if text is not None)


def _schedule(document: Document, top: Fields) -> Spec:
    top.only(HEADER | SCHEDULE)
    body = top.table("schedule")
    body.only(UPDATE)
    rule = body.text("rule")
    if top.holds_table("schedule") and "rule" not in body:
        body.complain("rule", "there is no rule", 'write rule = """…"""')
    header = _header(document, top)
    hyperparameters = read_hyperparameters(top.table("hyperparameters"), OF_SCHEDULE)
    return replace(
        header, hyperparameters=hyperparameters, rule=rule or header.rule, is_schedule=True
    )


def _function(document: Document, top: Fields) -> Spec:
    top.only(HEADER | {"function"})
    body = top.table("function")
    body.only(FUNCTION)
    for key, example in (("rule", '"""…"""'), ("result", '"…"'), ("arguments", '["…"]')):
        if top.holds_table("function") and key not in body and {*body} <= FUNCTION:
            body.complain(key, f"there is no {key}", f"write {key} = {example}")
    header = _header(document, top)
    return replace(
        header,
        arguments=body.texts("arguments"),
        result=body.text("result") or header.name,
        rule=body.text("rule") or header.rule,
    )


def _position(top: Fields) -> int | None:
    position = top.number("position")
    if isinstance(position, float):
        top.complain("position", "position must be an integer")
        return None
    return position


def _header(document: Document, top: Fields) -> Spec:
    name = top.text("name")
    if "name" not in top:
        top.complain("name", "there is no name", 'begin with name = "…"')
    name = name or Text("", document.key(("name",)))
    demo, defaults = top.table("demo"), top.table("defaults")
    demo.only({"learning_rate"})
    rate = demo.number("learning_rate")
    pairs = [(defaults.name(key), defaults.scalar(key)) for key in defaults]
    waive = top.table("waive", 'degree = "why it may be another"')
    waive.only({*Group})
    return Spec(
        path=document.page.path,
        name=name,
        hyperparameters=(),
        states=(),
        rule=name,
        summary=top.prose("summary"),
        reference=top.prose("reference"),
        label=top.prose("label"),
        defaults=tuple((key, value) for key, value in pairs if value is not None),
        torch=_torch(top.table("torch", 'lr = "learning_rate"')),
        demo_learning_rate=None if rate is None else float(rate),
        waived=tuple((key, waive.prose(key)) for key in waive if key in {*Group}),
        digests=((_file_name(document), document.digest),),
    )


def _torch(table: Fields) -> tuple[tuple[Text, tuple[Text, ...]], ...]:
    """Argument names in torch, each with the hyperparameters that it sets."""
    for key in table:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", key) or iskeyword(key):
            table.complain(key, f"{key!r:.80} can't be the name of an argument")
    return tuple((table.name(key), table.texts(key)) for key in table)


def _file_name(document: Document) -> str:
    """The name of the file, in a form that is safe in a comment of generated code."""
    return CONTROL.sub("?", Path(document.page.path).name)
