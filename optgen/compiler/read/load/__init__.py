"""Load: a file becomes a Spec. The only stage that reads spec files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from keyword import iskeyword
from pathlib import Path

from optgen.compiler.ir.problem import CONTROL, Problems, SpecError, nearest
from optgen.compiler.ir.proof import Group
from optgen.compiler.ir.spec import Spec, Text
from optgen.compiler.read.load.document import Document, read
from optgen.compiler.read.load.entries import read_hyperparameters, read_inputs, read_states
from optgen.compiler.read.load.fields import Fields

HEADER = {"name", "summary", "reference"}
OPTIMIZER = {"label", "defaults", "demo", "torch", "waive"}
BODY = {"hyperparameters", "inputs", "state", "update", "matrix", "average"}
FEATURE = {"slot", "when", "exclusive", "before", "after", "every_variable", "position"}
SCHEDULE = {"label", "hyperparameters", "schedule"}
UPDATE = {"rule"}
MATRIX = {"view"}
FEATURE_UPDATE = {"rule", "proceed", "otherwise"}

#: Formats the name of a file in messages.
Shown = Callable[[Path], str]


def load(path: Path, bases: tuple[Path, ...] = (), shown: Shown = Path.as_posix) -> Spec:
    """Read one spec file.

    ``bases`` are the folders that are searched, after the file's own, for a spec that it extends.

    Raises SpecError with all problems of the file.
    """
    document = read(path, shown(path))
    problems = Problems()
    top = Fields(document, problems, document.data)
    extends = top.text("extends")
    if "schedule" in top:
        spec = _schedule(document, top)
    elif "extends" not in top:
        spec = _whole(document, top)
    else:
        spec = _header(document, top)
        top.only(HEADER | OPTIMIZER | {"extends"})
        base = _base(path, extends, bases, shown, problems) if extends is not None else None
        spec = _extended(base, spec) if base is not None else spec
    if problems:
        raise SpecError(sorted(problems, key=lambda p: (p.location.line, p.location.column)))
    return spec


def _whole(document: Document, top: Fields) -> Spec:
    is_feature = "slot" in top
    top.only(HEADER | BODY | (FEATURE if is_feature else OPTIMIZER | {"extends"}))
    update = top.table("update")
    update.only(FEATURE_UPDATE if is_feature else UPDATE)
    rule = update.text("rule")
    if "update" not in top:
        top.complain("name", "there is no rule", 'write [update] and rule = """…"""')
    elif top.holds_table("update") and "rule" not in update:
        update.complain("rule", "there is no rule", 'write rule = """…"""')
    header, matrix = _header(document, top), top.table("matrix", '[matrix] view = "last two"')
    matrix.only(MATRIX)
    average = top.table("average", '[average] param = "…"')
    average.only({"param"})
    return replace(
        header,
        hyperparameters=read_hyperparameters(top.table("hyperparameters")),
        states=read_states(top.table("state")),
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
        view=matrix.text("view"),
        average=average.text("param"),
        inputs=read_inputs(top.table("inputs")),
    )


def _schedule(document: Document, top: Fields) -> Spec:
    top.only(HEADER | SCHEDULE)
    body = top.table("schedule")
    body.only(UPDATE)
    rule = body.text("rule")
    if top.holds_table("schedule") and "rule" not in body:
        body.complain("rule", "there is no rule", 'write rule = """…"""')
    header = _header(document, top)
    hyperparameters = read_hyperparameters(top.table("hyperparameters"), of_schedule=True)
    return replace(
        header, hyperparameters=hyperparameters, rule=rule or header.rule, is_schedule=True
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


def _extended(base: Spec, own: Spec) -> Spec:
    """A spec that inherits the rule of another; its name, texts and defaults are its own."""
    return replace(
        base,
        path=own.path,
        name=own.name,
        summary=own.summary or base.summary,
        reference=own.reference or base.reference,
        label=own.label,
        defaults=(*base.defaults, *own.defaults),
        torch=tuple({str(name): (name, to) for name, to in (*base.torch, *own.torch)}.values()),
        demo_learning_rate=own.demo_learning_rate or base.demo_learning_rate,
        waived=(*base.waived, *own.waived),
        digests=(*own.digests, *base.digests),
    )


def _base(
    path: Path, extends: Text, bases: tuple[Path, ...], shown: Shown, problems: Problems
) -> Spec | None:
    """The spec that is extended; None, with a problem, if there is no valid base."""
    folders = (path.parent, *bases)
    files = [file for folder in reversed(folders) for file in folder.glob("*.toml")]
    known = {file.stem.lower(): file for file in files if file != path}
    file = known.get(extends.value.lower())
    message = hint = ""
    if file is None:
        message = f"there is no spec named {extends.value!r:.80} to extend"
        hint = nearest(extends.value.lower(), known)
    else:
        try:
            base = read(file, shown(file))
            if "extends" in base.data:
                message = f"{extends.value!r} extends a spec itself"
                hint = "extend its base instead"
            elif "slot" in base.data or "schedule" in base.data:
                kind = "feature" if "slot" in base.data else "schedule"
                message = f"{extends.value!r} is a {kind}; only an optimizer can be extended"
            else:
                return load(file, bases, shown)
        except SpecError as error:
            problems += error.problems
    if message:
        problems.add(message, extends.location, hint)
    return None
