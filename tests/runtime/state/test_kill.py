"""A process that is killed while it saves leaves the old file or the new one, whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from optgen.runtime.state import file

KILLS = 200

#: Forks a child for each save, so that only the fork and the save take time. The child tells
#: when it begins, and saves state after state until it is killed.
SERVER = """
import os, sys
import numpy as np
from optgen.runtime.state import file
from optgen.runtime.state.snapshot import Snapshot

path, number = sys.argv[1], 0
for line in sys.stdin:
    child = os.fork()
    if not child:
        while True:
            number += 1
            held = {("a", "s"): np.full(50_000, number, np.float64)}
            kinds = {"a": ((50_000,), "float64")}
            file.write(Snapshot("Rule", "", {}, {"calls": number}, kinds, held), path)
            if number % 100 == 1:
                os.write(1, f"{os.getpid()}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
    number += 100 - number % 100
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_a_random_moment_of_a_save(tmp_path: Path) -> None:
    path, draw = tmp_path / "a.state", random.Random(7)
    command = [sys.executable, "-c", SERVER, str(path)]
    pipe = subprocess.PIPE
    seen = set()
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as server:
        assert server.stdin
        assert server.stdout
        for _ in range(KILLS):
            server.stdin.write("\n")
            child = int(server.stdout.readline())
            time.sleep(draw.uniform(0, 0.004))
            os.kill(child, signal.SIGKILL)
            while server.stdout.readline() != "dead\n":
                pass
            found = file.read(path)
            (array,) = found.arrays.values()
            assert (array == found.counters["calls"]).all()
            seen.add(found.counters["calls"])
        server.stdin.close()
    assert len(seen) == KILLS
    # The kills did hit saves: some left their temporary file behind.
    assert len(list(tmp_path.iterdir())) > KILLS / 10
