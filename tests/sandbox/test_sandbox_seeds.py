import copy
import json
import zipfile
from pathlib import Path

import pytest
from pifu import as_xml

from reconciler.rosters.files import FILES
from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.sandbox.municipality import municipality
from reconciler.sandbox.options import SEED_TYPES

EXAMPLE = Path(__file__).parents[2] / "examples" / "roster"

COLLECTIONS = (
    "profiles",
    "labels",
    "people",
    "units",
    "memberships",
    "relations",
    "holders",
    "assignments",
)


@pytest.fixture(scope="module")
def state():
    return json.loads(municipality().model_dump_json())


def write(tmp_path, state):
    path = tmp_path / "state.json"
    path.write_text(json.dumps(state))
    return path


def test_the_municipality_is_the_same_every_time():
    assert municipality() == municipality()


def test_an_exported_state_comes_back_as_it_was(start, tmp_path):
    first = start()
    first.put("profiles", "p-3", "roles", "mentor")
    first.call("PATCH", "labels/mentor", json={"tool_name": "Elever 王"})
    exported = {name: first.items(name) for name in COLLECTIONS}
    document = {"format": "reconciler.state/1", "site": first.get("site").json(), **exported}
    second = start("--seed", str(write(tmp_path, document)))
    assert {name: second.items(name) for name in COLLECTIONS} == exported
    assert second.revision() == 1
    assert not second.events()


def _append(collection, **members):
    def edit(state):
        state[collection].append({**state[collection][-1], **members})

    return edit


def _set(collection, index, **members):
    def edit(state):
        state[collection][index].update(members)

    return edit


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_append("people"), "the person 21060 stands there twice"),
        (_append("people", id="x"), "person with the sync key s-1060 stands there twice"),
        (_append("units", id="x"), "unit with the sync key no stands there twice"),
        (_append("units", id="x", sync_key=None, parent="y"), "unit x has an unknown parent y"),
        (_append("units", id="x", sync_key=None, parent=None), "has 2 root units"),
        (_set("units", 1, parent="u-20"), "lies below itself"),
        (_set("units", 9, parent="u-10"), "the school u-20 lies under the school u-10"),
        (_set("units", 0, kind="school"), "it needs one root unit, an organisation"),
        (_set("people", 5, profile="p-99"), "has an unknown profile p-99"),
        (_set("memberships", 0, unit="u-99"), "in u-99 leads nowhere"),
        (_append("memberships"), "the membership u-20 10503 administrator 2026-08-01 stands"),
        (_append("relations", learner="99"), "to 99 leads nowhere"),
        (_append("holders", person="99"), "headteacher/99 is an unknown person"),
        (_append("assignments", person="10502"), "belongs to no holder"),
        (_append("assignments", kind="class", target="u-11"), "cannot be assigned"),
        (_append("assignments", target="u-11"), "has an unknown target"),
        (_set("people", 3, sync_key="x" * 65), "people/3/sync_key: String should have at most 64"),
        (_set("units", 3, title="x" * 65), "units/3/title: String should have at most 64"),
        (_set("units", 3, sync_key="x" * 256), "units/3/sync_key: String should have at most 255"),
        (_set("people", 3, active="yes"), "people/3/active"),
        (_set("people", 3, colour="red"), "people/3/colour"),
        (_set("memberships", 3, begin="2026-02-30"), "memberships/3/begin"),
        (lambda state: state.update(format="reconciler.state/2"), "format"),
        (lambda state: state.pop("people"), "people: Field required"),
    ],
)
def test_an_impossible_site_is_refused_and_the_item_named(tmp_path, refusal, state, edit, reason):
    wrong = copy.deepcopy(state)
    edit(wrong)
    refused = refusal("--seed", write(tmp_path, wrong))
    assert reason in refused
    assert refused.count("\n") == 1
    assert not any(person["name"] in refused for person in state["people"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[1]",
        b'{"format": "x"',
        b"{}",
        b'{"format": "reconciler.state/1"} more',
        b'{"people": [1, 2',
        b'{"people": [{}, {}]',
        b'{"people": {}}',
        b'{"people": [], "people": []}',
        b'{"strangers": []}',
        b"{1: 2}",
        b'{"site" 1}',
        b'{"people": [{"name": "' + b"x" * 3_000_000,
    ],
    ids=range(15),
)
def test_a_file_that_is_no_state_is_refused(tmp_path, refusal, content):
    path = tmp_path / "state.json"
    path.write_bytes(content)
    refused = refusal("--seed", path)
    assert f"the seed {path} is not valid: " in refused
    assert refused.count("\n") == 1


