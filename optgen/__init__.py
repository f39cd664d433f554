"""optgen: a compiler for optimizers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from typing import Any

    from optgen.checkpoints.convert import Converted
    from optgen.runtime.optimizer import Optimizer

    class Compiled(Optimizer):
        """The type of a compiled optimizer, whose arguments only its spec defines."""

        def __init__(self, *arguments: Any, **named: Any) -> None: ...


__version__ = "0.1.0"
__all__ = ["compile", "convert"]


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
