"""Errors planted in a copy of the checkout, one at a time: the tests named beside each must fail.

By hand, after the suite was changed: ``python -m tests.planted_errors [WORD ...]``, where words
choose errors by what their line says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: The installed package would be the checkout's: its places are moved to the copy.
SITE = """
import sys
for name, module in list(sys.modules.items()):
    if name.startswith("__editable___optgen"):
        for package, path in module.MAPPING.items():
            module.MAPPING[package] = path.replace({root!r}, {copy!r})
"""
GENERATING = ("optgen/compiler", "templates", "specs")


@dataclass(frozen=True)
class Error:
    """A replacement of text in a file, and the tests that must fail then."""

    what: str
    path: str
    old: str
    new: str
    tests: str


ERRORS = (
    Error(
        "a value that only some settings need is left out of a slice",
        "optgen/compiler/plan/slices.py",
        "needed[item.target] = possible(wanted & ~item.guard)",
        "needed[item.target] = NEVER",
        "tests/golden",
    ),
    Error(
        "an optimizer's own columns begin one too early",
        "optgen/compiler/emit/columns.py",
        "own), len(before)",
        "own), max(0, len(before) - 1)",
        "tests/random_programs/test_programs.py",
    ),
    Error(
        "a chunk lacks its last element",
        "optgen/runtime/tables.py",
        "np.minimum(chunk, np.repeat",
        "np.minimum(chunk - 1, np.repeat",
        "tests/numeric/test_against_float64.py",
    ),
    Error(
        "squares of float32 are widened too late",
        "optgen/compiler/emit/targets/cpu/printer.py",
        'f"square(float64({printed(term.operands[0], self.element)}))"',
        'f"float64(square({printed(term.operands[0], self.element)}))"',
        "tests/runtime/test_optimizer.py",
    ),
    Error(
        "states stay changed where a constraint raises",
        "optgen/runtime/rollback.py",
        "(model.variables[index], *model.state_of(int(index)).values())",
        "(model.variables[index],)",
        "tests/runtime/test_kinder_than_keras.py tests/runtime/test_interrupts.py",
    ),
    Error(
        "a state is written in place",
        "optgen/runtime/state/file.py",
        "temporary = Path(name)",
        "temporary = target",
        "tests/runtime/state/test_file.py tests/runtime/state/test_kill.py",
    ),
    Error(
        "the factor of a clipped norm is upside down",
        "specs/features/clipnorm.toml",
        "clip_factor = clipnorm/max(gradient_norm, clipnorm)",
        "clip_factor = max(gradient_norm, clipnorm)/clipnorm",
        "tests/numeric/test_against_keras.py",
    ),
    Error(
        "hyperparameters are rounded to float32",
        "optgen/runtime/hyperparameters/settings.py",
        "table[i, j] = value\n",
        "table[i, j] = np.float32(value)\n",
        "tests/numeric/test_against_float64.py",
    ),
    Error(
        "kernels of other switches have the same key on disk",
        "optgen/runtime/cpu/cache.py",
        "    def save_overload(",
        "    def _index_key(self, signature: Any, codegen: Any) -> Any:\n"
        "        return signature, codegen.magic_tuple()\n\n    def save_overload(",
        "tests/runtime/test_cache.py tests/numeric/test_against_float64.py",
    ),
    Error(
        "states of Keras lie in another order",
        "optgen/keras/order.py",
        "[*first, gathering, fixed,",
        "[*first, fixed, gathering,",
        "tests/keras/test_order.py",
    ),
    Error(
        "parameters of several ages are one step ahead",
        "optgen/torch/ages.py",
        "(self._counted + 1)",
        "(self._counted + 2)",
        "tests/torch/test_changes.py tests/torch/test_promises.py tests/torch/test_states.py",
    ),
    Error(
        "an average begins at 0",
        "specs/features/average.toml",
        "kept = where(step > 1, ema_momentum, 0)",
        "kept = ema_momentum",
        "tests/numeric/test_against_keras.py",
    ),
    Error(
        "gradients are gathered for one call more",
        "specs/features/accumulate.toml",
        "call % gradient_accumulation_steps",
        "call % (gradient_accumulation_steps + 1)",
        "tests/numeric/test_against_keras.py",
    ),
    Error(
        "a loss scale is undone twice",
        "specs/features/unscale.toml",
        "grad = grad/loss_scale_factor",
        "grad = grad/loss_scale_factor**2",
        "tests/numeric/test_against_keras.py",
    ),
    Error(
        "a dynamic scale grows a call late",
        "optgen/runtime/scale.py",
        "self.steady + 1 < self",
        "self.steady < self",
        "tests/runtime/test_loss_scaling.py",
    ),
    Error(
        "a build removes files that it didn't make",
        "optgen/compiler/write/changes.py",
        "return text.startswith(MARK) and (force or old.knows(path, text))",
        "return True",
        "tests/compiler/write",
    ),
    Error(
        "a caret stands one too far to the right",
        "optgen/compiler/ir/problem.py",
        "start = self.column - 1",
        "start = self.column",
        "tests/compiler/test_carets.py",
    ),
    Error(
        "a maximum of odd values counts as odd",
        "optgen/analysis/prove/parity.py",
        '_KEEPING = {"neg"} |',
        '_KEEPING = {"max", "neg"} |',
        "tests/analysis/prove/test_rules.py tests/analysis/prove/test_behaviour.py",
    ),
    Error(
        "a sum has the sign of one of its terms",
        "optgen/analysis/exact/bounds.py",
        "of_all = of_every_element(known)",
        "of_all = known",
        "tests/analysis/exact/test_reductions.py",
    ),
    Error(
        "a case of one element is one of all in a reduction",
        "optgen/analysis/exact/signs.py",
        "    expression, known = _with_reductions(expression, known, relations)\n"
        "    found = _directly(",
        "    found = _directly(",
        "tests/analysis/exact/test_reductions.py",
    ),
    Error(
        "the sum of a vector counts each number once for each element",
        "optgen/analysis/exact/reductions.py",
        "        if not is_sum or source not in VECTORS or over is Extent.MATRIX:",
        "        if over is not Extent.CALL:",
        "tests/analysis/exact/test_reductions.py",
    ),
    Error(
        "a state takes values of a larger extent",
        "optgen/compiler/read/check/extents.py",
        "    if found <= extents.name(state.name):",
        "    if found <= extents.name(state.name) | Extent.TENSOR:",
        "tests/compiler/test_extents.py",
    ),
    Error(
        "a difference of semidefinite squares counts as one",
        "optgen/analysis/prove/semidefinite.py",
        'Operation("+", operands) |',
        'Operation("+" | "-", operands) |',
        "tests/analysis/prove/test_matrices.py",
    ),
    Error(
        "a product of columns by rows lies in a matrix of rows by columns",
        "optgen/compiler/plan/matrices.py",
        "return is_product and extent_of(found) is None",
        "return False",
        "tests/random_programs/test_products.py",
    ),
    Error(
        "a square of the fewer multiplies any matrix",
        "optgen/compiler/ir/matrix.py",
        "return (left[0], right[1]) if left[1] == right[0] else None",
        "return (left[0], right[1]) if _SHORT in left or left[1] == right[0] else None",
        "tests/compiler/test_products.py",
    ),
    Error(
        "an enclosure isn't rounded outward",
        "optgen/analysis/exact/images.py",
        "return value + abs(value) * Fraction(-1 if down else 1, 2**_PLACES)",
        "return value",
        "tests/analysis/exact tests/analysis/test_functions.py",
    ),
    Error(
        "an example of the documentation is wrong",
        "docs/using.md",
        "assert weights == -1.5",
        "assert weights == -1.25",
        "tests/docs/test_examples.py::test_examples_run[using]",
    ),
    Error(
        "a wrong spec ends with another status",
        "optgen/cli/console.py",
        "FINE, WRONG, USAGE, FAILED = 0, 1, 2, 3",
        "FINE, WRONG, USAGE, FAILED = 0, 2, 1, 3",
        "tests/cli/test_check.py",
    ),
    Error(
        "blocks of a device sum leave out elements",
        "templates/cuda/sums.py.j2",
        "i += lanes * threads",
        "i += lanes * (threads + 1)",
        "tests/simulator/test_agreement.py",
    ),
    Error(
        "an element loop of a device computes in float64",
        "optgen/compiler/emit/targets/cuda/printer.py",
        'f"real({source}) != real(0)" if boolean else f"real({source})"',
        'f"real({source}) != real(0)" if boolean else source',
        "tests/runtime/cuda/test_ptx.py",
    ),
    Error(
        "sums of a kernel for the CPU aren't vectorised",
        "optgen/runtime/cpu/pointers.py",
        'flags=("reassoc",)',
        "flags=()",
        "tests/performance/test_kernels.py",
    ),
    Error(
        "a step isn't made whole where Ctrl-C comes",
        "optgen/runtime/step.py",
        "commit([*made, *measuring, *calls, undo.forget])",
        "commit([*made, *measuring])\n            commit([*calls, undo.forget])",
        "tests/runtime/test_interrupts.py",
    ),
    Error(
        "a gradient of Keras's is applied in the wrong branch",
        "optgen/keras/operations.py",
        "self._absent.when(slot.on)",
        "not self._absent.when(slot.on)",
        "tests/keras/test_backends.py",
    ),
    Error(
        "spec texts of any length are read",
        "optgen/compiler/read/parse/reading.py",
        "MOST_NODES, MOST_DEPTH = 4_000, 120",
        "MOST_NODES, MOST_DEPTH = 4_000_000, 120_000",
        "tests/compiler/test_bombs.py tests/hostile",
    ),
    Error(
        "a schedule falls to the wrong value",
        "specs/schedules/cosinedecay.toml",
        "top*((1 - alpha)*cosine + alpha)",
        "top*((1 - alpha)*cosine)",
        "tests/schedules",
    ),
)


def main() -> int:
    chosen = [e for e in ERRORS if not sys.argv[1:] or any(w in e.what for w in sys.argv[1:])]
    missed = 0
    for error in chosen:
        start = time.monotonic()
        found = finds(error)
        missed += not found
        print(
            f"{time.monotonic() - start:4.0f} s  {error.what}: {found or 'NOT FOUND'}", flush=True
        )
    print(f"{len(chosen) - missed} of {len(chosen)} found")
    return min(missed, 1)


def finds(error: Error) -> str:
    """The first test that fails with an error in a copy of the checkout; empty if none does."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        site = SITE.format(root=str(ROOT), copy=str(copy))
        (Path(folder) / "sitecustomize.py").write_text(site, encoding="utf-8")
        text = (copy / error.path).read_text(encoding="utf-8")
        assert text.count(error.old) == 1, (error.what, text.count(error.old))
        (copy / error.path).write_text(text.replace(error.old, error.new), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(copy), folder])}
        if error.path.startswith(GENERATING):
            # A compiler that fails or refuses its own specs has been noticed too.
            built = run(copy, environment, "-m", "optgen", "build", "--force")
            if built.returncode:
                return f"optgen build: {built.stderr.strip().splitlines()[0]}"
        environment |= {"NUMBA_ENABLE_CUDASIM": "1"} if "simulator" in error.tests else {}
        options = ("-x", "-p", "no:cacheprovider")
        tested = run(copy, environment, "-m", "pytest", *options, *error.tests.split())
    if tested.returncode < 0:
        return f"the tests end by signal {-tested.returncode}"
    lines = tested.stdout.splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    assert bool(failed) == bool(tested.returncode), tested.stdout + tested.stderr
    return failed[0].split(" - ")[0] if failed else ""


def run(copy: Path, env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
