"""The dtypes of states: one for all, or by name of state and path of variable."""

from __future__ import annotations