def test_a_seed_that_is_not_there_is_refused(tmp_path, refusal):
    assert "does not exist" in refusal("--seed", tmp_path / "nothing.json", code=64)


def test_a_state_may_be_written_in_any_way_that_json_allows(start, tmp_path, state):
    path = tmp_path / "state.json"
    backwards = dict(reversed(state.items()))
    path.write_text("\ufeff\n " + json.dumps(backwards, indent="\t"), encoding="utf-8")
    assert start("--seed", str(path)).items("people") == sorted(
        state["people"], key=lambda person: person["id"]
    )


def test_a_district_becomes_a_site(start, district_zip):
    site = start("--seed", str(district_zip))
    people, units = site.items("people"), site.items("units")
    assert len(people) == 1860
    kinds = [unit["kind"] for unit in units]
    assert (kinds.count("school"), kinds.count("class"), kinds.count("organisation")) == (6, 60, 1)
    root = next(unit for unit in units if unit["parent"] is None)
    assert root["sync_key"] == site.get("site").json()["id"]
    assert not {person["id"] for person in people} & {person["sync_key"] for person in people}
    assert not any(profile["roles"] for profile in site.items("profiles"))
    assert not site.items("holders")
    classes = {unit["id"] for unit in units if unit["kind"] == "class"}
    assert sum(member["unit"] in classes for member in site.items("memberships")) == 8271
    names = {profile["id"]: profile["name"] for profile in site.items("profiles")}
    assert {names[person["profile"]] for person in people} >= {"Student", "Staff"}


def bundle(folder, orgs, **more):
    files = {
        "manifest.csv": [
            "propertyName,value",
            "manifest.version,1.0",
            "oneroster.version,1.1",
            *(f"file.{name},bulk" for name in ("academicSessions", "orgs", "users", "courses")),
            *(f"file.{name},bulk" for name in ("classes", "enrollments")),
            *(
                f"file.{name},absent"
                for name in ("categories", "classResources", "courseResources", "demographics")
            ),
            *(f"file.{name},absent" for name in ("lineItems", "resources", "results")),
        ],
        "orgs.csv": [
            "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId",
            *orgs,
        ],
        "academicSessions.csv": [
            "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear"
        ],
        "courses.csv": [
            (
                "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,"
                "orgSourcedId,subjects,subjectCodes"
            )
        ],
        "classes.csv": [
            (
                "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,"
                "location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods"
            ),
            f"c1,,,{'Long ' * 20},08,,,homeroom,,s1,,,,",
        ],
        "users.csv": [
            (
                "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,"
                "givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password"
            ),
            "kid,,,true,s1,student,kid,,Ødegård,Лис,,,,,,mum,08,",
            "mum,,,true,s1,parent,mum,,Mum,M,,,mum@example.org,,,kid,,",
            "old,,,false,s1,teacher,old,,Old,O,,,,,,,,",
            '"boss",,,true,"s1,s2",principal,boss,,Boss,B,,,,,,,,',
        ],
        "enrollments.csv": [
            (
                "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,"
                "primary,beginDate,endDate"
            ),
            "e1,,,c1,s1,kid,student,false,2026-08-01,2027-06-20",
            "e2,,,c1,s1,old,teacher,true,,",
        ],
    }
    for name, lines in {**files, **more}.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("ends", ["2026-09-01 2027-06-20", "2026-09-01 ", "2026-09-01 2026-09-01"])
