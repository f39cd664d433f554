"""What JAX and Optax do with transformations: they compile, map, repeat, chain and inject."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax
import pytest
from jax import numpy as jnp

import optgen
import optgen.optax
from optgen.optax import Perturbed, State

PARAMS = {"dense": {"kernel": jnp.arange(6.0).reshape(2, 3) / 4 - 0.5, "bias": jnp.ones(3)}}
GRADS = jax.tree.map(lambda array: 0.25 - array / 8, PARAMS)


def same(one: Any, other: Any) -> None:
    """Assert that two trees have equal structures and arrays."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7), one, other)


def steps(rule: Any, count: int, params: Any = PARAMS, grads: Any = GRADS) -> Any:
    state = rule.init(params)
    for _ in range(count):
        updates, state = rule.update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return params


def test_the_type_is_optaxs() -> None:
    rule = optgen.optax.lion(1e-3)
    assert isinstance(rule, optax.GradientTransformationExtraArgs)
    assert "lion" in dir(optgen.optax)
    assert "learning_rate" in str(optgen.optax.lion.__signature__)  # type: ignore[attr-defined]


def test_in_jit_and_scan_it_is_what_it_is_at_once() -> None:
    rule = optgen.optax.adam(0.1, global_clipnorm=0.5, weight_decay=0.1)
    expected = steps(rule, 3)

    def step(carry: Any, _: Any) -> Any:
        params, state = carry
        updates, state = rule.update(GRADS, state, params)
        return (optax.apply_updates(params, updates), state), None

    (scanned, _), _ = jax.jit(
        lambda params: jax.lax.scan(step, (params, rule.init(params)), length=3)
    )(PARAMS)
    same(scanned, expected)


def test_an_ensemble_in_vmap_is_its_members() -> None:
    rule = optgen.optax.lion(0.1, clipnorm=0.5, gradient_accumulation_steps=2)

    def trained(params: Any) -> Any:
        return steps(rule, 2, params)

    members = [jax.tree.map(lambda array, k=k: array * (k + 1), PARAMS) for k in range(3)]
    stacked = jax.tree.map(lambda *arrays: jnp.stack(arrays), *members)
    found = jax.jit(jax.vmap(trained))(stacked)
    for k, member in enumerate(members):
        same(jax.tree.map(lambda array, k=k: array[k], found), trained(member))


def test_gradients_go_through_steps() -> None:
    """Of SGD, a parameter after one step is linear in the learning rate."""

    def moved(rate: Any) -> Any:
        return jnp.sum(steps(optgen.optax.sgd(rate), 1)["dense"]["bias"])

    expected = -jnp.sum(GRADS["dense"]["bias"])
    np.testing.assert_allclose(jax.grad(moved)(0.5), expected, rtol=1e-6)


def test_schedules_and_injected_hyperparameters() -> None:
    schedule = optax.linear_schedule(0.1, 0.0, 4)
    theirs = steps(optax.sgd(schedule, momentum=0.5), 5)
    # As torch's and Optax's do, and not as Keras's does, the momentum leaves out the rate.
    same(steps(optgen.optax.torchsgd(schedule, momentum=0.5), 5), theirs)
    injected = optax.inject_hyperparams(optgen.optax.torchsgd)(schedule, momentum=0.5)
    same(steps(injected, 5), theirs)
    state = injected.init(PARAMS)
    _, state = injected.update(GRADS, state, PARAMS)
    np.testing.assert_allclose(state.hyperparams["learning_rate"], 0.1)
    state.hyperparams["momentum"] = jnp.asarray(0.0)
    _, compiled = jax.jit(injected.update)(GRADS, state, PARAMS)
    assert jax.tree.structure(compiled) == jax.tree.structure(state)


def test_states_are_trees_like_the_parameters() -> None:
    mask = {"dense": {"kernel": True, "bias": False}}
    rule = optgen.optax.adam(amsgrad=True, weight_decay=0.1, mask=mask)
    state = rule.init(PARAMS)
    assert isinstance(state, State)
    assert {*state.parameters} == {"mean_gradient", "velocity", "velocity_bound"}
    for tree in state.parameters.values():
        assert jax.tree.structure(tree) == jax.tree.structure(PARAMS)
    names = jax.tree.map(lambda _: "name", PARAMS)
    named = optax.tree_map_params(
        rule, lambda _, name: name, state, names, transform_non_params=lambda _: None
    )
    assert named.parameters["velocity"] == names
    assert optax.tree.get(state, "velocity")["dense"]["bias"].shape == (3,)


