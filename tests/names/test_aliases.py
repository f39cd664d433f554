"""Names of other libraries, and what each stands for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

import optgen
import optgen.optimizers
from optgen.compiler.ir import rule
from optgen.compiler.ir.value import evaluate
from optgen.compiler.library import find_specs
from optgen.compiler.pipeline import composed, load_all, optional_features, surroundings
from optgen.compiler.weave import without_neighbours
from optgen.names.aliases import Named, aliases, named, needed_features, plain, words
from optgen.names.specs import rule_families
from optgen.runtime.hyperparameters.declarations import Hyperparameter
from optgen.runtime.hyperparameters.storage import ARGUMENTS, Storage

OWN = {name.lower(): name for name in optgen.optimizers.list()}


def hyperparameters(name: str) -> dict[str, Any]:
    kind = getattr(optgen.optimizers, OWN[name])
    return {one.name: one for one in kind.hyperparameters}


def of_features() -> dict[str, Any]:
    """The hyperparameters of all features, as a class that was built with them declares them."""
    built_in = getattr(optgen.optimizers, OWN["sgd"]).hyperparameters
    optional = (one for rule in optional_features() for one in rule.hyperparameters)
    return {one.name: one for one in built_in} | {one.name: declared(one) for one in optional}


def declared(one: rule.Hyperparameter) -> Hyperparameter:
    def allows(value: float) -> bool:
        return one.range is None or bool(evaluate(one.range, {one.name: value}))

    return Hyperparameter(
        one.name,
        one.default,
        allows=allows,
        optional=one.optional,
        integer=one.integer,
        is_list=one.is_list,
    )


def test_every_alias_is_a_rule_with_arguments_that_it_takes() -> None:
    optional = of_features()
    for name, one in aliases().items():
        assert plain(name) not in OWN, f"a rule's own name comes before the alias {name}"
        assert one.rule in rule_families(), name
        own = hyperparameters(one.rule)
        for argument, value in one.arguments.items():
            if argument not in ARGUMENTS:
                {**optional, **own}[argument].check(value, name)
        chosen = {key: one.arguments.get(key, usual) for key, usual in ARGUMENTS.items()}
        Storage(name, **chosen, states=())


def test_every_alias_has_a_rule_that_its_features_fit() -> None:
    around, every = surroundings(), {one.name: one for one in optional_features()}
    woven = set()
    for name, one in aliases().items():
        needed = needed_features({*hyperparameters(one.rule)}, one.arguments)
        if not needed or (one.rule, needed) in woven:
            continue
        woven.add((one.rule, needed))
        (spec,) = load_all(find_specs([one.rule]).files)
        features = (*around.features, *(every[feature] for feature in needed))
        known = without_neighbours(features, lambda _: True)
        assert composed(spec, replace(around, features=known)), name
    assert len(woven) > 20


def test_words_before_and_after_are_arguments_too() -> None:
    optional = of_features()
    before, after = words()
    for word, added in (*before.items(), *after.items()):
        for argument, value in added.items():
            if argument in ARGUMENTS:
                Storage(word, **{**ARGUMENTS, argument: value}, states=())
            else:
                optional[argument].check(value, word)


def test_names_that_transformers_has_are_known() -> None:
    training = pytest.importorskip("transformers.training_args")
    # Their rules aren't there, or have no spec of their own.
    unknown = {"galore_adafactor", "galore_adafactor_layerwise", "galore_adamw_8bit_layerwise"}
    listed = {one.value for one in training.OptimizerNames}
    assert {name for name in listed if named(name) is None} <= unknown


def test_names_that_torch_has_are_known() -> None:
    torch = pytest.importorskip("torch")
    has = {name for name, one in vars(torch.optim).items() if isinstance(one, type)}
    assert {name for name in has if named(name) is None} <= {"LBFGS", "SparseAdam", "Optimizer"}


@pytest.mark.parametrize(
    ("name", "of", "arguments"),
    [
        ("AdamW", "adamw", {}),
        ("schedule-free_ADAMW", "schedulefreeadamw", {}),
        ("FusedLAMB", "lamb", {}),
        ("adamw_torch_fused", "torchadamw", {}),
        ("paged_adamw_8bit", "torchadamw", {"state_dtype": "int8"}),
        ("cautious_lion", "lion", {"cautious": True}),
        ("cautious_tiger_4bit", "tiger", {"cautious": True, "state_dtype": "int4"}),
        ("lookahead_grokfast_adan", "adan", {"grokfast": 2.0, "lookahead": 5}),
    ],
)
def test_case_hyphens_and_words(name: str, of: str, arguments: dict[str, Any]) -> None:
    assert named(name) == Named(of, arguments)


@pytest.mark.parametrize("name", ["", "_", "cautious", "8bit", "cautious_nothing", "lion_9bit"])
def test_what_is_no_name(name: str) -> None:
    assert named(name) is None


def test_features_are_those_of_arguments_that_a_class_lacks() -> None:
    given = {"cautious": True, "grokfast_momentum": 0.5, "grokfast": 1.0, "momentum": 0.5}
    assert needed_features({"momentum"}, given) == ("cautious", "grokfast")
    assert needed_features({"momentum", "cautious"}, given) == ("grokfast",)
    assert needed_features(set(), {"no_such_argument": 1}) == ()


PROGRAM = """
import sys
import optgen.optimizers
{use}
rules = {rules!r}
own = [name.rpartition(".")[2] for name in sys.modules if name.startswith("optgen.optimizers.")]
slow = ("torch", "keras", "jax", "jinja2", "timm")
print(sorted(set(own) & set(rules)), [name for name in slow if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("use", "imported"),
    [
        ("optgen.optimizers.get('fused_lion_8bit')", "['lion'] []"),
        ("optgen.optimizers.list('*adam*', family='adam', aliases=True)", "[] []"),
        (
            "import torch; optgen.create('fused_lion', [torch.ones(1, requires_grad=True)])",
            "['lion'] ['torch']",
        ),
    ],
)
def test_nothing_else_is_imported(use: str, imported: str) -> None:
    program = PROGRAM.format(use=use, rules=sorted(rule_families()))
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == imported