@pytest.mark.parametrize("primary", ["true", "false"])
def test_of_two_rows_of_a_membership_the_one_that_lasts_counts(start, tmp_path, ends, primary):
    first, last = ends.split(" ")
    rows = [f"e1,,,c1,s1,kid,student,{primary},2026-08-01,{first}",
            f"e2,,,c1,s1,kid,student,true,2026-08-01,{last}"]  # fmt: skip
    head = "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,"
    for order in (rows, rows[::-1]):
        lines = [head + "primary,beginDate,endDate", *order]
        path = bundle(
            tmp_path, ["s1,,,First,school,,", "s2,,,Second,school,,"], **{"enrollments.csv": lines}
        )
        members = start("--seed", str(path)).items("memberships")
        found = [member for member in members if member["begin"] is not None]
        assert [(each["end"] or "", each["primary"]) for each in found] == [(last, True)]


def test_a_bundle_without_a_single_root_is_given_one(start, tmp_path):
    path = bundle(tmp_path, ["s1,,,First,school,,", "s2,,,Second,school,,"])
    site = start("--seed", str(path))
    units = {unit["sync_key"]: unit for unit in site.items("units")}
    root = next(unit for unit in units.values() if unit["parent"] is None)
    assert root["kind"] == "organisation"
    assert {units["s1"]["parent"], units["s2"]["parent"]} == {root["id"]}
    assert units["c1"]["parent"] == units["s1"]["id"]
    assert len(units["c1"]["title"]) == 64
    assert profiles_of(site) == {
        "kid": "Student",
        "mum": "Parent",
        "old": "Staff",
        "boss": "Administrator",
    }
    assert [each["sync_key"] for each in site.items("people") if not each["active"]] == ["old"]
    assert memberships_of(site) == {
        ("c1", "kid", "learner", "2026-08-01", "2027-06-20"),
        ("c1", "old", "teacher", None, None),
        ("s1", "kid", "learner", None, None),
        ("s1", "old", "teacher", None, None),
        ("s1", "boss", "administrator", None, None),
        ("s2", "boss", "administrator", None, None),
    }
    keys = keys_of(site, "people")
    related = [(keys[each["person"]], keys[each["learner"]]) for each in site.items("relations")]
    assert related == [("mum", "kid")]


def keys_of(site, collection):
    return {item["id"]: item["sync_key"] for item in site.items(collection)}


def profiles_of(site):
    names = {profile["id"]: profile["name"] for profile in site.items("profiles")}
    return {person["sync_key"]: names[person["profile"]] for person in site.items("people")}


def memberships_of(site):
    units, people = keys_of(site, "units"), keys_of(site, "people")
    return {
        (units[each["unit"]], people[each["person"]], each["role"], each["begin"], each["end"])
        for each in site.items("memberships")
    }


def test_a_broken_bundle_is_refused_with_the_row_named(tmp_path, refusal):
    orgs = ["d,,,District,district,,", "s1,,,First,school,,nowhere", "s2,,,Second,school,,d"]
    assert "orgs.csv row 3" in refusal("--seed", bundle(tmp_path, orgs))


def test_a_value_that_the_platform_does_not_take_is_refused(tmp_path, refusal):
    orgs = [f"{'x' * 256},,,District,district,,", f"s1,,,First,school,,{'x' * 256}"]
    refused = refusal("--seed", bundle(tmp_path, [*orgs, f"s2,,,Second,school,,{'x' * 256}"]))
    assert "orgs.csv row 2: sync_key: String should have at most 255" in refused


def test_the_root_that_is_made_has_a_key_of_its_own(start, tmp_path):
    orgs = ["roster,,,First,school,,", "s1,,,Second,school,,", "s2,,,Third,school,,"]
    path = bundle(tmp_path, orgs)
    units = start("--seed", str(path)).items("units")
    assert {(unit["sync_key"], unit["kind"]) for unit in units if unit["kind"] != "class"} == {
        ("roster-2", "organisation"),
        ("roster", "school"),
        ("s1", "school"),
        ("s2", "school"),
    }