def test_states_of_some_parameters_are_masked_in_others() -> None:
    state = optgen.optax.adafactor().init(PARAMS)
    assert state.parameters["row_square"]["dense"]["kernel"].shape == (2,)
    assert isinstance(state.parameters["row_square"]["dense"]["bias"], optax.MaskedNode)
    assert state.parameters["mean_square"]["dense"]["bias"].shape == (3,)


def test_in_a_chain_and_masked() -> None:
    chain = optax.chain(optax.clip(0.125), optgen.optax.sgd(0.5))
    same(steps(chain, 2), steps(optax.chain(optax.clip(0.125), optax.sgd(0.5)), 2))
    mask = {"dense": {"kernel": True, "bias": False}}
    masked = optax.partition(
        {True: optgen.optax.sgd(0.5), False: optax.set_to_zero()},
        mask,
    )
    found = steps(masked, 2)
    same(found["dense"]["bias"], PARAMS["dense"]["bias"])
    same(found["dense"]["kernel"], steps(optax.sgd(0.5), 2)["dense"]["kernel"])


@pytest.mark.parametrize(
    "arguments",
    [
        {"mask": {"dense": {"kernel": True, "bias": False}}},
        {"mask": lambda params: jax.tree.map(lambda array: array.ndim > 1, params)},
        {"exclude": {"weight_decay": "bias$"}},
        {"exclude": {"weight_decay": ["bias", "norm"]}},
        {"options": {"*/bias": {"weight_decay": 0.0}}},
    ],
)
def test_parameters_without_decay(arguments: dict[str, Any]) -> None:
    mask = {"dense": {"kernel": True, "bias": False}}
    expected = steps(optax.lion(0.1, weight_decay=0.5, mask=mask), 3)
    same(steps(optgen.optax.lion(0.1, weight_decay=0.5, **arguments), 3), expected)


def test_options_by_path() -> None:
    found = steps(optgen.optax.sgd(0.5, options={"dense/bias": {"learning_rate": 0.25}}), 1)
    same(found["dense"]["bias"], steps(optax.sgd(0.25), 1)["dense"]["bias"])
    same(found["dense"]["kernel"], steps(optax.sgd(0.5), 1)["dense"]["kernel"])


def test_a_parameter_without_a_gradient_stays() -> None:
    rule = optgen.optax.adam(0.1)
    grads = {"dense": {"kernel": GRADS["dense"]["kernel"], "bias": None}}
    updates, state = rule.update(grads, rule.init(PARAMS), PARAMS)
    assert not updates["dense"]["bias"].any()
    assert not state.parameters["velocity"]["dense"]["bias"].any()
    assert updates["dense"]["kernel"].all()


def test_evaluation_uses_averages() -> None:
    rule = optgen.optax.sgd(0.5, use_ema=True, ema_momentum=0.75)
    chain = optax.chain(optax.identity(), rule)
    params, state = PARAMS, chain.init(PARAMS)
    same(rule.evaluation(params, state), PARAMS)
    average = None
    for _ in range(3):
        updates, state = chain.update(GRADS, state, params)
        params = optax.apply_updates(params, updates)
        # It begins with the first parameters that an update makes.
        average = params if average is None else optax.incremental_update(params, average, 0.25)
    same(rule.evaluation(params, state), average)
    plain = optgen.optax.sgd(0.5)
    same(plain.evaluation(PARAMS, plain.init(PARAMS)), PARAMS)


def test_evaluation_of_a_rule_that_computes_it() -> None:
    rule = optgen.optax.schedulefreesgd(0.5)
    params, state = PARAMS, rule.init(PARAMS)
    theirs = optax.contrib.schedule_free_sgd(0.5)
    others, their_state = PARAMS, theirs.init(PARAMS)
    for _ in range(3):
        updates, state = rule.update(GRADS, state, params)
        params = optax.apply_updates(params, updates)
        updates, their_state = theirs.update(GRADS, their_state, others)
        others = optax.apply_updates(others, updates)
    expected = optax.contrib.schedule_free_eval_params(their_state, others)
    same(rule.evaluation(params, state), expected)


