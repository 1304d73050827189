"""A site on which everything that a page shows tries to be more than text."""

import json
from pathlib import Path
from typing import Any

SCRIPT = "<script>evil()</script>"
MARKS = "'\"><img src=x onerror=evil()>"
PERSON, MENTOR, UNIT, SCHOOL, PROFILE = (f"{MARKS}{n}" for n in range(5))
NAMES = (SCRIPT, MARKS, "{{7*7}}", "\u202eevil", "&lt;b&gt;", "javascript:evil()")


def seed(directory: Path) -> Path:
    """Write such a site's state, with a mentor of a class with a learner."""
    path = directory / "hostile.json"
    path.write_text(json.dumps(_state()), encoding="utf-8")
    return path


def queries() -> list[dict[str, str]]:
    """What fills the pages: everything there is, searches for it, and what is not there."""
    about: list[dict[str, str]] = [
        {"person": PERSON},
        {"person": MENTOR},
        {"person": MENTOR, "unit": UNIT},
    ]
    searches = [{"q": name} for name in NAMES] + [{"q": "evil", "person": MENTOR}]
    return [{}, *about, *searches, {"person": SCRIPT}, {"after": MARKS}, {"unit_after": SCRIPT}]


def _state() -> dict[str, Any]:
    def person(number: int, given: str) -> dict[str, Any]:
        text = NAMES[number % len(NAMES)]
        return {
            "id": given,
            "sync_key": f"{SCRIPT}{number}",
            "username": f"{MARKS}u{number}",
            "email": f"{SCRIPT}@evil{number}",
            "name": f"{text} evil",
            "profile": PROFILE,
            "active": True,
        }

    def unit(given: str, kind: str, parent: str | None) -> dict[str, Any]:
        return {
            "id": given,
            "sync_key": f"{SCRIPT}{kind}",
            "kind": kind,
            "title": MARKS,
            "parent": parent,
        }

    return {
        "format": "reconciler.state/1",
        "site": {
            "id": MARKS,
            "name": SCRIPT,
            "ilp": {"enabled": True, "published_templates": 1},
        },
        "profiles": [{"id": PROFILE, "name": SCRIPT, "roles": ["mentor", "headteacher"]}],
        "labels": [
            {"role": "mentor", "tool_name": SCRIPT, "role_name": MARKS},
            {"role": "headteacher", "tool_name": MARKS, "role_name": SCRIPT},
        ],
        "people": [
            person(0, MENTOR),
            person(1, PERSON),
            *(person(n, f"{SCRIPT}{n}") for n in range(2, 6)),
        ],
        "units": [
            unit("top", "organisation", None),
            unit(SCHOOL, "school", "top"),
            unit(UNIT, "class", SCHOOL),
        ],
        "memberships": [
            {
                "unit": UNIT,
                "person": PERSON,
                "role": "learner",
                "primary": True,
                "begin": None,
                "end": None,
            }
        ],
        "relations": [],
        "holders": [
            {"role": "mentor", "person": MENTOR},
            {"role": "headteacher", "person": MENTOR},
        ],
        "assignments": [
            {"role": "mentor", "person": MENTOR, "kind": "class", "target": UNIT},
            {"role": "mentor", "person": MENTOR, "kind": "learner", "target": PERSON},
            {"role": "headteacher", "person": MENTOR, "kind": "school", "target": SCHOOL},
        ],
    }
