"""IMS Enterprise by PIFU-IMS: what its elements mean, and every mistake with its place."""

import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pifu
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from reconciler.domain.roster import (
    Roster,
    RosterMembership,
    RosterPerson,
    RosterRelation,
    RosterRole,
    RosterUnit,
    RosterUnitKind,
)
from reconciler.rosters import bundle, ims_xml
from reconciler.rosters.ims_enterprise import read_enterprise
from reconciler.rosters.ims_xml import RECORDS
from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.rosters.problems import InvalidRoster

STUDENT, TEACHER, OTHER = RosterRole.STUDENT, RosterRole.TEACHER, RosterRole.OTHER

SAMPLE = """\
<?xml version="1.0" encoding="UTF-8"?>
<enterprise xmlns="http://pifu.no/xsd/pifu-ims_sas/pifu-ims_sas-1.1">
<properties lang="nb"><datasource>sas@n</datasource><type>full</type></properties>
<person>
<sourcedid sourcedidtype="Old"><source>sas@n</source><id>t-old</id></sourcedid>
<sourcedid sourcedidtype="New"><source>sas@n</source><id>t-1</id></sourcedid>
<userid useridtype="personNIN">01010112345</userid>
<userid useridtype="username">kari</userid>
<name><fn>Kari Hemmelig</fn><n><family>Hemmelig</family><given>Kari</given></n></name>
<email>kari@n.example</email>
<extension><pifu_email type="personEmailPrivate">privat@n.example</pifu_email>
<pifu_status type="activeInactive">aktiv</pifu_status></extension>
</person>
<person>
<sourcedid><source>sas@n</source><id>u-1</id></sourcedid>
<name><fn>Liv Hemmelig</fn><n><family>Hemmelig</family><given>Liv</given></n></name>
<extension><pifu_status type="activeInactive">inaktiv</pifu_status>
<pifu_hasContactPerson type="guardian">
<sourcedid><source>sas@n</source><id>f-1</id></sourcedid>
</pifu_hasContactPerson></extension>
</person>
<person>
<sourcedid><source>sas@n</source><id>f-1</id></sourcedid><name><fn>Ola Hemmelig</fn></name>
</person>
<group>
<sourcedid><source>sas@n</source><id>o</id></sourcedid>
<grouptype><scheme>pifu-ims-go-org</scheme><typevalue level="1">skoleeier</typevalue></grouptype>
<description><short>Nordberg kommune</short></description>
<relationship relation="1"><sourcedid><source>sas@n</source><id>o</id></sourcedid></relationship>
</group>
<group>
<sourcedid><source>sas@n</source><id>s</id></sourcedid>
<grouptype><scheme>pifu-ims-go-org</scheme><typevalue level="2">skole</typevalue></grouptype>
<description><short>Sørby skole</short></description>
<relationship relation="1"><sourcedid><source>sas@n</source><id>o</id></sourcedid></relationship>
<extension><pifu_id type="vigoNumber"><pifu_value>1</pifu_value></pifu_id>
<pifu_id type="organizationNumber"><pifu_value>NO999</pifu_value></pifu_id></extension>
</group>
<group>
<sourcedid><source>sas@n</source><id>8a</id></sourcedid>
<grouptype><scheme>pifu-ims-go-grp</scheme><typevalue level="1">basisgruppe</typevalue></grouptype>
<description><short>8A</short></description>
<timeframe><begin restrict="0">2026-08-17</begin><end restrict="0">2027-06-18</end></timeframe>
<relationship relation="1"><sourcedid><source>sas@n</source><id>s</id></sourcedid></relationship>
</group>
<membership>
<sourcedid><source>sas@n</source><id>s</id></sourcedid>
<member><sourcedid><source>sas@n</source><id>t-1</id></sourcedid><idtype>1</idtype>
<role roletype="05"><subrole>Rektor</subrole><status>1</status></role>
</member>
</membership>
<membership>
<sourcedid><source>sas@n</source><id>8a</id></sourcedid>
<member><sourcedid><source>sas@n</source><id>t-1</id></sourcedid><idtype>1</idtype>
<role roletype="06"><status>1</status></role>
</member>
<member><sourcedid><source>sas@n</source><id>u-1</id></sourcedid><idtype>1</idtype>
<role roletype="01"><status>1</status>
<timeframe><begin>2026-09-01</begin><end>2027-01-31</end></timeframe></role>
</member>
</membership>
</enterprise>
"""

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str | bytes) -> Path:
        path = tmp_path / "pifu.xml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return written


def line_of(part: str, text: str = SAMPLE) -> int:
    assert text.count(part) == 1, part
    return text[: text.index(part)].count("\n") + 1


def spoilt(old: str, new: str) -> str:
    """The sample with one thing in it made otherwise."""
    assert SAMPLE.count(old) == 1, f"{SAMPLE.count(old)} times: {old}"
    return SAMPLE.replace(old, new)


def problems_of(path: Path) -> list[tuple[str, int, str, str | None]]:
    with pytest.raises(InvalidRoster) as caught:
        read_enterprise(path)
    told = str(caught.value)
    assert "Hemmelig" not in told, "no name in a message"
    assert "010101" not in told, "and no national number"
    return [(each.code, each.row, each.column, each.value) for each in caught.value.problems]


