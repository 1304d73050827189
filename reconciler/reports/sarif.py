"""Findings as SARIF 2.1.0 (OASIS): for code scanning and editors."""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from reconciler import __version__
from reconciler.codes import CODES, Severity
from reconciler.diagnostics import Position
from reconciler.plain import count, harmless_json
from reconciler.reports.findings import Reported

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"

_LINK: Final = re.compile(r"\[([^]]+)\]\([^)]+\)")

LIMIT: Final = 25_000
"""So many results GitHub takes in a run; a log with more is refused as a whole."""


def render(found: Iterable[Reported]) -> Iterator[str]:
    """Render findings as a log of one run, errors first where there are too many for one."""
    listed = list(found)
    left = len(listed) - LIMIT
    if left > 0:
        listed = sorted(listed, key=lambda each: each.severity is not Severity.ERROR)[:LIMIT]
    rules = {each.code: each for each in reversed(listed)}
    codes = sorted(rules)
    run = {
        "tool": {
            "driver": {
                "name": "reconciler",
                "version": __version__,
                "rules": [_rule(code, rules[code].title) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        **({"invocations": [_left_out(left)]} if left > 0 else {}),
        "results": [_result(each, codes.index(each.code)) for each in listed],
    }
    yield harmless_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(code: str, title: str) -> dict[str, Any]:
    known = CODES[code]
    cause, remedy = (_LINK.sub(r"\1", text) for text in (known.cause, known.remedy))
    return {
        "id": code,
        "shortDescription": {"text": title},
        "fullDescription": {"text": cause},
        "help": {"text": f"{cause} {remedy}"},
    }


def _result(found: Reported, rule: int) -> dict[str, Any]:
    return {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": found.severity.value,
        "message": {"text": found.text},
        "locations": [{"physicalLocation": _location(found.position)}],
        # GitHub knows a finding again by the first of them alone.
        "partialFingerprints": {
            "primaryLocationLineHash": found.fingerprint,
            "reconciler/v1": found.fingerprint,
        },
    }


def _left_out(number: int) -> dict[str, Any]:
    text = f"{count(number, 'more finding')} left out: a run holds {LIMIT:,} at most."
    notification = {"level": "warning", "message": {"text": text}}
    return {"executionSuccessful": True, "toolExecutionNotifications": [notification]}


def _location(position: Position) -> dict[str, Any]:
    path = PurePath(position.file)
    uri = path.as_uri() if path.is_absolute() else quote(path.as_posix())
    location: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if position.line:
        column = {"startColumn": position.column} if position.column else {}
        location["region"] = {"startLine": position.line, **column}
    return location
