"""optgen: a compiler for optimizers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from os import PathLike
    from typing import Any

    from optgen.checkpoints.convert import Converted
    from optgen.runtime.optimizer import Optimizer
    from optgen.torch.optimizer import FusedOptimizer

    class Compiled(Optimizer):
        """The type of a compiled optimizer, whose arguments only its spec defines."""

        def __init__(self, *arguments: Any, **named: Any) -> None: ...


__version__ = "0.1.0"
__all__ = ["compile", "convert", "create"]


def compile(  # noqa: A001
    spec: str | PathLike[str],
    *more: str | PathLike[str],
    backend: Literal["compiled", "numpy"] = "compiled",
) -> type[Compiled]:
    """The class of an optimizer, or of a schedule, that a spec states.

    ``spec`` is the text of a spec, of several lines, or the path of one; ``more`` are features
    that are woven into it. The class is built once and kept, by the content of all that it was
    made of, in the folder that the variable ``OPTGEN_CACHE_DIR`` of the environment names, or else
    in the user's folder for caches; where that can't be written, for this process only.

    With the ``backend`` "numpy", Python itself runs the kernels, slowly, for a debugger.

    Raises SpecError, with the line and a caret for each problem, where a spec is wrong,
    FileNotFoundError for a path of no spec, ValueError where there isn't one optimizer or schedule,
    and ImportError, which says what to install, where packages are missing.
    """
    made: type[Compiled] = import_module("optgen.compiler.class_cache").class_of([spec, *more])
    if backend == "numpy":
        made = import_module("optgen.runtime.plain").in_numpy(made)
    elif backend != "compiled":
        raise ValueError(f"backend must be 'compiled' or 'numpy', not {backend!r}")
    return made


def convert(
    state: Any,
    to: str,
    *,
    source: str = "",
    rule: str | type = "",
    options: Mapping[str, Any] | None = None,
    like: Any = None,
) -> Converted:
    """The state of an optimizer as another library's class of the same rule has it.

    ``state`` is an optimizer, or what it saves: a state dictionary (torch, timm, bitsandbytes and
    classes of ``optgen.torch``), Keras's variables as a list or a dictionary by place, Optax's
    tree, or a file or store of an optimizer of ``optgen.optimizers``. ``to`` is ``"torch"``,
    ``"keras"``, ``"optax"``, ``"timm"``, ``"bitsandbytes"`` or ``"optgen"``, and ``source`` where
    it comes from, which an optimizer says itself. ``rule`` is the class there, or the rule here,
    where the state doesn't say it. ``options`` are hyperparameters, by the names of the source,
    that the state doesn't hold. ``like`` is the optimizer that the result is loaded into, or its
    state: Optax's tree is filled in, and other options are taken from it.

    Arrays are copies, of the shapes and dtypes that they had. The result has the ``state``, and a
    ``report`` of what became of each option, state and counter. Raises ValueError where no class
    has the rule, where library or rule must be named, or for a state that doesn't fit, and
    ImportError for a library that is missing.
    """
    given = {"source": source, "rule": rule, "options": options, "like": like}
    made: Converted = import_module("optgen.checkpoints.convert").convert(state, to, **given)
    return made


def create(
    name: str,
    model_or_params: Any,
    lr: Any = None,
    *,
    no_decay: bool | Collection[str] = True,
    layer_decay: float | None = None,
    **arguments: Any,
) -> FusedOptimizer:
    """An optimizer of torch by its name, in any case.

    The name is that of a class of ``optgen.torch``, or an alias, of which
    ``optgen.optimizers.list(aliases=True)`` lists some; torch's names mean torch's formulas.
    ``arguments`` are those of the class, and may be those of optional features, which
    ``optgen.compile`` weaves in. What isn't given is as the alias or the class has it.

    ``model_or_params`` is what a class takes, or a model, whose parameters that need gradients
    become groups. Its vectors, numbers and biases have no decay, nor do those that its method
    ``no_weight_decay`` or ``no_decay`` names, by patterns; with ``no_decay=False`` all have it. A
    decay is each argument that parameters can be excluded from. With ``layer_decay`` each layer has
    the learning rate of the next one times this; layers are those of the model's ``group_matcher``,
    or the first numbers in names.

    Raises ValueError for an unknown name or argument, and for ``layer_decay`` without a model,
    and what the class and ``optgen.compile`` raise.
    """
    made: FusedOptimizer = import_module("optgen.torch.creation").create(
        name, model_or_params, lr, no_decay, layer_decay, arguments
    )
    return made