def role(number: str, subrole: str = "") -> str:
    return f'<role roletype="{number}"><subrole>{subrole}</subrole><status>1</status></role>'


IN_CLASS = '<role roletype="06"><status>1</status></role>'
AT_SCHOOL = '<role roletype="05"><subrole>Rektor</subrole><status>1</status></role>'
BASIS = '<typevalue level="1">basisgruppe</typevalue>'
SCHOOL_OF_8A = """2027-06-18</end></timeframe>
<relationship relation="1"><sourcedid><source>sas@n</source><id>s</id>"""
LEARNER = """<role roletype="01"><status>1</status>
<timeframe>"""
END = "</enterprise>"
MAIN = "<extension><pifu_primaryRelation>1</pifu_primaryRelation></extension></role>"


def a_group(sourced_id: str, level: int, word: str, inside: str = "") -> str:
    scheme = "pifu-ims-go-org" if word in ("skole", "skoleeier") else "pifu-ims-go-grp"
    return (
        f"<group><sourcedid><source>sas@n</source><id>{sourced_id}</id></sourcedid><grouptype>"
        f'<scheme>{scheme}</scheme><typevalue level="{level}">{word}</typevalue></grouptype>'
        f"<description><short>{sourced_id}</short></description>{inside}</group>"
    )


def below(parent: str, relation: str = "1") -> str:
    return (
        f'<relationship relation="{relation}"><sourcedid><source>sas@n</source><id>{parent}</id>'
        "</sourcedid></relationship>"
    )


def a_membership(group: str, person: str, roles: str, idtype: str = "1") -> str:
    return (
        f"<membership><sourcedid><source>sas@n</source><id>{group}</id></sourcedid><member>"
        f"<sourcedid><source>sas@n</source><id>{person}</id></sourcedid>"
        f"<idtype>{idtype}</idtype>{roles}</member></membership>"
    )


# What it means


def test_a_file_says_who_is_what_where_and_when(write: Write):
    roster = read_enterprise(write(SAMPLE))
    teacher, learner, parent = roster.people
    assert (teacher.sourced_id, teacher.username, teacher.email) == (
        "t-1",
        "kari",
        "kari@n.example",
    )
    assert (teacher.given_name, teacher.family_name) == ("Kari", "Hemmelig")
    assert (teacher.role, teacher.enabled, teacher.orgs) == (RosterRole.PRINCIPAL, True, ("s",))
    assert (learner.role, learner.enabled, learner.username) == (STUDENT, False, "")
    assert (parent.role, parent.enabled, parent.row) == (
        RosterRole.GUARDIAN,
        True,
        line_of("<sourcedid><source>sas@n</source><id>f-1</id></sourcedid><name>") - 1,
    )
    assert roster.units == (
        RosterUnit(
            "o",
            RosterUnitKind.ORGANISATION,
            "Nordberg kommune",
            None,
            None,
            None,
            (),
            "pifu.xml",
            25,
        ),
        RosterUnit(
            "s", RosterUnitKind.SCHOOL, "Sørby skole", "o", "NO999", None, (), "pifu.xml", 31
        ),
        RosterUnit(
            "8a",
            RosterUnitKind.CLASS,
            "8A",
            "s",
            None,
            "homeroom",
            (),
            "pifu.xml",
            39,
            date(2026, 8, 17),
            date(2027, 6, 19),
        ),
    )
    head, *nobody = roster.affiliations
    assert not nobody
    assert head[:6] == ("s", "t-1", RosterRole.PRINCIPAL, False, None, None)
    contact, enrolled = roster.memberships
    assert contact[:4] == ("8a", "t-1", TEACHER, True)
    assert (contact.begin, contact.end) == (date(2026, 8, 17), date(2027, 6, 19)), "as its group"
    assert enrolled[:4] == ("8a", "u-1", STUDENT, False)
    assert (enrolled.begin, enrolled.end) == (date(2026, 9, 1), date(2027, 2, 1)), "end included"
    assert (contact.file, contact.row) == ("pifu.xml", line_of(IN_CLASS) - 1)
    line = line_of('<pifu_hasContactPerson type="guardian">')
    assert roster.relations == (
        RosterRelation("f-1", "u-1", RosterRole.GUARDIAN, "pifu.xml", line),
    )


@pytest.mark.parametrize(
    ("number", "subrole", "expected"),
    [
        ("01", "E", STUDENT),
        ("02", "", TEACHER),
        ("02", "faglærer", TEACHER),
        ("02", "vikar", TEACHER),
        ("02", "lærerstudent", OTHER),
        ("03", "", OTHER),
        ("04", "vaktmester", OTHER),
        ("04", "rådgiver", RosterRole.COUNSELLOR),
        ("04", "rektor", OTHER),
        ("05", "", RosterRole.ADMINISTRATOR),
        ("05", "inspektør", RosterRole.ADMINISTRATOR),
        ("05", "rektor", RosterRole.PRINCIPAL),
        ("06", "", TEACHER),
        ("07", "", RosterRole.ADMINISTRATOR),
        ("07", "iktansvarlig", OTHER),
        ("08", "", RosterRole.AIDE),
        ("Manager", "REKTOR", RosterRole.PRINCIPAL),
        ("Teaching Assistant", "", RosterRole.AIDE),
    ],
)
def test_each_role_is_what_the_profile_says(write: Write, number, subrole, expected):
    roster = read_enterprise(write(spoilt(AT_SCHOOL, role(number, subrole))))
    (at_school,) = roster.affiliations
    assert at_school.role is expected
    assert not at_school.primary
    assert roster.people[0].role is expected


