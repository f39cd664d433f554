"""Random numbers of generated CUDA kernels."""

from __future__ import annotations

import math

from optgen.runtime.cuda.jit import device
from optgen.runtime.draws import compiled_draws

normal, uniform, random_sign = compiled_draws(device, math.log)
