"""Every format for programs that a command offers, by the subject that it tells of.

What renders a format is loaded when somebody asks for it: the names are wanted for `--help`, too.
"""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

_FINDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sarif": "reconciler.reports.sarif",
        "junit": "reconciler.reports.junit",
        "annotations": "reconciler.reports.annotations",
        "code-quality": "reconciler.reports.code_quality",
    }
)
"""Per format of findings the module whose `render` makes it of what was found."""

_DOCUMENTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "diagnostics": {
            "json": "reconciler.reports.documents:diagnostics_json",
            "markdown": "reconciler.reports.markdown:diagnostics_markdown",
            "jsonl": "reconciler.reports.lines:diagnostics_lines",
            "csv": "reconciler.reports.csv_table:diagnostics_csv",
        },
        "plan": {
            "json": "reconciler.plan.document:to_texts",
            "markdown": "reconciler.reports.markdown:plan_markdown",
            "jsonl": "reconciler.reports.lines:plan_lines",
            "csv": "reconciler.reports.csv_table:plan_csv",
            "html": "reconciler.reports.pages:plan_html",
        },
        "drift": {
            "json": "reconciler.reports.documents:drift_json",
            "markdown": "reconciler.reports.markdown:drift_markdown",
            "jsonl": "reconciler.reports.lines:drift_lines",
            "csv": "reconciler.reports.csv_table:drift_csv",
            "html": "reconciler.reports.pages:drift_html",
        },
        "review": {
            "json": "reconciler.reports.review:review_json",
            "jsonl": "reconciler.reports.lines:review_lines",
            "csv": "reconciler.reports.review:review_csv",
            "html": "reconciler.reports.review:review_html",
        },
    }
)
"""Per subject its own formats, each with what renders the subject."""

_OURS: Final[Mapping[str, re.Pattern[bytes]]] = MappingProxyType(
    {
        "json": re.compile(rb'\{\s*"format": "reconciler\.([a-z-]+)/'),
        "markdown": re.compile(rb"<!-- reconciler -->\n"),
        "csv": re.compile(rb"code,(check,)?severity,|(what,)?verb,name,role,"),
        "jsonl": re.compile(rb'\{"format": "reconciler\.line/'),
        "html": re.compile(
            rb'(?s)<!doctype html>.{0,300}<meta name="generator" content="reconciler'
        ),
        "sarif": re.compile(rb'(?s)\{\s*"\$schema": "[^"]*sarif.{0,300}"name": "reconciler"'),
        "junit": re.compile(rb'<\?xml [^>]*>\s*<testsuites name="reconciler"'),
        "annotations": re.compile(rb"::(error|warning) (\S+,)?title=RR\d{3}"),
        "code-quality": re.compile(rb'\[\]|\[\s*\{\s*"check_name": "RR\d{3}"'),
    }
)
"""What a file begins with that was written in a format here, and may be replaced.

JSON names what it tells of: a saved state is JSON of this program, too.
"""

_BEGINNING: Final = 1_000


def names(subject: str) -> tuple[str, ...]:
    """Return the names of a subject's formats; text, which is for people, is the first."""
    return ("text", *_DOCUMENTS[subject], *_FINDINGS)


def is_report(path: Path, subject: str, name: str) -> bool:
    """Whether a file is a report of this subject, or of mistakes in its place, in this format."""
    with path.open("rb") as file:
        found = _OURS[name].match(file.read(_BEGINNING))
    if found is None or name != "json":
        return found is not None
    return found[1].decode() in (subject, "diagnostics")


def render(subject: str, name: str, shown: Any, home: str) -> Iterator[str]:
    """Render a subject in a format, piece by piece.

    Args:
        subject: what it is: diagnostics, plan, drift or review.
        name: the format, one of `names`; not text.
        shown: the subject itself.
        home: the path under which that is told which has no place in a file.
    """
    if name in _FINDINGS:
        of = getattr(import_module("reconciler.reports.findings"), f"of_{subject}")
        yield from import_module(_FINDINGS[name]).render(of(shown, home))
        return
    module, _, function = _DOCUMENTS[subject][name].partition(":")
    yield from getattr(import_module(module), function)(shown)
