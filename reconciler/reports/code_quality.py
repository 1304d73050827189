"""Findings as a report of GitLab's code quality: what a merge request made better or worse."""

from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, Final

from reconciler.codes import Severity
from reconciler.plain import harmless_json
from reconciler.reports.findings import Reported

_SEVERITIES: Final = {Severity.ERROR: "major", Severity.WARNING: "minor"}


def render(found: Iterable[Reported]) -> Iterator[str]:
    """Render findings as a list; what has no line is told at the first one of its file."""
    yield harmless_json([_issue(each) for each in found]) + "\n"


def _issue(found: Reported) -> dict[str, Any]:
    return {
        "check_name": found.code,
        "description": found.text,
        "fingerprint": found.fingerprint,
        "severity": _SEVERITIES[found.severity],
        "location": {
            "path": PurePath(found.position.file).as_posix(),
            "lines": {"begin": found.position.line or 1},
        },
    }
