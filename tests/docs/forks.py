"""Python programs and ``optgen`` commands as forks of a process that has imported packages already.

Each would take a second or more to import them itself. ``python -m tests.docs.forks SOCKET KIND``
serves one kind; the command ``optgen`` that `command` writes is a client of it. In a program,
Python runs the kernels, unless its environment says that they are compiled.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests import kernels_in_python

ROOT = Path(__file__).parents[2]
#: Of ours the core and the compiler: what else an example uses, it must import itself.
OURS = ("optgen.runtime.plain", "optgen.compiler.build", "optgen.compiler.class_cache")
PROGRAMS = ("numba", "torch", "keras", *OURS)
COMMANDS = tuple(
    f"optgen.cli.commands.{name}" for name in ("build", "check", "diff", "explain", "plot", "show")
)
PRELOADED = {"program": PROGRAMS, "command": COMMANDS}
#: After so many seconds without a request, a server ends.
IDLE = 600.0
#: The variable of the environment that is set where kernels are compiled.
COMPILED = "OPTGEN_TESTS_COMPILED"

CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(request).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(request)
    answer = server.recv(1)
sys.exit(answer[0] if answer else 1)
"""


@contextmanager
def client(kind: str, path: Path) -> Iterator[None]:
    """An executable file that runs its arguments in a fork of a server of that kind."""
    address = str(path.with_suffix(".socket"))
    command = [sys.executable, "-m", __name__, address, kind]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        path.write_text(CLIENT.format(python=sys.executable, address=address))
        path.chmod(0o755)
        try:
            yield
        finally:
            server.kill()


def serve(address: str, kind: str) -> None:
    for name in PRELOADED[kind]:
        import_module(name)
    if kind == "command":
        import_module("optgen.analysis.reports").known_rules()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Forks that have ended leave nothing behind.
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        server.settimeout(IDLE)  # Tests that were killed don't end it.
        print("ready", flush=True)
        with suppress(TimeoutError):
            while True:
                connection, _ = server.accept()
                if not os.fork():
                    server.close()
                    answer(connection, kind)
                connection.close()


def answer(connection: socket.socket, kind: str) -> None:
    """Run what a client requests, with its streams, and end this process."""
    size, streams, _, _ = socket.recv_fds(connection, 4, 3)
    with connection.makefile("rb") as rest:
        arguments, folder, environment = json.loads(rest.read(int.from_bytes(size, "big")))
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(folder)
    status = 1
    try:
        run(arguments, environment, kind)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(bytes([status]))
        os._exit(status)


def run(arguments: list[str], environment: Mapping[str, str], kind: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    if kind == "command":
        main = import_module("optgen.__main__")
        sys.modules["__main__"], sys.argv = main, ["optgen", *arguments]
        main.main()
        return
    if not environment.get(COMPILED):
        kernels_in_python.substitute(pytest.MonkeyPatch())
    # As ``python -c`` has it.
    (text,) = arguments
    sys.argv, sys.path[0] = ["-c"], ""
    sys.modules["__main__"] = program = ModuleType("__main__")
    exec(compile(text, "<string>", "exec"), program.__dict__)


if __name__ == "__main__":
    serve(*sys.argv[1:])
