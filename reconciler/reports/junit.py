"""Findings as JUnit XML: an error is a test that failed, a warning one that passed with a word.

What shows tests tells one from another by its name, and passes over one whose name came before. So
each has a name of its own, the same one wherever its line moves.
"""

from collections.abc import Iterable, Iterator
from html import escape
from itertools import chain
from typing import Final

from reconciler.reports.findings import Reported

_ENOUGH: Final = 12
"""So many characters of a fingerprint tell a million findings apart."""


def render(found: Iterable[Reported]) -> Iterator[str]:
    """Render findings as one suite; where nothing was found, one test says so by passing."""
    listed = list(found)
    failed = sum(each.severity.value == "error" for each in listed)
    counts = f'tests="{max(len(listed), 1)}" failures="{failed}" errors="0"'
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="reconciler" {counts}>\n'
    yield f'  <testsuite name="reconciler" {counts} skipped="0">\n'
    nothing = () if listed else ('    <testcase classname="reconciler" name="nothing found"/>\n',)
    yield from chain(map(_case, listed), nothing)
    yield "  </testsuite>\n</testsuites>\n"


def _case(found: Reported) -> str:
    name = escape(f"{found.code}: {found.title} ({found.fingerprint[:_ENOUGH]})")
    case = f'    <testcase classname="{escape(found.position.file)}" name="{name}">'
    text = escape(f"{found.position}: {found.text}")
    if found.severity.value == "error":
        message = escape(found.message)
        inside = f'<failure type="{found.code}" message="{message}">{text}</failure>'
    else:
        inside = f"<system-out>{found.severity.value} {found.code}: {text}</system-out>"
    return f"{case}{inside}</testcase>\n"
