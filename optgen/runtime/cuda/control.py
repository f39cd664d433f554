"""What the device knows about the calls of an optimizer, and the kernels that keep it."""

from __future__ import annotations

#: Entries of the table ``control``: calls so far, updates so far, and the number of the program
#: that this call runs.
CALLS, UPDATES, RUNNING = 0, 1, 2
#: The number of no program: the call is skipped.
SKIPPED = -1
