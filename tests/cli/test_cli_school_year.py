"""The new school year: shown before it begins, told school by school, and applied in batches."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandboxes import Desk, Sandbox, running

SUMMER = "2040-08-01"
NEXT_YEAR = "2040-08-16"
SCHOOLS = "abc"
FILES = ("classes", "enrollments", "orgs", "users")


def rows(heading: str, *lines: str) -> str:
    return "\n".join((heading, *lines, ""))


def bundle(folder: Path) -> Path:
    """Three schools; class 8 of each becomes class 9 in summer, and a new class 8 comes.

    The teacher of class 8 goes up with it; somebody new takes the new class. Class `old` and class
    `new` of school a have the same learners all the time: the platform made one of the other.
    """
    learners = [f"s-{school}{number}" for school in SCHOOLS for number in range(1, 5)]
    teachers = [f"t-{school}{number}" for school in SCHOOLS for number in (1, 2)] + ["t-0"]
    classes = [f"{school}-{grade}" for school in SCHOOLS for grade in (8, 9)] + ["old", "new"]
    heading = "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate"
    enrolments = []
    for school in SCHOOLS:
        old = [f"s-{school}1", f"s-{school}2"]
        new = [f"s-{school}3", f"s-{school}4"]
        now, then = f"2020-08-01,{SUMMER}", f"{SUMMER},"
        for unit, role, people, days in (
            (f"{school}-8", "student", old, now),
            (f"{school}-9", "student", old, then),
            (f"{school}-8", "student", new, then),
            (f"{school}-8", "teacher", [f"t-{school}1"], now),
            (f"{school}-9", "teacher", [f"t-{school}1"], then),
            (f"{school}-8", "teacher", [f"t-{school}2"], then),
        ):
            primary = "true" if role == "teacher" else ""
            enrolments += [f"{unit},{school},{each},{role},{primary},{days}" for each in people]
    for unit in ("old", "new"):
        enrolments += [f"{unit},a,{each},student,,2020-08-01," for each in ("s-a1", "s-b1")]
    enrolments.append("old,a,t-0,teacher,false,2020-08-01,")
    folder.mkdir()
    bulk = (f"file.{name},{'bulk' if name in FILES else 'absent'}" for name in ALL_FILES)
    texts = {
        "manifest": rows(
            "propertyName,value", "manifest.version,1.0", "oneroster.version,1.1", *bulk
        ),
        "orgs": rows(
            "sourcedId,name,type,identifier,parentSourcedId",
            "kommune,Kommune,district,,",
            *(f"{each},School {each},school,,kommune" for each in SCHOOLS),
        ),
        "classes": rows(
            "sourcedId,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,"
            "termSourcedIds,subjects,subjectCodes,periods",
            *(
                f"{each},{each},,,,homeroom,,{each[0] if '-' in each else 'a'},,,,"
                for each in classes
            ),
        ),
        "users": rows(
            "sourcedId,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName",
            *(f"{each},true,{each[2]},student,{each},,Elev,{each}" for each in learners),
            *(f"{each},true,a,teacher,{each},,Laerer,{each}" for each in teachers),
        ),
        "enrollments": rows(
            f"sourcedId,{heading}",
            *(f"e-{number},{each}" for number, each in enumerate(enrolments)),
        ),
    }
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


ALL_FILES = (
    *("academicSessions", "categories", "classes", "classResources", "courses", "courseResources"),
    *("demographics", "enrollments", "lineItems", "orgs", "resources", "results", "users"),
)


@pytest.fixture(scope="module")
def roster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle(tmp_path_factory.mktemp("bundle") / "roster")


@pytest.fixture
def site(tmp_path: Path, roster: Path) -> Iterator[Sandbox]:
    with running(tmp_path, "--seed", str(roster)) as sandbox:
        yield sandbox


RULES = """
version: 1
site: kommune
roles: {mentor: {profiles: [Staff]}}
rosters: {sis: {type: oneroster-csv, path: roster}}
rules:
  - name: contact-teachers
    mentor: {who: primary_teacher, of: homeroom}
