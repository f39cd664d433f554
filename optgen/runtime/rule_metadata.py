"""What every generated optimizer states of its rule, as attributes of its class."""

from __future__ import annotations

from typing import ClassVar

from optgen.runtime.hyperparameters.declarations import Hyperparameter, State, Switch
from optgen.runtime.kernels import Kernels, refuse_others


class Generated:
    """The base of optimizers: declarations, and where the kernels of each target are."""

    hyperparameters: ClassVar[tuple[Hyperparameter, ...]] = ()
    switches: ClassVar[tuple[Switch, ...]] = ()
    states: ClassVar[tuple[State, ...]] = ()
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = ()
    #: What torch calls arguments, each with the hyperparameters that it sets.
    torch_names: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = ()
    #: A digest of what the rule and its features compute, without names of files or comments.
    spec: ClassVar[str] = ""
    #: A digest of all that the class and its kernels were generated from.
    fingerprint: ClassVar[str] = ""
    kernels: ClassVar[Kernels]
    cuda_kernels: ClassVar[str] = ""
    keras_operations: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Refuse a class that is imported with the kernels of another build."""
        super().__init_subclass__()
        if "kernels" in vars(cls):
            refuse_others(cls.kernels, cls.fingerprint, f"{cls.__module__}.{cls.__name__}")
