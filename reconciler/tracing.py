"""The id by which one run is known everywhere: in requests, logs, the journal and reports.

It is the trace id of W3C Trace Context, and goes out in the header `traceparent`, which servers and
proxies know how to log. Whoever starts the program within a trace of its own, a pipeline say, hands
that over in the variable TRACEPARENT.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

VARIABLE: Final = "TRACEPARENT"
HEADER: Final = "traceparent"

_FORM: Final = re.compile("(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_NOTHING: Final = re.compile("0+")
_CURRENT: Final = ContextVar("reconciler.trace", default="")


def current() -> str:
    """Return the id of the run that this thread works for; empty where there is none."""
    return _CURRENT.get()


def new_id(environ: Mapping[str, str]) -> str:
    """Return the id for a run: that of the trace it is started in, else one of its own."""
    found = _FORM.fullmatch(environ.get(VARIABLE, ""))
    if found and not any(map(_NOTHING.fullmatch, found.groups("")[:2])):
        return found[1]
    return os.urandom(16).hex()


@contextmanager
def tracing(trace: str) -> Iterator[None]:
    """Let this thread work for a run, as long as the block lasts."""
    before = _CURRENT.set(trace)
    try:
        yield
    finally:
        _CURRENT.reset(before)


def header(trace: str) -> dict[str, str]:
    """Return the header of one request of a run, with an id of the request's own."""
    return {HEADER: f"00-{trace}-{os.urandom(8).hex()}-01"} if trace else {}
