"""Training on four devices, which a process of its own simulates, and on one."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax
from jax import numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import optgen.optax

RULES: dict[str, dict[str, Any]] = {
    "lion": {"global_clipnorm": 0.5, "weight_decay": 0.1},
    "adafactor": {"use_ema": True},
    "muon": {},
}


def steps(rule: Any, params: Any, grads: Any) -> tuple[Any, Any]:
    """Some steps, and the last state."""

    def step(params: Any, state: Any) -> Any:
        updates, state = rule.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    state, compiled = rule.init(params), jax.jit(step)
    for _ in range(2):
        params, state = compiled(params, state)
    return params, state


def main() -> None:
    mesh = Mesh(np.array(jax.devices()).reshape(2, 2), ("data", "model"))
    draw = np.random.default_rng(0)
    shapes = {"matrix": (8, 4), "vector": (4,)}
    specs = {"matrix": PartitionSpec("data", "model"), "vector": PartitionSpec("model")}
    alone = {name: jnp.asarray(draw.normal(size=s), jnp.float32) for name, s in shapes.items()}
    grads = {name: jnp.asarray(draw.normal(size=s), jnp.float32) for name, s in shapes.items()}

    def spread(tree: Any) -> Any:
        return {n: jax.device_put(one, NamedSharding(mesh, specs[n])) for n, one in tree.items()}

    for name, arguments in RULES.items():
        rule = getattr(optgen.optax, name)(0.1, **arguments)
        params = spread(alone)
        for tree in rule.init(params).parameters.values():
            for key, state in tree.items():
                if jnp.shape(state) == shapes[key] and not isinstance(state, optax.MaskedNode):
                    assert state.sharding.is_equivalent_to(params[key].sharding, state.ndim), name
        expected, _ = steps(rule, alone, grads)
        found, _ = steps(rule, params, spread(grads))
        for key, array in found.items():
            np.testing.assert_allclose(array, expected[key], rtol=1e-5, atol=1e-6, err_msg=name)
            assert len(array.sharding.device_set) == 4


if __name__ == "__main__":
    main()
