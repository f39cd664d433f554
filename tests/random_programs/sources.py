"""The generated files of a program, one target at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optgen.compiler.emit import FUNCTIONS_FILE
from optgen.compiler.emit.cpu import cpu_context
from optgen.compiler.emit.cuda import cuda_context
from optgen.compiler.emit.digest import rule_digest
from optgen.compiler.emit.docstring import printable
from optgen.compiler.emit.functions import pick
from optgen.compiler.emit.keras import keras_context
from optgen.compiler.emit.optimizer import optimizer_context
from optgen.compiler.emit.review import review
from optgen.compiler.emit.vocabulary import vocabulary
from optgen.compiler.nouns.plan import Plan
from optgen.compiler.nouns.reserved import TENSOR_SIZE
from optgen.compiler.nouns.source import Source
from optgen.compiler.pipeline import Surroundings, load_all, plan_of, surroundings
from tests.random_programs.program import Program
from tests.random_programs.step import FEATURES

_CONTEXTS: dict[str, Callable[[Plan, Any], dict[str, object]]] = {
    "optimizer": lambda plan, _: optimizer_context(plan),
    "cpu": lambda plan, text: cpu_context(plan, _picking(text, "njit")),
    "cuda": lambda plan, text: cuda_context(plan, _picking(text, "device")),
    "keras": lambda plan, _: keras_context(plan),
}


def _picking(text: str, decorator: str) -> Callable[[Iterable[str]], list[str]]:
    return lambda wanted: pick(text, wanted, decorator)


@cache
def around(given: frozenset[str] | None = None) -> Surroundings:
    """The built-in features and templates; of the features only those that are ``given``."""
    if given is None:
        return surroundings()
    every = around()
    used = (f for f in every.features if given & {h.name for h in f.hyperparameters})
    return replace(every, features=tuple(used))


def plan_from(program: Program, *, only_used: bool = False) -> Plan:
    """The plan of a program, with all features around it or those ``only_used``.

    Raises SpecError where the spec is refused.
    """
    # One stays always: without any, a kernel may have no scalar at all.
    used = frozenset({"gradient_accumulation_steps", *({*program.arguments} & {*FEATURES})})
    given = used if only_used else None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spec.toml"
        path.write_text(program.toml, encoding="utf-8")
        (spec,) = load_all([path])
        return plan_of(spec, around(given))


class Sources:
    """What is printed of a plan, and looked over as every generated file is."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def of(self, kind: str) -> Source:
        """The class, as ``optimizer``, or the kernels of a target."""
        plan, templates = self._plan, around().templates
        context = _CONTEXTS[kind](plan, templates.texts[FUNCTIONS_FILE])
        folder = "" if kind == "optimizer" else f"{kind}/"
        text = templates.render(f"{kind}.py.j2", {**context, "header": "#"})
        return Source(f"{folder}{plan.rule.module}.py", text)

    def looked_over(self, kind: str) -> Source:
        """The same, after the last look at it. Raises AssertionError where text is odd."""
        source, plan, templates = self.of(kind), self._plan, around().templates
        strings = [printable(plan.rule.label), rule_digest(plan.rule), TENSOR_SIZE]
        strings += [f".{target}.{plan.rule.module}" for target in ("cuda", "keras")]
        review(source, plan.rule, vocabulary(plan, templates.texts.values()), strings)
        return source