def test_a_second_point() -> None:
    """Of the loss x²/2, a step of SAM is one at x + radius*x/|x|."""
    rule = optgen.optax.factory(optgen.compile("sgd", "sam"))(0.25, sam_radius=0.5)
    params = jnp.array([3.0, 4.0])

    def step(params: Any, state: Any) -> Any:
        moved, second = rule.perturb(params, state, params)
        assert isinstance(second, Perturbed)
        params = optax.apply_updates(params, moved)
        updates, state = rule.update(params, second, params)
        return optax.apply_updates(params, updates), state

    found, state = jax.jit(step)(params, rule.init(params))
    np.testing.assert_allclose(found, [3.0 - 0.25 * 3.3, 4.0 - 0.25 * 4.4], rtol=1e-6)
    assert isinstance(state, State)
    with pytest.raises(TypeError, match="where the parameters are"):
        optgen.optax.sgd().perturb(params, optgen.optax.sgd().init(params), params)


def test_inputs_beside_the_gradient_and_those_of_others() -> None:
    rule = optgen.optax.sophia(0.5)
    chain = optax.chain(rule, optax.scale(2.0))
    hessian = jax.tree.map(lambda array: jnp.full_like(array, 1e4), PARAMS)
    state = chain.init(PARAMS)
    updates, _ = chain.update(GRADS, state, PARAMS, hessian=hessian, value=1.0)
    own, _ = rule.update(GRADS, rule.init(PARAMS), PARAMS, hessian=hessian)
    same(updates, jax.tree.map(lambda array: 2 * array, own))
    without, _ = rule.update(GRADS, rule.init(PARAMS), PARAMS)
    assert not np.allclose(without["dense"]["bias"], own["dense"]["bias"])


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision(dtype: Any) -> None:
    """Updates are computed in float32, and the new parameter is the nearest to what they make."""
    params = jnp.array([1.0, 0.75, 2.5], dtype)
    grads = jnp.array([0.3, -0.5, 0.1], dtype)
    rule = optgen.optax.adam(0.01)
    state = rule.init(params)
    assert state.parameters["velocity"].dtype == jnp.float32
    updates, _ = rule.update(grads, state, params)
    assert updates.dtype == dtype
    wide, _ = rule.update(grads.astype(jnp.float32), state, params.astype(jnp.float32))
    expected = (params.astype(jnp.float32) + wide).astype(dtype)
    assert (optax.apply_updates(params, updates) == expected).all()
    narrow = optgen.optax.adam(state_dtype={"velocity": "bfloat16"}).init(params)
    assert narrow.parameters["velocity"].dtype == jnp.bfloat16
    assert narrow.parameters["mean_gradient"].dtype == jnp.float32


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"learning_rate": -1.0}, "learning_rate = -1.0 is out of range"),
    ({"learning_rat": 1.0}, "did you mean 'learning_rate'"),
    ({"learning_rate": jnp.asarray(-1.0)}, "out of range"),
    ({"state_dtype": "int8"}, "use 'bfloat16' or 'float16'"),
    ({"exclude": {"weight_deca": "bias"}}, "did you mean 'weight_decay'"),
    ({"options": {"*": {"clipnor": 1.0}}}, "there is no 'clipnor'"),
    ({"clipnorm": 1.0, "clipvalue": 1.0}, "only one of these may be given"),
    ({"learning_rate": optgen.optimizers.schedules.CosineDecay(0.1, 3)}, "schedules of Optax"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=lambda one: str(one)[:30])
def test_arguments_that_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        optgen.optax.adam(**arguments)


def test_calls_that_are_refused() -> None:
    rule = optgen.optax.adam()
    state = rule.init(PARAMS)
    with pytest.raises(ValueError, match="needs the parameters"):
        rule.update(GRADS, state)
    odd = {"dense": {"kernel": jnp.ones((3, 2)), "bias": jnp.ones(3)}}
    with pytest.raises(ValueError, match=r"gradient of 'dense/kernel' has shape \(3, 2\)"):
        rule.update(odd, state, PARAMS)
    with pytest.raises(TypeError, match="'count' is int32"):
        rule.init({"count": jnp.zeros((), jnp.int32)})
    with pytest.raises(ValueError, match="0 states of optimizers"):
        rule.evaluation(PARAMS, optax.sgd(0.1).init(PARAMS))
    with pytest.raises(AttributeError, match="did you mean 'adam'"):
        _ = optgen.optax.adamm
