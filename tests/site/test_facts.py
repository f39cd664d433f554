"""What pages state of rules, compared with instances of them and with other code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import optim

import optgen.optimizers
import optgen.torch
from optgen.compiler.library import find_specs, optimizer_files
from optgen.compiler.pipeline import load_all
from optgen.site.cache import key_of
from optgen.site.facts.properties import where
from optgen.site.facts.records import RuleFacts
from optgen.site.facts.rules import year_of
from optgen.site.libraries import class_in_torch, libraries_of
from optgen.site.pairs import chosen_pairs
from optgen.site.usage import programs
from tests.site.conftest import RULES, Site
from tests.zoo.library_table import TABLE, written


@pytest.fixture
def facts(site: Site) -> dict[str, RuleFacts]:
    """Those that the site was made of."""
    found: dict[str, RuleFacts] = {}
    for file in find_specs(RULES).files:
        kept = site.cache.get(key_of("rules", [file]))
        assert kept is not None
        found[file.stem] = kept
    return found


@pytest.mark.parametrize("name", RULES)
def test_bytes_of_state_are_those_of_arrays(name: str, facts: dict[str, RuleFacts]) -> None:
    weights = np.ones(64, np.float32)
    optimizer = optgen.optimizers.get(name)
    optimizer.build([weights])
    plain = facts[name]["sizes"][0]
    (states,) = optimizer.state.values()
    assert plain["state"] * weights.size == sum(array.nbytes for array in states.values())


def test_coded_states_have_a_byte_and_a_part_of_a_scale(facts: dict[str, RuleFacts]) -> None:
    (size,) = facts["lion"]["sizes"]
    assert size["state"] == 4
    assert 1 < size["coded"] < 1.25


def test_every_kind_of_fact_is_there(facts: dict[str, RuleFacts]) -> None:
    found = facts["sgd"]
    assert {one["heading"] for one in found["formulas"]} >= {"where not momentum > 0"}
    assert found["formulas"][0]["lines"][-1] == "param = param - change"
    assert any(one["verdict"] == "proved" for one in found["properties"])
    # A step with momentum is stable up to 2(1 + momentum) on a quadratic (Polyak, 1964).
    assert "momentum" in "".join(one["mathml"] for one in found["limits"])
    assert found["costs"]["rows"][0][0] == "plain"
    assert found["storage"]["rows"][0][0] == "float32"
    assert {"cpu", "cuda", "jax", "keras", "torch"} <= {*found["sources"]}
    assert found["bounds"].startswith("Rounding in float32")


def test_a_year_is_the_first_of_a_reference() -> None:
    assert year_of("Robbins and Monro, 1951; momentum: Polyak, 1964") == 1951
    assert year_of("arXiv:2305.14342, section 3") == 0


def test_variants_are_named_by_what_they_share() -> None:
    every = {"a, b", "a, not b", "not a, b", "not a, not b"}
    assert where({"a, b", "a, not b"}, every) == "a"
    assert where({"a, b", "not a, not b"}, every) == "a, b; or not a, not b"
    most = {f"{one}, {k}" for one in "ab" for k in range(4)} - {"b, 3"}
    assert where(most - {"a, 0"}, most) == "a, 1; or in 5 other of 7 settings"


def test_rules_of_the_same_form_are_compared(facts: dict[str, RuleFacts]) -> None:
    other: RuleFacts = {**facts["lion"], "module": "twin", "name": "Twin"}
    pairs = chosen_pairs([*facts.values(), other])
    assert ("lion", "twin") in pairs
    assert ("sgd", "torchsgd") in pairs
    assert all(one < another for one, another in pairs)


def test_the_table_of_libraries_is_that_of_the_documentation() -> None:
    """``python -m tests.zoo.library_table`` writes it."""
    assert TABLE.read_text(encoding="utf-8") == written()


def test_libraries_have_their_names_of_a_rule() -> None:
    found = libraries_of("TorchSGD")
    assert found["torch"] == ["torch.optim.SGD"]
    assert found["optax"] == ["optax.sgd"]
    assert libraries_of("no such rule") == {}


def test_classes_in_torch_exist() -> None:
    for spec in load_all(optimizer_files()):
        name = spec.name.value
        found = class_in_torch(name, bool(spec.torch))
        if found:
            assert found in optgen.torch.CLASSES
            assert optgen.torch.CLASSES[found] == name
        else:
            assert hasattr(optim, name)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("library", ["NumPy", "torch", "Keras", "Optax"])
def test_programs_run(
    library: str, facts: dict[str, RuleFacts], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = programs(facts["lion"])[library]
    exec(compile(text, library, "exec"), {})
