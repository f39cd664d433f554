"""The tests that Keras ships of its own optimizers, with these classes in place of its."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from unittest import TestCase

import keras.src.optimizers
import pytest

import optgen.keras

# Keras's own conversion of NumPy arrays to torch tensors, and its mark for backends that train.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
    pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning"),
    # `assertWarns` touches a name of every module that is loaded, deprecated ones too.
    pytest.mark.filterwarnings("ignore::jsonargparse._deprecated.JsonargparseDeprecationWarning"),
]
FOLDER = Path(keras.src.optimizers.__file__).parent
OWN = ("SGD", "RMSprop", "Adadelta", "Adamax", "Adam", "AdamW")
#: None is a decay like any other here; Keras refuses it for the one class that decays by default.
ALLOWED = "test_weight_decay_is_none"


def shipped(name: str, pattern: str, replacement: str, case: str = "") -> type[TestCase]:
    """The test case of a module of Keras's tests, with its classes replaced.

    ``case`` is its name, where there are other classes.
    """
    text = (FOLDER / f"{name}_test.py").read_text(encoding="utf-8")
    text = re.sub(pattern, replacement, text.replace("@pytest.mark.requires_trainable_backend", ""))
    module = ModuleType(f"{name}_test")
    exec(compile(f"import optgen.keras\n{text}", name, "exec"), module.__dict__)
    (found,) = (
        value
        for value in module.__dict__.values()
        if isinstance(value, type) and value.__module__ == module.__name__
        if case in ("", value.__name__)
    )
    return found


def of_class(name: str) -> type[TestCase]:
    found = shipped(
        name.lower(), r"from keras\.src\.optimizers\.\w+ import", "from optgen.keras import"
    )
    if hasattr(found, ALLOWED):
        delattr(found, ALLOWED)
    return found


TestSGD, TestRMSprop, TestAdadelta, TestAdamax, TestAdam, TestAdamW = map(of_class, OWN)
TestOptimizer = shipped("optimizer", rf"\boptimizers\.({'|'.join(OWN)})\b", r"optgen.keras.\1")


@pytest.fixture(autouse=True)
def _installed() -> object:
    """Strings mean these classes, in Keras's tests too."""
    with optgen.keras.install():
        yield
