"""The method of an ejected class that runs a program for one parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from optgen.compiler.emit.layout import Line
from optgen.compiler.emit.targets.torch.conditions import Conditions
from optgen.compiler.emit.targets.torch.ejected_states import lengths, started
from optgen.compiler.emit.targets.torch.expressions import PLACES
from optgen.compiler.emit.targets.torch.signature import Argument
from optgen.compiler.emit.targets.torch.statements import ProgramLines
from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.extent import MATRICES, Extent
from optgen.compiler.ir.plan import Plan, Program
from optgen.compiler.ir.randomness import has_draws
from optgen.compiler.ir.reserved import COLUMNS, DIMS, MATRIX, ROWS, TENSOR_SIZE
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP, State

_MATRIX = Condition.of(MATRIX)
#: Where a parameter has no state yet.
STARTED = "starts"
_FIRST, _LARGEST = "first by rest", "two largest"


class Update:
    """The lines of a program between those that load and store."""

    def __init__(
        self,
        plan: Plan,
        program: Program,
        identifiers: Mapping[str, str],
        conditions: Conditions,
        arguments: Sequence[Argument],
    ) -> None:
        self._plan, self._rule, self._program = plan, plan.rule, program
        self._identifiers, self._conditions = identifiers, conditions
        self._arguments = arguments
        known = () if plan.rule.view else ((MATRIX, False),)
        self._lines = ProgramLines(plan, program, identifiers, known)
        self._block = next((h.name for h in plan.rule.hyperparameters if h.bounds == "block"), "")
        self._called: set[str] = set()
        #: Whether it is the update, which makes states and stores them.
        self._is_update = program.name == "update"
        self.lines = [*self._all()]

    @property
    def yields(self) -> bool:
        """Whether it is a generator."""
        return self._lines.yields

    @property
    def called(self) -> set[str]:
        """The functions that it calls."""
        return self._called | self._lines.expressions.called

    def _all(self) -> Iterator[Line]:
        yield from self._hyperparameters()
        yield from self._arrays()
        if self._is_update:
            yield from self._started()
            yield Line('state["step"] += 1', ALWAYS)
        if self._used.keys() & {STEP, CALL}:
            yield Line('step = state["step"].item()', ALWAYS)
        yield from self._numbers()
        for state, guard in self._loaded:
            yield Line(f"{self._name(state.name)} = {self._read(state)}", guard)
        yield from self._lines.body
        yield from self._stores()

    def _name(self, name: str) -> str:
        return self._identifiers.get(name, name)

    @cached_property
    def _loaded(self) -> list[tuple[State, Condition]]:
        declared = {state.name: state for state in self._rule.states}
        return [(declared[name], guard) for name, guard in self._lines.loaded()]

    @cached_property
    def _used(self) -> dict[str, Condition]:
        """The names that lines use, each with where they do."""
        found = self._lines.used()
        for line in self._lines.body:
            found |= dict.fromkeys(self._conditions.used(line.guard), ALWAYS)
        if not self._is_update:
            return found
        for state, guard in self._loaded:
            if state.extent is Extent.OPTIMIZER:
                continue
            found |= dict.fromkeys(self._conditions.used(guard), ALWAYS)
            found |= {state.initial: ALWAYS} if isinstance(state.initial, str) else {}
        bounded = [h.name for h in self._rule.hyperparameters if h.bounds]
        return found | dict.fromkeys(bounded, ALWAYS)

    def _hyperparameters(self) -> Iterator[Line]:
        shared = any(state.extent is Extent.OPTIMIZER for state, _ in self._loaded)
        for one in self._arguments:
            parts = [self._name(part.name) for part in one.parts]
            if not any(part.name in self._used for part in one.parts):
                continue
            value = f'group["{one.name}"]'
            if one.words:
                value = f'{value} == "{one.words[1]}"'
            yield Line(f"{', '.join(parts)} = {value}", ALWAYS)
        if shared:
            yield Line("shared = self.param_groups[0]", ALWAYS)
        yield Line("state = self.state[parameter]", ALWAYS)

    def _arrays(self) -> Iterator[Line]:
        """The parameter, its gradient and inputs, as matrices where they are."""
        wanted = {PARAM: "parameter", GRAD: "parameter.grad"}
        inputs = [one for one in self._rule.inputs if one.extent is Extent.ELEMENT]
        found = [name for name in wanted if name == PARAM or name in self._used]
        yield Line(f"{', '.join(found)} = {', '.join(wanted[name] for name in found)}", ALWAYS)
        for one in self._rule.inputs if self._is_update else ():
            value = f'inputs["{one.name}"]'
            yield Line(f"{self._name(one.name)} = {value}", ALWAYS)
        guards = {one.name: self._used.get(one.name, NEVER) for one in inputs}
        for name, guard in guards.items():
            when = guard if self._is_optional(name) else ALWAYS
            yield Line(f"{self._name(name)} = {self._name(name)}[parameter]", when)
        if any(has_draws(step.expression) for step, _ in self._lines.steps):
            yield Line(f"{PLACES} = places_of(parameter)", ALWAYS)
            self._called.add("places_of")
            found.append(PLACES)
        if not self._rule.view:
            return
        has = 'parameter.dim() > 1 and group.get("matrix", True)'
        yield Line(f"matrix = {has}", ALWAYS)
        for name in found:
            if (formed := self._formed(name)) != name:
                yield Line(f"{name} = {formed}", _MATRIX)
        for name, guard in guards.items():
            if (formed := self._formed(self._name(name))) != self._name(name):
                yield Line(f"{self._name(name)} = {formed}", guard & _MATRIX)

    def _is_optional(self, name: str) -> bool:
        return any(one.name == name and one.optional for one in self._rule.inputs)

    def _formed(self, value: str) -> str:
        """An array of the parameter's shape as a matrix."""
        if self._rule.view == _FIRST:
            value = f"{value}.flatten(1)"
        elif self._rule.view == _LARGEST:
            self._called.add("as_matrix")
            value = f"as_matrix({value})"
        if self._block:
            self._called.add("as_blocks")
            return f"as_blocks({value}, {self._name(self._block)})"
        return value

    def _restored(self) -> str:
        """The parameter's new value in its own shape, where it is a matrix."""
        value = PARAM
        form = {_FIRST: "parameter.flatten(1)", _LARGEST: "as_matrix(parameter)"}
        if self._block:
            self._called.add("from_blocks")
            value = f"from_blocks({value}, {form.get(self._rule.view, 'parameter')})"
        if self._rule.view == _FIRST:
            return f"{value}.reshape(parameter.shape)"
        if self._rule.view == _LARGEST:
            self._called.add("from_matrix")
            return f"from_matrix({value}, parameter)"
        return value

    def _started(self) -> Iterator[Line]:
        """What makes the states before the first update of a parameter."""
        own = [(s, guard) for s, guard in self._loaded if s.extent is not Extent.OPTIMIZER]
        first = Condition.of(STARTED)
        yield Line('state["step"] = torch.zeros(())', first)
        for line in lengths(self._rule, [state.name for state, _ in own]):
            yield Line(line.text, first & line.guard)
        for state, guard in own:
            if state.extent in MATRICES and state.initial != 0:
                self._called.add("identity")
            initial = self._name(str(state.initial))
            for line in started(state, guard, initial):
                yield Line(line.text, first & line.guard)

    def _numbers(self) -> Iterator[Line]:
        """The numbers of the parameter's shape that lines use."""
        plain = {TENSOR_SIZE: "param.numel()", DIMS: "parameter.dim()"}
        sides = {ROWS: ("param.shape[-2]", "param.numel()"), COLUMNS: ("param.shape[-1]", "1")}
        for name, value in plain.items():
            if name in self._used:
                yield Line(f"{self._name(name)} = {value}", ALWAYS)
        for name, (value, other) in sides.items():
            guard = self._used.get(name)
            if guard is None:
                continue
            if guard.implies(_MATRIX):
                yield Line(f"{self._name(name)} = {value}", _MATRIX)
            else:
                yield Line(f"{self._name(name)} = {value} if matrix else {other}", ALWAYS)

    def _read(self, state: State) -> str:
        if state.extent is not Extent.OPTIMIZER:
            return f'state["{state.name}"]'
        return f'param.new_tensor(float(shared["{state.name}"]))'

    def _stores(self) -> Iterator[Line]:
        declared = {state.name: state for state in self._rule.states}
        for name, guard in self._lines.stored():
            if name != PARAM:
                where = "shared" if declared[name].extent is Extent.OPTIMIZER else "state"
                yield Line(f'{where}["{name}"] = {self._name(name)}', guard)
        if self._rule.view and (restored := self._restored()) != PARAM:
            yield Line(f"param = {restored}", _MATRIX)
        yield Line("parameter.copy_(param)", ALWAYS)
