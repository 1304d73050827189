"""`export` of a site that was set up by hand: as files per school, and as rules over a roster."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sandboxes import ROOT, Desk, Sandbox, example, running
from school_systems import TOKEN, serving

ROSTER = ROOT / "examples" / "roster"
UNCHANGED = "Nothing to change: the site is as the manifest declares."
SCHOOLS = ["schools/fjellvik-skole.yaml", "schools/nordberg-skole.yaml"]
FILES = ["others.yaml", *SCHOOLS, "site.yaml"]


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)  # noqa: S506 - text only
    return loaded


@pytest.mark.parametrize("how", [("--out", "new"), ("--per-school", "new")])
def test_who_is_given_a_role_by_hand_after_an_export_is_drift_and_goes(
    desk: Desk, sandbox: Sandbox, how: tuple[str, str]
):
    """Nobody is a mentor yet, and that is declared, too."""
    roles = example()["roles"]
    desk.write({"version": 1, "site": "nordberg-kommune", "roles": roles}, "profiles.yaml")
    desk.run("apply", "profiles.yaml", "--yes")
    assert not [each for each in sandbox.assignments() if each.startswith("mentor/")]
    desk.run("export", *how)
    sandbox.assign("mentor/t-0409")
    assert "mentor/t-0409  on the site" in desk.run("drift", "new", expect=2).out
    planned = desk.run("plan", "new", "--format", "json", expect=4).json("plan")["actions"]
    assert [(each["verb"], each["name"]) for each in planned] == [("remove", "mentor/t-0409")]


# One file per school


def test_a_folder_with_a_file_per_school_plans_to_nothing(settled_desk: Desk):
    folder = settled_desk.directory / "roles"
    done = settled_desk.run("export", "--per-school", "roles")
    assert done.out == ""
    assert done.err == "Wrote the manifest to roles: 4 files, 2 of them for schools.\n"
    assert sorted(content(folder)) == FILES
    for path in folder.rglob("*.yaml"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert UNCHANGED in settled_desk.run("plan", "roles").out
    assert UNCHANGED in settled_desk.run("plan", "roles/site.yaml").out
    for name in ("others.yaml", *SCHOOLS):
        told = settled_desk.run("plan", f"roles/{name}", expect=1).err
        assert "RR118" in told
    assert read(folder / "schools" / "fjellvik-skole.yaml") == {
        "version": "1",
        "mentors": [
            {"person": "t-0407", "classes": ["1a"]},
            {"person": "t-0408", "classes": ["1b", "no"]},
        ],
        "headteachers": [{"person": "t-0008", "schools": ["fjellvik-skole"]}],
    }
    assert read(folder / "others.yaml")["mentors"] == [
        {
            "person": "t-0412",
            "classes": ["8a"],
            "groups": ["choir"],
            "learners": ["s-1020", "s-1040"],
        }
    ]


def test_a_second_export_replaces_the_first_byte_by_byte(settled_desk: Desk):
    folder = settled_desk.directory / "roles"
    settled_desk.run("export", "--per-school", "roles", PYTHONHASHSEED="1")
    before = content(folder)
    (folder / "site.yaml").write_text("")  # as mktemp leaves one
    (folder / "README.md").write_text("ours")
    (folder / ".drafts").mkdir()
    (folder / ".drafts" / "mine.yaml").write_text("mine: 1")
    settled_desk.run("export", "--per-school", "roles", PYTHONHASHSEED="2")
    ours = {"README.md": b"ours", ".drafts/mine.yaml": b"mine: 1"}
    assert content(folder) == before | ours
    settled_desk.run("export", "--state", "live.json")
    settled_desk.run("export", "--per-school", "roles", "--live", "live.json")
    assert content(folder) == before | ours


NOWHERE = {"RECONCILER_URL": "http://127.0.0.1:9", "RECONCILER_TOKEN": "t"}


@pytest.mark.parametrize("name", ["roles.yml", "site.yaml", "schools/mine.YAML", "deep/a/b.yaml"])
def test_a_folder_with_a_manifest_of_ones_own_is_refused_before_anything_is_fetched(
    first_desk: Desk, name: str
):
    first_desk.write(example(), f"m/{name}")
    before = content(first_desk.directory)
    told = first_desk.run("export", "--per-school", "m", expect=64, **NOWHERE).err
    assert f"m holds manifests that export did not write: m/{name}." in told
    assert content(first_desk.directory) == before


def test_an_edited_file_is_not_replaced(first_desk: Desk):
    first_desk.run("export", "--per-school", "roles")
    path = first_desk.directory / "roles" / SCHOOLS[0]
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])
    before = content(first_desk.directory)
    told = first_desk.run("export", "--per-school", "roles", expect=64).err
    assert str(Path("roles", SCHOOLS[0])) in told
    assert content(first_desk.directory) == before


def test_a_file_of_a_school_that_is_gone_would_be_planned_and_is_named(first_desk: Desk):
    first_desk.run("export", "--per-school", "roles")
    folder = first_desk.directory / "roles"
    (folder / SCHOOLS[0]).rename(folder / "schools" / "closed.yaml")
    before = content(first_desk.directory)
    told = first_desk.run("export", "--per-school", "roles", expect=64).err
    assert "none of this one: roles/schools/closed.yaml." in told
    assert "delete" in told
    assert content(first_desk.directory) == before, "nothing is written by half"


def test_an_empty_file_that_is_no_part_of_it_is_called_empty(first_desk: Desk):
    first_desk.write("", "roles/notes.yaml")
    told = first_desk.run("export", "--per-school", "roles", expect=64).err
    assert "roles holds empty files that are no part of this export: roles/notes.yaml." in told
    assert "delete them" in told
    assert content(first_desk.directory / "roles") == {"notes.yaml": b""}


PLACES = {
    "a folder above that is not there": ("no/where", 1, "There is no folder no"),
    "a file": ("roles.yaml", 64, "roles.yaml is not a folder"),
    "nothing": ("", 64, "--per-school is empty"),
    "a link to nowhere": ("dangling", 64, "dangling is not a folder"),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_place_where_no_folder_can_be_is_told_before_anything_is_fetched(
    first_desk: Desk, case: str
):
    (first_desk.directory / "dangling").symlink_to("gone")
    place, code, told = PLACES[case]
    assert told in first_desk.run("export", "--per-school", place, expect=code, **NOWHERE).err


def test_what_stands_where_a_file_or_folder_belongs_stays(first_desk: Desk):
    folder = first_desk.directory / "roles"
    (folder / "site.yaml").mkdir(parents=True)
    told = first_desk.run("export", "--per-school", "roles", expect=64).err
    assert "roles/site.yaml exists and is not a manifest that export wrote" in told
    assert content(folder) == {}
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "schools").write_text("mine")
    told = first_desk.run("export", "--per-school", "roles", expect=1).err
    assert "The folder roles/schools cannot be made" in told
    assert content(folder) == {"schools": b"mine"}


def test_the_state_that_is_read_is_not_replaced(first_desk: Desk):
    """It may be called like a part of the manifest."""
    (first_desk.directory / "roles").mkdir()
    first_desk.run("export", "--state", "roles/site.yaml")
    before = content(first_desk.directory)
    told = first_desk.run(
        "export", "--per-school", "roles", "--live", "roles/site.yaml", expect=64
    ).err
    assert "roles/site.yaml" in told
    assert content(first_desk.directory) == before


def test_redacted_and_withheld_people_are_hidden_in_every_file(settled_desk: Desk):
    people = {each["sync_key"]: each for each in settled_desk.sandbox.items("people")}  # type: ignore[union-attr]
    settled_desk.environment["RECONCILER_REDACT_KEY"] = "0123456789abcdef0123456789abcdef"
    settled_desk.run("export", "--per-school", "hidden", "--redact")
    for text in content(settled_desk.directory / "hidden").values():
        assert b"# Redacted: pseudonyms stand for people. For reading only." in text
        for key, person in people.items():
            assert key.encode() not in text
            assert f'"{person["id"]}"'.encode() not in text
    settled_desk.write("t-0412\ns-1040\n", "withheld.txt")
    settled_desk.environment["RECONCILER_WITHHELD"] = "withheld.txt"
    done = settled_desk.run("export", "--per-school", "roles")
    told = "Withheld people: 2, with 4 assignments. To apply this would take those away."
    assert told in done.err
    for text in content(settled_desk.directory / "roles").values():
        assert told.encode() in text
        assert b"t-0412" not in text
        assert b"s-1040" not in text


# A part of the site


def test_a_manifest_for_one_school_is_planned_by_itself(settled_desk: Desk):
    day = ["--as-of", "2026-11-24"]
    for school in ("fjellvik-skole", "Nordberg skole"):  # by key, and by path
        settled_desk.run("export", "--scope", school, *day, "--out", f"{school}.yaml")
        assert UNCHANGED in settled_desk.run("plan", f"{school}.yaml", *day).out
    manifest = read(settled_desk.directory / "fjellvik-skole.yaml")
    assert manifest["scope"] == {"within": ["fjellvik-skole"]}
    assert not {"roles", "labels"} & manifest.keys()
    assert {"person": "t-0412", "learners": ["s-1040"]} in manifest["mentors"]
    other = read(settled_desk.directory / "Nordberg skole.yaml")
    assert {"person": "t-0412", "classes": ["8a"], "groups": ["choir"], "learners": ["s-1020"]} in (
        other["mentors"]
    )
    both = ["--scope", "fjellvik-skole", "--scope", "nordberg-skole"]
    settled_desk.run("export", *both, *day, "--out", "both.yaml")
    within = read(settled_desk.directory / "both.yaml")["scope"]["within"]
    assert within == ["fjellvik-skole", "nordberg-skole"]
    assert UNCHANGED in settled_desk.run("plan", "both.yaml", *day).out


def test_a_scope_that_is_unknown_or_everything_is_told(first_desk: Desk):
    told = first_desk.run("export", "--scope", "fjelvik-skole", expect=1).err
    assert "Did you mean 'fjellvik-skole'?" in told
    told = first_desk.run("export", "--scope", "nordberg-kommune", expect=1).err
    assert "the whole site" in told


# What does not go together

TOGETHER = {
    "a state and a folder": (["--state", "a.json", "--per-school", "m"], "--per-school"),
    "a state and rules": (["--state", "a.json", "--as-rules", str(ROSTER)], "--as-rules"),
    "a file and a folder": (["--out", "a.yaml", "--per-school", "m"], "--per-school"),
    "a folder and rules": (["--per-school", "m", "--as-rules", str(ROSTER)], "--as-rules"),
    "a type without a roster": (["--type", "oneroster-csv"], "--type is for --as-rules"),
    "a base without a roster": (["--base", "x"], "--base is for --as-rules"),
    "a column without a roster": (["--column", "unit=x"], "--column is for --as-rules"),
    "a day without a roster": (["--as-of", "2026-11-24"], "--as-of is for --as-rules and --scope"),
    "a state and a scope": (["--state", "a.json", "--scope", "8a"], "--scope"),
    "a folder and a scope": (["--per-school", "m", "--scope", "8a"], "exclude each other"),
    "a scope and rules": (["--scope", "8a", "--as-rules", str(ROSTER)], "exclude each other"),
    "an empty scope": (["--scope", ""], "--scope is empty"),
    "a table without columns": (["--as-rules", "t.csv", "--type", "csv"], "--column unit=Class"),
    "no roster": (["--as-rules", ""], "--as-rules is empty"),
    "pseudonyms": (["--as-rules", str(ROSTER), "--redact"], "exclude each other"),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_what_does_not_go_together_is_wrong_use(first_desk: Desk, case: str):
    first_desk.environment["RECONCILER_REDACT_KEY"] = "0123456789abcdef0123456789abcdef"
    before = content(first_desk.directory)
    arguments, told = TOGETHER[case]
    done = first_desk.run("export", *arguments, expect=64, **NOWHERE)
    assert told in done.err
    assert content(first_desk.directory) == before


# As rules over a roster


@pytest.fixture(scope="module")
def _ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The municipality with examples/rules.yaml applied."""
    directory = tmp_path_factory.mktemp("ruled")
    with running(directory) as site:
        Desk(directory, site).run("apply", ROOT / "examples" / "rules.yaml", "--yes")
        yield site


