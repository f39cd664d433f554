"""Keras's own tests of sparse gradients with our classes, as a program; prints what fails."""

from __future__ import annotations

import sys
import unittest

import optgen.keras
from tests.keras.test_keras_own import shipped

#: Keras updates rows only there, and all elements are updated here: of SGD, also with a scale.
BY_ROWS = {
    f"test_sparse_gradients_{name}"
    for name in ("adadelta", "adafactor", "adagrad", "loss_scale_optimizer_sgd", "rmsprop", "sgd")
}


def main() -> int:
    """Run them; the status says whether others fail than those that must."""
    names = [*optgen.keras.__all__]
    for plain in ("LossScaleOptimizer", "Optimizer"):
        names.remove(plain)
    pattern = rf"\boptimizers\.({'|'.join(names)})\b"
    case = shipped("optimizer_sparse", pattern, r"optgen.keras.\1", "OptimizerSparseTest")
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    done = unittest.TextTestRunner(verbosity=0).run(suite)
    found = {one.id().rpartition(".")[2] for one, _ in (*done.failures, *done.errors)}
    print(done.testsRun, *sorted(found))
    return int(found != BY_ROWS or done.testsRun < len(BY_ROWS))


if __name__ == "__main__":
    sys.exit(main())
