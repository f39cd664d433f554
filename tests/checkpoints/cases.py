"""Classes of other libraries, and whether their states go on here and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import keras
import optax
import torch

from tests.checkpoints.runs import Make, of_keras, of_optax, of_torch
from tests.zoo.libraries import timm_class

RATE = 2.0**-6


@dataclass(frozen=True)
class Case:
    """A class, by the name in the tables, and the arguments of a run.

    ``own`` are arguments of ours that the state doesn't hold; ``note`` says what makes the
    tolerance special.
    """

    library: str
    name: str
    make: Make
    options: Mapping[str, Any]
    own: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-9
    note: str = ""

    def __str__(self) -> str:
        return f"{self.library}-{self.name}"


def torch_s(name: str, *, special: Any = None, **options: Any) -> Case:
    options = {"lr": RATE, **options}
    make = of_torch(getattr(torch.optim, name), options)
    return Case("torch", name, make, options, **(special or {}))


def timm_s(module: str, name: str, *, special: Any = None, **options: Any) -> Case:
    options = {"lr": RATE, **options}
    make = of_torch(timm_class(module, name), options)
    return Case("timm", name, make, options, **(special or {}))


def keras_s(name: str, *, special: Any = None, **options: Any) -> Case:
    options = {"learning_rate": RATE, **options}
    make = of_keras(getattr(keras.optimizers, name), options)
    return Case("keras", name, make, options, **(special or {}))


def optax_s(name: str, *, special: Any = None, **options: Any) -> Case:
    options = {"learning_rate": RATE, **options}
    make = of_optax(getattr(optax, name), options)
    return Case("optax", name, make, options, **(special or {}))


def bitsandbytes_s(name: str, **options: Any) -> Case:
    def make(held: Any, **given: Any) -> Any:
        # It takes seconds to import.
        return getattr(import_module("bitsandbytes.optim"), name)(held, **given)

    options = {"lr": RATE, **options}
    run = of_torch(make, options, torch.float32)
    note = "parameters and states are float32 there"
    return Case("bitsandbytes", name, run, options, tolerance=3e-4, note=note)


#: Keras computes with some numbers in float32: these are the same there.
BETAS = {"beta_1": 0.875, "beta_2": 1 - 2.0**-6, "epsilon": 2.0**-20}
FLOAT32 = {"tolerance": 1e-5, "note": "some numbers are float32 there"}
CASES = [
    torch_s("SGD", momentum=0.9, dampening=0.1, weight_decay=0.1),
    torch_s("Adam", amsgrad=True, weight_decay=0.1),
    torch_s("AdamW", betas=(0.8, 0.99)),
    torch_s("Adamax"),
    torch_s("RMSprop", momentum=0.9, centered=True),
    torch_s("Adadelta", lr=0.5),
    torch_s("Adafactor", weight_decay=0.1, d=1.5),
    torch_s("Adagrad", lr_decay=0.1),
    torch_s("NAdam", weight_decay=0.1),
    torch_s("RAdam", betas=(0.9, 0.95)),
    torch_s("Rprop"),
    torch_s("ASGD", special=FLOAT32, lambd=0.1, t0=5),
    timm_s("lion", "Lion", betas=(0.8, 0.9), weight_decay=0.1),
    timm_s("adamw", "AdamWLegacy", weight_decay=0.1),
    timm_s("sgdw", "SGDW", momentum=0.9, weight_decay=0.1),
    timm_s("lamb", "Lamb", weight_decay=0.1, max_grad_norm=1.0),
    timm_s("adan", "Adan", weight_decay=0.1),
    timm_s("adopt", "Adopt", clip_exp=0.25),
    timm_s("mars", "Mars", optimize_1d=True, weight_decay=0.0),
    timm_s("laprop", "LaProp", special=FLOAT32),
    timm_s(
        "madgrad",
        "MADGRAD",
        special={"tolerance": 1e-3, "note": "epsilon is added to the learning rate there"},
    ),
    timm_s("adabelief", "AdaBelief", rectify=False, eps=1e-8),
    timm_s("radam", "RAdamLegacy", special=FLOAT32, betas=(0.9, 0.95)),
    timm_s("rmsprop_tf", "RMSpropTF", momentum=0.9, centered=True),
    keras_s("SGD", momentum=0.875, nesterov=True),
    keras_s("Adam", amsgrad=True, **BETAS),
    keras_s("AdamW", weight_decay=0.125, **BETAS),
    keras_s("RMSprop", rho=0.875, momentum=0.5, centered=True, epsilon=2.0**-20),
    keras_s("Adadelta", rho=0.875, epsilon=2.0**-20),
    keras_s("Adamax", **BETAS),
    keras_s("Adagrad", initial_accumulator_value=0.25, epsilon=2.0**-20),
    keras_s("Nadam", **BETAS),
    keras_s("Lion", beta_1=0.75, beta_2=0.875, weight_decay=0.125),
    keras_s("Lamb", **BETAS),
    keras_s("Ftrl", l1_regularization_strength=0.25, beta=0.5),
    optax_s("sgd", momentum=0.9, nesterov=True),
    optax_s("adam"),
    optax_s("adamw", weight_decay=0.1),
    optax_s("rmsprop", momentum=0.9, centered=True),
    optax_s("adagrad"),
    optax_s("adadelta"),
    optax_s("adamax"),
    optax_s("lion", weight_decay=0.1),
    optax_s("lamb", weight_decay=0.1),
    optax_s("radam", b2=0.95, eps=1e-20),
    optax_s("adabelief", eps=1e-3, eps_root=1e-3),
    optax_s("yogi", eps=1e-3),
    bitsandbytes_s("Adam", weight_decay=0.1),
    bitsandbytes_s("AdamW", weight_decay=0.1),
    bitsandbytes_s("Lion", weight_decay=0.1),
    bitsandbytes_s("SGD", momentum=0.9, weight_decay=0.1),
    bitsandbytes_s("RMSprop"),
    bitsandbytes_s("Adagrad"),
]
