"""Pairs of rules of which the literature says whether they are one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from optgen.compiler.ir.rule import Rule
from optgen.compiler.pipeline import composed, surroundings
from optgen.compiler.read.load import load

AROUND = surroundings()
HYPERPARAMETERS = {
    "learning_rate": "{ default = 0.01 }",
    "momentum": '{ default = 0.9, range = "0 <= momentum < 1" }',
    "beta": '{ default = 0.9, range = "0 <= beta < 1" }',
    "beta_1": '{ default = 0.9, range = "0 <= beta_1 < 1" }',
    "beta_2": '{ default = 0.99, range = "0 <= beta_2 < 1" }',
    "nu": '{ default = 0.7, range = "0 <= nu <= 1" }',
    "nu_2": '{ default = 0.7, range = "0 <= nu_2 <= 1" }',
    "epsilon": '{ default = 1e-3, range = "epsilon >= 0" }',
    "decay": '{ default = 0.01, range = "decay >= 0" }',
    "factor": "{ default = 0.5 }",
    "bound": '{ default = 0.5, range = "bound > 0" }',
}
STATES = {
    "m": "{}",
    "a": "{}",
    "b": "{}",
    "c": "{}",
    "d": "{}",
    "e": "{}",
    "v": '{ invariant = "v >= 0" }',
    "s": '{ invariant = "s >= 0" }',
    "u": '{ invariant = "u >= 0" }',
    "product": "{ initial = 1 }",
    "count": "{}",
}


@dataclass(frozen=True)
class Pair:
    """Two rules, values for both, and whether they are equal."""

    name: str
    one: str
    other: str
    equal: bool
    together: tuple[str, ...] = ()


ADAM = (
    "m = beta_1*m + (1 - beta_1)*grad\n"
    "v = beta_2*v + (1 - beta_2)*grad**2\n"
    "step_size = learning_rate*sqrt(1 - beta_2**step)/(1 - beta_1**step)\n"
    "param = param - step_size*m/(sqrt(v) + epsilon)"
)
ADAM_HATS = (
    "m = beta_1*m + (1 - beta_1)*grad\n"
    "v = beta_2*v + (1 - beta_2)*grad**2\n"
    "param = param - learning_rate*(m/(1 - beta_1**step))/(sqrt(v/(1 - beta_2**step)) + epsilon)"
)
RMSPROP = (
    "v = beta_2*v + (1 - beta_2)*grad**2\nparam = param - learning_rate*grad/(sqrt(v) + epsilon)"
)
KERAS = "m = momentum*m - learning_rate*grad\nparam = param + m"
TORCH = "m = momentum*m + grad\nparam = param - learning_rate*m"
EMA = "m = beta*m + (1 - beta)*grad\nparam = param - learning_rate*m"
NESTEROV = "m = momentum*m - learning_rate*grad\nparam = param + momentum*m - learning_rate*grad"
LION = (
    (
        "c = beta_1*m + (1 - beta_1)*grad\nm = beta_2*m + (1 - beta_2)*grad\n"
        "param = param - learning_rate*sign(c)"
    )
    .replace("c =", "mixed =")
    .replace("sign(c)", "sign(mixed)")
)
QHM = "m = beta*m + (1 - beta)*grad\nparam = param - learning_rate*((1 - nu)*grad + nu*m)"
QHADAM = (
    "m = beta_1*m + (1 - beta_1)*grad\nv = beta_2*v + (1 - beta_2)*grad**2\n"
    "top = (1 - nu)*grad + nu*m/(1 - beta_1**step)\n"
    "bottom = (1 - nu_2)*grad**2 + nu_2*v/(1 - beta_2**step)\n"
    "param = param - learning_rate*top/(sqrt(bottom) + epsilon)"
)
ADAMAX = (
    "m = beta_1*m + (1 - beta_1)*grad\nu = max(beta_2*u, abs(grad))\n"
    "param = param - learning_rate/(1 - beta_1**step)*m/(u + epsilon)"
)
LARS = (
    "ratio = where(norm(grad) > 0, norm(param)/norm(grad), 1)\n"
    "m = momentum*m + learning_rate*ratio*grad\nparam = param - m"
)
MANY = (
    "a = beta*a + grad\nb = beta*b + a\nc = beta*c + b\nd = beta*d + c\ne = beta*e + d\n"
    "param = param - learning_rate*(a + 2*b + 3*c + 4*d + 5*e)"
)

PAIRS = (
    Pair("torch's and Keras's momentum", TORCH, KERAS, True),
    Pair("averaged and summed momentum", TORCH.replace("momentum", "beta"), EMA, False),
    Pair(
        "averaged momentum at another learning rate",
        EMA,
        "m = beta*m + grad\nparam = param - learning_rate*(1 - beta)*m",
        True,
    ),
    Pair(
        "Nesterov's form of Bengio, Boulanger-Lewandowski and Pascanu",
        NESTEROV,
        "old = m\nm = momentum*m - learning_rate*grad\n"
        "param = param + momentum**2*old - (1 + momentum)*learning_rate*grad",
        True,
    ),
    Pair(
        "Nesterov's form of Bengio with a slip",
        NESTEROV,
        "old = m\nm = momentum*m - learning_rate*grad\n"
        "param = param + momentum*old - (1 + momentum)*learning_rate*grad",
        False,
    ),
    Pair(
        "Nesterov of torch and Keras",
        NESTEROV,
        "m = momentum*m + grad\nparam = param - learning_rate*(grad + momentum*m)",
        True,
    ),
    Pair("momentum and Nesterov", KERAS, NESTEROV, False),
    Pair("Adam's corrections without epsilon", ADAM, ADAM_HATS, True, ("epsilon=0",)),
    Pair("Adam's corrections with epsilon", ADAM, ADAM_HATS, False),
    Pair(
        "Adam with corrected states",
        ADAM_HATS,
        "m = (beta_1*(1 - beta_1**(step - 1))*m + (1 - beta_1)*grad)/(1 - beta_1**step)\n"
        "v = (beta_2*(1 - beta_2**(step - 1))*v + (1 - beta_2)*grad**2)/(1 - beta_2**step)\n"
        "param = param - learning_rate*m/(sqrt(v) + epsilon)",
        True,
    ),
    Pair(
        "Adam with a product of decays as state",
        ADAM_HATS,
        "m = beta_1*m + (1 - beta_1)*grad\nv = beta_2*v + (1 - beta_2)*grad**2\n"
        "product = product*beta_1\n"
        "param = param - learning_rate*(m/(1 - product))/(sqrt(v/(1 - beta_2**step)) + epsilon)",
        True,
    ),
    Pair(
        "Adam with a count of its own",
        ADAM_HATS,
        "m = beta_1*m + (1 - beta_1)*grad\nv = beta_2*v + (1 - beta_2)*grad**2\n"
        "count = count + 1\nhat = m/(1 - beta_1**count)\n"
        "param = param - learning_rate*hat/(sqrt(v/(1 - beta_2**step)) + epsilon)",
        True,
    ),
    Pair(
        "coupled and decoupled decay",
        ADAM.replace("m = beta_1", "grad = grad + decay*param\nm = beta_1"),
        ADAM.replace("m = beta_1", "param = param - learning_rate*decay*param\nm = beta_1"),
        False,
    ),
    Pair(
        "decay of SGD is decoupled already",
        "grad = grad + decay*param\nparam = param - learning_rate*grad",
        "param = (1 - learning_rate*decay)*param - learning_rate*grad",
        True,
    ),
    Pair(
        "coupled decay with momentum",
        KERAS.replace("m = mom", "grad = grad + decay*param\nm = mom"),
        KERAS.replace("m = mom", "param = param*(1 - learning_rate*decay)\nm = mom"),
        False,
    ),
    Pair(
        "Lion with one decay is Signum",
        LION,
        "m = beta_2*m + (1 - beta_2)*grad\nparam = param - learning_rate*sign(m)",
        True,
        ("beta_1=0.9", "beta_2=0.9"),
    ),
    Pair(
        "Lion with two decays isn't Signum",
        LION,
        "m = beta_2*m + (1 - beta_2)*grad\nparam = param - learning_rate*sign(m)",
        False,
    ),
    Pair(
        "Signum by sum or mean",
        "m = beta*m + (1 - beta)*grad\nparam = param - learning_rate*sign(m)",
        "m = beta*m + grad\nparam = param - learning_rate*sign(m)",
        True,
    ),
    Pair("QHM with nu = 1", QHM, EMA, True, ("nu=1",)),
    Pair("QHM with nu = 0", QHM, "param = param - learning_rate*grad", True, ("nu=0",)),
    Pair("QHM", QHM, EMA, False),
    Pair(
        "QHM with nu = beta is Nesterov's, averaged",
        QHM.replace("nu", "beta"),
        "m = beta*m + (1 - beta)*grad\nparam = param - learning_rate*(beta*m + (1 - beta)*grad)",
        True,
    ),
    Pair("QHAdam with both nu = 1", QHADAM, ADAM_HATS, True, ("nu=1", "nu_2=1")),
    Pair("QHAdam", QHADAM, ADAM_HATS, False),
    Pair("AdaBelief and Adam", ADAM.replace("grad**2", "(grad - m)**2"), ADAM, False),
    Pair(
        "RMSprop is Adam without momentum and corrections",
        "m = beta_1*m + (1 - beta_1)*grad\nv = beta_2*v + (1 - beta_2)*grad**2\n"
        "param = param - learning_rate*m/(sqrt(v) + epsilon)",
        RMSPROP,
        True,
        ("beta_1=0",),
    ),
    Pair("RMSprop isn't Adam without momentum", ADAM, RMSPROP, False, ("beta_1=0",)),
    Pair(
        "NAdam with its schedule off isn't Adam",
        ADAM_HATS.replace(
            "(m/(1 - beta_1**step))", "((beta_1*m + (1 - beta_1)*grad)/(1 - beta_1**step))"
        ),
        ADAM_HATS,
        False,
    ),
    Pair(
        "Yogi and Adam",
        ADAM.replace(
            "v = beta_2*v + (1 - beta_2)*grad**2", "v = v - (1 - beta_2)*sign(v - grad**2)*grad**2"
        ),
        ADAM,
        False,
    ),
    Pair(
        "Adamax's maximum by a choice",
        ADAMAX,
        ADAMAX.replace(
            "max(beta_2*u, abs(grad))", "where(abs(grad) > u*beta_2, abs(grad), beta_2*u)"
        ),
        True,
    ),
    Pair(
        "Adamax's maximum, scaled",
        ADAMAX,
        ADAMAX.replace("u = max(beta_2*u, abs(grad))", "u = max(beta_2*u, 2*abs(grad))").replace(
            "(u + eps", "(u/2 + eps"
        ),
        True,
    ),
    Pair(
        "Adamax's maximum by sum and distance",
        ADAMAX,
        ADAMAX.replace(
            "max(beta_2*u, abs(grad))", "(beta_2*u + abs(grad) + abs(beta_2*u - abs(grad)))/2"
        ),
        True,
    ),
    Pair(
        "AMSGrad in another order",
        ADAM.replace("param =", "s = max(s, v)\nparam =").replace("sqrt(v)", "sqrt(s)"),
        ADAM.replace("param =", "s = where(v > s, v, s)\nparam =").replace("sqrt(v)", "sqrt(s)"),
        True,
    ),
    Pair(
        "roots of products",
        "v = beta*v + grad**2\nparam = param - learning_rate*grad/sqrt(v*bound + epsilon*bound)",
        "v = grad**2 + v*beta\nparam = param - learning_rate*grad/(sqrt(bound)*sqrt(v + epsilon))",
        True,
    ),
    Pair(
        "a magnitude that is squared in a root",
        RMSPROP,
        RMSPROP.replace("grad**2", "abs(grad)**2"),
        True,
    ),
    Pair(
        "a sign that divides",
        "param = param - learning_rate*sign(grad)",
        "param = param - learning_rate/sign(grad)",
        False,
    ),
    Pair(
        "a step of the gradient's sign",
        "param = param - learning_rate*sign(grad)",
        "param = param - learning_rate*where(grad > 0, 1, where(grad < 0, -1, 0))",
        True,
    ),
    Pair(
        "clipping by choices",
        "param = param - learning_rate*clip(grad, -bound, bound)",
        "param = param - learning_rate*min(bound, max(grad, -bound))",
        True,
    ),
    Pair(
        "clipping to a range that may be empty isn't the least of the larger one",
        "param = param - learning_rate*clip(grad, bound, decay)",
        "param = param - learning_rate*min(max(grad, bound), decay)",
        False,
    ),
    Pair(
        "clipping to a range that may be empty, by choices",
        "param = param - learning_rate*clip(grad, bound, decay)",
        "capped = where(grad > decay, decay, grad)\n"
        "param = param - learning_rate*where(grad < bound, bound, capped)",
        True,
    ),
    Pair(
        "clipping by cases",
        "param = param - learning_rate*clip(grad, -bound, bound)",
        "inside = where(grad > bound, bound, grad)\n"
        "param = param - learning_rate*where(grad < -bound, -bound, inside)",
        True,
    ),
    Pair(
        "conditions that mean the same",
        "m = where(grad*m > 0, beta*m, 0) + grad\nparam = param - learning_rate*m",
        "m = where(0 < 2*m*grad, m*beta + grad, grad)\nparam = param - m*learning_rate",
        True,
    ),
    Pair(
        "conditions that don't",
        "m = where(grad*m > 0, beta*m, 0) + grad\nparam = param - learning_rate*m",
        "m = where(grad*m < 0, beta*m, 0) + grad\nparam = param - learning_rate*m",
        False,
    ),
    Pair(
        "a norm of the same",
        LARS,
        LARS.replace(
            "m = momentum*m + learning_rate*ratio*grad",
            "scaled = ratio*learning_rate\nm = scaled*grad + m*momentum",
        ),
        True,
    ),
    Pair("a norm of another", LARS, LARS.replace("norm(param)/", "norm(param + grad)/"), False),
    Pair(
        "the mean isn't the sum",
        "param = param - learning_rate*(grad - mean(grad))",
        "param = param - learning_rate*(grad - sum(grad))",
        False,
    ),
    Pair(
        "many states with other names",
        MANY,
        "e = beta*e + grad\nd = beta*d + e\nm = beta*m + d\nb = m + beta*b\na = beta*a + b\n"
        "param = param - learning_rate*(e + 2*d + 3*m + 4*b + 5*a)",
        True,
    ),
    Pair(
        "a temporary inlined, and what cancels",
        "half = grad/2\nparam = param - learning_rate*(half + half)",
        "param = param - grad*learning_rate",
        True,
    ),
    Pair(
        "a state that nothing comes of",
        KERAS,
        KERAS.replace("param =", "v = beta*v + grad**2\nparam ="),
        True,
    ),
    Pair(
        "an exponential of equal sums",
        "param = param - learning_rate*exp(-(grad + param))*grad",
        "param = param - learning_rate*grad*exp(-param - grad)",
        True,
    ),
    Pair(
        "an average by its difference",
        EMA,
        "m = m + (1 - beta)*(grad - m)\nparam = param - learning_rate*m",
        True,
    ),
    Pair(
        "the sign of a factor",
        "param = param - learning_rate*sqrt(factor**2)*grad",
        "param = param - learning_rate*factor*grad",
        False,
    ),
)


def written(path: Path, rule: str) -> Rule:
    """The rule of a spec that declares what some lines use."""
    lines = ['name = "Own"', 'summary = "A rule of its own."']
    used = set(re.findall("[a-z_0-9]+", rule))
    for table, entries in (("hyperparameters", HYPERPARAMETERS), ("state", STATES)):
        lines += [f"[{table}]", *(f"{n} = {entry}" for n, entry in entries.items() if n in used)]
    path.write_text("\n".join([*lines, "[update]", "rule = '''", rule, "'''"]))
    return composed(load(path), AROUND)