@pytest.fixture
def ruled(tmp_path: Path, _ruled: Sandbox) -> Iterator[Desk]:
    """A desk with the roster, at the site that rules made; nobody may write to it."""
    shutil.copytree(ROSTER, tmp_path / "roster")
    writes = _ruled.writes()
    yield Desk(tmp_path, _ruled)
    assert _ruled.writes() == writes


def rules_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(path)["rules"]
    return found


def test_the_rules_of_the_example_are_found_in_what_they_made(ruled: Desk):
    done = ruled.run("export", "--as-rules", "roster", "--out", "roles.yaml")
    assert done.err == "Wrote the manifest to roles.yaml.\n"
    path = ruled.directory / "roles.yaml"
    assert path.stat().st_mode & 0o077 == 0
    manifest = read(path)
    assert [rule["mentor"] for rule in manifest["rules"] if "mentor" in rule] == [
        {"who": "primary_teacher", "of": "homeroom"}
    ]
    assert manifest["rosters"] == {"sis": {"type": "oneroster-csv", "path": "roster"}}
    assert manifest["mentors"] == [{"person": "t-0412", "groups": ["choir"]}]
    text = path.read_text()
    assert "  # Gives 6 of 7 mentor assignments; exceptions: 0 people, 0 units.\n" in text
    assert "# No rule gives 1 of 7 mentor assignments.\nmentors:\n" in text
    assert UNCHANGED in ruled.run("plan", "roles.yaml").out
    assert "6 mentors over 6 units" in ruled.run("rules", "test", "roles.yaml").out
    again = ruled.run("export", "--as-rules", "roster", PYTHONHASHSEED="3")
    assert again.out == text
    assert again.err == ""


