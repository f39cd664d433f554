"""The tasks by name; each module is imported where its task is wanted."""

from __future__ import annotations

from importlib import import_module

from optgen.comparison.tasks.task import Task

#: The modules of this package that have a task of the same name.
NAMES = ("digits", "regression", "factorization", "ill_conditioned", "text")
#: What is run unless tasks are named: all that take a second or less a run.
USUAL = NAMES[:4]


def task_of(name: str) -> Task:
    """A task by name.

    Raises ValueError for a name that isn't known, ImportError where its packages are missing.
    """
    if name not in NAMES:
        raise ValueError(f"there is no task {name!r}; there are {', '.join(NAMES)}")
    task: Task = import_module(f"{__package__}.{name}").TASK
    return task
