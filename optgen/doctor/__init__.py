"""What is fast on this machine, what isn't, and how to mend it.

All of it runs without the packages of the command line, and with any other package missing.
"""

from __future__ import annotations
