"""Run a script where torchvision may be of another build than torch.

Trainers import torchvision, but no example uses it. Built for CUDA beside a torch for the CPU, it
doesn't import: two operations that its Python code describes are missing. They are declared.
"""

from __future__ import annotations

import importlib
import runpy
import sys

import torch


def declare_missing() -> None:
    try:
        importlib.import_module("torchvision")
    except ImportError:
        pass  # It isn't installed, and nothing needs it.
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        boxes = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", boxes)


if __name__ == "__main__":
    declare_missing()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
