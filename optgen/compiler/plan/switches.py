"""Switches: a constant for each static condition of a rule."""

from __future__ import annotations

from collections.abc import Mapping

from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import GIVEN, Expression, Name, Operation, rewrite, text
from optgen.compiler.ir.plan import Switch
from optgen.compiler.ir.reserved import CHECK_FINITE, CONSTRAINED, MATRIX
from optgen.compiler.ir.rule import Input, Rule
from optgen.compiler.plan.hoisted_names import fresh, switch_name


class Switches:
    """The switches of a rule, and the translation of its conditions into switches."""

    def __init__(self, rule: Rule) -> None:
        taken = {h.name for h in rule.hyperparameters} | {state.name for state in rule.states}
        taken |= {one.name for one in rule.inputs}
        taken |= {step.target for block in rule.blocks for step in (*block.steps, *block.otherwise)}
        # The text of a condition that the runtime decides is its name.
        self._by_atom: dict[str, str] = {name: name for name in (CHECK_FINITE, CONSTRAINED)}
        found = [Switch(name, None) for name in (CHECK_FINITE, CONSTRAINED)]
        is_viewed = rule.hyperparameter(MATRIX) is None
        if is_viewed and MATRIX in rule.atoms:
            self._by_atom[MATRIX] = MATRIX
            found.append(Switch(MATRIX, None))
        inputs = {f"{GIVEN}({one.name})" for one in rule.inputs}
        for atom, condition in rule.atoms.items():
            if is_viewed and atom == MATRIX:
                continue
            wish = switch_name(condition)
            name = wish if isinstance(condition, Name) else fresh(wish, "condition", taken)
            taken.add(name)
            self._by_atom[atom] = name
            found.append(Switch(name, None if atom in inputs else condition))
        self.all = tuple(found)

    @property
    def names(self) -> Mapping[str, str]:
        """The names of the constants by the text of the condition."""
        return self._by_atom

    def translate(self, condition: Condition) -> Condition:
        """Translate a condition over the texts of static conditions into one over switches."""
        return Condition(
            tuple(
                tuple((self._by_atom[atom], holds) for atom, holds in case)
                for case in condition.cases
            )
        )

    def given(self, one: Input) -> Condition:
        """Where a call has an input."""
        atom = f"{GIVEN}({one.name})"
        is_known = one.optional and atom in self._by_atom
        return Condition.of(self._by_atom[atom]) if is_known else ALWAYS

    def replace(self, expression: Expression) -> Expression:
        """Replace ``given(x)`` in a rule by its constant."""

        def change(part: Expression) -> Expression | None:
            if isinstance(part, Operation) and part.operator == GIVEN:
                return Name(self._by_atom[text(part)], part.location)
            return None

        return rewrite(expression, change)
