"""``optgen diff``: rules that are equal in other words, and rules that only look so."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from optgen.cli import app

SOUND = Path(__file__).parents[1] / "analysis" / "prove" / "sound"
optimizers = Path(__file__).parents[2] / "specs" / "optimizers"
SPEC = """
name = "Other"
summary = "A rule to compare with."
[hyperparameters]
learning_rate = {{ default = 0.01 }}
{hyperparameters}
[state]
{states}
[update]
rule = '''
{rule}
'''
"""
MOMENTUM = 'momentum = { default = 0.9, range = "0 <= momentum < 1" }'
TORCH = "buffer = momentum*buffer + grad\nparam = param - learning_rate*buffer"
#: Keras's momentum, written the long way around.
LONG = "v = -(learning_rate*grad - momentum*v)\nparam = v + param"


def diff(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["diff", *map(str, arguments)])


def write(folder: Path, rule: str, hyperparameters: str = "", states: str = "") -> Path:
    path = folder / "other.toml"
    path.write_text(SPEC.format(rule=rule, hyperparameters=hyperparameters, states=states))
    return path


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("sgd(nesterov=true, momentum=0)", "sgd", ()),
        ("adadelta", SOUND / "zeiler.toml", ("learning_rate=1",)),
        ("adam", "adam", ()),
        ("rmsprop(centered=true)", "rmsprop(centered=true)", ()),
    ],
    ids=str,
)
def test_rules_that_are_equal(one: str, other: object, together: tuple[str, ...]) -> None:
    result = diff(one, other, *(word for value in together for word in ("--with", value)))
    assert result.exit_code == 0, result.output
    assert result.output.startswith("proved: ")


def test_torch_s_momentum_is_keras_s_at_another_scale(tmp_path: Path) -> None:
    path = write(tmp_path, TORCH, MOMENTUM, "buffer = {}")
    result = diff("sgd(momentum=0.9)", f"{path}(momentum=0.9)")
    assert result.exit_code == 0, result.output
    assert "buffer of the second is -1/learning_rate times momentum_buffer" in result.output


def test_another_order_of_words_is_the_same_rule(tmp_path: Path) -> None:
    path = write(tmp_path, LONG, MOMENTUM, "v = {}")
    assert diff("sgd(momentum=0.5)", f"{path}(momentum=0.5)").exit_code == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("adam", SOUND / "adam_torch.toml"),
        ("rmsprop", SOUND / "rmsprop_torch.toml"),
        ("adamax", SOUND / "adamax_torch.toml"),
        ("rmsprop", "rmsprop(centered=true)"),
        ("sgd(momentum=0.9)", "sgd(momentum=0.9, nesterov=true)"),
        ("sgd(momentum=0.9)", "sgd(momentum=0.8)"),
        ("adamax", "adam"),
    ],
    ids=str,
)
def test_rules_that_differ(one: str, other: object) -> None:
    result = diff(one, other)
    assert result.exit_code == 1, result.output
    assert "different from step" in result.output


def test_the_magnitude_of_a_gradient_isn_t_the_gradient(tmp_path: Path) -> None:
    path = write(tmp_path, "param = param - learning_rate*sqrt(grad**2)")
    result = diff("sgd", path)
    assert result.exit_code == 1
    assert "different from step 1" in result.output or "different from step 2" in result.output


def test_a_root_of_a_square_is_no_proof_where_numbers_may_be_negative(tmp_path: Path) -> None:
    anything = "factor = { default = 1.0 }"
    plain = write(tmp_path, "param = param - learning_rate*factor*grad", anything)
    rooted = tmp_path / "rooted.toml"
    rooted.write_text(plain.read_text().replace("*factor*", "*sqrt(factor**2)*"))
    assert diff(plain, rooted).exit_code == 1
    positive = anything.replace(" }", ', range = "factor > 0" }')
    for path in (plain, rooted):
        path.write_text(path.read_text().replace(anything, positive))
    assert diff(plain, rooted).exit_code == 0


def test_numbers_show_where_rules_part(tmp_path: Path) -> None:
    path = write(tmp_path, "param = param - learning_rate*min(grad, 1)")
    result = diff("sgd", path)
    assert "different from step 1 on: gradients 2.0" in result.output
    assert "bring a parameter of 1.0 to 0.98 and 0.99" in result.output


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("adam(x=1)", "adam", "Adam has no hyperparameter x"),
        ("adam(beta_1)", "adam", "must be a name, =, and a value"),
        ("adam(beta_1=high)", "adam", "beta_1 must be a number"),
        ("adam(beta1=0.5)", "adam", "did you mean 'beta_1'?"),
        ("adam", "adam(weight_deca=0.5)", "did you mean 'weight_decay'?"),
        ("adam(beta_1=2)", "adam", "beta_1 must be in its range 0 <= beta_1 < 1, not 2"),
        ("adam(epsilon=-1)", "adam", "epsilon must be in its range epsilon > 0, not -1"),
        ("adam(beta_1=true)", "adam", "beta_1 must be a number"),
        ("adam(amsgrad=1)", "adam", "amsgrad must be true or false"),
        ("adam(epsilon=inf)", "adam", "epsilon must be finite"),
        ("adam(epsilon=nan)", "adam", "epsilon must be finite"),
        ("adam(beta_1=none)", "adam", "beta_1 must have a value"),
        ("adam(beta_1=0.1, beta_1=0.2)", "adam", "beta_1 is given twice"),
        ("adam(gradient_accumulation_steps=2.5)", "adam", "must be a whole number"),
        ("average", "adam", "average is not an optimizer"),
        ("nothing", "adam", "nothing is no file"),
        ("adam(", "adam", "is neither a spec nor"),
    ],
)
def test_what_can_t_be_compared(one: str, other: str, said: str) -> None:
    result = diff(one, other)
    assert result.exit_code == 2
    assert said in result.output


def test_a_feature_that_a_default_turns_on_counts() -> None:
    result = diff("adamw", "adam")
    assert result.exit_code == 1
    assert "the first has the features weight_decay" in result.output
    assert "weight_decay=0.004" in result.output
    assert "the rules alone, without features, are equal" in result.output


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("adamw", "adam(weight_decay=0.004)"),
        ("adamw(weight_decay=0)", "adam"),
        ("adamw(weight_decay=none)", "adam"),
        ("adam(clipnorm=1)", "adam(clipnorm=1)"),
        ("sgd(use_ema=true)", "sgd(use_ema=true)"),
        ("torchsgd", "sgd"),
    ],
)
def test_features_are_compared_too(one: str, other: str) -> None:
    assert diff(one, other).exit_code == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("adam(clipnorm=1)", "adam"),
        ("adam(clipnorm=1)", "adam(clipnorm=2)"),
        ("adam(weight_decay=0.1)", "adam(l2_penalty=0.1)"),
        ("sgd(maximize=true)", "sgd"),
        ("sgd(use_ema=true)", "sgd"),
    ],
)
def test_features_make_a_difference(one: str, other: str) -> None:
    assert diff(one, other).exit_code == 1


def test_what_was_compared_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, TORCH, MOMENTUM.replace("0.9", "0.8"), "buffer = {}")
    result = diff("sgd", path)
    assert "only the second has, here at the default: momentum=0.8" in result.output
    result = diff("sgd(momentum=0.5)", f"{path}(momentum=0.5)")
    assert "compared are the rules alone: no feature is on in either" in result.output
    assert "as long as learning_rate stays the same" in result.output
    result = diff("adam", "torchadam")
    assert "the default of epsilon is 1e-07 in the first, 1e-08 in the second" in result.output
    assert "where amsgrad: different" in result.output


def test_settings_of_switches_that_both_have_are_compared(tmp_path: Path) -> None:
    text = (optimizers / "adaptive_rate" / "rmsprop.toml").read_text()
    for old in ("if centered:", "rho*average_gradient"):
        assert old in text
    path = tmp_path / "slip.toml"
    path.write_text(text.replace("rho*average_gradient + (1 - rho)*grad", "grad"))
    result = diff("rmsprop", path)
    assert result.exit_code == 1
    assert "where not centered, not momentum > 0: proved" in result.output
    assert "where centered, not momentum > 0: different" in result.output
    assert diff("rmsprop(centered=false)", f"{path}(centered=false)").exit_code == 0