policy: {max_removals: 100%}
"""


@pytest.fixture
def desk(tmp_path: Path, site: Sandbox, roster: Path) -> Desk:
    """A desk where this year's mentors are applied, by rules."""
    (tmp_path / "roster").symlink_to(roster)
    made = Desk(tmp_path, site, names=())
    made.write(RULES, "rules.yaml")
    made.run("apply", "rules.yaml", "--yes")
    assert site.assignments() == {f"mentor/t-{each}1/class/{each}-8" for each in SCHOOLS}
    return made


def next_year(**changes: object) -> dict:
    """The same by hand, each with its days."""
    ends, begins = {"until": "2040-07-31"}, {"from": SUMMER}
    mentors: list[dict] = []
    for each in SCHOOLS:
        own = [{"id": f"{each}-8", **ends}, {"id": f"{each}-9", **begins}]
        mentors.append({"person": f"t-{each}1", "classes": own})
        mentors.append({"person": f"t-{each}2", "classes": [{"id": f"{each}-8", **begins}]})
    policy = {"max_removals": "100%"}
    return {"version": 1, "site": "kommune", "mentors": mentors, "policy": policy, **changes}


@pytest.mark.parametrize("by", ["rules", "days"])
def test_the_new_year_is_shown_before_it_begins_and_cannot_be_applied_yet(
    desk: Desk, site: Sandbox, by: str
):
    desk.write(next_year(), "days.yaml")
    held = desk.run("plan", f"{by}.yaml", "--detailed-exitcode", expect=2 if by == "days" else 0)
    assert "holds until 2040-07-31" in held.out
    command = ("plan", f"{by}.yaml", "--as-of", NEXT_YEAR)
    told = desk.run(*command, "--out", "august.json", "--format", "json").json("plan")
    named = {(each["verb"], each["name"]) for each in told["actions"]}
    expected = {("add", f"mentor/t-{each}2") for each in SCHOOLS}
    expected |= {("add", f"mentor/t-{each}1/class/{each}-9") for each in SCHOOLS}
    expected |= {("add", f"mentor/t-{each}2/class/{each}-8") for each in SCHOOLS}
    expected |= {("remove", f"mentor/t-{each}1/class/{each}-8") for each in SCHOOLS}
    assert named == expected
    before = site.revision()
    refused = desk.run("apply", "august.json", expect=5)
    assert f"The plan is for {NEXT_YEAR} and later" in refused.err
    assert site.revision() == before


def test_the_summary_tells_replaced_mentors_from_moved_learners_school_by_school(desk: Desk):
    command = ("plan", "rules.yaml", "--as-of", NEXT_YEAR, "--out", "august.json")
    told = desk.run(*command, "--format", "json").json("plan")
    assert [each["name"] for each in told["schools"]] == list(SCHOOLS)
    for each in told["schools"]:
        # In class 9 are those who were in class 8, and in class 8 those who were nowhere.
        counts = [each[part] for part in ("replaced", "added", "removed")]
        assert counts == [1, 1, 0]
        assert [each[part] for part in ("by_mentor", "by_unit", "arrived")] == [0, 2, 2]
    line = (
        "1 unit with another mentor, 1 unit assignment added; mentors change for 4 learners "
        "(2 coming from another unit, 2 new here)"
    )
    shown = desk.run("show", "august.json").out
    assert [text.split(None, 1) for text in shown.splitlines() if line in text] == [
        [each, line] for each in SCHOOLS
    ]
    assert "Schools" not in desk.run("show", "august.json", "--inverse").out
    # Long after the summer, whoever gets somebody else is where they were.
    later = ("plan", "rules.yaml", "--as-of", "2040-11-24", "--format", "json")
    assert [each["by_mentor"] for each in desk.run(*later).json("plan")["schools"]] == [4, 4, 4]
    one = ("--only", "within:a", "--format", "json")
    assert desk.run("plan", "rules.yaml", "--as-of", NEXT_YEAR, *one).json("plan")["schools"] == []