@pytest.mark.parametrize("as_zip", [False, True])
def test_an_ims_enterprise_file_becomes_the_same_site_as_its_oneroster(start, tmp_path, as_zip):
    """The example's roster in both formats, but for what PIFU-IMS says in other words."""
    roster = read_bundle(EXAMPLE)
    path = tmp_path / "pifu.xml"
    path.write_bytes(as_xml(roster))
    if as_zip:
        with zipfile.ZipFile(tmp_path / "pifu.zip", "w") as archive:
            archive.write(path, "pifu.xml")
        path = tmp_path / "pifu.zip"
    ims, oneroster = start("--seed", path), start("--seed", EXAMPLE)
    shown = ("sync_key", "kind", "title")
    assert [[unit[name] for name in shown] for unit in ims.items("units")] == [
        [unit[name] for name in shown] for unit in oneroster.items("units")
    ]
    assert {each["sync_key"] for each in ims.items("people")} == {
        each["sync_key"] for each in oneroster.items("people")
    }
    inactive = [each["sync_key"] for each in ims.items("people") if not each["active"]]
    assert inactive == [each.sourced_id for each in roster.people if not each.enabled] != []
    learners = {each for each in memberships_of(oneroster) if each[2] == "learner" and each[3]}
    assert learners <= memberships_of(ims)
    assert len(ims.items("relations")) == len(oneroster.items("relations")) > 0
    profiles, others = profiles_of(ims), profiles_of(oneroster)
    differ = {(profiles[key], others[key]) for key in profiles if profiles[key] != others[key]}
    assert differ <= {("Staff", "Parent")}
    assert not ims.items("holders")


TABLE = """Klasse;Lærer;Rolle;Fra;Til
8a;t-1;teacher;2026-08-17;2026-12-20
8a;s-1;student;;
8b;t-1;;;
skolen;t-2;principal;;
"""
COLUMNS = [
    *("--seed-column", "unit=Klasse", "--seed-column", "person=Lærer"),
    *("--seed-column", "role=Rolle", "--seed-column", "from=Fra", "--seed-column", "until=Til"),
]


@pytest.mark.parametrize("said", [(), ("--seed-type", "csv")])
def test_a_plain_table_becomes_a_site(start, tmp_path, said):
    path = tmp_path / "table.csv"
    path.write_text(TABLE, encoding="utf-8")
    site = start("--seed", path, *said, *COLUMNS)
    assert profiles_of(site) == {"t-1": "Staff", "s-1": "Student", "t-2": "Administrator"}
    assert {each["name"] for each in site.items("people")} == {"t-1", "s-1", "t-2"}
    assert memberships_of(site) == {
        ("8a", "t-1", "teacher", "2026-08-17", "2026-12-21"),
        ("8a", "s-1", "learner", None, None),
        ("8b", "t-1", "teacher", None, None),
        ("skolen", "t-2", "administrator", None, None),
    }
    assert {unit["kind"] for unit in site.items("units")} == {"organisation", "class"}


@pytest.mark.parametrize(
    ("arguments", "reason", "code"),
    [
        (("--seed-type", "ims-enterprise"), "table.csv", 1),
        (("--seed-type", "state"), "is not valid: the file: is not JSON", 1),
        (("--seed-type", "oneroster-csv"), "is not usable", 1),
        ((), "--seed-column says what its headings mean", 1),
        (("--seed-type", "csv"), "which columns are the unit and the person", 64),
        (("--seed-type", "state", *COLUMNS), "--seed-column is not for --seed-type state", 64),
        (("--seed-column", "colour=Red"), "colour is no column of a roster", 64),
        (("--seed-column", "unit=A", "--seed-column", "unit=B"), "unit is given twice", 64),
        (("--seed-column", "unit=Red", "--seed-column", "person=Lærer"), "RR307", 1),
    ],
)
def test_a_seed_that_is_not_what_is_said_is_refused(tmp_path, refusal, arguments, reason, code):
    path = tmp_path / "table.csv"
    path.write_text(TABLE, encoding="utf-8")
    assert reason in refusal("--seed", path, *arguments, code=code)


def test_how_to_read_a_seed_needs_a_seed(refusal):
    assert "are about a --seed" in refusal("--seed-type", "state", code=64)


def test_every_format_of_rosters_that_is_a_file_can_be_a_seed():
    assert {*FILES, "state"} == set(SEED_TYPES)
