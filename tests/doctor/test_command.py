"""``optgen doctor`` on this machine, and where packages are missing or broken."""

from __future__ import annotations

import json
import platform

import numba
import numpy as np
import pytest
from typer.testing import CliRunner

from optgen.cli import app
from optgen.doctor import examination, imports, report
from optgen.doctor.finding import Finding, Section, Verdict
from tests.test_lean_install import run

VERDICTS = {verdict.value for verdict in Verdict}


def by_subject(text: str) -> dict[str, dict[str, str]]:
    page = json.loads(text)
    return {one["subject"]: one for section in page["sections"] for one in section["findings"]}


def test_it_finds_what_other_sources_say() -> None:
    done = CliRunner().invoke(app, ["doctor", "--format", "json"])
    assert done.exit_code == 0
    found = by_subject(done.stdout)
    assert {one["verdict"] for one in found.values()} <= VERDICTS
    assert platform.python_implementation() in found["Python"]["found"]
    assert found["numpy"]["found"] == np.__version__
    assert found["threads of kernels"]["found"].startswith(str(numba.config.NUMBA_NUM_THREADS))
    assert found["threading layer"]["found"] == numba.threading_layer()
    # Advice stands where something can be mended, and nowhere else.
    for one in found.values():
        assert bool(one["advice"]) == (one["verdict"] not in {"ok", "fast"}), one


def test_text_has_the_same_rows() -> None:
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0
    for title in ("Paths", "Kernels on the CPU", "Threads", "Machine", "GPU", "Packages"):
        assert title in done.stdout.splitlines()
    assert f"  ok       numpy: {np.__version__}" in done.stdout.splitlines()


def test_a_fault_of_the_first_path_is_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Section("Paths", (Finding("NumPy", Verdict.FAULT, "because of numba", "see below"),))
    monkeypatch.setattr(report, "examination", lambda *, thorough: [bad])
    assert report.main(["--format", "json"]) == 1


def test_a_broken_package_is_one_finding() -> None:
    def examine() -> object:
        yield Finding("first", Verdict.OK, "")
        raise OSError("cannot load library\nmore")

    found = examination._all(examine)  # type: ignore[arg-type]
    assert [one.subject for one in found] == ["first", "import"]
    assert found[1].found == "OSError: cannot load library"


@pytest.mark.parametrize("arguments", [[], ["--format", "json"]], ids=["text", "json"])
def test_it_needs_no_other_package(arguments: list[str]) -> None:
    program = "import runpy; runpy.run_module('optgen', run_name='__main__', alter_sys=True)"
    without = ("typer", "rich", "sympy", "jinja2", "numba", "numpy", "ml_dtypes", "llvmlite")
    status, text = run(program, "doctor", *arguments, without=without)
    assert status == 1
    assert "No module named 'numba'" in text
    assert "Traceback" not in text
    status, text = run(program, "doctor", *arguments)
    assert status == 0
    if arguments:
        assert by_subject(text)["NumPy"]["verdict"] in {"fast", "slow"}


def test_an_import_of_ours_has_its_time_and_reads_addresses() -> None:
    found, addresses = imports.imported("optgen.torch")
    assert found.verdict is Verdict.OK
    assert float(found.found.removesuffix(" s")) > 0
    assert addresses == Finding("addresses of tensors", Verdict.OK, "in compiled code")
