"""optgen: a compiler for optimizers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

    from optgen.runtime.optimizer import Optimizer

    class Compiled(Optimizer):
        """The type of a compiled optimizer, whose arguments only its spec defines."""

        def __init__(self, *arguments: Any, **named: Any) -> None: ...


__version__ = "0.1.0"
__all__ = ["compile"]


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
