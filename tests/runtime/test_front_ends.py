"""Names that a front end doesn't have, and what isn't an optimizer."""

from __future__ import annotations

from importlib import import_module

import pytest

ADAPTERS = {"torch": "optimizer_class", "keras": "optimizer_class", "optax": "factory"}


@pytest.mark.parametrize(("front_end", "adapter"), ADAPTERS.items())
@pytest.mark.parametrize("name", ["compile", "Qwertz"])
def test_a_name_that_is_far_from_all_leads_to_the_adapter(
    front_end: str, adapter: str, name: str
) -> None:
    module = import_module(f"optgen.{front_end}")
    with pytest.raises(AttributeError) as raised:
        getattr(module, name)
    said = str(raised.value)
    assert f"{module.__name__}.{adapter}(optgen.compile(...))" in said
    assert hasattr(module, adapter)
    assert len(said) < 200


@pytest.mark.parametrize("front_end", ["torch", "keras", "optax", "optimizers"])
def test_a_misspelt_name_leads_to_the_right_one(front_end: str) -> None:
    module = import_module(f"optgen.{front_end}")
    with pytest.raises(AttributeError, match=r"did you mean '(AdamW|adamw)'\?$"):
        _ = module.AdmW


@pytest.mark.parametrize(("front_end", "adapter"), ADAPTERS.items())
def test_only_classes_of_optimizers_are_adapted(front_end: str, adapter: str) -> None:
    module = import_module(f"optgen.{front_end}")
    for other in ("adam", object, module):
        with pytest.raises(TypeError, match=f"{adapter} takes a class of optgen.optimizers"):
            getattr(module, adapter)(other)
