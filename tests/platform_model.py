"""A small, slow, obvious model of the platform's rules (design, section 2), apart from any code.

It holds one made-up site in plain sets, says what becomes of each change, and what a person sees.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROLES = ("mentor", "headteacher")
FIELDS = ("tool_name", "role_name")
KINDS = {"mentor": ("class", "group", "learner"), "headteacher": ("school", "organisation")}
STATUS = {
    "role_not_enabled": 409,
    "not_a_holder": 409,
    "has_assignments": 409,
    "expectation_failed": 412,
}
"""What is refused by a rule for another reason is 422."""

TODAY = datetime.now(UTC).date()
PAST, LATER = ((TODAY + timedelta(days=days)).isoformat() for days in (-30, 30))

PROFILES = {"p/0": ["headteacher"], "p1": ["headteacher", "mentor"], "p2": []}
# Each with its profile, and whether the account is active.
PEOPLE = {
    "a": ("p/0", True),
    "b/æ": ("p1", True),
    "c": ("p1", True),
    "d": ("p1", False),
    "l1": ("p2", True),
    "l2": ("p2", True),
    "l3": ("p2", True),
    "l4": ("p1", True),
}
# Each with its kind, and what it lies under.
UNITS = {
    "top": ("organisation", None),
    "area": ("organisation", "top"),
    "s1": ("school", "area"),
    "s2": ("school", "top"),
    "c1": ("class", "s1"),
    "c/2": ("class", "s2"),
    "g1": ("group", "c1"),
    "g2": ("group", "top"),
}
# Unit, person, role, begin and end.
MEMBERSHIPS = [
    ("c1", "l1", "learner", None, None),
    ("g1", "l2", "learner", PAST, LATER),
    ("c1", "c", "teacher", None, None),
    ("c/2", "l1", "learner", PAST, TODAY.isoformat()),
    ("c/2", "l3", "learner", LATER, None),
    ("g2", "l3", "learner", TODAY.isoformat(), None),
    ("s2", "l4", "learner", None, None),
    ("g2", "a", "administrator", None, None),
]

HOLDERS = {
    *(("mentor", person) for person in ("b/æ", "c", "d")),
    *(("headteacher", person) for person in ("a", "c")),
}
ASSIGNMENTS = {
    ("mentor", "b/æ", "class", "c1"),
    ("mentor", "c", "learner", "l3"),
    ("headteacher", "c", "school", "s1"),
}

Change = tuple[str, str, "str | None", "dict[str, Any] | None"]
"""Address, verb, a label's new text, and what is expected."""


def split(address: str) -> tuple[str, ...]:
    """An address's decoded parts; the model's ids have no other odd characters than these."""
    return tuple(part.replace("%2F", "/").replace("%C3%A6", "æ") for part in address.split("/"))


def join(*parts: str) -> str:
    return "/".join(part.replace("/", "%2F").replace("æ", "%C3%A6") for part in parts)


@dataclass
class Answer:
    """What becomes of a change: refused with a code, or done, perhaps without effect."""

    status: int
    code: str | None = None
    changed: bool = False
    revision: int = 0