@pytest.mark.parametrize(
    ("level", "word", "number", "subrole", "primary"),
    [
        (1, "basisgruppe", "02", "", False),
        (1, "basisgruppe", "06", "", True),
        (1, "basisgruppe", "05", "rektor", False),
        (2, "undervisningsgruppe", "02", "", False),
        (3, "kontaktlærergruppe", "02", "", True),
        (3, "kontaktlærergruppe", "06", "", True),
        (3, "kontaktlærergruppe", "02", "vikar", False),
        (3, "kontaktlærergruppe", "02", "lærerstudent", False),
        (3, "kontaktlærergruppe", "08", "", False),
    ],
)
def test_who_is_the_contact_teacher(write: Write, level, word, number, subrole, primary):
    text = spoilt(BASIS, f'<typevalue level="{level}">{word}</typevalue>')
    roles = role(number, subrole).replace("</role>", MAIN)
    roster = read_enterprise(write(text.replace(IN_CLASS, roles)))
    (held,) = [each for each in roster.memberships if each.person == "t-1"]
    assert held.primary is primary, "the main role in a group makes nobody its contact teacher"


@pytest.mark.parametrize(
    ("level", "word", "class_type"),
    [
        (1, "basisgruppe", "homeroom"),
        (1, "Basisgruppe", "homeroom"),
        (2, "undervisningsgruppe", "scheduled"),
        (3, "kontaktlærergruppe", "kontaktlærergruppe"),
        (3, "kontaktlærergruppe".replace("æ", "&#xE6;"), "kontaktlærergruppe"),
        (4, "trinn", None),
        (6, "programområde", None),
        (6, "programomra\u030ade", None),
        (9, "språkopplæring", None),
        (15, "sfo", None),
        (16, "eksamensgruppe", None),
    ],
)
def test_each_kind_of_group_is_a_class_or_left_out(write: Write, level, word, class_type):
    roster = read_enterprise(write(spoilt(BASIS, f'<typevalue level="{level}">{word}</typevalue>')))
    found = [unit.class_type for unit in roster.units if unit.kind is RosterUnitKind.CLASS]
    assert found == ([class_type] if class_type else [])
    assert bool(roster.memberships) is bool(class_type)


def test_types_in_other_schemes_are_not_looked_at(write: Write):
    other = '</grouptype><grouptype><scheme>ours</scheme><typevalue level="9">x</typevalue>'
    roster = read_enterprise(write(spoilt(BASIS, BASIS + other)))
    assert roster.units[-1].class_type == "homeroom"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (IN_CLASS, IN_CLASS.replace("<status>1", "<status>0")),
        (IN_CLASS, IN_CLASS.replace('"06"', '"06" recstatus="3"')),
        (
            IN_CLASS,
            IN_CLASS.replace(
                "</role>",
                "<timeframe><begin>2027-07-01</begin></timeframe></role>",
            ),
        ),
    ],
    ids=["inactive", "deleted", "after its group"],
)
def test_what_holds_no_more_is_left_out(write: Write, old, new):
    roster = read_enterprise(write(spoilt(old, new)))
    assert [each.person for each in roster.memberships] == ["u-1"]
    assert len(roster.people) == 3


def test_a_deleted_person_and_a_deleted_group_are_left_out(write: Write):
    gone = """<person recstatus="3"><sourcedid><source>sas@n</source><id>x</id></sourcedid></person>
<group recstatus="3"><sourcedid><source>sas@n</source><id>y</id></sourcedid></group>
</enterprise>"""
    assert read_enterprise(write(spoilt(END, gone))) == read_enterprise(write(SAMPLE))
    text = spoilt(END, gone.replace(END, a_membership("y", "x", role("01")) + END))
    assert [each[0] for each in problems_of(write(text))] == ["RR310"]


def test_one_person_may_have_several_roles_and_the_main_one_counts(write: Write):
    text = spoilt(AT_SCHOOL, role("01") + role("02").replace("</role>", MAIN))
    roster = read_enterprise(write(text))
    assert [(each.role, each.primary) for each in roster.affiliations] == [
        (STUDENT, False),
        (TEACHER, True),
    ]
    assert (roster.people[0].role, roster.people[0].orgs) == (TEACHER, ("s",))


def test_a_group_may_be_put_below_another_by_that_other(write: Write):
    """IMS has the relation 2 (child), and members that are groups; the profile uses neither."""
    inside = a_group("t2", 2, "skole") + a_group("c2", 1, "basisgruppe")
    for said in (
        a_membership("t2", "c2", role("04"), idtype="2"),
        a_group("o2", 1, "skoleeier", below("c2", "2")),
    ):
        roster = read_enterprise(write(spoilt(END, inside + said + END)))
        parents = {unit.sourced_id: unit.parent for unit in roster.units}
        assert parents["c2"] in ("t2", "o2")
        assert len(roster.people) == 3, "a group is nobody"


