"""``optgen diff``: rules that are equal in other words, and rules that only look so."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from optgen.cli import app

SOUND = Path(__file__).parents[1] / "compiler" / "prove" / "sound"
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
        ("average", "adam", "average is no optimizer"),
        ("nothing", "adam", "neither a file"),
        ("adam(", "adam", "is no spec"),
    ],
)
def test_what_can_t_be_compared(one: str, other: str, said: str) -> None:
    result = diff(one, other)
    assert result.exit_code == 2
    assert said in result.output