def test_what_others_changed_is_excepted_or_declared(tmp_path: Path, sandbox: Sandbox):
    desk = Desk(tmp_path, sandbox)
    desk.run("apply", ROOT / "examples" / "rules.yaml", "--yes")
    sandbox.unassign("mentor/t-0404/class/9a")
    sandbox.assign("mentor/t-0403/class/9a")
    sandbox.assign("mentor/t-0403/learner/s-1001")
    desk.run("export", "--as-rules", ROSTER, "--out", "roles.yaml")
    (rule,) = [each for each in rules_of(tmp_path / "roles.yaml") if "mentor" in each]
    assert rule["except"] == {"units": ["9a"]}
    assert {"person": "t-0403", "classes": ["9a"], "learners": ["s-1001"]} in read(
        tmp_path / "roles.yaml"
    )["mentors"]
    assert "exceptions: 0 people, 1 unit." in (tmp_path / "roles.yaml").read_text()
    assert UNCHANGED in desk.run("plan", "roles.yaml").out


def test_the_path_of_the_roster_leads_there_from_the_manifest(ruled: Desk):
    folder = ruled.directory / "deep" / "er"
    folder.mkdir(parents=True)
    (ruled.directory / "there").symlink_to("deep/er")
    (ruled.directory / "newest").symlink_to("roster")
    for out, roster, path in (
        ("deep/er/a.yaml", "roster", "../../roster"),
        ("there/b.yaml", "./roster/", "../../roster"),
        ("c.yaml", "newest", "newest"),
        ("d.yaml", "deep/../roster", "roster"),
        ("roster/e.yaml", "roster", "."),
        ("f.yaml", str(ROSTER), str(ROSTER)),
    ):
        ruled.run("export", "--as-rules", roster, "--out", out)
        assert read(ruled.directory / out)["rosters"]["sis"]["path"] == path
        assert UNCHANGED in ruled.run("plan", out).out