def test_what_is_said_twice_or_left_empty_is_no_mistake(write: Write):
    contact = SAMPLE[
        SAMPLE.index("<pifu_hasC") : SAMPLE.index(
            "</extension>\n</person>\n<person>\n<sourcedid><source>sas@n</source><id>f-1"
        )
    ]
    text = SAMPLE.replace(contact, contact * 2).replace("<begin>2026-09-01", "<begin>")
    text = text.replace(
        contact, f'<pifu_status type="pupilStatus">heltid</pifu_status>{contact}', 1
    )
    roster = read_enterprise(write(text))
    assert len(roster.relations) == 1
    assert roster.memberships[1].begin == date(2026, 8, 17), "as its group"


def test_the_order_of_records_does_not_matter(write: Write):
    start, end = SAMPLE.index("<person>"), SAMPLE.index("<group>")
    text = SAMPLE[:start] + SAMPLE[end:].replace(END, SAMPLE[start:end] + END)
    roster = read_enterprise(write(text))
    assert [each.sourced_id for each in roster.people] == ["t-1", "u-1", "f-1"]
    assert len(roster.memberships) == 2


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "windows-1252", "UTF-16"])
def test_a_file_is_read_in_the_encoding_that_it_declares(write: Write, encoding):
    text = SAMPLE.replace("UTF-8", encoding).encode(encoding)
    assert read_enterprise(write(text)) == read_enterprise(write(SAMPLE))


@pytest.mark.parametrize("namespace", ["", ' xmlns="urn:x"', ' xmlns:p="urn:x"'])
def test_a_file_is_read_with_and_without_a_namespace(write: Write, namespace):
    text = SAMPLE.replace(pifu.NAMESPACE, namespace)
    if ":p=" in namespace:
        text = text.replace("<", "<p:").replace("<p:/", "</p:").replace("<p:?", "<?")
        text = text.replace("xmlns:p", "xmlns:p")
    expected = read_enterprise(write(SAMPLE))
    assert read_enterprise(write(text)) == expected


def test_a_zip_archive_holds_one_file(tmp_path: Path, write: Write):
    whole = read_enterprise(write(SAMPLE))
    path = tmp_path / "pifu.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/pifu.xml", SAMPLE)
        archive.writestr("export/readme.txt", "hello")
    assert read_enterprise(path) == replace(whole, source=str(path))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("export/more.XML", SAMPLE)
    assert problems_of(path) == [("RR303", 0, "", None)]


# What is wrong with it

OF_8A = "<sourcedid><source>sas@n</source><id>8a</id></sourcedid>"
OF_U1 = "<member><sourcedid><source>sas@n</source><id>u-1</id></sourcedid><idtype>1</idtype>\n"

MEMBER = "membership/member"
ROLE = f"{MEMBER}/role"
OF_PERSON = "person/sourcedid"

