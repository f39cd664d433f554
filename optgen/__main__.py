"""``python -m optgen``."""

from optgen.cli import app

app()
