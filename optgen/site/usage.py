"""How a rule is used from each library: short programs for its page."""

from __future__ import annotations

from collections.abc import Mapping

from optgen.site.facts.records import RuleFacts
from optgen.site.libraries import class_in_torch

_ARRAY = """\
import numpy as np
from optgen.optimizers import {name}

weights = np.random.default_rng(0).standard_normal((8, 4), np.float32)
optimizer = {name}({arguments})
for _ in range(10):
{move}    gradient = weights.copy()  # of (weights**2).sum()/2
    optimizer.apply([gradient], [weights]{inputs})
"""
_ARRAY_MOVE = "    optimizer.perturb([weights.copy()], [weights])\n"
_TORCH = """\
import torch
{importing}

model = torch.nn.Linear(8, 4)
optimizer = {called}(model.parameters(){arguments})
for _ in range(10):
{move}    optimizer.zero_grad()
    loss = model(torch.randn(16, 8)).square().mean()
    loss.backward()
    optimizer.step({inputs})
"""
_ADAPTED = """\
from optgen.optimizers import {name}
from optgen.torch import optimizer_class"""
_TORCH_MOVE = """\
    optimizer.zero_grad()
    model(torch.randn(16, 8)).square().mean().backward()
    optimizer.perturb()
"""
_KERAS = """\
import keras
import optgen.keras

model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(4)])
model.compile(optimizer=optgen.keras.{name}({arguments}), loss="mse")
model.fit(keras.random.normal((64, 8)), keras.random.normal((64, 4)), verbose=0)
"""
_JAX = """\
import jax
import jax.numpy as jnp
import optax
import optgen.optax


def loss_of(params):
    return sum(jnp.sum(part**2) for part in params.values())


params = {{"kernel": jnp.ones((8, 4)), "bias": jnp.zeros(4)}}
rule = optgen.optax.{function}({arguments})
state = rule.init(params)
for _ in range(10):
{move}    loss, gradients = jax.value_and_grad(loss_of)(params)
    updates, state = rule.update(gradients, state, params{inputs})
    params = optax.apply_updates(params, updates)
"""
_JAX_MOVE = """\
    gradients = jax.grad(loss_of)(params)
    params, state = rule.perturb(gradients, state, params)
"""


def programs(facts: RuleFacts) -> dict[str, str]:
    """Programs by the name of their library; those of ``fit`` only where it suffices."""
    name, moves, inputs = facts["name"], facts["moves"], facts["inputs"]
    given = "".join(f"{one}=0.1, " for one in facts["required"]).removesuffix(", ")
    found = {
        "NumPy": _ARRAY.format(
            name=name,
            arguments=given,
            move=_ARRAY_MOVE if moves else "",
            inputs=_inputs(inputs, "[np.ones_like(weights)]", "float((weights**2).sum()) / 2"),
        ),
        "torch": _torch(facts, given),
    }
    if not moves and not inputs:
        found["Keras"] = _KERAS.format(name=name, arguments=given)
    found["Optax"] = _JAX.format(
        function=name.lower(),
        arguments=given,
        move=_JAX_MOVE if moves else "",
        inputs=_inputs(inputs, "jax.tree.map(jnp.ones_like, params)", "loss"),
    )
    return found


def _torch(facts: RuleFacts, given: str) -> str:
    name = facts["name"]
    own = class_in_torch(name, facts["has_torch_arguments"])
    importing, called = "import optgen.torch", f"optgen.torch.{own}"
    if not own:
        importing = (
            f"from optgen.optimizers import {name}\nfrom optgen.torch import optimizer_class"
        )
        called = f"optimizer_class({name})"
    inputs = _inputs(
        facts["inputs"], "[torch.ones_like(p) for p in model.parameters()]", "loss.item()"
    )
    return _TORCH.format(
        importing=importing,
        called=called,
        arguments=f", {given}" if given else "",
        move=_TORCH_MOVE if facts["moves"] else "",
        inputs=inputs.removeprefix(", "),
    )


def _inputs(inputs: Mapping[str, bool], arrays: str, number: str) -> str:
    """Arguments for what a call is given beside the gradient: arrays, or one number."""
    return "".join(f", {name}={number if one else arrays}" for name, one in inputs.items())