MISTAKES = {
    "a member whom nobody knows": (
        OF_U1, OF_U1.replace("u-1", "u-9"), ("RR310", f"{MEMBER}/sourcedid", "u-9")),
    "a member of another source": (
        OF_U1, OF_U1.replace("sas@n", "b"), ("RR310", f"{MEMBER}/sourcedid", "u-1")),
    "a member by a former id": (
        OF_U1, OF_U1.replace("u-1", "t-old"), ("RR310", f"{MEMBER}/sourcedid", "t-old")),
    "an unknown member with a national number": (
        OF_U1, OF_U1.replace("u-1", "01010112345"), ("RR310", f"{MEMBER}/sourcedid", None)),
    "a member without an id": (
        OF_U1, OF_U1.replace("<id>u-1</id>", ""), ("RR308", f"{MEMBER}/sourcedid/id", None)),
    "a member without a sourcedid": (
        OF_U1, "<member><idtype>1</idtype>\n", ("RR308", f"{MEMBER}/sourcedid", None)),
    "neither a person nor a group": (
        OF_U1, OF_U1.replace("<idtype>1", "<idtype>3"), ("RR313", f"{MEMBER}/idtype", None)),
    "no idtype": (
        OF_U1, OF_U1.replace("<idtype>1</idtype>", ""), ("RR308", f"{MEMBER}/idtype", None)),
    "no role": (IN_CLASS, "", ("RR308", ROLE, None)),
    "an unknown role": (IN_CLASS, role("09"), ("RR313", f"{ROLE}/@roletype", "09")),
    "a role without a number": (
        IN_CLASS, "<role><status>1</status></role>",
        ("RR313", f"{ROLE}/@roletype", None)),
    "no status": (IN_CLASS, '<role roletype="06"/>', ("RR308", f"{ROLE}/status", None)),
    "an unknown status": (
        IN_CLASS, IN_CLASS.replace("1</", "2</"), ("RR313", f"{ROLE}/status", None)),
    "an unknown recstatus": (
        IN_CLASS, IN_CLASS.replace('"06"', '"06" recstatus="4"'),
        ("RR313", f"{ROLE}/@recstatus", None)),
    "a main role that is neither": (
        IN_CLASS, IN_CLASS.replace("</role>", MAIN.replace("1", "ja")),
        ("RR313", f"{ROLE}/extension/pifu_primaryRelation", None)),
    "a day that is none": (
        "<begin>2026-09-01", "<begin>01.09.2026",
        ("RR312", f"{ROLE}/timeframe/begin", None)),
    "a week date": (
        "<end>2027-01-31", "<end>2027-W10-1", ("RR312", f"{ROLE}/timeframe/end", None)),
    "an end before its beginning": (
        "<end>2027-01-31", "<end>2026-08-31", ("RR312", f"{ROLE}/timeframe/end", None)),
    "an unknown restriction": (
        'begin restrict="0"', 'begin restrict="2"',
        ("RR313", "group/timeframe/begin/@restrict", None)),
    "a group that nobody knows": (
        f"<membership>\n{OF_8A}", f"<membership>\n{OF_8A.replace('8a', '8x')}",
        ("RR310", "membership/sourcedid", "8x")),
    "a membership of nothing": (
        f"<membership>\n{OF_8A}", "<membership>\n", ("RR308", "membership/sourcedid", None)),
    "an unknown kind of group": (
        BASIS, BASIS.replace("basisgruppe", "klasse"),
        ("RR313", "group/grouptype/typevalue", "klasse")),
    "a level of another kind": (
        BASIS, BASIS.replace('"1"', '"2"'), ("RR313", "group/grouptype/typevalue/@level", None)),
    "two kinds at once": (
        BASIS, BASIS + '<typevalue level="4">trinn</typevalue>',
        ("RR313", "group/grouptype", None)),
    "a group of no known scheme": (
        f"pifu-ims-go-grp</scheme>{BASIS}", f"ours</scheme>{BASIS}",
        ("RR308", "group/grouptype", None)),
    "a group without a name": (
        "<short>8A</short>", "<short> </short>", ("RR308", "group/description/short", None)),
    "a class at an unknown school": (
        SCHOOL_OF_8A, SCHOOL_OF_8A.replace("<id>s<", "<id>z<"),
        ("RR310", "group/relationship/sourcedid", "z")),
    "an unknown relation": (
        SCHOOL_OF_8A, SCHOOL_OF_8A.replace('relation="1"', 'relation="7"'),
        ("RR313", "group/relationship/@relation", None)),
    "a relation to nothing": (
        SCHOOL_OF_8A, SCHOOL_OF_8A.replace("<id>s</id>", "<id/>"),
        ("RR308", "group/relationship/sourcedid/id", None)),
    "no kind of contact person": (
        ' type="guardian"', "", ("RR313", "person/extension/pifu_hasContactPerson/@type", None)),
    "an unknown contact person": (
        '"guardian">\n<sourcedid><source>sas@n</source><id>f-1',
        '"guardian">\n<sourcedid><source>sas@n</source><id>f-9',
        ("RR310", "person/extension/pifu_hasContactPerson/sourcedid", "f-9")),
    "an unknown status of a person": (
        ">inaktiv<", ">borte<", ("RR313", "person/extension/pifu_status", None)),
    "an unknown kind of id": (
        'sourcedidtype="New"', 'sourcedidtype="Best"',
        ("RR313", f"{OF_PERSON}/@sourcedidtype", None)),
    "two current ids": (
        'sourcedidtype="Old"', 'sourcedidtype="New"',
        ("RR308", f"{OF_PERSON}/@sourcedidtype", None)),
    "no properties": (
        '<properties lang="nb"><datasource>sas@n</datasource><type>full</type></properties>', "",
        ("RR302", "properties", None)),
    "not said whether whole": ("<type>full</type>", "", ("RR302", "properties/type", None)),
    "changes only": ("<type>full</type>", "<type>delta</type>", ("RR303", "properties/type", None)),
    "a message": ("<type>full</type>", "<type>melding</type>", ("RR303", "properties/type", None)),
    "an event": ("<type>full</type>", "<type>event</type>", ("RR303", "properties/type", None)),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "problem"), MISTAKES.values(), ids=MISTAKES)
def test_each_mistake_is_one_problem_with_its_place(write: Write, old, new, problem):
    text = spoilt(old, new)
    found = problems_of(write(text))
    assert [(code, column, value) for code, _, column, value in found] == [problem]
    if problem != ("RR302", "properties", None):
        changed = SAMPLE.index(old)
        record = max(
            text.rfind(f"<{name}{end}", 0, changed + 12) for name in RECORDS for end in " >"
        )
        first, last = (text[:at].count("\n") + 1 for at in (record, changed + len(new)))
        assert first <= found[0][1] <= last, "in its record, and not after what is wrong"


ADDED = {
    "the same person twice": (
        "<person><sourcedid><source>sas@n</source><id>u-1</id></sourcedid></person>",
        [("RR309", "person/sourcedid/id", "u-1")]),
    "the same id by another source": (
        "<person><sourcedid><source>other</source><id>u-1</id></sourcedid></person>",
        [("RR309", "person/sourcedid/id", "u-1")]),
    "a class with a school's id": (
        a_group("s", 1, "basisgruppe", below("o")), [("RR309", "group/sourcedid/id", "s")]),
    "a person without an id": ("<person/>", [("RR308", "person/sourcedid", None)]),
    "a class of no school": (
        a_group("c2", 1, "basisgruppe"), [("RR308", "group/relationship", None)]),
    "a class of two schools": (
        a_group("c2", 1, "basisgruppe", below("s") + below("o")),
        [("RR311", "group/relationship", None)]),
    "a class in a class": (
        a_group("c2", 1, "basisgruppe", below("8a")),
        [("RR310", "group/relationship/sourcedid", "8a")]),
    "schools below each other": (
        a_group("s2", 2, "skole", below("s3")) + a_group("s3", 2, "skole", below("s2")),
        [("RR311", "group/relationship", "s2")]),
    "a child that is nowhere": (
        a_group("o2", 1, "skoleeier", below("c9", "2")),
        [("RR310", "group/relationship/sourcedid", "c9")]),
    "a group in a group that is nowhere": (
        a_membership("s", "c9", role("04"), idtype="2"),
        [("RR310", "membership/member/sourcedid", "c9")]),
    "an unknown member with two roles": (
        a_membership("s", "u-9", role("02") + role("04")),
        [("RR310", "membership/member/sourcedid", "u-9")]),
}  # fmt: skip


