"""A municipality as its story has it, in plain words, apart from any code of the program.

It says what the manifest and the roster say then, who sees which child on a day, and what the
site's directory is. The site of `docs/tutorials/a-school-year.md` is where it begins.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

SEED = Path(__file__).parents[2] / "examples" / "four-schools.json"
BEGIN, SUMMER = date(2026, 8, 1), date(2027, 8, 1)
SCHOOLS = {"berg": 1, "dal": 2, "elv": 3, "fjord": 4}
ROLES = {"Administrator": ["headteacher"], "Staff": ["mentor"]}
COLUMNS = ("unit", "kind", "person", "role", "from", "until")


@dataclass(frozen=True)
class Grant:
    """What the manifest gives beside the rules; `until` is the last day."""

    person: str
    kind: str
    target: str
    until: date | None = None

    def holds_on(self, day: date) -> bool:
        return self.until is None or day <= self.until


@dataclass(frozen=True)
class Member:
    """A learner in a class, from a day to the day before its end."""

    learner: str
    unit: str
    begin: date
    end: date | None

    def holds_on(self, day: date) -> bool:
        return self.begin <= day and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Duty:
    """A line of the roster: who is teacher or principal of what; `until` is the last day."""

    unit: str
    person: str
    role: str
    begin: date
    until: date | None = None

    def holds_on(self, day: date) -> bool:
        return self.begin <= day and (self.until is None or day <= self.until)


@dataclass
class Town:
    """The municipality.

    Attributes:
        schools: per class the school that it lies in.
        duties: the roster.
        grants: the lines of the manifest.
        members: who is a learner where.
        labels: what the mentors' tool and role are called.
        excepted: whom the rule passes over.
        moved: per class that goes the one in its place.
        people: who is on the site, beside those of the seed.
        gone: whose account is in use no more.
    """

    schools: dict[str, str] = field(default_factory=dict)
    duties: list[Duty] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    labels: tuple[str, str] = ("Mine elever", "Kontaktlærer")
    excepted: list[str] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    @classmethod
    def at_first(cls) -> "Town":
        """As it is in August, with the one mentor that nobody added."""
        town = cls(grants=[Grant("t-10", "learner", "s-191")])
        for school, number in SCHOOLS.items():
            town.duties.append(Duty(school, f"h-{number}", "principal", BEGIN))
            for grade in (8, 9):
                unit = f"{school}-{grade}"
                town.schools[unit] = school
                town.duties.append(
                    Duty(unit, f"t-{number}{grade}", "teacher", BEGIN, date(2027, 7, 31))
                )
                town.members += (
                    Member(f"s-{number}{grade}{each}", unit, BEGIN, SUMMER) for each in (1, 2, 3)
                )
        return town

    def set_up(self, seed: dict[str, Any]) -> dict[str, Any]:
        """Give a site without roles what somebody set up by hand: all but the one of Elv 9."""
        ids = {each["sync_key"]: each["id"] for each in (*seed["people"], *seed["units"])}
        for profile in seed["profiles"]:
            profile["roles"] = ROLES.get(profile["name"], [])
        given = [
            ("mentor", each.person, "class", each.unit)
            if each.role == "teacher"
            else ("headteacher", each.person, "school", each.unit)
            for each in self.duties
            if each.unit != "elv-9"
        ]
        given += (("mentor", each.person, each.kind, each.target) for each in self.grants)
        for role, person, kind, target in given:
            seed["holders"].append({"role": role, "person": ids[person]})
            seed["assignments"].append(
                {"role": role, "person": ids[person], "kind": kind, "target": ids[target]}
            )
        return seed

    def learners(self, unit: str, day: date) -> set[str]:
        """Who is in a class, or in the classes of a school."""
        units = {unit, *(each for each, school in self.schools.items() if school == unit)}
        return {each.learner for each in self.members if each.unit in units and each.holds_on(day)}

    def sees(self, day: date) -> dict[str, set[str]]:
        """Who sees whom once everything is applied."""
        seen: dict[str, set[str]] = {}
        for duty in self.duties:
            if duty.holds_on(day) and duty.person not in self.excepted:
                seen.setdefault(duty.person, set()).update(self.learners(duty.unit, day))
        for grant in self.grants:
            if grant.holds_on(day):
                one = {grant.target}
                whom = one if grant.kind == "learner" else self.learners(grant.target, day)
                seen.setdefault(grant.person, set()).update(whom)
        return {person: whom for person, whom in seen.items() if whom and person not in self.gone}

    def roster(self) -> str:
        """The table of the school system."""
        rows = [";".join(COLUMNS)]
        for duty in self.duties:
            kind = "class" if duty.role == "teacher" else "school"
            until = duty.until or ""
            rows.append(f"{duty.unit};{kind};{duty.person};{duty.role};{duty.begin};{until}")
        return "\n".join((*rows, ""))

    def manifest(self) -> dict[str, Any]:
        """The manifest, as data."""
        tool_name, role_name = self.labels
        rule: dict[str, Any] = {"name": "teachers", "mentor": {"who": "teacher", "of": "class"}}
        principals = {"name": "principals", "headteacher": {"who": "principal", "of": "school"}}
        if self.excepted:
            rule["except"] = {"people": self.excepted}
        manifest: dict[str, Any] = {
            "version": 1,
            "site": "havnes",
            "roles": {"mentor": {"profiles": ["Staff"]}},
            "labels": {"mentor": {"tool_name": tool_name, "role_name": role_name}},
            "policy": {"max_removals": "100%", "every_learner_has_mentor": True},
            "rosters": {"sis": {"type": "csv", "path": "sis.csv",
                                "columns": {name: name for name in COLUMNS}}},
            "rules": [rule, principals],
        }  # fmt: skip
        entries: dict[str, dict[str, Any]] = {}
        for grant in self.grants:
            item = {"id": grant.target, **({"until": str(grant.until)} if grant.until else {})}
            section = "learners" if grant.kind == "learner" else "classes"
            entry = entries.setdefault(grant.person, {"person": grant.person})
            entry.setdefault(section, []).append(item)
        if entries:
            manifest["mentors"] = list(entries.values())
        if self.moved:
            manifest["moved"] = [{"from": old, "to": new} for old, new in self.moved.items()]
        return manifest

    def directory(self) -> Mapping[str, list[dict[str, Any]]]:
        """People, units and memberships as the API has them; what the seed has keeps its ids."""
        seed = json.loads(SEED.read_text(encoding="utf-8"))
        ids = {each["sync_key"]: each["id"] for each in (*seed["people"], *seed["units"])}
        people = [{**each, "active": each["sync_key"] not in self.gone} for each in seed["people"]]
        profiles = {each["name"]: each["id"] for each in seed["profiles"]}
        for key, profile in self.people.items():
            ids[key] = f"x-{key}"
            people.append({"id": ids[key], "sync_key": key, "username": key, "email": None,
                           "name": key, "profile": profiles[profile], "active": True})  # fmt: skip
        units = list(seed["units"])
        for key, kind, parent in self._new_units(ids):
            ids[key] = f"x-{key}"
            units.append(
                {"id": ids[key], "sync_key": key, "kind": kind, "title": key, "parent": ids[parent]}
            )
        memberships = [
            {"unit": ids[each.unit], "person": ids[each.learner], "role": "learner",
             "primary": each.end != SUMMER or each.begin == BEGIN, "begin": str(each.begin),
             "end": each.end and str(each.end)}
            for each in self.members
        ]  # fmt: skip
        return {"people": people, "units": units, "memberships": memberships}

    def _new_units(self, ids: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
        for school in dict.fromkeys(self.schools.values()):
            if school not in ids:
                yield school, "school", "havnes"
        for unit, school in self.schools.items():
            if unit not in ids:
                yield unit, "class", school
