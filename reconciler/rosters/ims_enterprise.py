"""Reads IMS Enterprise 1.1 XML by Norway's profile PIFU-IMS: one file, or a zip archive of one.

Sources. "Profile" is the specification of PIFU-IMS 1.3 with its schema and example
(github.com/Utdanningsdirektoratet/pifu, `pifu-ims/docs/spesifikasjon.md`); numbers are those of its
tables. "IMS" is the IMS Enterprise Information Model 1.1, which the profile builds on.

- properties/type (1.2.5): only `full`, the whole data set, is read; `delta`, `melding` and `event`
  hold changes. The profile demands the element; a file without it is refused.
- recstatus (5.5): 3 is left out with all that it says. The profile has none in a `full` file.
- sourcedid (5.6): `Old` and `Duplicate` are former ids. Of several others, the one of the
  datasource (1.2.3) counts.
- userid (5.9): the one of the type `username`, or without a type, which IMS allows, is the
  username. National numbers are not read.
- pifu_status `activeInactive` (P2.15.5): `inaktiv` is an account that may not be used.
- pifu_hasContactPerson (P2.15.8): of a learner, `guardian` and `fosterParent` are guardians,
  `closeRelative` and `nextOfKin` relatives.
- grouptype (3.4): `skoleeier` is an organisation, `skole` a school, `basisgruppe` a class of the
  type homeroom, `undervisningsgruppe` one of the type scheduled, `kontaktlærergruppe` one of the
  type kontaktlærergruppe. Groups of the other kinds, and who is in them, are left out.
- relationship (3.11): 1 is the unit above; the highest one names itself. 2, and a member that is a
  group (idtype 2), which IMS has and the profile does not use, say the same from above.
- role (4.3.4): 01 learner, 02 teacher, 05 the leadership of a school (an administrator), with the
  subrole `rektor` its principal, 06 contact teacher, 07 administrator, 08 aide. A status of 0 is
  left out. 06 is a primary teacher; so is 02 in a kontaktlærergruppe, but for a substitute
  (`vikar`): the kind is defined as learners with a contact teacher, and the example has it so.
- pifu_primaryRelation (P4.3.4.13.1): which of several roles in a school is the person's main one.
- timeframe (5.10): `end` is the last day. The profile says so by the way: `restrict` tells whether
  a learner may take part "after this date". A membership holds only while its group exists.

Ours, and in no source: a student teacher (02 `lærerstudent`) and whoever looks after the computers
(07 `iktansvarlig`) are `other`; `rådgiver` is a counsellor; the days of a timeframe bind whatever
`restrict` says. Which contact group belongs to which basisgruppe is said nowhere, and not guessed.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.domain.roster import (
    Roster,
    RosterMembership,
    RosterPerson,
    RosterRelation,
    RosterRole,
    RosterUnitKind,
)
from reconciler.domain.roster_formats import IMS_ENTERPRISE
from reconciler.gc_pause import collector_paused
from reconciler.rosters.bundle import open_single
from reconciler.rosters.ims_groups import Group, Groups
from reconciler.rosters.ims_ids import Ids
from reconciler.rosters.ims_values import Period, Ref, Values
from reconciler.rosters.ims_words import (
    CONTACT_GROUP,
    CONTACTS,
    ROLE_NUMBERS,
    Part,
    folded,
    leads_contact_group,
    part,
)
from reconciler.rosters.ims_xml import Element, read_records
from reconciler.rosters.problems import InvalidRoster, Problem

WHOLE: Final = "full"

_ROLE: Final = "membership/member/role"
_CONTACT: Final = "person/extension/pifu_hasContactPerson"

_AFFILIATED_MAINLY, _AFFILIATED, _ENROLLED, _CONTACTED = range(4)
"""What says what somebody mainly is, the strongest first."""


def read_enterprise(path: Path) -> Roster:
    """Read an IMS Enterprise file.

    Args:
        path: an XML file, or a zip archive with one.

    Raises:
        InvalidRoster: the file cannot be read safely, is not whole, or contradicts itself.
    """
    with collector_paused(), open_single(path, ".xml", IMS_ENTERPRISE) as (name, file):
        reader = _Reader(name)
        broken: list[Problem] = []
        for record in read_records(file, name, broken):
            reader.take(record)
        if broken:
            # What the rest of the file would have had is not missing; it has not been seen.
            raise InvalidRoster([*reader.values.problems, *broken])
        return reader.roster(str(path))


class _Raw(NamedTuple):
    """A role of a member, before it is known in what kind of group it is.

    Attributes:
        leads: whether it makes a contact teacher in a contact group.
        is_main: whether it is the main one of several in the same group.
    """

    person: Ref
    part: Part
    leads: bool
    is_main: bool
    period: Period
    line: int


class _Contact(NamedTuple):
    """Whom a person names as a contact person."""

    person: str
    contact: Ref
    kind: RosterRole
    line: int


class _Reader:
    """One reading of one file: what its records mean.

    Attributes:
        values: reads values; has the problems found.
    """

    def __init__(self, file: str) -> None:
        self.values = Values(file)
        self._file = file
        self._datasource: str | None = None
        self._ids = Ids(self.values, "person")
        self._people: list[RosterPerson] = []
        self._contacts: list[_Contact] = []
        self._groups = Groups(self.values)
        self._members: list[_Raw] = []
        self._grouped: list[tuple[Ref, int]] = []
        self._memberships: list[tuple[Ref, int, list[_Raw]]] = []
        self._mains: dict[str, tuple[int, RosterRole]] = {}
        self._orgs: dict[str, tuple[str, ...]] = {}

    def take(self, record: Element) -> None:
        """Take a record in; members come before the membership that they stand in.

        Raises:
            InvalidRoster: the file holds changes only, or does not say what it holds.
        """
        match record.name:
            case "properties":
                self._take_properties(record)
            case "person":
                self._take_person(record)
            case "group":
                self._groups.add(record, self._datasource or "")
            case "member":
                self._take_member(record)
            case _:
                self._take_membership(record)

    def roster(self, source: str) -> Roster:
        """Return what was read.

        Raises:
            InvalidRoster: something in the file is wrong; all of it together.
        """
        if self._datasource is None:
            message = "properties are missing, which say whether the file is whole"
            self.values.problem(0, "properties", "RR302", message)
        for noun, number in (
            ("person", len(self._ids)),
            ("group", len(self._groups.ids)),
            ("membership", len(self._memberships)),
        ):
            if not number:
                self.values.problem(0, noun, "RR303", f"there is no {noun} in the file")
        units = tuple(self._groups.units(self._file))
        memberships: list[RosterMembership] = []
        affiliations: list[RosterMembership] = []
        students = set()
        for of_class, each in self._held():
            (memberships if of_class else affiliations).append(each)
            if each.role is RosterRole.STUDENT:
                students.add(each.person)
        relations = tuple(self._relations(students))
        if self.values.problems:
            raise InvalidRoster(self.values.problems)
        return Roster(
            people=tuple(map(self._finished, self._people)),
            units=units,
            memberships=tuple(memberships),
            affiliations=tuple(affiliations),
            relations=relations,
            source=source,
        )

    # Records

    def _take_properties(self, record: Element) -> None:
        kind = record.value("type")
        if folded(kind) != WHOLE:
            code, message = "RR303", f"the file holds changes only; export it as {WHOLE}"
            if not kind:
                code, message = "RR302", f"the file does not say that it is whole: {WHOLE}"
            self.values.problem(record.line, "properties/type", code, message)
            raise InvalidRoster(self.values.problems)
        self._datasource = record.value("datasource")

    def _take_person(self, record: Element) -> None:
        ref = self._ids.take(record, self._datasource or "")
        if ref is None:
            return
        usernames = (
            each.text
            for each in record.all("userid")
            if folded(each.attributes.get("useridtype", "username")) == "username"
        )
        extension = record.find("extension") or record
        self._people.append(
            RosterPerson(
                sourced_id=ref.id,
                username=next(usernames, ""),
                email=record.value("email") or None,
                given_name=record.value("name", "n", "given"),
                family_name=record.value("name", "n", "family") or record.value("name", "fn"),
                role=RosterRole.OTHER,
                enabled=self._is_enabled(extension),
                orgs=(),
                file=self._file,
                row=record.line,
            )
        )
        for each in extension.all("pifu_hasContactPerson"):
            kind = CONTACTS.get(folded(each.attributes.get("type", "")))
            if kind is None:
                message = "the type of contact person is unknown"
                self.values.problem(each.line, f"{_CONTACT}/@type", "RR313", message)
            contact = self.values.ref(each, _CONTACT)
            if kind and contact:
                self._contacts.append(_Contact(ref.id, contact, kind, each.line))

    def _is_enabled(self, extension: Element) -> bool:
        enabled = True
        for each in extension.all("pifu_status"):
            if folded(each.attributes.get("type", "")) != "activeinactive":
                continue
            word = folded(each.text)
            if word not in ("aktiv", "inaktiv"):
                message = "the status is neither aktiv nor inaktiv"
                self.values.problem(each.line, "person/extension/pifu_status", "RR313", message)
            enabled = enabled and word != "inaktiv"
        return enabled

    def _take_member(self, record: Element) -> None:
        values, path = self.values, "membership/member"
        if values.is_deleted(record, path):
            return
        ref = values.ref(record, path)
        idtype = values.needed(record, path, "idtype")
        if idtype and idtype not in ("1", "2"):
            message = "an idtype is 1 for a person or 2 for a group"
            values.problem(record.line, f"{path}/idtype", "RR313", message)
        values.needed_element(record, path, "role")
        roles = [self._role(ref, role, record.line) for role in record.all("role")]
        current = [role for role in roles if role is not None]
        if idtype == "1":
            self._members += current
        elif idtype == "2" and ref is not None and current:
            self._grouped.append((ref, record.line))

    def _role(self, person: Ref | None, role: Element, line: int) -> _Raw | None:
        """Read one role of a member; None for one that is deleted, inactive or not well said."""
        values = self.values
        if values.is_deleted(role, _ROLE):
            return None
        status = values.needed(role, _ROLE, "status")
        if status and status not in ("0", "1"):
            message = "a status is 0 or 1"
            values.problem(role.line, f"{_ROLE}/status", "RR313", message)
        if status == "0":
            return None
        subrole = role.value("subrole")
        number = role.attributes.get("roletype", "").strip()
        held = part(number, subrole)
        if held is None:
            message = f"the role is none of {', '.join(ROLE_NUMBERS)}" + (":" if number else "")
            values.problem(role.line, f"{_ROLE}/@roletype", "RR313", message, number or None)
        flag = role.find("extension", "pifu_primaryRelation")
        is_main = values.flag(flag, f"{_ROLE}/extension/pifu_primaryRelation")
        period = values.period(role, _ROLE)
        if person is None or held is None or not status:
            return None
        return _Raw(person, held, leads_contact_group(held, subrole), is_main, period, line)

    def _take_membership(self, record: Element) -> None:
        ref = self.values.ref(record, "membership")
        if ref is not None and not self.values.is_deleted(record, "membership"):
            self._memberships.append((ref, record.line, self._members))
            for child, line in self._grouped:
                self._groups.put_below(child, ref, line, "membership/member")
        self._members, self._grouped = [], []

    # What they come to

    def _held(self) -> Iterator[tuple[bool, RosterMembership]]:
        """Yield who is what in which unit, and whether that is a class."""
        for ref, line, members in self._memberships:
            if not self._groups.ids.refer(line, "membership", ref):
                continue
            group = self._groups.find(ref)
            missing: set[Ref] = set()
            for raw in members if group else ():
                assert group is not None  # noqa: S101 - nothing is gone through without one
                if raw.person in missing:
                    continue
                if not self._ids.refer(raw.line, "membership/member", raw.person):
                    missing.add(raw.person)
                    continue
                period = raw.period.within(group.period)
                if period is not None:
                    yield self._membership(ref.id, group, raw, period)

    def _membership(
        self, unit: str, group: Group, raw: _Raw, period: Period
    ) -> tuple[bool, RosterMembership]:
        person, role = raw.person.id, raw.part.role
        of_class = group.kind.kind is RosterUnitKind.CLASS
        if of_class:
            in_contact_group = group.kind.class_type == CONTACT_GROUP
            primary = raw.part.is_contact_teacher or (in_contact_group and raw.leads)
            self._note(person, _ENROLLED, role)
        else:
            primary = raw.is_main
            self._note(person, _AFFILIATED_MAINLY if primary else _AFFILIATED, role)
            known = self._orgs.get(person, ())
            if unit not in known:
                self._orgs[person] = (*known, unit)
        return of_class, RosterMembership(
            unit, person, role, primary, period.begin, period.end, self._file, raw.line
        )

    def _relations(self, students: set[str]) -> Iterator[RosterRelation]:
        """Yield who answers for which learner; nobody does so twice."""
        met: set[tuple[str, str]] = set()
        for person, contact, kind, line in self._contacts:
            if not self._ids.refer(line, _CONTACT, contact) or person not in students:
                continue
            if (contact.id, person) not in met:
                met.add((contact.id, person))
                self._note(contact.id, _CONTACTED, kind)
                yield RosterRelation(contact.id, person, kind, self._file, line)

    def _note(self, person: str, rank: int, role: RosterRole) -> None:
        known = self._mains.get(person)
        if known is None or rank < known[0]:
            self._mains[person] = (rank, role)

    def _finished(self, person: RosterPerson) -> RosterPerson:
        _, role = self._mains.get(person.sourced_id, (0, RosterRole.OTHER))
        return replace(person, role=role, orgs=self._orgs.get(person.sourced_id, ()))
