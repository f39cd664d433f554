"""Numbers as scalars of TensorBoard."""

from __future__ import annotations

import socket
import time
from os import PathLike
from pathlib import Path
from typing import Any, Self

from optgen.writing.numbers import Numbers, needed, titled

#: The first record of a file says what follows.
_VERSION = "brain.Event:2"


class TensorBoard:
    """Writes a file of events to a folder; close it, or use it in a ``with``.

    It needs the package tensorboard, and neither torch nor TensorFlow. Raises ImportError, which
    says what to install.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        records = needed("tensorboard.summary.writer.record_writer", "tensorboard")
        self._events = needed("tensorboard.compat.proto.event_pb2", "tensorboard")
        self._summaries = needed("tensorboard.compat.proto.summary_pb2", "tensorboard")
        Path(folder).mkdir(parents=True, exist_ok=True)
        now = time.time()
        name = f"events.out.tfevents.{now:.6f}.{socket.gethostname()}"
        self._file = (Path(folder) / name).open("xb")
        self._records = records.RecordWriter(self._file)
        self._write(file_version=_VERSION)

    def _write(self, **content: Any) -> None:
        event = self._events.Event(wall_time=time.time(), **content)
        self._records.write(event.SerializeToString())

    def write(self, numbers: Numbers, step: int) -> None:
        """Write what ``statistics`` returned, as of a step."""
        values = [
            self._summaries.Summary.Value(tag=title, simple_value=value)
            for title, value in titled(numbers)
        ]
        self._write(step=step, summary=self._summaries.Summary(value=values))
        self._records.flush()

    def close(self) -> None:
        """Close the file."""
        self._records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