def test_another_day_is_another_roster(ruled: Desk):
    told = ruled.run("export", "--as-rules", "roster", "--as-of", "2028-01-01", expect=1).err
    assert "The rule that gives most, principal of schools, gives 2 of 9 assignments" in told
    text = ruled.run("export", "--as-rules", "roster", "--as-of", "2026-11-24").out
    assert "# On 2026-11-24 it plans to nothing." in text


def test_where_no_rule_pays_it_says_so_and_writes_nothing(settled_desk: Desk):
    """In the example's manifest, written by hand, too much is otherwise than in the roster."""
    done = settled_desk.run("export", "--as-rules", ROSTER, "--out", "ruled.yaml", expect=1)
    assert done.out == ""
    assert done.err.startswith(
        "Error: No rules can be proposed from this roster: with them, the manifest would be no "
        "shorter. The rule that gives most, primary_teacher of homerooms, gives 4 of 9 "
        "assignments, with 2 exceptions."
    )
    assert not (settled_desk.directory / "ruled.yaml").exists()


def test_a_roster_with_mistakes_is_told_before_anything_is_fetched(first_desk: Desk):
    roster = first_desk.directory / "roster"
    shutil.copytree(ROSTER, roster)
    (roster / "classes.csv").write_text("sourcedId\n")
    assert "RR3" in first_desk.run("export", "--as-rules", "roster", expect=1, **NOWHERE).err
    assert "gone" in first_desk.run("export", "--as-rules", "gone", expect=1, **NOWHERE).err


def test_a_table_is_a_roster_too(settled_desk: Desk):
    settled_desk.write(
        "Klasse;Lærer\n8a;t-0412\n8b;t-0403\n9a;t-0401\n1a;t-0407\n1b;t-0408\nno;t-0408\n",
        "teachers.csv",
    )
    columns = ["--type", "csv", "--column", "unit=Klasse", "--column", "person=Lærer"]
    settled_desk.run("export", "--as-rules", "teachers.csv", *columns, "--out", "ruled.yaml")
    manifest = read(settled_desk.directory / "ruled.yaml")
    assert manifest["rosters"]["sis"] == {
        "type": "csv",
        "path": "teachers.csv",
        "columns": {"unit": "Klasse", "person": "Lærer"},
    }
    assert len(manifest["mentors"]) == 1
    assert len(manifest["headteachers"]) == 2
    assert UNCHANGED in settled_desk.run("plan", "ruled.yaml").out


