"""A form that is filled in a spreadsheet becomes a snapshot, or says what is wrong in which row."""

import json
import shutil
import stat
import time
from dataclasses import replace
from datetime import date

import pytest
from sandboxes import Desk
from small import plan, small_site, wanting
from terminals import converse

from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import Capability, MembershipRole, Role, TargetKind
from reconciler.providers.filled_form import filled_form
from reconciler.providers.form import read_form
from reconciler.providers.rejoined import rejoined
from reconciler.providers.saved import write_state
from reconciler.state import Labels, Relation
from reconciler.workflows.importing import change

SETTINGS = '[environments.town]\nprovider = "snapshot"\npath = "town.json"\n'
FILLED = {
    "profiles": "name;mentor;headteacher\nStaff;x;\nHead;;ja\nPupils;;\n",
    "people": (
        "key;profile;name;username;active\n"
        "t-1;Staff;Tea One;;\nt-2;Staff;;t2;Nej\nh-1;Head;;;\ns-1;Pupils;;;x\n0412;Pupils;;;\n"
    ),
    "units": (
        "key;kind;title;parent\n"
        "town;organisation;Town;\nskole;School;Skole;town\n8a;class;8A;skole\n"
    ),
    "members": "unit;person;role\n8a;s-1;learner\n8a;0412;learner\n8a;t-1;teacher\n",
    "roles": "role;person;over\nmentor;t-1;8a\nmentor;t-2;\nheadteacher;h-1;skole\n",
    "labels": "role;tool_name;role_name\nmentor;;Kontaktlærer\nheadteacher;;\n",
}

MANIFEST = """\
version: 1
site: town
mentors: [{person: t-1, classes: [8a]}, {person: t-2, learners: [s-1, "0412"]}]
headteachers: [{person: h-1, schools: [skole]}]
"""


@pytest.fixture
def desk(tmp_path):
    found = Desk(tmp_path, names=["Tea One"])
    found.write(SETTINGS, "reconciler.toml")
    for name, text in FILLED.items():
        found.write(text, f"form/{name}.csv")
    return found


def test_a_form_from_its_first_row_to_a_plan(desk):
    desk.run("snapshot", "form", "empty", "--site", "town")
    empty = desk.directory / "empty" / "units.csv"
    assert empty.read_bytes() == (
        b"\xef\xbb\xbfkey;kind;title;parent\r\ntown;organisation;town;\r\n"
    )
    assert stat.S_IMODE(empty.stat().st_mode) == 0o600
    assert (
        "stands in empty already"
        in desk.run("snapshot", "form", "empty", "--site", "x", expect=1).err
    )

    assert "5 people, 3 units" in desk.run("snapshot", "import", "form").err
    path = desk.directory / "town.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["site"]["revision"] == 1
    desk.run("export", "--out", "roles.yaml")
    exported = (desk.directory / "roles.yaml").read_text(encoding="utf-8")
    for told in ("t-1", "t-2", "h-1", "8a", "skole", "Kontaktlærer"):
        assert told in exported
    assert "Nothing to change" in desk.run("plan", "roles.yaml").out
    desk.run("snapshot", "import", "form")
    assert json.loads(path.read_text())["site"]["revision"] == 2


