"""The variables of one optimizer with states and tables, and validation before a step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from optgen.runtime.allocation import Allocation, segments_of, views_here, views_of
from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.arrays import Gradient
from optgen.runtime.arrays import Gradients as Listed
from optgen.runtime.caller import caller_level
from optgen.runtime.counters import NOTHING_GIVEN, Counters, Given
from optgen.runtime.cpu.scalars import Steps
from optgen.runtime.gradient_pairs import Variables, by_path
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.hyperparameters.settings import Row, Settings
from optgen.runtime.hyperparameters.treatment import Treatment, rows_of
from optgen.runtime.kernels import (
    CHECK_FINITE,
    CONSTRAINED,
    MATRIX,
    PERTURB,
    PERTURBED,
    Kernels,
    Program,
)
from optgen.runtime.memory import Host, Mask, memory_of
from optgen.runtime.parts import PLAIN, Parts, StateSource
from optgen.runtime.remainders import REMAINDER, Remainders
from optgen.runtime.rule_metadata import Generated
from optgen.runtime.scale import DynamicScale
from optgen.runtime.scratch import Scratch
from optgen.runtime.signals import uninterrupted
from optgen.runtime.transaction import Call

#: The state of an overwritten variable: its largest gradient since the last update.
LARGEST_GRADIENT = "largest_gradient"


class Model:
    """The built part of an optimizer, composed of parts and never subclassed."""

    def __init__(
        self,
        variables: Variables,
        declared: Sequence[State],
        settings: Settings,
        treatment: Treatment,
        rule: type[Generated],
        parts: Parts = PLAIN,
    ) -> None:
        self.named = named = by_path(variables)
        self.memory = memory_of(named, rule)
        kernels = rule.kernels_of("cpu")
        self.paths, self.variables = tuple(named), tuple(self.memory.check_variables(named))
        self.constraints = treatment.constraints_of(named, self.memory)
        overwritten = treatment.overwritten(named)
        #: Variables that a rule updates; the others are overwritten with their gradients.
        self.trained: Mask = np.array([path not in overwritten for path in named], np.bool_)
        self.overwritten = tuple(int(index) for index in np.flatnonzero(~self.trained))
        self.constrained: Mask = np.array([path in self.constraints for path in named], np.bool_)
        groups = settings.groups(named)
        self.rows = rows_of(groups, treatment.exclusions, named)
        self.row_set = tuple(dict.fromkeys([Row(), *self.rows]))
        self._inputs, self._is_decided = rule.inputs, any(map(settings.may_hold, kernels.decided))
        #: How each variable is viewed as a matrix; None if it isn't.
        own = self.memory, self.variables, self.rows
        self.views = views_of(*own, rule.view, settings, treatment.splits.of(named), parts.whole)
        #: The switch setting of each variable.
        self.switches = self._switches(settings, treatment)
        self.calls_libraries = bool(kernels.matrices)
        #: Functions of Python in the middle of a step: those of whole matrices, and of shards.
        self.guard: AbstractContextManager[object] = nullcontext()
        if self.calls_libraries:
            self.guard = uninterrupted
        self.ages = parts.ages
        may_sum = self.is_decided_by_calls or kernels.take_sums(self.switches)
        self._storage = treatment.storage
        self._whole = parts.whole if may_sum or parts.owned else None
        noise = rule.has_draws(), self._storage
        self._segments = segments_of(*own[:2], parts.whole, *noise)
        allocation = Allocation(*own[:2], self.views, parts.states, self._segments, parts.whole)
        self.states = allocation.states(
            *(declared, settings, treatment.storage, self.paths),
            *(self.rows, self.switches, self.trained),
        )
        #: What the states of a variable don't show; states that all variables share.
        self._apart, self.shared = allocation.apart(declared)
        self._gather(kernels, treatment, parts.states)
        #: Whether the variables are where ``perturb`` moved them.
        self.is_perturbed, self._can_perturb = False, kernels.program(PERTURB) is not None
        #: The inputs that are one number, which calls set.
        self._numbers = allocation.numbers(rule.inputs)
        numbers = {name: [array] * len(named) for name, array in self._numbers.items()}
        #: What kernels reach by address besides variables and gradients.
        self._held = {**self.states, **allocation.vectors(kernels.vectors), **numbers}
        place = self.memory, self.variables, views_here(self.views, parts.owned), kernels.matrices
        is_whole = kernels.programs[0].common == len(kernels.programs[0].phases)
        scratch = Scratch(*place, is_whole=is_whole)
        self._held |= scratch.arrays
        self._batches, self._library = scratch.batches, parts.library
        self._own_rows = np.array([self.row_set.index(row) for row in self.rows], np.int64)
        self._own_bytes = self._own_rows.tobytes()
        self._place(self._own_rows, len(self.row_set))
        columns = len(settings.columns)
        self.deferred = self.memory.deferred(self.engine, len(self.row_set), columns)
        self.every: Mask = np.ones(len(self.variables), np.bool_)
        #: Which variables had a gradient since the last update.
        self.seen: Mask = np.zeros(len(self.variables), np.bool_)
        written = () if rule.is_gradient_free else self.written()
        self.check_gradient = self.memory.check_gradients(named, written)
        for pattern in settings.options.patterns:
            if not groups[pattern].members:
                warnings.warn(f"options: no variable fits {pattern!r}", stacklevel=caller_level())

    def _switches(self, settings: Settings, treatment: Treatment) -> list[dict[str, bool]]:
        by_groups = {row.groups: settings.on(row.groups) for row in self.row_set}
        optional = [one.switch for one in self._inputs if one.optional]
        return [
            {
                **by_groups[row.groups],
                CHECK_FINITE: treatment.checks_gradients,
                CONSTRAINED: path in self.constraints,
                MATRIX: view is not None,
                PERTURBED: False,
                **dict.fromkeys(optional, False),
            }
            for path, row, view in zip(self.paths, self.rows, self.views, strict=True)
        ]

    def _gather(self, kernels: Kernels, treatment: Treatment, source: StateSource) -> None:
        """Allocate what variables have beside the states of their rule."""
        place = self.memory, self.variables
        forms = [self.memory.form(variable)[1] for variable in self.variables]
        #: Whether calls may only add to gradient sums.
        self.gathers = [any(gate.when(on) for gate in kernels.gates) for on in self.switches]
        #: The running maxima of overwritten variables between two updates.
        self.largest: list[Array | None] = [
            None
            if trained or not gathers
            else source.state(*place, index, LARGEST_GRADIENT, 0.0, forms[index])
            for index, (trained, gathers) in enumerate(zip(self.trained, self.gathers, strict=True))
        ]
        lost = map(treatment.storage.remainder, self.paths, forms)
        dtypes = [dtype if own else None for dtype, own in zip(lost, self.trained, strict=True)]
        #: What the storage of variables would lose, where it is kept.
        self.remainders = Remainders(*place, dtypes, source.state)

    def _place(self, rows: Host, count: int) -> None:
        """Allocate rows of scalars, one for each variable or shared."""
        # Until all tables are built, none is valid.
        self._placed = b""
        parts = self._parts()
        place = self.variables, {**self._held, **self.remainders.held}, rows.tolist()
        own = self.views, self._batches, self._library
        seed, is_drawn = self._storage.seed, self._storage.is_drawn
        engine = self.memory.engine(*place, count, parts, *own, seed, is_drawn=is_drawn)
        if self._whole is not None:
            engine.spread(self._whole)
            self.guard = uninterrupted
        engine.divide(self._segments)
        self.engine = engine
        self._placed = rows.tobytes()

    def _parts(self) -> list[tuple[dict[str, bool], Mask]]:
        """Each switch setting with its variables."""
        distinct = {tuple(on.items()): on for on in self.switches}
        return [
            (on, self.trained & np.array([other == on for other in self.switches], np.bool_))
            for on in distinct.values()
        ]

    def state_of(self, index: int) -> dict[str, Array]:
        """The state arrays of one variable by name, without probes and those that all share."""
        own = (item for item in self.states.items() if item[0] not in self._apart)
        pairs = [(name, arrays[index]) for name, arrays in own]
        pairs.append((LARGEST_GRADIENT, self.largest[index]))
        pairs.append((REMAINDER, self.remainders.arrays[index]))
        return {name: array for name, array in pairs if array is not None}

    def written(self) -> Iterator[tuple[str, Array]]:
        """Every array that a step writes, with its name in messages."""
        for index, (path, variable) in enumerate(self.named.items()):
            yield repr(path), variable
            for name, array in self.state_of(index).items():
                yield f"the state {name} of {path!r}", array
        for name, array in self.shared.items():
            yield f"the state {name}", array

    def checked(self, gradients: Sequence[object | None]) -> list[Gradient | None]:
        """The validated gradient of each variable, or None."""
        check = self.check_gradient
        return [None if one is None else check(index, one) for index, one in enumerate(gradients)]

    def begin(self, rows: Host, counters: Counters, given: Given = NOTHING_GIVEN) -> Program:
        """Compute the scalars of the next call; variables of one row and one age share theirs.

        Raises ValueError for an age that isn't known.
        """
        return self.begin_at(rows, counters.calls + 1, self.ages.next(counters.updates), given)

    def begin_at(self, rows: Host, call: int, ages: Steps, given: Given = NOTHING_GIVEN) -> Program:
        """Compute the scalars of a call; ``ages`` are the numbers of the update."""
        if isinstance(ages, int):
            if self._placed != self._own_bytes:
                self._place(self._own_rows, len(self.row_set))
            return self._begin(rows, call, ages, given)
        pairs, places = np.unique(np.stack([self._own_rows, ages]), axis=1, return_inverse=True)
        if (at := places.reshape(-1)).tobytes() != self._placed:
            self._place(at, pairs.shape[1])
        return self._begin(rows[pairs[0]], call, pairs[1], given)

    def _begin(self, rows: Host, call: int, steps: Steps, given: Given) -> Program:
        """Hand over the inputs of a call, and compute its scalars."""
        has = {one.switch: one.name in given for one in self._inputs if one.optional}
        has |= {PERTURBED: self.is_perturbed} if self._can_perturb else {}
        for name, value in given.items():
            if isinstance(value, float):
                self.memory.assign(self._numbers[name], value)
            else:
                self.engine.point(name, value)
        return self.engine.begin(rows, call, steps, has)

    def missing(self, given: Given) -> list[str]:
        """The inputs that a call must be given, and isn't."""
        return [one.name for one in self._inputs if not (one.optional or one.name in given)]

    def updated(self, chosen: Mask) -> list[Call]:
        """The calls that note an update of some variables."""
        moved = (setattr, self, "is_perturbed", False)
        return [(self.seen.fill, False), moved, *self.ages.counting(chosen)]

    def present(self, gradients: Sequence[Gradient | None]) -> Mask:
        """Which variables have a gradient."""
        if isinstance(gradients, Listed) or None not in gradients:
            return self.every
        return np.array([gradient is not None for gradient in gradients], np.bool_)

    @property
    def all_or_none_seen(self) -> bool:
        """Whether all variables had a gradient since the last update, or none had."""
        return bool(self.seen.all() or not self.seen.any())

    def recall(self, counters: Counters) -> None:
        """Read the counters from the device, if they are kept there."""
        if self.deferred is not None and self.deferred.is_counting:
            counters.calls, counters.updates, self.seen[:] = self.deferred.recall()
            self.deferred.is_counting = self.deferred.is_captured

    def hand_over(
        self, counters: Counters, settings: Settings, scaling: DynamicScale | None
    ) -> None:
        """Move the counters and the loss scale to the device."""
        assert self.deferred is not None
        scale = None
        if scaling is not None:
            scale = scaling, settings.columns.index(settings.loss_scales[0])
        self.deferred.start(counters.calls, counters.updates, bool(self.seen.any()), scale)

    def renew(
        self,
        settings: Settings,
        counters: Counters | None = None,
        scaling: DynamicScale | None = None,
    ) -> None:
        """Upload settings and counters for the replays of a captured graph."""
        if self.deferred is None or not self.deferred.is_captured:
            return
        if counters is not None:
            self.hand_over(counters, settings, scaling)
        rows = settings.rows(self.row_set, self.deferred.attempts)
        self.deferred.put(rows, settings.by_call(self.row_set))

    @property
    def is_decided_by_calls(self) -> bool:
        """Whether the host chooses kernels anew in each call."""
        return self._is_decided or any(one.optional for one in self._inputs)

    def positions(self, variables: Sequence[Array]) -> list[int]:
        """The indices of some variables. Raises ValueError for an unknown one."""
        known = {id(variable): index for index, variable in enumerate(self.variables)}
        for number, variable in enumerate(variables):
            if id(variable) not in known:
                raise ValueError(f"variable {number} is one that the optimizer was not built with")
        return [known[id(variable)] for variable in variables]

    def filled(
        self, gradients: Sequence[Gradient | None], chosen: Mask
    ) -> Sequence[Gradient | None]:
        """A gradient that is missing now but was there since the last update counts as zero."""
        filled = list(gradients)
        for index in np.flatnonzero(chosen):
            if filled[index] is None:
                zeros = self.memory.new(self.variables[index], 0.0)
                filled[index] = Gradient(zeros, self.memory.address(zeros))
        return filled