@dataclass
class Model:
    """The site as it is, and what happened on it."""

    revision: int
    profiles: dict[str, list[str]] = field(default_factory=lambda: deepcopy(PROFILES))
    labels: dict[tuple[str, str], str | None] = field(
        default_factory=lambda: {(role, name): None for role in ROLES for name in FIELDS}
    )
    holders: set[tuple[str, str]] = field(default_factory=lambda: {*HOLDERS})
    assignments: set[tuple[str, str, str, str]] = field(default_factory=lambda: {*ASSIGNMENTS})
    ilp: tuple[bool, int] = (True, 1)
    events: list[tuple[str, str, str, str, int]] = field(default_factory=list)
    answered: dict[tuple[str, str], tuple[Any, Answer]] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)

    def ask(self, client: str, key: str | None, change: Change) -> Answer:
        """A client's change; a key that took effect before is answered as it was then."""
        if key is not None and (client, key) in self.answered:
            before, answer = self.answered[client, key]
            return answer if before == change else Answer(422, "idempotency_key_reused")
        answer = self.make(client, "api", change)
        if key is not None and answer.code is None:
            self.answered[client, key] = (change, answer)
        return answer

    def make(self, actor: str, actor_kind: str, change: Change) -> Answer:
        """A change that is asked for now: judged, and made where nothing is against it."""
        address, verb, value, _ = change
        code = next(self._against(change), None)
        if code is not None:
            return Answer(STATUS.get(code, 422), code, revision=self.revision)
        wanted = value if verb == "change" else verb == "add"
        changed = self._read(address) != wanted
        if changed:
            self._write(address, wanted)
            self.revision += 1
            self.events.append((actor, actor_kind, verb, address, self.revision))
        status = {"add": 201 if changed else 200, "remove": 204, "change": 200}[verb]
        return Answer(status, None, changed, self.revision)

    def _against(self, change: Change) -> Iterator[str]:
        """What is against it: in the request, about its subject, as expected, by the rules."""
        address, verb, value, expect = change
        parts = split(address)
        kind = _kind_of(parts)
        if kind is None:
            yield "invalid_address"
            return
        if (verb == "change") != (kind == "label"):
            yield "verb_not_allowed"
        if value is not None and (not 0 < len(value) <= 64 or value.strip() != value):
            yield "invalid_value"
        if expect is not None and ("value" in expect) != (kind == "label"):
            yield "invalid_expectation"
        yield from self._about(kind, parts)
        if expect is not None and self._read(address) != next(iter(expect.values())):
            yield "expectation_failed"
        if self._read(address) != (verb == "add"):
            yield from self._rules(kind, verb, parts)

    def _about(self, kind: str, parts: tuple[str, ...]) -> Iterator[str]:
        if kind == "profile" and parts[1] not in self.profiles:
            yield "unknown_profile"
        if kind == "assignment" and parts[2] not in KINDS[parts[0]]:
            yield "kind_not_allowed"
        if kind in ("holder", "assignment") and parts[1] not in PEOPLE:
            yield "unknown_person"

    def _rules(self, kind: str, verb: str, parts: tuple[str, ...]) -> Iterator[str]:
        if (kind, verb) == ("holder", "add") and parts[0] not in self._roles_of(parts[1]):
            yield "role_not_enabled"
        if (kind, verb) == ("holder", "remove") and parts in {e[:2] for e in self.assignments}:
            yield "has_assignments"
        if (kind, verb) == ("assignment", "add"):
            yield from self._about_target(*parts[2:])
            if parts[:2] not in self.holders:
                yield "not_a_holder"

    def _roles_of(self, person: str) -> list[str]:
        return self.profiles[PEOPLE[person][0]]

    def _about_target(self, kind: str, target: str) -> Iterator[str]:
        if target not in (PEOPLE if kind == "learner" else UNITS):
            yield "unknown_target"
        elif kind != "learner":
            if UNITS[target][0] != kind:
                yield "kind_mismatch"
        elif not any(each[1:3] == (target, "learner") for each in MEMBERSHIPS):
            yield "not_a_learner"

    def _read(self, address: str) -> Any:
        parts = split(address)
        match _kind_of(parts):
            case "profile":
                return parts[2] in self.profiles[parts[1]]
            case "label":
                return self.labels[parts[1], parts[2]]
            case "holder":
                return parts in self.holders
        return parts in self.assignments

    def _write(self, address: str, wanted: Any) -> None:
        parts = split(address)
        match _kind_of(parts):
            case "profile":
                roles = set(self.profiles[parts[1]]) ^ {parts[2]}
                self.profiles[parts[1]] = sorted(roles)
                self.touched.add("profiles")
            case "label":
                self.labels[parts[1], parts[2]] = wanted
                self.touched.add("labels")
            case "holder":
                self.holders ^= {parts}  # type: ignore[arg-type]
                self.touched.add("holders")
            case _:
                self.assignments ^= {parts}  # type: ignore[arg-type]
                self.touched.add("assignments")

    def open_changes(self) -> dict[str, list[Change]]:
        """Per kind of address the changes that would take effect now."""
        found: dict[str, list[Change]] = {}
        for address in ADDRESSES:
            for verb in ("add", "remove"):
                change = (address, verb, None, None)
                if next(self._against(change), None) is None and self._read(address) != (
                    verb == "add"
                ):
                    kind = _kind_of(split(address))
                    found.setdefault(f"{kind} {verb}", []).append(change)
        return found

    def learners(self, role: str, person: str) -> set[str]:
        """The learners of a person's assignments, by walking up from each of them."""
        found = set()
        for _, _, kind, target in (each for each in self.assignments if each[:2] == (role, person)):
            if kind == "learner":
                found.add(target)
                continue
            for unit, member, part, begin, end in MEMBERSHIPS:
                now = TODAY.isoformat()
                if part != "learner" or (begin or now) > now or (end is not None and end <= now):
                    continue
                above: str | None = unit
                while above is not None:
                    if above == target:
                        found.add(member)
                    above = UNITS[above][1]
        return found

    def shown(self, person: str) -> list[str]:
        """The roles whose entry the person's menu has."""
        _, active = PEOPLE[person]
        return [
            role
            for role in ROLES
            if active
            and role in self._roles_of(person)
            and (role, person) in self.holders
            and (self.learners(role, person) if role == "mentor" else self._leads(person))
        ]

    def _leads(self, person: str) -> bool:
        return any(each[:2] == ("headteacher", person) for each in self.assignments)

    def entry(self, person: str) -> tuple[str, str] | None:
        """The one entry, and its text."""
        shown = self.shown(person)
        if not shown:
            return None
        named = "headteacher" if len(shown) == 2 else shown[0]
        text = self.labels[named, "tool_name"] or named.capitalize()
        return ("supervisor" if len(shown) == 2 else named), text


