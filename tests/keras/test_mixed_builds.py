"""A class of Keras's doesn't run operations of another build."""

from __future__ import annotations

import keras
import pytest

import optgen.keras
from optgen.runtime.kernels import MixedBuildError


def test_operations_of_another_build_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = [keras.Variable([1.0, 2.0])]
    optimizer = optgen.keras.Adam()
    with monkeypatch.context() as patch:
        patch.setattr(optimizer.rule, "fingerprint", "that of another build")
        with pytest.raises(MixedBuildError, match="run optgen build again"):
            optimizer.build(variables)
    assert not optimizer.built
    optimizer.build(variables)
