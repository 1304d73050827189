"""A slow, obvious model of who sees which child (design, section 2), of what a site says of itself.

It reads the collections of the API, as any client gets them, and shares no code with the program.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Collections = Mapping[str, Sequence[Mapping[str, Any]]]
NAMES = ("profiles", "people", "units", "memberships", "holders", "assignments")


def who_sees(site: Collections, day: str) -> dict[str, set[str]]:
    """Say which learners each person sees on a day, by sync keys; who sees nobody is left out."""
    keys = {each["id"]: each["sync_key"] for each in site["people"]}
    roles = {each["id"]: each["roles"] for each in site["profiles"]}
    people = {each["id"]: each for each in site["people"]}
    added = {(each["role"], each["person"]) for each in site["holders"]}
    seen: dict[str, set[str]] = {}
    for each in site["assignments"]:
        role, person = each["role"], each["person"]
        if not people[person]["active"] or (role, person) not in added:
            continue
        if role not in roles[people[person]["profile"]]:
            continue
        for learner in _learners(site, each["kind"], each["target"], day):
            seen.setdefault(keys[person], set()).add(keys[learner])
    return seen


def _learners(site: Collections, kind: str, target: str, day: str) -> set[str]:
    """Walk up from every membership of the day: does the target lie above it?"""
    if kind == "learner":
        return {target}
    above = {each["id"]: each["parent"] for each in site["units"]}
    found = set()
    for each in site["memberships"]:
        begun = each["begin"] is None or each["begin"] <= day
        over = each["end"] is not None and each["end"] <= day
        if each["role"] != "learner" or not begun or over:
            continue
        unit = each["unit"]
        while unit is not None:
            if unit == target:
                found.add(each["person"])
            unit = above[unit]
    return found
