"""Published rules, run for 20 steps, against numbers of packages that have the same rules.

The numbers were made with pytorch_optimizer 4.1.0 and Optax, in float64 and with the settings that
stand beside them; neither is needed here.
"""

from __future__ import annotations

import numpy as np
import pytest

from optgen.analysis.prove.trajectories import Runs
from optgen.analysis.prove.variant import variants
from optgen.compiler.library import published_files
from optgen.compiler.pipeline import checked_rule, load_all

RATE = 0.02
START = np.array([[1.0, -2.0, 0.5]])
STEPS = np.arange(1, 21.0)[:, None]
GRADIENTS = np.sin(STEPS * [1.0, 1.7, 2.3]) * [1.0, 0.3, 4.0] + [0.1, 0.2, -0.5]
FILES = {path.stem: path for path in published_files()}
#: What differs from the defaults, and the parameter after the last step.
THEIRS: dict[str, tuple[dict[str, float], list[float]]] = {
    "pnm": ({"beta_1": 0.8}, [0.9755461049285441, -2.0330521333949867, 0.5597733205047692]),
    "adapnm": (
        {"beta_1": 0.8, "epsilon": 1e-14},
        [0.9358216389416918, -2.1449279904823446, 0.5069379283681733],
    ),
    "bcosg": ({"beta": 0.8}, [0.9322672490489867, -2.2449571519952705, 0.5412845049884766]),
    "bcosm": (
        {"beta": 0.8, "beta_v": 0.8},
        [0.811073486152354, -2.324602676240533, 0.5386063144905334],
    ),
    "marslion": (
        {"beta_1": 0.8, "gamma": 0.05},
        [0.9199999999999999, -2.4000000000000004, 0.5800000000000001],
    ),
    "sgdp": ({"momentum": 0.8}, [0.7571900396226604, -2.3148529368222324, 1.1804224282547133]),
    "adamp": (
        {"beta_1": 0.8, "epsilon": 1e-14},
        [0.8991139195421086, -2.275465502470608, 0.5403550153645604],
    ),
    "dadaptadam": (
        {"learning_rate": 1.0, "beta_1": 0.8, "d0": 0.001},
        [0.9592493842540433, -2.11407727514975, 0.5190052195529843],
    ),
    "dadaptlion": (
        {"learning_rate": 1.0, "beta_1": 0.8, "d0": 0.001},
        [0.9975475001158194, -2.0104524998841797, 0.5004524998841807],
    ),
    "dadaptadagrad": (
        {"learning_rate": 1.0, "momentum": 0.8, "d0": 0.001},
        [0.9991949785713727, -2.002754961773614, 0.5005799616468034],
    ),
    "schedulefreeradam": (
        {"beta_1": 0.8, "beta_2": 0.9},
        [0.9837480650655206, -2.079544168519003, 0.5172408830383431],
    ),
    "scheduledademamix": (
        {"beta_1": 0.8, "start": 0.8, "warmup": 10.0},
        [0.8962465515320862, -2.2797681185435095, 0.5402897208201359],
    ),
    "aida": (
        {"beta_1": 0.8, "epsilon": 1e-14},
        [0.8518523537063492, -2.469474705654425, 0.5663630716076904],
    ),
    "adamg": ({"beta_1": 0.8}, [0.9993009288898218, -2.0027679167889234, 0.5018785328356408]),
    "adams": (
        {"beta_1": 0.8, "decay": 0.1},
        [0.8781855260270586, -2.227403783983862, 0.5288913043131062],
    ),
    "a2graduni": ({"beta": 2.0}, [0.8314295125030114, -2.1969693423518373, 0.7766856968222072]),
    "a2gradinc": ({"beta": 2.0}, [0.8629215692052324, -2.13032787722488, 0.5663443402910594]),
    "a2gradexp": ({"beta": 2.0}, [0.84266159309709, -2.1685945919957557, 0.6983943344117873]),
    "srmm": ({"memory": 7.0}, [0.609773598653132, -1.4940825973583949, 0.4985900656834218]),
    "vsgd": ({"shape": 1.00010002}, [0.7215022730792621, -2.3007429925422334, 0.23031150253714813]),
    "adagc": (
        {"beta_1": 0.8, "warmup": 8.0},
        [0.9413180561972877, -2.25646822560918, 0.4894729233089477],
    ),
    "apollo": ({"epsilon": 0.01}, [-8.70057730959315, -9.324817644166394, 10.922953507330567]),
    "came": ({"beta_1": 0.8}, [-2.252219923032123, -11.600869529431163, 0.2541035673847598]),
    "lookaheadsgd": (
        {"momentum": 0.8},
        [0.8828242352266651, -2.168379979948403, 0.8442716705486638],
    ),
    "lookaheadadam": (
        {"beta_1": 0.8},
        [0.949556960375056, -2.1377327468937217, 0.5201775076222472],
    ),
    "ranger": ({"beta_1": 0.8}, [0.9714604220477022, -2.0214065049531995, 0.5018017405715738]),
    "rectifiedadabelief": (
        {"beta_1": 0.8},
        [0.9427220255491141, -2.045767151053473, 0.5035503975551432],
    ),
    "orthograd": ({}, [0.9112562967501319, -2.023333799711427, 0.6300797483329164]),
    "orthoadamw": ({"beta_1": 0.8}, [0.8605746011372698, -2.028868852400579, 0.5371246819824624]),
    # From here on: Optax.
    "optaxnadam": ({"beta_1": 0.8}, [0.8981872955276503, -2.2818759208952013, 0.53657802269376]),
    "cocob": ({}, [0.9719419746917026, -2.1203037920539933, 0.5153862357862518]),
    "dowg": (
        {"learning_rate": 1.0, "first": 0.0001},
        [0.9999410911915902, -2.000059614823423, 0.5000354079365749],
    ),
    "simplifiedademamix": (
        {"beta_1": 0.8, "alpha": 2.0},
        [0.5696927759669588, -3.6258712811364737, 0.8036563463737505],
    ),
}


@pytest.mark.parametrize("name", THEIRS)
def test_twenty_steps_are_those_of_a_package(name: str) -> None:
    settings, expected = THEIRS[name]
    (spec,) = load_all([FILES[name]])
    rule = checked_rule(spec)
    (variant,) = variants(rule)
    defaults = {h.name: float(h.default or 0) for h in rule.hyperparameters}
    runs = Runs(variant, {**defaults, "learning_rate": RATE, **settings}, START)
    for gradient in GRADIENTS:
        runs.arrive(gradient[None])
        with np.errstate(all="ignore"):
            runs.step()
    # Some of them add up their sums in float32.
    moved = np.asarray(runs.values["param"])[0] - START[0]
    np.testing.assert_allclose(moved, np.array(expected) - START[0], rtol=1e-6)