def test_each_school_has_its_own_approved_plan_and_none_makes_another_stale(
    desk: Desk, site: Sandbox
):
    """One who comes and one who goes are shared by schools; another leaves with one alone."""
    for name in ("mentor/t-0", "mentor/t-0/class/a-8", "mentor/t-0/class/b-8"):
        site.assign(name)
    mentors = [
        {"person": "t-a2", "classes": ["a-8", "b-9", "c-9"]},
        {"person": "t-b1", "classes": ["b-8"]},
        {"person": "t-c2", "classes": ["c-8"]},
    ]
    desk.write(next_year(mentors=mentors))
    planned = {}
    for each in SCHOOLS:
        only = ("--only", f"within:{each}", "--out", f"{each}.json", "--format", "json")
        told = desk.run("plan", "roles.yaml", *only).json("plan")
        planned[each] = {(action["verb"], action["name"]) for action in told["actions"]}
    assert planned["a"] == {
        *(("add", "mentor/t-a2"), ("add", "mentor/t-a2/class/a-8")),
        *(("remove", "mentor/t-a1/class/a-8"), ("remove", "mentor/t-a1")),
        ("remove", "mentor/t-0/class/a-8"),
    }
    assert planned["b"] == {
        *(("add", "mentor/t-a2"), ("add", "mentor/t-a2/class/b-9")),
        ("remove", "mentor/t-0/class/b-8"),
    }
    for each in ("b", "c", "a"):
        desk.run("apply", f"{each}.json")
    wanted = {f"mentor/t-a2/class/{each}" for each in ("a-8", "b-9", "c-9")}
    assert site.assignments() == wanted | {"mentor/t-b1/class/b-8", "mentor/t-c2/class/c-8"}
    # Who left two schools is taken out by the rest, and then there is none.
    rest = desk.run("plan", "roles.yaml", "--format", "json").json("plan")
    assert [(each["verb"], each["name"]) for each in rest["actions"]] == [("remove", "mentor/t-0")]
    desk.run("apply", "roles.yaml", "--yes")
    desk.run("plan", "roles.yaml", "--detailed-exitcode")
    # A school in which there is nothing to do is no mistake.
    desk.write(next_year(mentors=[*mentors[:2], {"person": "t-c1", "classes": ["c-8"]}]))
    nothing = desk.run("apply", "roles.yaml", "--yes", "--only", "within:a")
    assert "Nothing is planned" in nothing.out


def test_who_leaves_several_schools_keeps_the_role_until_nothing_is_left(desk: Desk, site: Sandbox):
    """A batch takes the role where nothing else is left when it is planned; else the rest does."""
    leaving = {"mentor/t-0/class/a-8", "mentor/t-0/class/b-8"}
    for name in ("mentor/t-0", *sorted(leaving)):
        site.assign(name)
    desk.write(
        next_year(mentors=[{"person": f"t-{each}1", "classes": [f"{each}-8"]} for each in SCHOOLS])
    )

    def planned(*only: str) -> set[str]:
        told = desk.run("plan", "roles.yaml", *only, "--format", "json").json("plan")
        return {each["name"] for each in told["actions"]}

    assert planned() == leaving | {"mentor/t-0"}
    both = ("--only", "within:a", "--only", "within:b")
    assert planned(*both) == leaving
    for each in "ab":
        only = ("--only", f"within:{each}")
        assert planned(*only, "--out", f"{each}.json") == {f"mentor/t-0/class/{each}-8"}
    desk.run("apply", "a.json")
    assert planned("--only", "within:b") == {"mentor/t-0/class/b-8", "mentor/t-0"}
    desk.run("apply", "b.json")
    assert not leaving & site.assignments()
    assert planned("--only", "within:a") == planned("--only", "within:b") == set()
    assert "t-0" in desk.run("review", "roles.yaml", "--format", "json").out
    assert planned() == {"mentor/t-0"}
    desk.run("apply", "roles.yaml", "--yes")
    assert planned() == set()


