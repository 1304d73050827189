"""Sound bundles: what is read from them, in each version and each wrapping."""

import time
from datetime import date

import pytest

from reconciler.domain.roster import RosterRole, RosterUnitKind
from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.rosters.oneroster_tables import ROLES


def test_the_real_district_is_read_whole_and_quickly(district_zip):
    began = time.perf_counter()
    roster = read_bundle(district_zip)
    took = time.perf_counter() - began
    kinds = [unit.kind for unit in roster.units]
    assert kinds.count(RosterUnitKind.CLASS) == 60
    assert kinds.count(RosterUnitKind.SCHOOL) == 6
    assert kinds.count(RosterUnitKind.ORGANISATION) == 1
    assert len(roster.people) == 1860
    assert len(roster.memberships) == 8271
    assert roster.source == str(district_zip)
    assert took < 2, "8,271 enrolments take a tenth of a second"


def test_a_1_1_bundle(v1_1, write_folder):
    roster = read_bundle(write_folder(v1_1))
    kari, ola, _, per = roster.people
    assert (kari.sourced_id, kari.role, kari.orgs) == ("t1", RosterRole.TEACHER, ("s1", "s2"))
    assert (kari.given_name, kari.family_name, kari.email) == (
        "Kari",
        "Hemmelig",
        "kari@example.org",
    )
    assert ola.email is None
    assert kari.enabled
    assert not per.enabled
    assert (per.file, per.row) == ("users.csv", 5)
    district, school, _, class_8a, choir = roster.units
    assert (district.kind, district.parent) == (RosterUnitKind.ORGANISATION, None)
    assert (school.kind, school.parent, school.identifier) == (RosterUnitKind.SCHOOL, "d1", "N1")
    assert (class_8a.kind, class_8a.parent) == (RosterUnitKind.CLASS, "s1")
    assert (class_8a.class_type, class_8a.grades) == ("homeroom", ("08", "09"))
    assert (choir.grades, choir.identifier) == ((), None)
    first, second, third = roster.memberships
    assert (first.unit, first.person, first.role) == ("c1", "t1", RosterRole.TEACHER)
    assert first.primary
    assert (first.begin, first.end) == (date(2026, 8, 1), date(2027, 7, 31))
    assert (second.primary, second.begin, second.end) == (False, None, None)
    assert (third.file, third.row) == ("enrollments.csv", 4)
    assert [(each.unit, each.person) for each in roster.affiliations] == [
        ("s1", "t1"),
        ("s2", "t1"),
        ("s1", "p1"),
        ("s1", "u1"),
        ("s2", "u2"),
    ]


def test_a_relation_told_from_both_ends_is_one(v1_1, write_folder):
    (relation,) = read_bundle(write_folder(v1_1)).relations
    assert (relation.person, relation.learner, relation.kind) == ("p1", "u1", RosterRole.PARENT)


@pytest.mark.parametrize("number", ["1.2", "1.2.1"])
def test_a_1_2_bundle_has_its_roles_in_their_own_file(v1_2, write_folder, number):
    v1_2["manifest.csv"] = v1_2["manifest.csv"].replace("version,1.2", f"version,{number}")
    roster = read_bundle(write_folder(v1_2))
    kari = roster.people[0]
    assert kari.role is RosterRole.PRINCIPAL, "the primary role in the primary organisation"
    assert kari.orgs == ("s2", "s1")
    second = roster.affiliations[1]
    assert (second.unit, second.role, second.primary) == ("s1", RosterRole.TEACHER, True)
    assert (second.begin, second.end) == (date(2026, 8, 1), date(2027, 8, 1))
    assert (second.file, second.row) == ("roles.csv", 3)
    assert [each.kind for each in roster.relations] == [RosterRole.GUARDIAN]


def test_order_of_columns_extra_columns_bom_and_line_ends_do_not_matter(
    v1_1, write_folder, reverse_columns
):
    plain = read_bundle(write_folder(v1_1))
    other = {name: "\ufeff" + reverse_columns(text) for name, text in v1_1.items()}
    other["orgs.csv"] = other["orgs.csv"].replace("\r\n", ",secret\r\n")
    other["orgs.csv"] = other["orgs.csv"].replace("secret", "metadata.note", 1)
    assert read_bundle(write_folder(other)) == plain


def test_rows_to_be_deleted_are_left_out_and_blank_lines_count(v1_1, write_folder):
    v1_1["enrollments.csv"] = v1_1["enrollments.csv"].replace("e2,,", "\ne2,tobedeleted,")
    memberships = read_bundle(write_folder(v1_1)).memberships
    assert [(each.person, each.row) for each in memberships] == [("t1", 2), ("u2", 5)]


@pytest.mark.parametrize("top", ["", "export/"])
def test_a_zip_may_hold_one_top_folder(v1_1, write_zip, top):
    noise = {"__MACOSX/._orgs.csv": "x"}
    files = {top + name: text for name, text in v1_1.items()}
    assert len(read_bundle(write_zip(files | noise)).people) == 4


def test_every_role_word_is_understood(v1_1, write_folder):
    words = [*ROLES, "ext:librarian", "districtAdministrator"]
    rows = [f"x{n},,,true,s1,{word},u{n},G,F,," for n, word in enumerate(words)]
    v1_1["users.csv"] += "\n".join(rows) + "\n"
    people = read_bundle(write_folder(v1_1)).people[4:]
    assert [person.role for person in people] == [
        *ROLES.values(),
        RosterRole.OTHER,
        RosterRole.ADMINISTRATOR,
    ]


def test_values_with_commas_quotes_and_newlines(v1_1, write_folder):
    v1_1["orgs.csv"] = v1_1["orgs.csv"].replace("Sørby skole", '"Sørby, ""skole""\nøst"')
    roster = read_bundle(write_folder(v1_1))
    assert roster.units[2].title == 'Sørby, "skole"\nøst'