@pytest.mark.parametrize(("added", "expected"), ADDED.values(), ids=ADDED)
def test_what_contradicts_the_rest_is_named(write: Write, added, expected):
    found = problems_of(write(spoilt(END, f"{added}\n{END}")))
    assert [(code, column, value) for code, _, column, value in found] == expected
    assert {row for _, row, _, _ in found} == {SAMPLE.count("\n")}


def test_of_several_current_ids_the_one_of_the_own_source_counts(write: Write):
    old = '<sourcedid sourcedidtype="Old"><source>sas@n</source><id>t-old</id></sourcedid>'
    new = "<sourcedid><source>hr@n</source><id>77</id></sourcedid>"
    assert read_enterprise(write(spoilt(old, new))).people[0].sourced_id == "t-1"


def test_everything_wrong_is_found_in_one_pass(write: Write):
    text = SAMPLE.replace(OF_U1, OF_U1.replace("u-1", "u-9")).replace("01-31", "01-32")
    text = text.replace(BASIS, BASIS.replace('"1"', '"2"')).replace(">inaktiv<", "><")
    assert [each[0] for each in problems_of(write(text))] == ["RR313", "RR313", "RR312", "RR310"]


def test_an_empty_file_is_no_empty_school(tmp_path: Path, write: Write):
    start, end = SAMPLE.index("<person>"), SAMPLE.index(END)
    text = SAMPLE[:start] + SAMPLE[end:]
    nothing = [("RR303", 0, noun, None) for noun in ("person", "group", "membership")]
    assert problems_of(write(text)) == nothing
    assert problems_of(write("<enterprise/>")) == [("RR302", 0, "properties", None), *nothing]
    assert [each[0] for each in problems_of(write(""))] == ["RR305"]
    assert [each[0] for each in problems_of(write("<users/>"))] == ["RR302"]


@pytest.mark.parametrize("at", range(100, len(SAMPLE) - len(END), 211))
def test_a_file_that_was_cut_off_is_one_problem(write: Write, at):
    assert [each[0] for each in problems_of(write(SAMPLE[:at]))] == ["RR305"]


def test_mistakes_before_the_cut_are_named_and_nothing_is_missed_after_it(write: Write):
    text = spoilt(">inaktiv<", ">borte<")
    cut = text[: text.index("<membership>")]
    assert [each[0] for each in problems_of(write(cut))] == ["RR313", "RR305"]


# What it must not do

HEAD = '<?xml version="1.0"?>\n'
BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
UNSAFE = {
    "a bomb": f'<!DOCTYPE e [<!ENTITY l0 "lol">{BOMB}]><enterprise>&l9;</enterprise>',
    "one long entity": f'<!DOCTYPE e [<!ENTITY a "{"a" * 99_999}">]><enterprise>&a;</enterprise>',
    "a file of the machine": '<!DOCTYPE e [<!ENTITY f SYSTEM "FILE">]><enterprise>&f;</enterprise>',
    "a parameter entity": '<!DOCTYPE e [<!ENTITY % p SYSTEM "FILE">%p;]><enterprise/>',
    "a document type of elsewhere": '<!DOCTYPE enterprise SYSTEM "FILE"><enterprise/>',
    "an empty document type": "<!DOCTYPE enterprise><enterprise/>",
}


@pytest.mark.parametrize("text", UNSAFE.values(), ids=UNSAFE)
def test_document_types_and_entities_are_one_problem(tmp_path: Path, write: Write, text):
    secret = tmp_path / "secret"
    secret.write_text("Hemmelig", encoding="utf-8")
    whole = HEAD + text.replace("FILE", secret.as_uri())
    assert [each[0] for each in problems_of(write(whole))] == ["RR301"]


def test_an_undeclared_entity_is_malformed(write: Write):
    assert [each[0] for each in problems_of(write(spoilt(">8A<", ">&x;<")))] == ["RR305"]


@pytest.mark.parametrize("encoding", ["klingon", "utf-7", "shift_jis"])
def test_an_encoding_that_is_not_known_is_one_problem(write: Write, encoding):
    assert problems_of(write(SAMPLE.replace("UTF-8", encoding))) == [("RR304", 1, "", None)]


def test_bytes_of_another_encoding_than_declared_are_malformed(write: Write):
    (problem,) = problems_of(write(SAMPLE.encode("iso-8859-1")))
    assert problem[:2] == ("RR305", line_of("Sørby skole"))