def test_a_batch_is_stale_when_its_own_school_changed(desk: Desk, site: Sandbox):
    desk.write(next_year(mentors=[{"person": "t-a2", "classes": ["a-8", "b-8", "c-8"]}]))
    desk.run("plan", "roles.yaml", "--only", "within:a", "--out", "a.json")
    site.assign("mentor/t-b1/class/b-9")
    site.assign("mentor/t-c1/class/a-9")
    assert "stale" in desk.run("apply", "a.json", expect=5).err
    site.unassign("mentor/t-c1/class/a-9")
    desk.run("apply", "a.json")


def test_a_batch_of_an_unknown_unit_is_refused(desk: Desk):
    desk.write(next_year())
    for command in ("plan", "apply"):
        for option in ("--only", "--except"):
            done = desk.run(command, "roles.yaml", option, "within:a-88", expect=64)
            assert f"{option} within:a-88: the site has no unit" in done.err
            assert "Did you mean 'a-8'?" in done.err
    desk.run("plan", "roles.yaml", "--as-of", NEXT_YEAR, "--out", "plan.json")
    rest = desk.run(
        *("plan", "roles.yaml", "--as-of", NEXT_YEAR, "--except", "within:a", "--format", "json")
    ).json("plan")
    assert not [each for each in rest["actions"] if "a1" in each["name"] or "a2" in each["name"]]
    assert len(rest["actions"]) == 8


MOVED = [{"from": "old", "to": "new"}]


def test_a_unit_that_was_made_anew_is_no_removal_and_no_addition(desk: Desk, site: Sandbox):
    site.assign("mentor/t-0")
    site.assign("mentor/t-0/class/old")
    mentors = [
        *({"person": f"t-{each}1", "classes": [f"{each}-8"]} for each in SCHOOLS),
        {"person": "t-0", "classes": ["new"]},
    ]
    desk.write(next_year(mentors=mentors))
    told = desk.run("plan", "roles.yaml", "--detailed-exitcode", expect=2).out
    assert "+  class new" in told
    assert "-  class old" in told
    desk.write(next_year(mentors=mentors, moved=MOVED))
    told = desk.run("plan", "roles.yaml", "--detailed-exitcode", "--out", "plan.json").out
    line = "stays, and counts as mentor/t-0/class/new: the same 2 learners"
    assert line in told
    assert line in desk.run("show", "plan.json").out
    drift = desk.run("drift", "roles.yaml", "--format", "json").json("drift")
    assert [(each["name"], each["counts"]) for each in drift["moved"]] == [
        ("mentor/t-0/class/old", True)
    ]
    assert line in desk.run("drift", "roles.yaml").out
    desk.run("apply", "plan.json")
    assert "mentor/t-0/class/old" in site.assignments()
    hidden = desk.run("plan", "roles.yaml", "--redact", RECONCILER_REDACT_KEY="k" * 32).out
    assert "t-0/" not in hidden
    # A class that goes up has other learners then: it is told, and done.
    up = [{"from": "a-8", "to": "a-9"}]
    year = desk.write(next_year(moved=up), "year.yaml")
    told = desk.run("plan", year, "--as-of", NEXT_YEAR, "--format", "json").json("plan")
    assert ("mentor/t-a1/class/a-8", "mentor/t-a1/class/a-9", False) in [
        (each["name"], each["to_name"], each["counts"]) for each in told["moved"]
    ]
    assert "RR216" in desk.run("plan", year).out