def test_what_a_spreadsheet_does_to_a_form_does_no_harm(desk):
    desk.run("snapshot", "import", "form")
    plain = (desk.directory / "town.json").read_text()
    for name, text in FILLED.items():
        lines = text.replace("\n", " ;;\n").replace("name;mentor;", "Name ; mentor;") + ";;;\n\n"
        changed = "sep=;\n" + lines if name == "units" else lines
        if name == "members":
            changed = text.replace(";", "\t")
        if name == "labels":
            changed = text.replace(";", ",")
        (desk.directory / "form" / f"{name}.csv").write_bytes(
            changed.replace("\n", "\r\n").encode("utf-8-sig")
        )
    desk.run("snapshot", "import", "form")
    again = (desk.directory / "town.json").read_text()
    assert again == plain.replace('"revision":1', '"revision":2').replace(
        '"revision": 1', '"revision": 2'
    )


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("members", "8a;0412;", "8a;412;", "412 is nowhere in the form. Did you mean 0412?"),
        ("members", "8a;s-1;learner", "8a;s-1;pupil", "row 2, column role: pupil is not known"),
        ("people", "0412;", "1,23E+10;", "row 6, column key: this looks like a date or a number"),
        ("units", "\n8a;", "\n2026-02-01;", "row 4, column key: this looks like a date"),
        ("people", "t-2;Staff", "t-1;Staff", "row 3, column key: the same stands in a row above"),
        ("people", "t-2;Staff", "t-2;Stuff", "row 3, column profile: Stuff is nowhere"),
        ("people", ";Nej", ";maybe", "row 3, column active: this is neither yes nor no"),
        ("people", "t-1;Staff", ";Staff", "row 2, column key: nothing stands there"),
        ("units", "8A;skole", "8A;8a", "row 4, column parent: the unit lies below itself"),
        ("units", "Skole;town", "Skole;", "column parent: 2 units are without a parent"),
        ("roles", "mentor;t-1;8a", "mentor;t-1;skole", "row 2, column over: a mentor has no"),
        ("roles", "role;person", "rolle;person", "column role: the column is missing"),
        ("roles", "role;person", "role;role;person", "column role: the column stands there twice"),
        ("labels", "\nmentor;;", '\n"mentor;;', "it is no sound CSV"),
        ("roles", "mentor;t-1;8a", "mentor;t-1;8a;1b", "row 2: 1b stands below no heading"),
        ("labels", "headteacher;;", "mentor;;Rektor", "row 3, column role: the same stands in a"),
        ("units", "town;organisation", "town;class", "row 2, column kind: the site itself is an"),
        ("units", "8a;class", "8a;school", "row 4, column parent: a school lies below no other"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_file_row_and_column(desk, name, before, after, said):
    assert FILLED[name].count(before) == 1
    desk.write(FILLED[name].replace(before, after), f"form/{name}.csv")
    err = desk.run("snapshot", "import", "form", expect=1).err
    assert f"form/{name}.csv" in err
    assert said in err
    assert not (desk.directory / "town.json").exists()


def test_a_file_that_cannot_be_read_is_told(desk):
    (desk.directory / "form" / "people.csv").write_bytes("navn\nLøken".encode("cp1252"))
    (desk.directory / "form" / "roles.csv").unlink()
    err = desk.run("snapshot", "import", "form", expect=1).err
    assert "people.csv: error RR901: the file is not UTF-8. Save it as “CSV UTF-8”." in err
    assert "roles.csv: error RR901: cannot be read: No such file or directory." in err


@pytest.mark.parametrize("folder", ["nowhere", "form/people.csv", "state"])
def test_what_is_no_form_at_all_is_told_in_one_sentence(desk, folder):
    err = desk.run("snapshot", "import", folder, expect=1).err
    assert f"{folder}: error RR901: this is no form: none of profiles.csv, people.csv, " in err
    assert "1 error found" in err


def test_kinds_and_roles_are_understood_as_schools_call_them(desk):
    desk.run("snapshot", "import", "form")
    english = (desk.directory / "town.json").read_text()
    words = {"School": "Skole", ";class": ";Klasse", "organisation": "organisasjon"}
    words |= {"learner": "Elev", "teacher": "LÆRER", "headteacher": "skoleleder"}
    for name in ("units", "members", "roles", "labels"):
        text = FILLED[name]
        for one, other in words.items():
            text = text.replace(f";{one.strip(';')}", f";{other.strip(';')}")
        text = text.replace("\nheadteacher;", "\nSkoleleder;")
        assert text != FILLED[name]
        desk.write(text, f"form/{name}.csv")
    desk.run("snapshot", "import", "form")
    assert (desk.directory / "town.json").read_text() == english.replace(
        '"revision": 1', '"revision": 2'
    )


@pytest.mark.parametrize("arguments", [("snapshot", "import", "form"), ("runbook", "next")])
def test_that_a_variable_names_another_site_is_told(desk, arguments):
    err = desk.run(*arguments, expect=1, RECONCILER_URL="https://roles.example").err
    assert f"A {arguments[0]} is for a site without an API; RECONCILER_URL names one with" in err
    assert "wins over reconciler.toml" in err
    assert "-e town" in err


def test_a_role_over_what_is_a_person_and_a_unit_is_not_guessed(desk):
    desk.write(FILLED["people"] + "8a;Pupils;;;\n", "form/people.csv")
    err = desk.run("snapshot", "import", "form", expect=1).err
    assert "form/roles.csv:2:3: error RR905: row 2, column over: 8a is a person and a unit" in err
    assert "1 error found" in err


def test_a_heading_without_an_end_is_told(desk):
    desk.write("x" * 140_000, "form/units.csv")
    err = desk.run("snapshot", "import", "form", expect=1).err
    assert "units.csv: error RR901: it is no sound CSV (field larger than" in err


def test_nothing_else_is_replaced(desk):
    desk.write("mine", "town.json")
    assert "is not a snapshot" in desk.run("snapshot", "import", "form", expect=64).err


def test_the_snapshot_of_another_site_is_not_replaced_and_a_broken_one_is(desk):
    path = desk.directory / "town.json"
    desk.run("snapshot", "import", "form")
    path.chmod(0o640)
    path.write_text(path.read_text().replace('"profile": "Staff"', '"profile": "gone"'))
    assert "does not hold together" in desk.run("export", "--out", "x.yaml", expect=1).err
    desk.run("snapshot", "import", "form")
    assert json.loads(path.read_text())["site"]["revision"] == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    before = path.read_text()
    desk.write(FILLED["units"].replace("town", "city"), "form/units.csv")
    err = desk.run("snapshot", "import", "form", expect=1).err
    assert "town.json is the snapshot of town, and the form is of city" in err
    assert "delete the snapshot, if it is meant" in err
    assert path.read_text() == before
    path.write_text(before[:200])
    desk.run("snapshot", "import", "form", expect=1)
    path.write_text(before[:40])
    desk.run("snapshot", "import", "form")
    assert json.loads(path.read_text())["site"]["id"] == "city"


def test_many_wrong_keys_among_many_people_are_told_at_once(desk):
    people = "".join(f"s-{n};Pupils;;;\n" for n in range(1_000, 16_000))
    desk.write(FILLED["people"] + people, "form/people.csv")
    members = "".join(f"8a;x-{n};learner\n" for n in range(2_000))
    desk.write(FILLED["members"] + members, "form/members.csv")
    begun = time.monotonic()
    err = desk.run("snapshot", "import", "form", expect=1).err
    assert time.monotonic() - begun < 10
    assert "2,000 errors found" in err


def with_runbook(desk, *done):
    """Import a form in which nobody has anything, make a runbook of it, and note some steps."""
    desk.write("role;person;over\n", "form/roles.csv")
    desk.run("snapshot", "import", "form")
    desk.write(MANIFEST)
    desk.run("apply", "roles.yaml")
    return desk.run("runbook", "done", *done).out


def one_more_pupil(desk, folder):
    for name, row in (("people", "s-2;Pupils;;;\r\n"), ("members", "8a;s-2;learner\r\n")):
        with (desk.directory / folder / f"{name}.csv").open(
            "a", encoding="utf-8", newline=""
        ) as file:
            file.write(row)


def test_what_the_runbook_noted_is_not_lost_without_a_word(desk):
    assert with_runbook(desk, "1-3") == "3 of 3 steps are done. The runbook is used.\n"
    path = desk.directory / "town.json"
    before = path.read_text()
    one_more_pupil(desk, "form")
    err = desk.run("snapshot", "import", "form", expect=64).err
    assert "the form takes away: 3 holders, 4 assignments: headteacher/h-1, " in err
    assert "The runbook noted, and the form undoes: headteacher/h-1, headteacher/h-1/school/" in err
    assert "`reconciler snapshot form` writes a form" in err
    assert path.read_text() == before
    hidden = desk.write("t-2\n", "withheld.txt")
    err = desk.run("snapshot", "import", "form", expect=64, RECONCILER_WITHHELD=hidden).err
    assert "t-2" not in err

    desk.run("snapshot", "form", "changed")
    assert stat.S_IMODE((desk.directory / "changed" / "people.csv").stat().st_mode) == 0o600
    one_more_pupil(desk, "changed")
    err = desk.run("snapshot", "import", "changed").err
    assert "takes away" not in err
    assert "6 people" in err
    assert desk.run("runbook", "check").out == "3 of 3 steps are done. The runbook is used.\n"
    assert "Nothing to change" in desk.run("plan", "roles.yaml").out

    err = desk.run("snapshot", "import", "form", "--yes").err
    assert "The runbook is withdrawn" in err
    assert "There is no runbook" in desk.run("runbook", "check", expect=1).err
    assert "3 steps" in desk.run("apply", "roles.yaml").out


def test_a_runbook_that_is_half_done_goes_on_after_an_import(desk):
    with_runbook(desk, "1")
    assert "and the form undoes" in desk.run("snapshot", "import", "form", expect=64).err
    desk.run("snapshot", "form", "changed")
    one_more_pupil(desk, "changed")
    desk.run("snapshot", "import", "changed")
    assert desk.run("runbook", "check").out == "1 of 3 steps are done.\n"
    assert "3 of 3" in desk.run("runbook", "done", "2-3").out


def test_a_used_runbook_does_not_say_that_nothing_is_done(desk):
    with_runbook(desk, "1")
    shutil.copy(desk.directory / "town.json", desk.directory / "older.json")
    desk.run("runbook", "done", "2-3")
    shutil.copy(desk.directory / "older.json", desk.directory / "town.json")
    for arguments in (["check"], ["next"], ["done", "2"]):
        err = desk.run("runbook", *arguments, expect=5).err
        assert "used: all of it was done, and was taken back otherwise since; 1 of its 3 " in err
        assert "reconciler apply" in err


def test_what_a_form_takes_away_and_gives_is_named_and_asked_about(desk):
    desk.run("snapshot", "import", "form")
    desk.write(FILLED["roles"].replace("mentor;t-2;\n", "mentor;t-1;s-1\n"), "form/roles.csv")
    err = desk.run("snapshot", "import", "form", expect=64).err
    assert "the form takes away: 1 holder: mentor/t-2." in err
    assert "the form gives: 1 assignment: mentor/t-1/learner/…." in err, "a log names no learner"
    asked = "Is the site as the form says? [y/N]:"
    code, said = converse(desk, ["snapshot", "import", "form"], asked, "n\n")
    assert code == 1
    assert "the form gives: 1 assignment: mentor/t-1/learner/s-1." in said, "who decides may know"
    err = desk.run("snapshot", "import", "form", "--yes").err
    assert "the form gives: 1 assignment: mentor/t-1/learner/…." in err
    desk.write(FILLED["labels"].replace("Kontaktlærer", "Mentor"), "form/labels.csv")
    err = desk.run("snapshot", "import", "form", "--yes").err
    assert "takes away: 1 label: label/mentor/role_name." in err
    assert "gives: 1 label: label/mentor/role_name." in err


def test_a_key_that_a_spreadsheet_spoilt_is_not_taken_for_somebody_new_unasked(desk):
    """People, members and roles agree, so nothing but the question is in the way."""
    for name, text in FILLED.items():
        desk.write(text.replace("t-1", "0007"), f"form/{name}.csv")
    desk.run("snapshot", "import", "form")
    for name, text in FILLED.items():
        desk.write(text.replace("t-1", "7"), f"form/{name}.csv")
    err = desk.run("snapshot", "import", "form", expect=64).err
    assert "takes away: 1 holder, 1 assignment: mentor/0007, mentor/0007/class/8a." in err
    assert "gives: 1 holder, 1 assignment: mentor/7, mentor/7/class/8a." in err


def test_who_comes_back_after_a_removal_was_never_noted(desk):
    """A removal stands wherever somebody is not there: that was not the runbook's doing."""
    state = small_site(("11", "u2"))
    runbook = plan(state, wanting())
    gone = replace(
        state,
        people=tuple(each for each in state.people if each.id != "11"),
        holders=frozenset(),
        assignments=Assignments.of([]),
    )
    found = change(gone, state, runbook)
    assert found.noted == frozenset()
    assert len(found.given) == 2


def test_who_comes_back_to_a_class_is_in_it_anew(desk):
    june, august = date(2026, 6, 30), date(2026, 8, 1)
    state = exported()
    before = replace(
        state, memberships=tuple(each._replace(end=june) for each in state.memberships)
    )
    form = filled_form(before, august)
    assert len(form["members.csv"].splitlines()) == 1
    for name, content in filled_form(state, august).items():
        (desk.directory / name).write_bytes(content)
    joined = rejoined(read_form(desk.directory, 2), before, august)
    holding = {(each.unit, each.person) for each in joined.memberships if each.holds_on(august)}
    assert holding == {(each.unit, each.person) for each in state.memberships}
    assert set(before.memberships) <= set(joined.memberships)


def test_a_form_is_empty_or_of_a_snapshot(desk):
    assert "There is no snapshot" in desk.run("snapshot", "form", "new", expect=1).err
    both = ("snapshot", "form", "new", "--site", "town", "-e", "town")
    assert "Give one of the two" in desk.run(*both, expect=64).err
    assert not (desk.directory / "new").exists()


def exported():
    """A site with all that a form does not ask for, and with what a spreadsheet would calculate."""
    site = small_site(("11", "u2"), ("13", "u3"))
    profiles = tuple(replace(each, roles=frozenset(Role)) for each in site.profiles)
    people = [replace(each, email=f"{each.id}@nord.example") for each in site.people]
    people[0] = replace(people[0], sync_key=None, name="=1+1; -2", active=False)
    members = tuple(
        replaced
        for each in site.memberships
        for replaced in (
            each._replace(begin=date(2025, 8, 1), end=date(2026, 6, 30)),
            each._replace(begin=date(2026, 8, 1), end=None),
        )
    )
    learner = next(each.person for each in members if each.role is MembershipRole.LEARNER)
    return replace(
        site,
        site=replace(
            site.site,
            name="The site itself",
            capabilities=frozenset(Capability),
            ilp_enabled=True,
            ilp_published_templates=2,
        ),
        profiles=(*profiles, replace(profiles[0], id="twice")),
        people=tuple(people),
        memberships=members,
        holders=site.holders | {Holder(Role.MENTOR, "12")},
        assignments=site.assignments | {Assignment(Role.MENTOR, "11", TargetKind.LEARNER, learner)},
        relations=(Relation(people[1].id, learner, "guardian"),),
        labels=(Labels(Role.MENTOR, None, "-K"), Labels(Role.HEADTEACHER, "@R", None)),
    )


def test_a_form_that_is_filled_and_not_changed_changes_nothing(desk):
    state = exported()
    (desk.directory / "town.json").write_bytes(write_state(state))
    desk.run("snapshot", "form", "filled")
    assert "'=1+1;' -2" in (desk.directory / "filled" / "people.csv").read_text("utf-8-sig")
    err = desk.run("snapshot", "import", "filled").err
    assert "takes away" not in err
    again = replace(state, site=replace(state.site, revision=state.site.revision + 1))
    assert (desk.directory / "town.json").read_bytes() == write_state(again)


def test_a_new_key_that_is_the_id_of_somebody_else_is_somebody_new(tmp_path):
    state = exported()
    other = state.people[1]
    for name, content in filled_form(state, date(2026, 8, 1)).items():
        (tmp_path / name).write_bytes(content)
    with (tmp_path / "people.csv").open("a", encoding="utf-8", newline="") as file:
        file.write(f"{other.id};{state.profiles[-1].id};;;\r\n")
    joined = rejoined(read_form(tmp_path, 1), state, date(2026, 8, 1))
    assert len({each.id for each in joined.people}) == len(state.people) + 1
    assert other in joined.people
    (new,) = set(joined.people) - set(state.people)
    assert new.sync_key == other.id
