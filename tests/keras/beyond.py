"""Random numbers, inputs beside the gradient and second points, beside the kernels on NumPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import keras
import numpy as np

import optgen
from optgen.keras import optimizer_class
from tests.runtime.more_than_gradients import GUIDED

DRAWN = '''
name = "DrawnInKeras"
[hyperparameters]
learning_rate = { default = 1.0 }
[matrix]
view = "last two"
[state]
even = {}
bell = {}
sides = {}
row_size = { shape = "rows", when = "matrix" }
[update]
rule = """
even = uniform()
sides = random_sign()
bell = normal()
if matrix:
    row_size = 0.5*row_size + row_mean((grad + uniform())**2)
    bell = bell*row_size
change = learning_rate*(even + bell + sides + normal(floor(call/2) + 3))
"""
'''
#: One that float32 can't hold.
SEED = 2**40 + 12345
SHAPES = ((2, 3, 4), (5,), ())
Array = np.ndarray[Any, np.dtype[Any]]
#: A call of an optimizer with gradients and inputs; where told, of ``perturb`` before.
Step = Callable[..., None]


def arrays(seed: int) -> list[Array]:
    draw = np.random.default_rng(seed)
    return [draw.normal(size=shape).astype(np.float32) for shape in SHAPES]


def tensors_of(grads: Any, second: Any, inputs: Any) -> Any:
    def convert(one: Any) -> Any:
        return None if one is None else keras.ops.convert_to_tensor(one)

    return keras.tree.map_structure(convert, (grads, second, inputs))


def compiled(optimizer: Any) -> Step:
    """A call as a backend compiles it; ``second`` are the gradients at the second point."""

    def made(states: Any, values: Any, grads: Any, second: Any, inputs: Any) -> Any:
        if second is not None:
            values, states = optimizer.stateless_perturb(states, grads, values)
        given = grads if second is None else second
        return optimizer.stateless_apply(states, given, values, **inputs)

    def call(variables: Sequence[Any], grads: Any, second: Any = None, **inputs: Any) -> None:
        states = [v.value for v in optimizer.variables]
        tensors = tensors_of(grads, second, inputs)
        values, states = run(states, [v.value for v in variables], *tensors)
        for variable, value in zip(
            [*variables, *optimizer.variables], [*values, *states], strict=True
        ):
            variable.assign(value)

    run = import_module("jax").jit(made) if keras.config.backend() == "jax" else made
    return call


def in_graph(optimizer: Any) -> Step:
    """A call that TensorFlow compiles, or that is made at once."""

    def made(grads: Any, second: Any, inputs: Any) -> None:
        if second is not None:
            optimizer.perturb(grads)
        optimizer.apply(grads if second is None else second, **inputs)

    def call(_: Sequence[Any], grads: Any, second: Any = None, **inputs: Any) -> None:
        run(*tensors_of(grads, second, inputs))

    is_compiled = keras.config.backend() == "tensorflow"
    run = import_module("tensorflow").function(made) if is_compiled else made
    return call


def beside(
    rule: Any, name: str, made: Callable[[Any], Step], steps: Sequence[Any], **arguments: Any
) -> list[str]:
    """What differs from kernels after some steps: of gradients, and of ``second`` and inputs."""
    variables = [keras.Variable(array, name=f"v{k}") for k, array in enumerate(arrays(0))]
    ours, held = optimizer_class(rule, name)(**arguments), arrays(0)
    theirs = rule(**arguments)
    ours.build(variables)
    theirs.build(held)
    call = made(ours)
    for grads, second, inputs in steps:
        if second is not None:
            theirs.perturb(grads)
        theirs.apply(grads if second is None else second, **inputs)
        call(variables, grads, second, **inputs)
    found = []
    for k, (variable, array) in enumerate(zip(variables, held, strict=True)):
        states = ours._inside.slots[k].states
        pairs = {
            name: (states[name], value) for name, value in theirs.state[f"variable_{k}"].items()
        }
        for title, (one, other) in {**pairs, "variable": (variable, array)}.items():
            mine = keras.ops.convert_to_numpy(one).reshape(other.shape)
            is_exact = title in ("even", "sides")
            if not (np.array_equal if is_exact else _close)(mine, other):
                found.append(f"{name}, {title} of {k}: {mine} is not {other}")
    return found


def _close(one: Array, other: Array) -> bool:
    return np.allclose(one, other, rtol=1e-5, atol=2e-6)


def mistakes(made: Callable[[Any], Step], ending: str = "") -> list[str]:
    """What a backend computes otherwise than kernels."""
    guided = optgen.compile(GUIDED)
    plain: list[Any] = [(arrays(k), None, {}) for k in (1, 2, 3)]
    with_inputs = [
        (arrays(1), None, {"curvature": arrays(5), "loss": 0.75}),
        (arrays(2), None, {"curvature": arrays(6), "loss": 0.5, "pull": arrays(7)}),
    ]
    moved: list[Any] = [
        (arrays(1), arrays(2), {}),
        (arrays(3), None, {}),
        (arrays(4), arrays(5), {}),
    ]
    sharp = optgen.compile("sgd", "sam")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            *beside(optgen.compile(DRAWN), f"Drawn{ending}", made, plain, seed=SEED),
            *beside(guided, f"Guided{ending}", made, with_inputs),
            *beside(sharp, f"Sharp{ending}", made, moved, sam_radius=0.5, momentum=0.9),
        ]


#: How a backend is called: with values, and with variables.
WAYS = (in_graph,) if keras.config.backend() == "tensorflow" else (compiled, in_graph)


def failures() -> list[str]:
    """What a backend computes otherwise in any way of calling it."""
    return [one for way in WAYS for one in mistakes(way, f"_{way.__name__}")]