def test_a_mistyped_key_of_a_move_is_told_and_not_taken_for_done(desk: Desk):
    year = desk.write(next_year(moved=[{"from": "a-8", "to": "a-99"}]), "year.yaml")
    for command in ("plan", "drift", "validate --online"):
        told = desk.run(*command.split(), year, expect=1).err
        assert "RR203: the site has no unit with the sync_key a-99. Did you mean 'a-9'?" in told
    desk.write(next_year(moved=[{"from": "a-88", "to": "a-9"}]), "year.yaml")
    told = desk.run("plan", year).out
    assert "the site has nothing with the key under 'from'" in told
    assert "a-88 → a-9. Either the old one is gone" in told


def test_what_counts_as_moved_counts_for_questions_as_planned_too(desk: Desk, site: Sandbox):
    """Alike from the manifest and from the saved plan, and as it is once that is applied."""
    site.assign("mentor/t-0")
    site.assign("mentor/t-0/class/old")
    mentors = [
        *({"person": f"t-{each}1", "classes": [f"{each}-8"]} for each in SCHOOLS),
        {"person": "t-0", "classes": ["new", "c-9"]},
    ]
    desk.write(next_year(mentors=mentors, moved=MOVED))
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    questions = (
        ("access", "--unit", "new", "--format", "json"),
        ("access", "--person", "t-0", "--format", "json"),
        ("review", "--format", "csv"),
        ("explain", "t-0", "--format", "json"),
    )

    def answers(*planned: str) -> list[str]:
        return [desk.run(*question, *planned).out for question in questions]

    saved = answers("--as-planned", "plan.json")
    assert saved == answers("--as-planned", "roles.yaml")
    assert "mentor/t-0/class/old" in saved[0]
    assert "mentor/t-0/class/new" not in saved[0]
    # Without the line the old class goes, and the new one comes.
    desk.write(next_year(mentors=mentors), "plain.yaml")
    plain = answers("--as-planned", "plain.yaml")
    assert "mentor/t-0/class/new" in plain[0]
    assert "mentor/t-0/class/old" not in plain[0]
    # A learner who leaves one of the two makes the saved plan say nothing any more.
    desk.run("export", "--state", "live.json")
    live = json.loads((desk.directory / "live.json").read_text())
    old = site.ids("units")["old"]
    gone = next(each for each in live["memberships"] if each["unit"] == old)
    live["memberships"].remove(gone)
    (desk.directory / "live.json").write_text(json.dumps(live))
    for question in questions:
        offline = (*question, "--live", "live.json", "--as-planned")
        assert "stale" in desk.run(*offline, "plan.json", expect=5).err
        desk.run(*offline, "roles.yaml")
    desk.run("apply", "plan.json")
    assert site.assignments() >= {"mentor/t-0/class/old", "mentor/t-0/class/c-9"}
    for question in questions:
        assert "used before" in desk.run(*question, "--as-planned", "plan.json", expect=5).err
    assert answers("--as-planned", "roles.yaml") == saved
    for now, planned in zip(answers()[:2], saved[:2], strict=True):
        assert json.loads(now)["people"] == json.loads(planned)["people"]


def test_a_person_with_a_new_account_is_told_as_one_and_given_it_anew(desk: Desk, site: Sandbox):
    mentors = [{"person": f"t-{each}1", "classes": [f"{each}-8"]} for each in "bc"]
    moved = [{"from": "t-a1", "to": "t-a2"}]
    desk.write(next_year(mentors=[*mentors, {"person": "t-a2", "classes": ["a-8"]}], moved=moved))
    told = desk.run("plan", "roles.yaml").out
    assert "mentor/t-a1/class/a-8  goes, and mentor/t-a2/class/a-8 comes in its place" in told
    desk.run("apply", "roles.yaml", "--yes")
    assert "mentor/t-a2/class/a-8" in site.assignments()
    assert "mentor/t-a1/class/a-8" not in site.assignments()
