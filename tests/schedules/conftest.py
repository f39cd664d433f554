"""Keras reads its backend from the environment when it is first imported."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"
