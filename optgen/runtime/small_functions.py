"""Functions of the language for kernels, in the type of their arguments.

Each target compiles them with its own compiler.
"""

from __future__ import annotations


def square(x: float) -> float:
    """The product of x with itself."""
    return x * x


def maximum(a: float, b: float) -> float:
    """The larger one; NaN if either is NaN."""
    return a if a > b or a != a else b  # noqa: PLR0124


def minimum(a: float, b: float) -> float:
    """The smaller one; NaN if either is NaN."""
    return a if a < b or a != a else b  # noqa: PLR0124


def clip(x: float, low: float, high: float) -> float:
    """The nearest number to x from low to high; NaN stays NaN."""
    return low if x < low else (high if x > high else x)


def sign(x: float) -> float:
    """-1, 0 or 1; NaN stays NaN."""
    kind = type(x)
    return kind(1) if x > 0 else (kind(-1) if x < 0 else x)