def test_a_delta_is_declared_with_its_base(ruled: Desk):
    delta = ruled.directory / "delta"
    delta.mkdir()
    table = (ROSTER / "manifest.csv").read_text()
    kept = {"manifest.csv": table.replace(",bulk", ",delta")}
    for name in ("classes", "enrollments", "orgs", "roles", "users"):
        head, *_ = (ROSTER / f"{name}.csv").read_text().splitlines()
        kept[f"{name}.csv"] = f"{head}\n"
    for name, text in kept.items():
        (delta / name).write_text(text)
    ruled.run("export", "--as-rules", "delta", "--base", "roster", "--out", "roles.yaml")
    assert read(ruled.directory / "roles.yaml")["rosters"]["sis"]["base"] == "roster"
    assert UNCHANGED in ruled.run("plan", "roles.yaml").out


def test_a_service_is_declared_by_its_name_in_the_settings(ruled: Desk):
    with serving(ROSTER, "1.2") as system:
        settings = f'[rosters.skoler]\nurl = "{system.url}"\ntoken = {{env = "SIS_TOKEN"}}\n'
        ruled.write(settings, "reconciler.toml")
        ruled.environment["SIS_TOKEN"] = TOKEN
        service = ["--type", "oneroster-rest"]
        ruled.run("export", "--as-rules", "skoler", *service, "--out", "roles.yaml")
        manifest = read(ruled.directory / "roles.yaml")
        assert manifest["rosters"] == {"skoler": {"type": "oneroster-rest"}}
        assert manifest["mentors"] == [{"person": "t-0412", "groups": ["choir"]}]
        assert UNCHANGED in ruled.run("plan", "roles.yaml").out
        told = ruled.run("export", "--as-rules", "andre", *service, expect=1, **NOWHERE).err
        assert "rosters.andre" in told
        base = [*service, "--base", "x"]
        assert (
            "--base is not for" in ruled.run("export", "--as-rules", "skoler", *base, expect=64).err
        )


def test_no_rules_are_proposed_while_somebody_is_withheld(ruled: Desk):
    ruled.write("t-0412\n", "withheld.txt")
    ruled.environment["RECONCILER_WITHHELD"] = "withheld.txt"
    done = ruled.run("export", "--as-rules", "roster", expect=1)
    assert "while people are withheld" in done.err
    assert "t-0412" not in done.out + done.err


def test_an_export_by_rules_has_its_normal_form(ruled: Desk):
    ruled.run("export", "--as-rules", "roster", "--out", "ruled.yaml")
    assert ruled.run("fmt", "--check", "ruled.yaml").out == ""


def test_a_link_among_the_folders_is_refused_before_anything_is_written(settled_desk: Desk):
    there = settled_desk.directory
    (there / "other").mkdir()
    (there / "roles").mkdir()
    (there / "roles" / "schools").symlink_to(there / "other")
    told = settled_desk.run("export", "--per-school", "roles", expect=64).err
    assert "there is a link to a folder: roles/schools" in told
    assert not list((there / "other").iterdir())
    assert sorted(path.name for path in (there / "roles").iterdir()) == ["schools"]


def test_a_district_set_up_by_hand_becomes_a_few_lines(tmp_path: Path, district_zip: Path):
    with running(tmp_path, "--seed", str(district_zip)) as site:
        desk = Desk(tmp_path, site)
        rule = {"who": "primary_teacher", "of": {"class_type": "scheduled"}}
        by_hand = {
            "version": 1,
            "site": site.call("GET", "site")["id"],
            "roles": {"mentor": {"profiles": ["Staff"]}},
            "rosters": {"sis": {"type": "oneroster-csv", "path": str(district_zip)}},
            "rules": [{"name": "mentors", "mentor": rule}],
        }
        desk.write(by_hand)
        desk.run("apply", "roles.yaml", "--yes")
        writes = site.writes()
        desk.run("export", "--as-rules", district_zip, "--out", "adopted.yaml")
        (found,) = rules_of(tmp_path / "adopted.yaml")
        assert found["mentor"] == {"who": "primary_teacher", "of": "class"}, "all are scheduled"
        assert "Gives 60 of 60 mentor assignments" in (tmp_path / "adopted.yaml").read_text()
        assert UNCHANGED in desk.run("plan", "adopted.yaml").out
        desk.run("export", "--per-school", "adopted")
        files = content(tmp_path / "adopted")
        assert len(files) == 2 + 6
        assert UNCHANGED in desk.run("plan", "adopted").out
        assert site.writes() == writes
