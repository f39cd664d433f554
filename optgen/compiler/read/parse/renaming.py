"""Renaming: a rule under other names, in its conditions too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import Expression, rename, text
from optgen.compiler.ir.randomness import redrawn
from optgen.compiler.ir.rule import Block, Branch, Hyperparameter, Rule, State, Step

_WORD = re.compile(r"[A-Za-z_]\w*")


class Renaming:
    """New names of a rule, whose static conditions are ``atoms``."""

    def __init__(self, names: Mapping[str, str], atoms: Mapping[str, Expression]) -> None:
        self._names = names
        renamed = {atom: rename(expression, names) for atom, expression in atoms.items()}
        self._texts = {atom: text(expression) for atom, expression in renamed.items()}
        #: The static conditions under the new names, by their texts.
        self.atoms = {text(expression): expression for expression in renamed.values()}

    def of(self, name: str) -> str:
        """The new name, or the same."""
        return self._names.get(name, name)

    def condition(self, condition: Condition) -> Condition:
        """A condition on the renamed atoms."""
        return Condition(
            tuple(
                tuple((self._texts.get(atom, atom), holds) for atom, holds in case)
                for case in condition.cases
            )
        )

    def steps(self, steps: Sequence[Step], draws: int = 0) -> tuple[Step, ...]:
        """Steps whose random numbers come after so many others."""
        return tuple(
            Step(
                self.of(step.target),
                redrawn(rename(step.expression, self._names), draws),
                self.condition(step.guard),
                step.location,
            )
            for step in steps
        )

    def branches(self, block: Block) -> Iterator[Branch]:
        """The branches of a block."""
        for branch in block.branches:
            around, condition = self.condition(branch.around), self.condition(branch.condition)
            yield replace(branch, around=around, condition=condition)

    def states(self, rule: Rule) -> Iterator[State]:
        """The states of a rule."""
        for state in rule.states:
            initial = state.initial
            yield replace(
                state,
                name=self.of(state.name),
                when=self.condition(state.when),
                initial=self.of(initial) if isinstance(initial, str) else initial,
                invariant=self._expression(state.invariant),
            )

    def hyperparameter(self, h: Hyperparameter) -> Hyperparameter:
        """A hyperparameter."""
        return replace(h, name=self.of(h.name), range=self._expression(h.range))

    def lines(self, notation: str) -> str:
        """A rule as readers see it, without its comments renamed."""
        return "\n".join(map(self._line, notation.split("\n")))

    def _line(self, line: str) -> str:
        code, mark, comment = line.partition("#")
        return _WORD.sub(lambda found: self.of(found[0]), code) + mark + comment

    def _expression(self, expression: Expression | None) -> Expression | None:
        return None if expression is None else rename(expression, self._names)
