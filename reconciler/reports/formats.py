"""Every format for programs that a command offers, by the subject that it tells of.

What renders a format is loaded when somebody asks for it: the names are wanted for `--help`, too.
"""

import re
from collections.abc import Callable, Container, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

_FINDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sarif": "reconciler.reports.sarif",
        "junit": "reconciler.reports.junit",
        "annotations": "reconciler.reports.annotations",
        "code-quality": "reconciler.reports.code_quality",
    }
)
"""Per format of findings the module whose `render` makes it of what was found."""

_OF_FINDINGS: Final = tuple(_FINDINGS)


class _Like(NamedTuple):
    """What lets a subject be told as another one is.

    Attributes:
        subject: the other one.
        view: what makes that of it.
        formats: those of the other's formats that make sense.
    """

    subject: str
    view: str
    formats: tuple[str, ...]


class _Subject(NamedTuple):
    """What tells of a subject.

    Attributes:
        documents: per format what renders the subject itself.
        findings: the formats of findings, where it has some that such a format is for.
        like: what it has in common with another subject.
    """

    documents: Mapping[str, str]
    findings: tuple[str, ...] = ()
    like: _Like | None = None


_RUN: Final = ("markdown", "junit", "annotations", "jsonl", "csv", "html")

_SUBJECTS: Final[Mapping[str, _Subject]] = MappingProxyType(
    {
        "diagnostics": _Subject(
            {
                "json": "reconciler.reports.documents:diagnostics_json",
                "markdown": "reconciler.reports.markdown:diagnostics_markdown",
                "jsonl": "reconciler.reports.lines:diagnostics_lines",
                "csv": "reconciler.reports.csv_table:diagnostics_csv",
            },
            _OF_FINDINGS,
        ),
        "plan": _Subject(
            {
                "json": "reconciler.plan.document:to_texts",
                "markdown": "reconciler.reports.markdown:plan_markdown",
                "jsonl": "reconciler.reports.lines:plan_lines",
                "csv": "reconciler.reports.csv_table:plan_csv",
                "html": "reconciler.reports.pages:plan_html",
            },
            _OF_FINDINGS,
        ),
        "drift": _Subject(
            {
                "json": "reconciler.reports.documents:drift_json",
                "markdown": "reconciler.reports.markdown:drift_markdown",
                "jsonl": "reconciler.reports.lines:drift_lines",
                "csv": "reconciler.reports.csv_table:drift_csv",
                "html": "reconciler.reports.pages:drift_html",
            },
            _OF_FINDINGS,
        ),
        "review": _Subject(
            {
                "json": "reconciler.reports.review:review_json",
                "jsonl": "reconciler.reports.lines:review_lines",
                "csv": "reconciler.reports.review:review_csv",
                "html": "reconciler.reports.review:review_html",
            },
            _OF_FINDINGS,
        ),
        # What became of a run says nothing of the code: neither code scanning nor code quality.
        "outcomes": _Subject(
            {
                "markdown": "reconciler.reports.markdown:run_markdown",
                "junit": "reconciler.reports.junit:run_junit",
                "jsonl": "reconciler.reports.lines:run_lines",
                "csv": "reconciler.reports.csv_table:run_csv",
                "html": "reconciler.reports.pages:run_html",
            },
            ("annotations",),
        ),
        "apply": _Subject(
            {"json": "reconciler.reports.documents:result_json"},
            like=_Like("outcomes", "reconciler.reports.outcomes:of_applied", _RUN),
        ),
        "run": _Subject(
            {"json": "reconciler.reports.runs:run_json"},
            like=_Like("outcomes", "reconciler.reports.runs:outcomes", _RUN),
        ),
        "history": _Subject(
            {
                "json": "reconciler.reports.runs:runs_json",
                "markdown": "reconciler.reports.runs:runs_markdown",
                "jsonl": "reconciler.reports.runs:runs_lines",
                "csv": "reconciler.reports.runs:runs_csv",
            }
        ),
        "access": _Subject(
            {
                "json": "reconciler.reports.access:access_json",
                "markdown": "reconciler.reports.access:access_markdown",
                "jsonl": "reconciler.reports.access:access_lines",
                "csv": "reconciler.reports.access:access_csv",
                "html": "reconciler.reports.access:access_html",
            }
        ),
        "roster-check": _Subject(
            {"json": "reconciler.reports.roster:check_json"},
            like=_Like(
                "diagnostics",
                "reconciler.reports.roster:check_diagnostics",
                (*_OF_FINDINGS, "jsonl", "csv"),
            ),
        ),
        "runbook": _Subject(
            {
                "markdown": "reconciler.runbook.render:as_markdown",
                "html": "reconciler.runbook.render:as_html",
                "json": "reconciler.runbook.render:as_json",
            }
        ),
        "doctor": _Subject(
            {"json": "reconciler.doctor.report:as_json", "junit": "reconciler.doctor.report:junit"}
        ),
        **{
            name: _Subject({"json": "reconciler.reports.documents:to_texts"})
            for name in ("explanation", "fleet", "roster", "rules")
        },
    }
)
"""Per subject what tells of it; of those that are documents already, JSON alone."""

_OURS: Final[Mapping[str, re.Pattern[bytes]]] = MappingProxyType(
    {
        "json": re.compile(rb'\{\s*"format": "reconciler\.([a-z-]+)/'),
        "markdown": re.compile(rb"<!-- reconciler -->\n"),
        "csv": re.compile(
            rb"code,(check,)?severity,|((what|outcome),)?verb,name,role,"
            rb"|run,site,status,|learner,person,role,"
        ),
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
    told = _SUBJECTS[subject]
    shared = told.like.formats if told.like else ()
    return ("text", *told.documents, *told.findings, *shared)


def is_report(path: Path, subjects: Container[str], name: str) -> bool:
    """Whether a file is a report of such a subject, or of mistakes in its place, in this format."""
    with path.open("rb") as file:
        found = _OURS[name].match(file.read(_BEGINNING))
    if found is None or name != "json":
        return found is not None
    kind = found[1].decode()
    return kind in subjects or kind == "diagnostics"


def render(subject: str, name: str, shown: Any, home: str) -> Iterator[str]:
    """Render a subject in a format, piece by piece.

    Args:
        subject: what it is, plan say.
        name: the format, one of `names`; not text.
        shown: the subject itself.
        home: the path under which that is told which has no place in a file.
    """
    told = _SUBJECTS[subject]
    if name in told.documents:
        yield from _named(told.documents[name])(shown)
    elif told.like is not None:
        yield from render(told.like.subject, name, _named(told.like.view)(shown), home)
    else:
        of = _named(f"reconciler.reports.findings:of_{subject}")
        yield from import_module(_FINDINGS[name]).render(of(shown, home))


def _named(place: str) -> Callable[..., Any]:
    module, _, function = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
