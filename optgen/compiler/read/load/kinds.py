"""The kinds of specs: which keys each may have, and what they say."""

from __future__ import annotations

import re
from dataclasses import replace
from keyword import iskeyword
from pathlib import Path

from optgen.compiler.ir.problem import CONTROL, Problems
from optgen.compiler.ir.proof import Group
from optgen.compiler.ir.spec import Spec, Text, TorchArgument
from optgen.compiler.read.load.document import Document
from optgen.compiler.read.load.entries import (
    OF_FEATURE,
    OF_OPTIMIZER,
    OF_SCHEDULE,
    read_hyperparameters,
    read_inputs,
    read_queues,
    read_states,
)
from optgen.compiler.read.load.fields import Fields
from optgen.compiler.read.load.parts import Parts, with_parts

HEADER = {"name", "summary", "reference"}
OPTIMIZER = {"label", "defaults", "demo", "torch", "waive", "fallback"}
BODY = {"hyperparameters", "queues", "inputs", "state", "update", "matrix", "evaluate", "perturb"}
FEATURE = {"slot", "when", "exclusive", "before", "after", "every_variable", "position"}
SCHEDULE = {"label", "hyperparameters", "schedule"}
UPDATE = {"rule"}
MATRIX, EVALUATE = {"view", "rank", "block", "compute"}, {"param"}
FUNCTION = {"arguments", "rule", "result"}
FEATURE_UPDATE = {"rule", "proceed", "otherwise"}


def whole(document: Document, top: Fields, problems: Problems) -> Spec:
    """An optimizer or a feature with a rule of its own, or with parts for that of another."""
    is_feature = "slot" in top
    extending = {"extends", "parts"} if "extends" in top else set[str]()
    top.only(HEADER | BODY | (FEATURE if is_feature else OPTIMIZER | extending))
    update = top.table("update")
    update.only(FEATURE_UPDATE if is_feature else UPDATE)
    rule = update.text("rule")
    if "update" not in top and not extending & {*top} - {"extends"}:
        top.complain("name", "there is no rule", 'write [update] and rule = """…"""')
    elif "update" in top and extending and "parts" in top:
        message = "a rule of its own has its parts in it"
        top.complain("parts", message, "write part NAME: above them in the rule")
    elif top.holds_table("update") and "rule" not in update:
        update.complain("rule", "there is no rule", 'write rule = """…"""')
    said, matrix = header(document, top), top.table("matrix", '[matrix] view = "last two"')
    matrix.only(MATRIX)
    perturb = top.table("perturb", '[perturb] rule = "…"')
    perturb.only(UPDATE)
    evaluate = top.table("evaluate", '[evaluate] param = "…"')
    evaluate.only(EVALUATE)
    keys = OF_FEATURE if is_feature else OF_OPTIMIZER
    hyperparameters = read_hyperparameters(top.table("hyperparameters"), keys)
    queues = read_queues(top.table("queues", "[queues] history = 5"))
    lines, parts = with_parts(rule or said.rule, problems)
    return replace(
        said,
        hyperparameters=hyperparameters,
        states=read_states(top.table("state"), hyperparameters, queues),
        rule=lines,
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
        rank=matrix.text("rank"),
        block=matrix.text("block"),
        compute=matrix.text("compute"),
        evaluate=evaluate.text("param"),
        perturb=perturb.text("rule"),
        inputs=read_inputs(top.table("inputs")),
        queues=queues,
        parts=(*parts, *_instead(top.table("parts", 'name = """…"""'))),
    )


def _instead(table: Fields) -> Parts:
    """Lines in place of parts of another rule."""
    read_ones = [(table.name(key), table.text(key)) for key in table]
    return tuple((name, text) for name, text in read_ones if text is not None)


def schedule(document: Document, top: Fields) -> Spec:
    """A schedule."""
    top.only(HEADER | SCHEDULE)
    body = top.table("schedule")
    body.only(UPDATE)
    rule = body.text("rule")
    if top.holds_table("schedule") and "rule" not in body:
        body.complain("rule", "there is no rule", 'write rule = """…"""')
    said = header(document, top)
    hyperparameters = read_hyperparameters(top.table("hyperparameters"), OF_SCHEDULE)
    return replace(said, hyperparameters=hyperparameters, rule=rule or said.rule, is_schedule=True)


def function(document: Document, top: Fields) -> Spec:
    """A function that rules call."""
    top.only(HEADER | {"function"})
    body = top.table("function")
    body.only(FUNCTION)
    for key, example in (("rule", '"""…"""'), ("result", '"…"'), ("arguments", '["…"]')):
        if top.holds_table("function") and key not in body and {*body} <= FUNCTION:
            body.complain(key, f"there is no {key}", f"write {key} = {example}")
    said = header(document, top)
    return replace(
        said,
        arguments=body.texts("arguments"),
        results=body.texts("result") or (said.name,),
        rule=body.text("rule") or said.rule,
    )


def _position(top: Fields) -> int | None:
    position = top.number("position")
    if isinstance(position, float):
        top.complain("position", "position must be an integer")
        return None
    return position


def header(document: Document, top: Fields) -> Spec:
    """What every spec may say of itself."""
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


_WORD = re.compile(r"[a-z][a-z0-9_]*")


def _torch(table: Fields) -> tuple[TorchArgument, ...]:
    """Torch's arguments."""
    for key in table:
        if not _WORD.fullmatch(key) or iskeyword(key):
            table.complain(key, f"{key!r:.80} can't be the name of an argument")
    return tuple(_torch_argument(table, key) for key in table)


def _torch_argument(table: Fields, key: str) -> TorchArgument:
    name = table.name(key)
    if table.holds_number(key):
        return TorchArgument(name, fixed=table.number(key))
    if not table.holds_table(key):
        return TorchArgument(name, table.texts(key))
    inner = table.table(key)
    switches = [*inner]
    words = inner.texts(switches[0]) if len(switches) == 1 else ()
    if len(words) != 2 or not all(_WORD.fullmatch(word.value) for word in words):
        message = f"{key} must name one switch, with torch's words for off and on"
        table.complain(key, message, f'write {key} = {{ switch = ["off", "on"] }}')
        return TorchArgument(name)
    return TorchArgument(name, (inner.name(switches[0]),), words)


def _file_name(document: Document) -> str:
    """The name of the file, in a form that is safe in a comment of generated code."""
    return CONTROL.sub("?", Path(document.page.path).name)
