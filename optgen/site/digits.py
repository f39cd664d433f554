"""Images of handwritten digits as a script, where scikit-learn is there to read them from."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

#: Images of the script, of 1797.
_COUNT = 800
#: Pixels are whole numbers up to 16, of which a digit holds one less.
_LARGEST = 15


def digits() -> str:
    """A script with images of 8 by 8 pixels, one hexadecimal digit each; empty without them."""
    if find_spec("sklearn") is None:
        return ""
    found = import_module("sklearn.datasets").load_digits()
    pixels = "".join(f"{min(int(one), _LARGEST):x}" for one in found.data[:_COUNT].ravel())
    labels = "".join(str(int(one)) for one in found.target[:_COUNT])
    said = "The digits of the UCI repository (Alpaydin and Kaynak, 1998), as scikit-learn has them."
    rows = ['"use strict";', f"// {said}", "optgen.digits = {"]
    rows += [f'  pixels: "{pixels}",', f'  labels: "{labels}",', "};", ""]
    return "\n".join(rows)
