"""The class that a command names, with the arguments given after it."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from optgen.compiler.ir.problem import UsageError, nearest

_FORM = re.compile(r"(?P<module>.+?):(?P<owner>\w+)(?:\((?P<values>.*)\))?", re.DOTALL)
_EXAMPLES = "my_optimizer.py:MyAdam, or package.module:MyAdam(lr=0.1)"


def find_class(given: str) -> tuple[type, dict[str, Any]]:
    """The class and the arguments of ``FILE.py:CLASS(name=value)``, or ``MODULE:CLASS``.

    The file or module is imported, which runs it; arguments are literals. Raises UsageError.
    """
    form = _FORM.fullmatch(given.strip())
    if form is None:
        raise UsageError(f"{given!r} doesn't name a class, as {_EXAMPLES} do")
    module = _module(form["module"])
    owner = getattr(module, form["owner"], None)
    if not (inspect.isclass(owner) and issubclass(owner, torch.optim.Optimizer)):
        known = [
            name
            for name, one in vars(module).items()
            if inspect.isclass(one) and issubclass(one, torch.optim.Optimizer)
        ]
        hint = nearest(form["owner"], known)
        message = f"{form['module']} has no subclass of torch.optim.Optimizer {form['owner']!r}"
        raise UsageError(f"{message}; {hint}" if hint else message)
    return owner, _literals(form["values"] or "")


def _module(given: str) -> ModuleType:
    path = Path(given)
    try:
        if path.suffix != ".py":
            return importlib.import_module(given)
        if not path.is_file():
            raise UsageError(f"there is no file {given}")
        return _of_file(path)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{given} can't be imported: {type(error).__name__}: {error}") from error


def _of_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path.absolute())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # As with python FILE, neighbours can be imported, and pickle finds the module.
    sys.path.insert(0, str(path.absolute().parent))
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.absolute().parent))
    return module


def _literals(text: str) -> dict[str, Any]:
    message = f"({text}) must be arguments with literal values, as (lr=0.1, foreach=False)"
    try:
        call = ast.parse(f"f({text})", mode="eval").body
    except SyntaxError:
        raise UsageError(message) from None
    if not isinstance(call, ast.Call) or call.args or any(k.arg is None for k in call.keywords):
        raise UsageError(message)
    try:
        return {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}
    except ValueError:
        raise UsageError(message) from None
