"""The limit of time leaves the signal as it was."""

from __future__ import annotations

import signal
from types import FrameType

import pytest

from optgen.analysis.compare.time_limit import TimeIsUpError, time_limit

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="this system has no timers that send signals"
)


def test_the_handler_is_put_back_wherever_the_signal_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def mine(number: int, frame: FrameType | None) -> None:
        """Do nothing."""

    before = signal.signal(signal.SIGALRM, mine)
    timer = signal.setitimer

    def late(which: int, seconds: float) -> tuple[float, float]:
        """The signal comes while the timer is stopped."""
        if seconds == 0:
            timer(which, 0)
            signal.raise_signal(signal.SIGALRM)
        return timer(which, seconds)

    monkeypatch.setattr(signal, "setitimer", late)
    try:
        with pytest.raises(TimeIsUpError), time_limit(60.0):
            pass
        assert signal.getsignal(signal.SIGALRM) is mine
    finally:
        signal.signal(signal.SIGALRM, before)
