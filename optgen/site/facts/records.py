"""What the pages state about a rule, as data that JSON can hold: it is kept between builds."""

from __future__ import annotations

from typing import TypedDict


class Table(TypedDict):
    """A table: its headings, its rows, and remarks below it."""

    headings: list[str]
    rows: list[list[str]]
    remarks: list[str]


class Formulas(TypedDict):
    """The steps of a variant of a rule, in MathML and as text."""

    heading: str
    mathml: str
    lines: list[str]


class Property(TypedDict):
    """A property of a rule: its verdict, and where and why it holds."""

    group: str
    statement: str
    #: One verdict for the colour, and the words for all variants.
    verdict: str
    words: str
    reason: str
    #: Whether it counts as a property that rules should have.
    counts: bool


class Limit(TypedDict):
    """A stability limit: in MathML, and the setting that it is for."""

    mathml: str
    setting: str


class Extra(TypedDict):
    """What a feature adds to the states and to the memory traffic of a rule, in bytes."""

    state: int
    moved: int


class Size(TypedDict):
    """Bytes for each parameter in one setting of a rule."""

    setting: str
    state: int
    moved: int
    #: With states in codes of 8 bits.
    coded: float


class RuleFacts(TypedDict):
    """A rule with what was derived from it."""

    name: str
    module: str
    summary: str
    reference: str
    year: int
    text: str
    #: The names of the spec files that it stands on, the own one first.
    files: list[str]
    kinds: list[str]
    demo_rate: float | None
    required: list[str]
    #: What a call must be given beside the gradient: whether each is one number.
    inputs: dict[str, bool]
    moves: bool
    has_torch_arguments: bool
    replaces: list[str]
    hyperparameters: Table
    states: Table
    formulas: list[Formulas]
    properties: list[Property]
    limits: list[Limit]
    sizes: list[Size]
    extras: dict[str, Extra]
    costs: Table
    storage: Table
    errors: Table
    #: What the generated file says about rounding.
    bounds: str
    #: The generated code for each target.
    sources: dict[str, str]


class PairFacts(TypedDict):
    """The comparison of two rules: the verdict in a word, and a report."""

    verdict: str
    lines: list[str]


class Fault(TypedDict):
    """Why there are no facts."""

    fault: str


class FeatureFacts(TypedDict):
    """A feature that is woven into rules."""

    name: str
    summary: str
    reference: str
    slot: str
    exclusive: str
    is_optional: bool
    text: str
    hyperparameters: Table
    states: Table
    formulas: list[Formulas]
    #: What it adds to a step of a few rules.
    costs: Table
