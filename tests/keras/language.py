"""Every function of the language on operands of every level, beside NumPy in float64."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import keras
import numpy as np

from optgen.compiler.emit import emit, emit_features, emit_package
from optgen.compiler.library import find_specs
from optgen.compiler.pipeline import plan_of
from optgen.compiler.project import read_project
from optgen.compiler.write import changes_of, commit, opened
from optgen.keras import optimizer_class
from tests.keras.crossing import Apply
from tests.numeric.rules import Array, reductions, run

#: One assignment each, to a state of its own. ``y`` is 0 in every rule, and known to be so by
#: nobody; ``t`` is a value of a variable, ``h`` one of a call.
EXPRESSIONS = """
# Counters, literals and hyperparameters as elements.
step; call; step*grad; grad/call + step; grad*0 + 3; 7; count; where(flag, 2, grad)
where(given(extra), grad, 1); where(given(extra) and grad > 0, grad, -1); half
# Choices of constants, alone and in arithmetic.
where(grad > 0, 1, 0); where(grad > 0, 1, 0)/3; where(grad > 0, 1, 2)**-1;
2**where(grad > 0, 1, 2)
where(grad > 0, 7, -7) % 4; where(step > 1, 1, 2)*grad; where(step > 1, half, 0)*grad
where(grad > 0, half, count); where(t > 0, 1, 0)*grad;
where(t > 0, 1, 0) + where(step > 1, 3, 4)
where(grad > 0, where(param > 0, 1, 2), where(t > 1, 3, 4));
where(h > 1, where(grad > 1, 5, 6), h)
# Conditions of several levels.
where(grad > 0 and t > 1, grad, 0); where(grad > 0 or step > 1, 1, 0);
where(not grad > 0, 1, 0)
where(not t > 0 and not flag, 1, 2); where(flag and grad > 0, 1, 2);
where(t > 0 and step > 1, 3, 4)
where(0 <= grad < 1, 1, 0); where(grad == grad, 1, 0); where(grad != 0, 1, 0);
where(flag, 1, 2)
where(where(flag, grad > 0, param > 0), 1, 2); where(step % 2 == 0 or t > 0 and grad > 0, 1, 2)
# Remainders and powers of either sign.
grad % 3; grad % -3; -7 % count + grad; param % grad; grad**3; grad**-1; grad**-2; grad**0
grad**0.3; abs(grad)**half; abs(grad)**-half; minus**count + grad; minus**half + grad;
half**step*grad
abs(grad)**where(param > 0, 1, 2); minus % 1 + grad; grad % zero; step % 2 + grad;
zero**-half + grad
# Zeros, infinities and NaN.
sign(grad); sign(minus)*grad; sign(t)*grad; sign(zero) + grad; min(grad, 1); max(grad, 1)
max(1, grad); min(1, grad); max(grad, param); min(t, grad); max(step, half) + grad; max(t, h)
clip(grad, -1, 1); clip(grad, -half, t); clip(minus, -1, 1)*grad; clip(t, zero, half)
1/grad; grad/zero; learning_rate/zero + grad; -learning_rate/zero + grad; 1/(grad*0);
sqrt(grad)
log(grad); log(zero) + grad; log(minus) + grad; sqrt(minus) + grad; exp(count*300) + grad;
exp(grad)
tanh(grad); tanh(minus)*grad; tanh(t*half); floor(grad); floor(minus) + grad; floor(t)*grad
atan2(grad, param); atan2(param, grad); atan2(grad, t); atan2(h, half) + grad; atan2(minus, 2)
abs(minus)*grad; -grad; sqrt(t)*grad; exp(-h)*grad; 1/y; y**-1; -y
# Sums of what is the same for each element.
sum(learning_rate); sum(1); mean(half); norm(half); global_sum(1); global_norm(half); sum(step)
sum(t); mean(t); sum(t*half); sum(where(grad > 0, 1, 0)); sum(where(flag, 1, 0)); norm(t + 1)
global_sum(t); global_sum(half)/global_sum(1); sum(y + 1); sum(where(t > 0, 1, 2)); norm(minus)
# Sums of elements, and what is made of them.
sum(param); mean(param); norm(param); global_sum(param); global_norm(param);
norm(param)/(1 + sum(param)**2)
grad - mean(param); norm(param - mean(param));
where(norm(param) > global_norm(param)/2, grad, 1)
sum(param*mean(param))/count; max(norm(param), count); clip(mean(param), -1, 1) % 1; sum(grad)
"""
SPEC = """
name = "{name}"
[hyperparameters]
learning_rate = {{ default = 0.25 }}
half = {{ default = 0.5 }}
count = {{ default = 3, integer = true }}
minus = {{ default = -1.5 }}
zero = {{ default = 0.0 }}
flag = {{ default = false }}
extra = {{ optional = true }}
[state]
{states}
[update]
rule = '''
{rule}
param = where(flag and where(given(extra), 0, 1)*({used}) > 0, 0, param)
'''
"""
NAMES = ("learning_rate", "half", "count", "minus", "zero", "y", "h", "t")
FIRST = "y = 0\nif flag:\n    y = param\nh = half + step\nt = norm(param)"
HYPERPARAMETERS = {
    "learning_rate": 0.25,
    "half": 0.5,
    "count": 3.0,
    "minus": -1.5,
    "zero": 0.0,
    "flag": False,
    "extra": None,
}
#: By path: a dtype, the values and the gradients, which are exact in every dtype.
VARIABLES: dict[str, tuple[str, Array, Array]] = {
    "kernel": (
        "float32",
        np.array([[1.5, -2.0, 0.25], [3.0, -0.5, 4.0], [2.0, 1.0, -1.0]]),
        np.array([[np.nan, np.inf, -np.inf], [0.0, -0.0, 0.75], [-7.5, 4.5, 1.0]]),
    ),
    "scale": ("float64", np.array(-1.25), np.array(2.0)),
    "bias": ("bfloat16", np.array([0.5, -3.0]), np.array([-0.25, 1.5])),
    "empty": ("float32", np.array([]), np.array([])),
}
STEPS = 2


_WRITTEN = [line for line in EXPRESSIONS.splitlines() if line and not line.startswith("#")]
_EVERY = [text.strip() for text in ";".join(_WRITTEN).split(";") if text.strip()]
#: A rule has 64 states at most.
PARTS = [_EVERY[first : first + 60] for first in range(0, len(_EVERY), 60)]


def rule_of(expressions: Sequence[str]) -> str:
    """A rule that assigns each expression to a state, but for its last line."""
    return "\n".join([FIRST, *(f"s{place} = {text}" for place, text in enumerate(expressions))])


@cache
def package() -> Any:
    """The package with a rule for each part."""
    folder = Path(mkdtemp())
    specs = []
    for number, part in enumerate(PARTS):
        name = f"Language{number}"
        states = "\n".join(f"s{place} = {{}}" for place in range(len(part)))
        specs.append(folder / f"{name.lower()}.toml")
        every = [*NAMES, *(f"s{place}" for place in range(len(part)))]
        text = SPEC.format(name=name, states=states, rule=rule_of(part), used=" + ".join(every))
        specs[-1].write_text(text, encoding="utf-8")
    project = read_project(find_specs([*map(str, specs)]).files)
    around, optimizers = project.around, project.kinds.optimizers
    # Without the bounds of rounding errors that headers state: they are of no use here.
    given = around.shared, around.templates
    compiled = [emit(plan_of(spec, around), (), *given) for spec in optimizers]
    modules = [(spec.module, spec.name.value) for spec in optimizers]
    sources = [*sum(compiled, ()), *emit_package(modules, (), around.templates)]
    sources += emit_features(*given)
    with opened(out := folder / "written_language"):
        commit(changes_of(sources, out, whole=True, force=False), out)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("written_language")
    finally:
        sys.path.remove(str(folder))


def mistakes(compiled: Callable[[Any], Apply]) -> Iterator[str]:
    """The expressions that a backend computes otherwise."""
    for number, part in enumerate(PARTS):
        variables = [
            keras.Variable(value, dtype=dtype, name=path)
            for path, (dtype, value, _) in VARIABLES.items()
        ]
        # One that never has a gradient, which the calls leave room for.
        variables.append(keras.Variable(np.ones(2), name="idle"))
        optimizer = optimizer_class(getattr(package(), f"Language{number}"))(**HYPERPARAMETERS)
        optimizer.build(variables)
        apply = compiled(optimizer)
        for _ in range(STEPS):
            gradients = [np.asarray(grad, np.float32) for _, _, grad in VARIABLES.values()]
            apply(optimizer, gradients, variables)
        for place, (text, wanted) in enumerate(zip(part, expected(part), strict=True)):
            states = [slot.states[f"s{place}"] for slot in optimizer._inside.slots[:-1]]
            found = flat([keras.ops.convert_to_numpy(state) for state in states])
            if not np.allclose(found, wanted, rtol=1e-5, atol=1e-6, equal_nan=True):
                yield f"{text}: {found} is not {wanted}"


def flat(arrays: Iterable[Array]) -> Array:
    return np.concatenate([np.ravel(array) for array in arrays])


def expected(expressions: Sequence[str]) -> list[Array]:
    """The value of each expression for all elements, after the steps, in float64."""
    param = flat(value for _, value, _ in VARIABLES.values())
    grad = flat(grad for _, _, grad in VARIABLES.values())
    sums = reductions([value.size for _, value, _ in VARIABLES.values()])
    names: dict[str, Any] = {"step": np.float64(STEPS), "call": np.float64(STEPS)}
    for name, value in HYPERPARAMETERS.items():
        # Not Python's numbers, which raise where there is no finite result.
        names[name] = np.float64(value) if isinstance(value, float) else value
    # Python's own 0 raises where NumPy's divides.
    text = rule_of(expressions).replace("y = 0", "y = zero")
    found = run(text, {**names, **sums, "param": param, "grad": grad, "where": _choose})
    values = [found[f"s{place}"] for place in range(len(expressions))]
    return [np.broadcast_to(value, param.shape) for value in values]


def _choose(condition: Any, yes: Any, no: Any) -> Array:
    """NumPy's choice, where a whole literal is a real number as any other."""
    found: Array = np.where(condition, yes, no)
    return found.astype(np.float64) if found.dtype.kind == "i" else found