def test_sizes_are_limited(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch):
    deep = SAMPLE.replace(END, "<comments>" * 200 + "</comments>" * 200 + END)
    assert [each[0] for each in problems_of(write(deep))] == ["RR301"]
    monkeypatch.setattr(ims_xml, "_LONGEST", 200_000)
    long = SAMPLE.replace("<short>8A", f"<short>{'8' * 400_000}")
    assert [each[0] for each in problems_of(write(long))] == ["RR301"]
    monkeypatch.setattr(bundle, "MAX_BYTES", 1000)
    assert problems_of(write(SAMPLE)) == [("RR301", 0, "", None)]
    path = tmp_path / "pifu.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pifu.xml", SAMPLE)
    assert problems_of(path) == [("RR301", 0, "", None)]


def test_what_has_been_read_is_forgotten(write: Write):
    """One membership with many members, and much in them that nobody asks for."""
    ballast = "x" * 2000
    at_school = "".join(
        f"<member><comments>{ballast}</comments><sourcedid><source>sas@n</source><id>t-1</id>"
        f"</sourcedid><idtype>1</idtype>{role('04')}</member>"
        for _ in range(2000)
    )
    path = write(
        spoilt(
            "</member>\n</membership>\n<membership>",
            f"</member>{at_school}</membership>\n<membership>",
        )
    )
    tracemalloc.start()
    try:
        assert len(read_enterprise(path).affiliations) == 2001
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 4_000_000
    assert most < 2_000_000


def test_a_damaged_archive_is_one_problem(tmp_path: Path):
    path = tmp_path / "pifu.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pifu.xml", SAMPLE)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"Nordberg", b"Nordbyrg", 1))
    assert [each[0] for each in problems_of(path)] == ["RR301"]
    path.write_bytes(whole[:-30])
    assert problems_of(path) == [("RR301", 0, "", None)]


# As a whole

WORDS = st.text(
    st.characters(codec="iso-8859-1", exclude_categories=("C", "Z")), min_size=1, max_size=4
)
DAYS = st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 30))
IDS = WORDS.map(lambda word: f"x{word}")


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    """A roster as its own reader would give it: what people mainly are follows from the rest."""
    people = draw(st.lists(IDS, min_size=1, max_size=5, unique=True))
    unit_ids = draw(st.lists(IDS, min_size=2, max_size=6, unique=True))
    units = []
    for number, unit in enumerate(unit_ids):
        kinds = (RosterUnitKind.CLASS, RosterUnitKind.SCHOOL, RosterUnitKind.ORGANISATION)
        kind = draw(st.sampled_from(kinds if number else kinds[1:]))
        above = [each.sourced_id for each in units if each.kind is not RosterUnitKind.CLASS]
        parent = draw(st.sampled_from(above)) if above else None
        of_class = kind is RosterUnitKind.CLASS
        if above and not of_class and draw(st.booleans()):
            parent = None
        class_types = ("homeroom", "scheduled")
        class_type = draw(st.sampled_from(class_types)) if of_class else None
        identifier = None if of_class else draw(st.none() | WORDS)
        units.append(RosterUnit(unit, kind, draw(WORDS), parent, identifier, class_type, (), "", 0))
    held = draw(st.lists(memberships(people, units), min_size=1, max_size=10))
    # A file has who is in a unit at one place, so that the order is that of the units.
    order = {each.unit: number for number, each in reversed(list(enumerate(held)))}
    classes = {each.sourced_id for each in units if each.kind is RosterUnitKind.CLASS}
    held.sort(key=lambda each: (each.unit in classes, order[each.unit]))
    affiliations = tuple(each for each in held if each.unit not in classes)
    enrolled = tuple(each for each in held if each.unit in classes)
    learners = sorted({each.person for each in held if each.role is STUDENT}, key=people.index)
    kinds = st.sampled_from((RosterRole.GUARDIAN, RosterRole.RELATIVE))
    pairs = [(person, learner) for learner in learners for person in people]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=3)) if pairs else []
    relations = tuple(
        RosterRelation(person, learner, draw(kinds), "", 0)
        for person, learner in sorted(chosen, key=lambda pair: people.index(pair[1]))
    )
    return Roster(
        tuple(a_person(draw, each, affiliations, enrolled, relations) for each in people),
        tuple(sorted(units, key=lambda each: each.kind is RosterUnitKind.CLASS)),
        enrolled,
        affiliations,
        relations,
        "",
    )


@st.composite
def memberships(draw: st.DrawFn, people: list[str], units: list[RosterUnit]) -> RosterMembership:
    unit = draw(st.sampled_from(units))
    role = draw(st.sampled_from(list(pifu.ROLES)))
    begin, end = draw(DAYS), draw(DAYS)
    if begin and end and end <= begin:
        begin = None
    primary = draw(st.booleans())
    if unit.kind is RosterUnitKind.CLASS and role is not TEACHER:
        primary = False
    person = draw(st.sampled_from(people))
    return RosterMembership(unit.sourced_id, person, role, primary, begin, end, "", 0)