def _kind_of(parts: tuple[str, ...]) -> str | None:
    match parts:
        case ("profile", profile, role) if profile and role in ROLES:
            return "profile"
        case ("label", role, name) if role in ROLES and name in FIELDS:
            return "label"
        case (role, person) if role in ROLES and person:
            return "holder"
        case (role, person, kind, target) if role in ROLES and person and target:
            return "assignment" if kind in {*KINDS["mentor"], *KINDS["headteacher"]} else None
    return None


ADDRESSES = [
    *(join("profile", profile, role) for profile in PROFILES for role in ROLES),
    *(join(role, person) for role in ROLES for person in PEOPLE),
    *(
        join(role, person, kind, target)
        for role in ROLES
        for person in PEOPLE
        for kind in KINDS[role]
        for target in (PEOPLE if kind == "learner" else UNITS)
    ),
]
"""All that can be added on this site, or not."""


def seed(directory: Path) -> Path:
    """Write the site as a state."""
    named = ("unit", "person", "role", "begin", "end")
    state = {
        "format": "reconciler.state/1",
        "site": {"id": "m", "name": "M", "ilp": {"enabled": True, "published_templates": 1}},
        "profiles": [{"id": each, "name": each, "roles": of} for each, of in PROFILES.items()],
        "people": [
            {
                "id": each,
                "sync_key": f"k-{each}",
                "username": each,
                "email": None,
                "name": f"Person {each}",
                "profile": profile,
                "active": active,
            }
            for each, (profile, active) in PEOPLE.items()
        ],
        "units": [
            {"id": each, "sync_key": each, "kind": kind, "title": each, "parent": parent}
            for each, (kind, parent) in UNITS.items()
        ],
        "memberships": [
            dict(zip(named, each, strict=True)) | {"primary": False} for each in MEMBERSHIPS
        ],
        "relations": [],
        "holders": [],
        "assignments": [],
    }
    path = directory / "model.json"
    path.write_text(json.dumps(state), encoding="utf-8")
    return path
