"""Writes a roster as PIFU-IMS would have it, one element a line; everybody in it is invented."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from xml.sax.saxutils import escape, quoteattr

from reconciler.domain.roster import (
    HOMEROOM,
    Roster,
    RosterMembership,
    RosterPerson,
    RosterRole,
    RosterUnit,
    RosterUnitKind,
)

SOURCE = "sas@nordberg.example"
NAMESPACE = ' xmlns="http://pifu.no/xsd/pifu-ims_sas/pifu-ims_sas-1.1"'

ROLES = {
    RosterRole.STUDENT: ("01", ""),
    RosterRole.TEACHER: ("02", ""),
    RosterRole.OTHER: ("04", ""),
    RosterRole.COUNSELLOR: ("04", "rådgiver"),
    RosterRole.ADMINISTRATOR: ("05", "inspektør"),
    RosterRole.PRINCIPAL: ("05", "rektor"),
    RosterRole.AIDE: ("08", ""),
}
"""How each role is written that has a number of its own."""

CONTACT = ("06", "")

_CONTACTS = {RosterRole.GUARDIAN: "guardian", RosterRole.RELATIVE: "closeRelative"}
_TYPES = {
    (RosterUnitKind.ORGANISATION, None): ("pifu-ims-go-org", 1, "skoleeier"),
    (RosterUnitKind.SCHOOL, None): ("pifu-ims-go-org", 2, "skole"),
    (RosterUnitKind.CLASS, "homeroom"): ("pifu-ims-go-grp", 1, "basisgruppe"),
    (RosterUnitKind.CLASS, "scheduled"): ("pifu-ims-go-grp", 2, "undervisningsgruppe"),
    (RosterUnitKind.CLASS, "kontaktlærergruppe"): ("pifu-ims-go-grp", 3, "kontaktlærergruppe"),
}


def as_xml(roster: Roster, *, namespace: str = NAMESPACE, encoding: str = "UTF-8") -> bytes:
    """Write a roster down; contact teachers have the role 06, duties of guardians none."""
    lines = [f'<?xml version="1.0" encoding="{encoding}"?>', f"<enterprise{namespace}>"]
    lines += [f'<properties lang="nb"><datasource>{SOURCE}</datasource>', "<type>full</type>"]
    lines += ["<datetime>2026-08-01T03:00:00</datetime>", "</properties>"]
    for person in roster.people:
        lines += _person(person, roster)
    for unit in roster.units:
        lines += _group(unit)
    held = [each for each in (*roster.affiliations, *roster.memberships) if each.role in ROLES]
    for unit_id in dict.fromkeys(each.unit for each in held):
        lines += ["<membership>", _id(unit_id)]
        for each in held:
            lines += _member(each) if each.unit == unit_id else ()
        lines.append("</membership>")
    return "\n".join([*lines, "</enterprise>", ""]).encode(encoding, "xmlcharrefreplace")


def before_1_3(roster: Roster) -> Roster:
    """Put contact teachers into groups of their own, as files have it before version 1.3."""
    homerooms = {each.sourced_id for each in roster.units if each.class_type == HOMEROOM}
    groups = [
        replace(each, sourced_id=f"k-{each.sourced_id}", class_type="kontaktlærergruppe")
        for each in roster.units
        if each.sourced_id in homerooms
    ]
    members = [
        each._replace(unit=f"k-{each.unit}") if each.unit in homerooms and each.primary else each
        for each in roster.memberships
    ]
    return replace(roster, units=(*roster.units, *groups), memberships=tuple(members))


def _id(sourced_id: str) -> str:
    return f"<sourcedid><source>{SOURCE}</source><id>{escape(sourced_id)}</id></sourcedid>"


def _person(person: RosterPerson, roster: Roster) -> Iterator[str]:
    yield from ("<person>", _id(person.sourced_id))
    yield '<userid useridtype="personNIN">00000000000</userid>'
    if person.username:
        yield f'<userid useridtype="username">{escape(person.username)}</userid>'
    given, family = escape(person.given_name), escape(person.family_name)
    yield f"<name><fn>{given} {family}</fn>"
    yield f"<n><family>{family}</family><given>{given}</given></n></name>"
    yield "<demographics><bday>2012-01-01</bday></demographics>"
    if person.email:
        yield f"<email>{escape(person.email)}</email>"
    status = "aktiv" if person.enabled else "inaktiv"
    yield f'<extension><pifu_status type="activeInactive">{status}</pifu_status>'
    for each in roster.relations:
        if each.learner == person.sourced_id:
            kind = quoteattr(_CONTACTS[each.kind])
            yield f"<pifu_hasContactPerson type={kind}>{_id(each.person)}</pifu_hasContactPerson>"
    yield "</extension></person>"


def _group(unit: RosterUnit) -> Iterator[str]:
    scheme, level, word = _TYPES[unit.kind, unit.class_type]
    yield from ("<group>", _id(unit.sourced_id))
    yield f'<grouptype><scheme>{scheme}</scheme><typevalue level="{level}">{word}</typevalue>'
    yield f"</grouptype><description><short>{escape(unit.title)}</short></description>"
    yield f'<relationship relation="1">{_id(unit.parent or unit.sourced_id)}'
    yield "<label>above</label></relationship>"
    if unit.identifier:
        value = f"<pifu_value>{escape(unit.identifier)}</pifu_value>"
        yield f'<extension><pifu_id type="organizationNumber">{value}</pifu_id></extension>'
    yield "</group>"


def _member(held: RosterMembership) -> Iterator[str]:
    roletype, subrole = ROLES[held.role]
    in_class = held.role is RosterRole.TEACHER and held.primary
    if in_class:
        roletype, subrole = CONTACT
    yield f"<member>{_id(held.person)}<idtype>1</idtype>"
    yield f'<role roletype="{roletype}">'
    if subrole:
        yield f"<subrole>{subrole}</subrole>"
    yield "<status>1</status>"
    yield f"<timeframe>{''.join(_days(held))}</timeframe>"
    yield f"<extension><pifu_primaryRelation>{held.primary:d}</pifu_primaryRelation></extension>"
    yield "</role></member>"


def _days(held: RosterMembership) -> Iterable[str]:
    if held.begin:
        yield f'<begin restrict="0">{held.begin}</begin>'
    if held.end:
        yield f'<end restrict="1">{held.end - timedelta(days=1)}</end>'