def a_person(
    draw: st.DrawFn,
    person: str,
    affiliations: tuple[RosterMembership, ...],
    enrolled: tuple[RosterMembership, ...],
    relations: tuple[RosterRelation, ...],
) -> RosterPerson:
    own = [each for each in affiliations if each.person == person]
    candidates = [each.role for each in own if each.primary] + [each.role for each in own]
    candidates += [each.role for each in enrolled if each.person == person]
    candidates += [each.kind for each in relations if each.person == person]
    orgs = tuple(dict.fromkeys(each.unit for each in own))
    email, username = draw(st.none() | WORDS), draw(st.just("") | WORDS)
    name, given_name = draw(WORDS), draw(WORDS)
    role = [*candidates, OTHER][0]
    enabled = draw(st.booleans())
    return RosterPerson(person, username, email, given_name, name, role, enabled, orgs, "", 0)


def without_places(roster: Roster) -> Roster:
    return Roster(
        tuple(replace(each, file="", row=0) for each in roster.people),
        tuple(replace(each, file="", row=0) for each in roster.units),
        tuple(each._replace(file="", row=0) for each in roster.memberships),
        tuple(each._replace(file="", row=0) for each in roster.affiliations),
        tuple(each._replace(file="", row=0) for each in roster.relations),
        "",
    )


@examples(60)
@given(
    roster=rosters(),
    namespace=st.sampled_from(["", pifu.NAMESPACE]),
    encoding=st.sampled_from(["UTF-8", "ISO-8859-1"]),
)
def test_a_roster_that_is_written_down_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, roster: Roster, namespace: str, encoding: str
):
    path = tmp_path_factory.mktemp("pifu") / "pifu.xml"
    path.write_bytes(pifu.as_xml(roster, namespace=namespace, encoding=encoding))
    assert without_places(read_enterprise(path)) == roster


def test_the_example_municipality_has_the_same_memberships_in_both_formats(write: Write):
    example = read_bundle(Path(__file__).parents[2] / "examples" / "roster")
    found = without_places(read_enterprise(write(pifu.as_xml(example))))
    expected = without_places(example)
    assert sorted(found.memberships, key=str) == sorted(expected.memberships, key=str)
    assert found.relations == expected.relations
    assert [each.role for each in found.people] == [each.role for each in expected.people]


PERSON_U1 = "<person><sourcedid><source>sas@n</source><id>u-1</id></sourcedid></person>"


def test_the_same_id_twice_is_found_on_one_line_too(write: Write):
    text = SAMPLE.replace(END, PERSON_U1 + END)
    head, _, body = text.partition("?>")
    one_line = head + "?>" + body.replace("\n", "")
    assert ("RR309", 1, "person/sourcedid/id", "u-1") in problems_of(write(one_line))


STRAYS = {
    "a record that there is not": (END, "<Membership/>" + END, ("RR313", "Membership")),
    "two states": (
        "<type>full</type>", "<type>full</type><type>delta</type>", ("RR313", "properties/type")),
    "two statuses": (
        IN_CLASS, IN_CLASS.replace("</role>", "<status>0</status></role>"),
        ("RR313", "role/status")),
    "two members in one": (
        OF_U1, OF_U1.replace("<idtype>", f"{PERSON_U1[8:-9]}<idtype>"),
        ("RR313", "member/sourcedid")),
}  # fmt: skip


@pytest.mark.parametrize("case", STRAYS)
def test_what_would_have_to_be_chosen_is_refused(write: Write, case: str):
    old, new, expected = STRAYS[case]
    assert old in SAMPLE
    told = problems_of(write(SAMPLE.replace(old, new, 1)))
    assert expected in [(code, column) for code, _, column, _ in told]


def test_a_membership_within_another_record_gives_nobody_anything(write: Write):
    plain = read_enterprise(write(SAMPLE)).memberships
    inner = SAMPLE[SAMPLE.index("<membership>") : SAMPLE.index("</membership>") + 13]
    nested = SAMPLE.replace("</person>", f"<extension>{inner}</extension></person>", 1)
    assert [each._replace(row=0) for each in read_enterprise(write(nested)).memberships] == [
        each._replace(row=0) for each in plain
    ]


@pytest.mark.parametrize("element", ["membership", "member"])
def test_memberships_and_members_that_are_deleted_are_left_out(write: Write, element: str):
    roster = read_enterprise(write(SAMPLE))
    deleted = SAMPLE.replace(f"<{element}>", f'<{element} recstatus="3">', 1)
    left = read_enterprise(write(deleted))
    before = {*roster.memberships, *roster.affiliations}
    assert {*left.memberships, *left.affiliations} < before


def test_what_stands_in_another_namespace_says_nothing(write: Write):
    foreign = IN_CLASS.replace("<role ", '<role xmlns:x="urn:x" x:roletype="01" ')
    foreign = foreign.replace("</role>", "<x:status>0</x:status></role>")
    plain = read_enterprise(write(SAMPLE)).memberships
    assert read_enterprise(write(SAMPLE.replace(IN_CLASS, foreign))).memberships == plain


def test_a_zip_with_another_file_deeper_down_is_refused(tmp_path: Path):
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.xml", SAMPLE)
        archive.writestr("more/b.xml", SAMPLE)
    assert problems_of(path)[0][0] == "RR303"


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_zip_that_is_packed_in_another_way_is_refused(tmp_path: Path, method: int):
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.xml", SAMPLE)
    assert problems_of(path)[0][0] == "RR301"
