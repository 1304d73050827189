"""The log of a run, on standard error: lines for people, or a JSON object in each for programs."""

import io
import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final, TextIO

from reconciler import tracing

_ROOT: Final = logging.getLogger("reconciler")
_RUN: Final = logging.getLogger("reconciler.run")
_TOLD: Final = logging.getLogger("reconciler.told")


def start(form: str, *, verbose: bool, command: str) -> None:
    """Log from now on.

    Args:
        form: text or json.
        verbose: whether to tell of everything that is done, not only of how the run goes.
        command: what is run.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATTERS[form]())
    _ROOT.addHandler(handler)
    _ROOT.setLevel(logging.DEBUG if verbose else logging.INFO)
    if form == "json":
        sys.stderr = _Lines(sys.stderr)
    _RUN.info("%s begins, with the correlation id %s", command, tracing.current())


def end(code: int, seconds: float) -> None:
    """Log how the run ended; without `start`, nothing."""
    if _ROOT.handlers:
        _RUN.info("ended with exit code %d after %.1f s", code, seconds)


class _Json(logging.Formatter):
    """Makes a JSON object of each record, in one line, with the run's correlation id.

    An exception is told by its class: its words may hold secrets or names.
    """

    def __init__(self) -> None:
        super().__init__()
        self._trace = tracing.current()  # the threads that log know of no run

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "correlation_id": self._trace,
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
        return json.dumps(line)


class _Lines(io.TextIOBase):
    """Stands in for standard error, and logs each line that people are told.

    So whoever collects the log finds errors and warnings in it, too. It is no terminal: nobody can
    be asked in JSON.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._begun = ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in filter(None, lines):
            found = _SEVERITY.search(line)
            _TOLD.log(_LEVELS[found[1].casefold()] if found else logging.INFO, "%s", line)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()


_LEVELS: Final = {"error": logging.ERROR, "warning": logging.WARNING}
_SEVERITY: Final = re.compile("(?:^|: )([Ee]rror|warning)[ :]")


class _Text(logging.Formatter):
    """Writes lines for people."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")


FORMATTERS: Final = {"text": _Text, "json": _Json}
"""The formats of a log."""
