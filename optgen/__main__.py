"""``optgen`` and ``python -m optgen``."""

from __future__ import annotations

import sys
from importlib import import_module

from optgen.missing_packages import what_to_install


def main() -> None:
    """Run a command, or report its missing dependencies. Doctor has none."""
    missing = what_to_install("the command optgen", "cli")
    if missing and sys.argv[1:2] == ["doctor"]:
        sys.exit(import_module("optgen.doctor.report").main(sys.argv[2:]))
    if missing:
        sys.stderr.write(f"error: {missing}\n")
        sys.exit(2)
    import_module("optgen.cli").app()


if __name__ == "__main__":
    main()
