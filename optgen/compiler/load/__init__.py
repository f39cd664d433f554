"""Load: a file becomes a Spec. The only stage that reads spec files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from optgen.compiler.load.document import Document, read
from optgen.compiler.load.fields import Fields
from optgen.compiler.nouns.problem import Problem, SpecError, nearest
from optgen.compiler.nouns.spec import HyperparameterEntry, Scalar, Spec, StateEntry, Text

HEADER = {"name", "summary", "reference", "label", "extends", "defaults", "demo"}
BODY = {"hyperparameters", "state", "update"}
FEATURE = {"slot", "when", "exclusive", "before", "after", "every_variable", "position"}
HYPERPARAMETER = {"default", "range", "doc", "optional", "integer", "excluded"}
STATE = {"when", "initial", "invariant", "doc"}
UPDATE = {"rule"}
FEATURE_UPDATE = {"rule", "proceed", "otherwise"}


def load(path: Path, bases: tuple[Path, ...] = (), shown: str = "") -> Spec:
    """Read one spec file.

    ``bases`` are the folders, after the file's own, where a spec that it extends may be;
    ``shown`` is how messages name the file. Raises SpecError with every problem of the file.
    """
    document = read(path, shown or path.as_posix())
    problems: list[Problem] = []
    top = Fields(document, problems, document.data)
    extends = top.text("extends")
    if extends is not None:
        spec = _extend(document, top, problems, _base(path, extends, bases))
    else:
        spec = _whole(document, top, problems)
    if problems:
        raise SpecError(problems)
    return spec


def _whole(document: Document, top: Fields, problems: list[Problem]) -> Spec:
    is_feature = "slot" in top
    top.only(HEADER | BODY | (FEATURE if is_feature else set()))
    update = Fields(document, problems, top.table("update"), "update")
    update.only(FEATURE_UPDATE if is_feature else UPDATE)
    rule = update.text("rule")
    if rule is None:
        where = "update" if "update" in top else "name"
        top.complain(where, "there is no rule", 'write [update] and rule = """…"""')
    position = top.scalar("position")
    return replace(
        _header(document, top, problems),
        hyperparameters=_hyperparameters(top),
        states=_states(top),
        rule=rule or Text("", document.at(0)),
        slot=top.text("slot"),
        when=top.text("when"),
        proceed=update.text("proceed"),
        otherwise=update.text("otherwise"),
        exclusive=top.prose("exclusive"),
        before=top.texts("before"),
        after=top.texts("after"),
        every_variable=top.flag("every_variable"),
        position=int(position) if position is not None else None,
    )


def _extend(document: Document, top: Fields, problems: list[Problem], base: Spec) -> Spec:
    """A spec with another's rule: only its name, its words and its defaults are its own."""
    top.only(HEADER)
    own = _header(document, top, problems)
    return replace(
        base,
        path=own.path,
        name=own.name,
        summary=own.summary or base.summary,
        reference=own.reference or base.reference,
        label=own.label,
        defaults=(*base.defaults, *own.defaults),
        demo_learning_rate=own.demo_learning_rate or base.demo_learning_rate,
        digests=(*own.digests, *base.digests),
    )


def _base(path: Path, extends: Text, bases: tuple[Path, ...]) -> Spec:
    folders = (path.parent, *bases)
    for folder in folders:
        candidate = folder / f"{extends.value.lower()}.toml"
        if extends.value.isidentifier() and candidate.is_file() and candidate != path:
            if "extends" in read(candidate, candidate.as_posix()).data:
                message = f"{extends.value!r} extends a spec itself"
                raise SpecError([Problem(message, extends.location, "extend its base instead")])
            return load(candidate)
    known = {found.stem for folder in folders for found in folder.glob("*.toml")} - {path.stem}
    message = f"there is no spec named {extends.value!r} to extend"
    raise SpecError([Problem(message, extends.location, nearest(extends.value.lower(), known))])


def _header(document: Document, top: Fields, problems: list[Problem]) -> Spec:
    name = top.text("name")
    if name is None:
        top.complain("name", "there is no name", 'begin with name = "…"')
        name = Text("", document.at(0))
    demo = Fields(document, problems, top.table("demo"), "demo")
    demo.only({"learning_rate"})
    rate = demo.scalar("learning_rate")
    defaults = Fields(document, problems, top.table("defaults"), "defaults")
    pairs = (
        (defaults.name("defaults", key), defaults.scalar(key)) for key in top.table("defaults")
    )
    return Spec(
        path=document.path,
        name=name,
        hyperparameters=(),
        states=(),
        rule=name,
        summary=top.prose("summary"),
        reference=top.prose("reference"),
        label=top.prose("label"),
        defaults=tuple((key, value) for key, value in pairs if value is not None),
        demo_learning_rate=float(rate) if rate is not None else None,
        digests=((Path(document.path).name, document.digest),),
    )


def _hyperparameters(top: Fields) -> tuple[HyperparameterEntry, ...]:
    entries = []
    for key in top.table("hyperparameters"):
        fields = top.inner("hyperparameters", key)
        fields.only(HYPERPARAMETER)
        optional, default = fields.flag("optional"), fields.scalar("default")
        if optional and default is not None:
            fields.complain(
                "default", f"{key} is optional, so its default is None", "leave default out"
            )
        if not optional and default is None and "default" not in fields:
            fields.complain(key, f"{key} has no default", "add default = …, or optional = true")
        entries.append(
            HyperparameterEntry(
                name=top.name("hyperparameters", key),
                default=default,
                range=fields.text("range"),
                doc=fields.prose("doc"),
                optional=optional,
                integer=fields.flag("integer"),
                excluded=fields.scalar("excluded"),
            )
        )
    return tuple(entries)


def _states(top: Fields) -> tuple[StateEntry, ...]:
    entries = []
    for key in top.table("state"):
        fields = top.inner("state", key)
        fields.only(STATE)
        entries.append(
            StateEntry(
                name=top.name("state", key),
                when=fields.text("when"),
                initial=_initial(fields),
                invariant=fields.text("invariant"),
                doc=fields.prose("doc"),
            )
        )
    return tuple(entries)


def _initial(fields: Fields) -> Text | Scalar:
    value = fields.text("initial") if fields.holds_text("initial") else fields.scalar("initial")
    return 0 if value is None else value
