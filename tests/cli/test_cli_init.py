"""`init`: a folder to begin with, whose files do what they say."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import warm
import yaml
from code_host import code_host
from pifu import as_xml, before_1_3
from sandboxes import PROGRAM, ROOT, Desk, Done
from test_cli_terminal import converse
from traps import lay_traps, sprung

from reconciler.cli.main import COMMANDS
from reconciler.connection import load_connection
from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.starter.labels import LABELS

ANSWERS = ("--site", "nordberg-kommune", "--url", "https://roles.example")
PIPELINES = {"github": ".github/workflows/roles.yaml", "gitlab": ".gitlab-ci.yml"}
PLACE = "office/reconciler@" + "0" * 40
FILES = ["roles.yaml", "reconciler.toml", ".gitignore", "manifest-v1.schema.json"]


@pytest.fixture
def empty(tmp_path):
    """A desk in an empty folder."""
    return Desk(tmp_path)


def files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in found)


def steps(said: str) -> list[list[str]]:
    """The commands that come next, in words."""
    lines = (line.split("  #")[0].split() for line in said.splitlines())
    return [words[1:] for words in lines if words[0] == "reconciler"]


def test_a_new_user_goes_from_an_empty_folder_to_a_plan(tmp_path, untouched):
    desk = Desk(tmp_path, untouched)
    url = desk.environment.pop("RECONCILER_URL")
    del desk.environment["RECONCILER_TOKEN_URL"]
    done = desk.run("init", "--site", "nordberg-kommune", "--url", url, "--pipeline", "github")
    assert "RECONCILER_URL is set" not in done.err
    validate, plan, export = steps(done.out)
    assert desk.run(*validate).out == "Valid: roles.yaml (checked offline).\n"
    assert "Nothing to change" in desk.run(*plan).out
    assert desk.run(*export).err == "Wrote the manifest to exported.yaml.\n"
    assert "Nothing to change" in desk.run("plan", "exported.yaml").out
    desk.run("validate", "roles.yaml", "--online")
    desk.run("drift", "roles.yaml", "-e", "production")


def test_the_folder_is_made_and_named(empty):
    done = empty.run("init", "a folder/roles", *ANSWERS)
    assert files(empty.directory / "a folder" / "roles") == sorted(FILES)
    assert "  cd 'a folder/roles'\n" in done.out
    assert [words[0] for words in steps(done.out)] == ["validate", "plan", "export"]
    assert "cd" not in Desk(empty.directory / "a folder").run("init", *ANSWERS).out


@pytest.mark.parametrize("language", LABELS)
def test_what_roles_are_called_is_offered_and_holds_without_the_marks(empty, language):
    empty.run("init", *ANSWERS, "--labels", language)
    empty.run("fmt", "--check")
    path = empty.directory / "roles.yaml"
    text = path.read_text(encoding="utf-8")
    assert "labels" not in yaml.safe_load(text), "it is for somebody to decide on"
    section = re.search(r"^# labels:\n(#  .+\n)+", text, re.MULTILINE)
    assert section
    marked = "".join(line.removeprefix("# ") for line in section[0].splitlines(keepends=True))
    path.write_text(text + marked, encoding="utf-8")
    empty.run("validate", "roles.yaml")
    names = yaml.safe_load(marked)["labels"]
    found = LABELS[language]
    assert names["mentor"] == {"tool_name": found.mentor_tool, "role_name": found.mentor}
    assert names["headteacher"]["role_name"] == found.headteacher


@pytest.mark.parametrize("pipeline", [*PIPELINES, "none"])
def test_each_file_is_what_it_claims_to_be(empty, pipeline):
    empty.run("init", *ANSWERS, "--pipeline", pipeline, "--timezone", "Europe/Oslo")
    wanted = [*FILES, *([PIPELINES[pipeline]] if pipeline in PIPELINES else [])]
    assert files(empty.directory) == sorted(wanted)
    assert "1 file" in empty.run("validate", ".").out
    empty.run("fmt", "--check")
    assert "timezone: Europe/Oslo" in (empty.directory / "roles.yaml").read_text()
    found = load_connection(
        None,
        config=None,
        environ={"RECONCILER_CLIENT_ID": "me", "RECONCILER_CLIENT_SECRET": "hunter2"},
        directory=empty.directory,
    )
    assert (found.url, found.client_id) == ("https://roles.example", "me")
    assert found.client_secret is not None


def test_credentials_are_neither_needed_nor_written(tmp_path, untouched):
    """Whatever the environment holds; and no site is asked, as its address is nobody's."""
    desk = Desk(tmp_path, untouched)
    done = desk.run("init", *ANSWERS, "--pipeline", "gitlab")
    assert "RECONCILER_URL is set, and wins over reconciler.toml" in done.err
    for name in files(tmp_path):
        text = (tmp_path / name).read_text()
        for secret in (*untouched.secrets, untouched.token()):
            assert secret not in text


@pytest.mark.parametrize("name", [*FILES[:2], ".github/workflows/roles.yaml"])
def test_no_file_is_replaced_and_then_none_is_written(empty, name):
    empty.write("mine\n", name)
    done = empty.run("init", *ANSWERS, "--pipeline", "github", expect=1)
    assert done.err.startswith(f"Error: Nothing was written: {name} exists already.\n")
    assert files(empty.directory) == [name]
    assert (empty.directory / name).read_text() == "mine\n"


def test_a_gitignore_that_is_there_stays_and_what_it_lacks_is_told(empty):
    empty.write("*.db\n*.zip\nmine/\n", ".gitignore")
    told = empty.run("init", *ANSWERS).err
    assert "Wrote roles.yaml, reconciler.toml, manifest-v1.schema.json.\n" in told
    (line,) = [each for each in told.splitlines() if each.startswith("Left .gitignore as it is")]
    lacking = line.rpartition(": ")[2].split()
    assert {"*plan*.json", ".env", "*.[xX][mM][lL]"} <= set(lacking)
    assert not {"*.db", "*.zip", "#"} & set(lacking)
    assert (empty.directory / ".gitignore").read_text() == "*.db\n*.zip\nmine/\n"
    empty.write("\n".join(lacking) + "\n*.db\n*.zip\n", ".gitignore")
    for name in FILES[:2]:
        (empty.directory / name).unlink()
    assert "Left .gitignore" not in empty.run("init", *ANSWERS).err


def test_all_files_that_are_there_are_named(empty):
    for name in FILES:
        (empty.directory / name).symlink_to("nowhere")
    told = empty.run("init", *ANSWERS, expect=1).err
    assert f"{', '.join(FILES)} exist already." in told


def test_what_an_answer_says_is_left_as_it_is(empty):
    empty.run("init", "--site", "x@TIMEZONE@y@RULES@", "--url", "https://roles.example")
    assert "site: x@TIMEZONE@y@RULES@" in (empty.directory / "roles.yaml").read_text().replace(
        '"', ""
    )


def test_what_was_written_is_taken_away_when_a_file_cannot_be(empty):
    empty.write("no folder\n", ".github")
    assert ".github" in empty.run("init", *ANSWERS, "--pipeline", "github", expect=1).err
    assert files(empty.directory) == [".github"]


WRONG = {
    "no site": (["--url", "https://roles.example"], "--site"),
    "no address": (["--site", "x"], "--url"),
    "an empty site": (["--site", "", "--url", "https://roles.example"], "--site is empty"),
    "a site of two lines": (["--site", "a\nb", "--url", "https://roles.example"], "site's id"),
    "no web address": (["--site", "x", "--url", "roles.example"], "--url is not a web address"),
    "not encrypted": (["--site", "x", "--url", "http://roles.example"], "--url is not encrypted"),
    "a password": (["--site", "x", "--url", "https://a:hunter2@b.example"], "holds credentials"),
    "a time zone": ([*ANSWERS, "--timezone", "Europe/Olso"], "Europe/Oslo"),
    "a pipeline": ([*ANSWERS, "--pipeline", "jenkins"], "jenkins"),
    "an empty folder": (["", *ANSWERS], "DIRECTORY is empty"),
    "an action of no pipeline": ([*ANSWERS, "--action", PLACE], "--action is for a pipeline"),
    "an action of any state": (
        [*ANSWERS, "--pipeline", "github", "--action", "office/reconciler@main"],
        "all 40 digits of the commit",
    ),
    "an action that is more": (
        [*ANSWERS, "--pipeline", "gitlab", "--action", f"{PLACE}\nscript: [env]"],
        "no place of this program",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_answers_are_wrong_use_and_write_nothing(empty, case):
    arguments, told = WRONG[case]
    done = empty.run("init", *arguments, expect=64)
    assert told in done.err
    assert "hunter2" not in done.err
    assert files(empty.directory) == []


@pytest.mark.parametrize("site", ["0412", "no", "2026-08-17", 'a "b"', "å: [x]", "#1", "a, b"])
def test_any_id_of_a_site_can_stand_in_the_manifest(empty, site):
    empty.run("init", "--site", site, "--url", "https://roles.example")
    empty.run("validate", "roles.yaml")
    assert yaml.safe_load((empty.directory / "roles.yaml").read_text())["site"] == site


# Rosters


def nordberg(desk: Desk, directory: str, *arguments: str, **more: Any) -> Done:
    answers = ("--site", "nordberg-kommune", "--url", desk.environment["RECONCILER_URL"])
    return desk.run("init", directory, *answers, *arguments, **more)


def roster_in(folder: Path) -> dict[str, Any]:
    manifest = yaml.safe_load((folder / "roles.yaml").read_text())
    (declared,) = manifest["rosters"].values()
    return dict(declared)


def test_a_roster_gives_rules_and_nothing_is_said_that_they_make_untrue(settled_desk):
    desk = settled_desk
    (desk.directory / "roster").symlink_to(ROOT / "examples" / "roster")
    done = nordberg(desk, "roles", "--roster", "roster")
    assert "nothing yet" not in done.out + done.err
    assert "take away" in done.out
    desk.run("fmt", "--check", "roles")
    text = (desk.directory / "roles" / "roles.yaml").read_text()
    assert 'path: "../roster"' in text
    assert "changes nothing yet" not in text
    assert "loses what else they have of its role" in text
    inside = Desk(desk.directory / "roles", desk.sandbox)
    validate, test, plan, export = steps(done.out)
    inside.run(*validate)
    assert "contact-teachers" in inside.run(*test).out
    told = inside.run(*plan, "--as-of", "2026-11-24", expect=4).out
    assert "+  class 9a         rule contact-teachers" in told
    assert "  -  " in told
    inside.run(*export)


def test_a_roster_that_cannot_be_read_writes_nothing(settled_desk):
    (settled_desk.directory / "half").mkdir()
    for name in ("no.zip", "half"):
        assert "RR3" in nordberg(settled_desk, "b", "--roster", name, expect=1).err
    assert not (settled_desk.directory / "b").exists()


TABLE = "Klasse;Lærer;Hoved\n8a;t-0412;ja\n8a;t-0401;\n9a;t-0404;ja\n"
COLUMNS = ("--type", "csv", "--column", "unit=Klasse", "--column", "person=Lærer")


WIDE = (
    "Nobody in the roster is the primary teacher of a class, so no rule makes mentors. One that "
    "takes everybody who teaches a class would give 3 mentors over 2 classes."
)


def decided(folder: Path) -> None:
    """Take the # away from the rule that was only proposed."""
    path = folder / "roles.yaml"
    lines = path.read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if re.match("(  )?# .*- name: ", line))
    first -= lines[first - 1] == "# rules:"
    for n in range(first, next(n for n in range(first, len(lines)) if not lines[n])):
        lines[n] = lines[n].replace("# ", "", 1)
    path.write_text("\n".join(lines) + "\n")


def test_a_table_is_a_roster_too(settled_desk):
    """One that does not say who is primary gives nobody a role before somebody says so."""
    settled_desk.write(TABLE, "teachers.txt")
    done = nordberg(settled_desk, "a", "--roster", "teachers.txt", *COLUMNS)
    assert roster_in(settled_desk.directory / "a") == {
        "type": "csv",
        "path": "../teachers.txt",
        "columns": {"unit": "Klasse", "person": "Lærer"},
    }
    assert f"{WIDE} It stands in roles.yaml as a comment.\n" in done.err
    assert "name it instead: --column primary=HEADING.\n" in done.err
    text = (settled_desk.directory / "a" / "roles.yaml").read_text()
    assert WIDE in text.replace("\n# ", " ")
    assert "this file changes nothing yet" in text
    assert [words[0] for words in steps(done.out)] == ["validate", "plan", "export"]
    settled_desk.run("validate", "a")
    assert "Nothing to change" in settled_desk.run("plan", "a").out
    decided(settled_desk.directory / "a")
    assert "teachers: 3 mentors over 2 units" in settled_desk.run("rules", "test", "a").out
    done = nordberg(
        settled_desk, "b", "--roster", "teachers.txt", *COLUMNS, "--column", "primary=Hoved"
    )
    assert "Nobody" not in done.err
    assert "contact-teachers: 2 mentors" in settled_desk.run("rules", "test", "b").out
    settled_desk.run("validate", "b")


def test_contact_groups_are_proposed_where_no_homeroom_has_a_primary_teacher(settled_desk):
    """The principals' rule stands beside what is proposed; what `roster check` tells is told."""
    older = before_1_3(read_bundle(ROOT / "examples" / "roster"))
    (settled_desk.directory / "pifu.xml").write_bytes(as_xml(older))
    done = nordberg(settled_desk, "a", "--roster", "pifu.xml", "--type", "ims-enterprise")
    assert "pifu.xml: warning RR315: no homeroom has a primary teacher" in done.err
    assert (
        "Nobody in the roster is the primary teacher of a homeroom, so no rule makes mentors. One "
        "that takes the primary teachers of classes of the type kontaktlærergruppe would give "
        "6 mentors over 6 classes. It stands in roles.yaml as a comment.\n"
    ) in done.err
    found = settled_desk.run("rules", "test", "a").out
    assert "principals" in found
    assert "mentors" not in found
    settled_desk.run("fmt", "--check", "a")
    decided(settled_desk.directory / "a")
    settled_desk.run("fmt", "--check", "a")
    assert "primary-teachers: 0 mentors" in settled_desk.run("rules", "test", "a", expect=1).out


def test_primary_teachers_of_any_subject_are_proposed_and_not_made_mentors(
    settled_desk, district_zip
):
    """Only in a homeroom does who leads a class speak for who is its mentor."""
    done = nordberg(settled_desk, "a", "--roster", str(district_zip))
    why = (
        "The roster has no homerooms, and a primary teacher of OneRoster leads a class of any "
        "subject, so no rule makes mentors. One that takes the primary teachers of classes would "
        "give 60 mentors over 60 classes."
    )
    assert f"{why} It stands in roles.yaml as a comment.\n" in done.err
    path = settled_desk.directory / "a" / "roles.yaml"
    assert why in path.read_text().replace("\n# ", " ")
    assert "rules" not in yaml.safe_load(path.read_text())
    settled_desk.run("fmt", "--check", "a")
    decided(settled_desk.directory / "a")
    (rule,) = yaml.safe_load(path.read_text())["rules"]
    assert rule == {
        "name": "primary-teachers",
        "mentor": {"who": "primary_teacher", "of": "class"},
    }


def test_of_homerooms_without_teachers_it_is_told_whom_the_wider_rule_takes(settled_desk):
    shutil.copytree(ROOT / "examples" / "roster", settled_desk.directory / "roster")
    file = settled_desk.directory / "roster" / "enrollments.csv"
    heading, *rows = file.read_text().splitlines()
    at = heading.split(",").index("primary")
    classes = (settled_desk.directory / "roster" / "classes.csv").read_text().splitlines()
    homerooms = {row.split(",")[0] for row in classes if "homeroom" in row}
    kept = [heading]
    for row in rows:
        cells = row.split(",")
        if "teacher" in cells:
            if homerooms & {*cells}:
                continue
            cells[at] = "false"
        kept.append(",".join(cells))
    file.write_text("\n".join(kept) + "\n")
    done = nordberg(settled_desk, "a", "--roster", "roster")
    assert (
        "Nobody in the roster is the primary teacher of a homeroom, so no rule makes mentors. One "
        "that takes everybody who teaches a class would give "
    ) in done.err
    decided(settled_desk.directory / "a")
    rules = yaml.safe_load((settled_desk.directory / "a" / "roles.yaml").read_text())["rules"]
    assert {"name": "teachers", "mentor": {"who": "teacher", "of": "class"}} in rules


def test_a_roster_of_nobody_who_teaches_gives_no_rule_for_mentors(settled_desk):
    settled_desk.write("Klasse;Lærer;Rolle\n8a;s-1001;student\n", "table.csv")
    done = nordberg(settled_desk, "a", "--roster", "table.csv", *COLUMNS, "--column", "role=Rolle")
    assert "Nobody in the roster teaches a class: no rule for mentors.\n" in done.err
    settled_desk.run("validate", "a")


def test_what_is_left_out_of_a_roster_is_told_by_whoever_writes_rules_over_it(settled_desk):
    shutil.copytree(ROOT / "examples" / "roster", settled_desk.directory / "roster")
    file = settled_desk.directory / "roster" / "users.csv"
    file.write_text(file.read_text().replace("t-0412,,,", "t-0412,tobedeleted,,"))
    told = (
        "roster: warning RR410: left out: 2 rows of enrollments.csv with a class or user marked "
        "tobedeleted; the first is row 77"
    )
    assert told in nordberg(settled_desk, "a", "--roster", "roster").err
    exported = settled_desk.run("export", "--as-rules", "roster", "--as-of", "2026-11-24", expect=1)
    assert told in exported.err


def test_a_delta_is_declared_with_its_base(settled_desk):
    """Which is told, too, where Git would keep it."""
    there = settled_desk.directory
    shutil.copytree(ROOT / "examples" / "roster", there / "august")
    (there / "delta").mkdir()
    for path in (there / "august").iterdir():
        text = path.read_text()
        changed = text.replace(",bulk", ",delta") if path.name == "manifest.csv" else text
        (there / "delta" / path.name).write_text(changed)
    git(settled_desk, "init", "-q")
    done = nordberg(settled_desk, "a", "--roster", "delta", "--base", "august")
    assert roster_in(there / "a") == {
        "type": "oneroster-csv",
        "path": "../delta",
        "base": "../august",
    }
    assert [len(told_of(done, name)) for name in ("delta", "august")] == [1, 1]
    assert "contact-teachers" in settled_desk.run("rules", "test", "a").out


def test_an_ims_enterprise_file_is_a_roster_too(settled_desk):
    made = as_xml(read_bundle(ROOT / "examples" / "roster"))
    (settled_desk.directory / "pifu.xml").write_bytes(made)
    nordberg(settled_desk, "a", "--roster", "pifu.xml", "--type", "ims-enterprise")
    assert roster_in(settled_desk.directory / "a") == {
        "type": "ims-enterprise",
        "path": "../pifu.xml",
    }
    settled_desk.run("validate", "a")


PRIMARY = (*COLUMNS, "--column", "primary=Hoved")
ROSTERS = {
    "none": (),
    "a bundle": ("--roster", "roster"),
    "a delta": ("--roster", "delta", "--base", "roster"),
    "IMS Enterprise": ("--roster", "pifu.xml", "--type", "ims-enterprise"),
    "IMS Enterprise before 1.3": ("--roster", "older.xml", "--type", "ims-enterprise"),
    "a table": ("--roster", "a #1: list.csv", *COLUMNS),
    "a table that says who is primary": ("--roster", "a #1: list.csv", *PRIMARY),
    "a table of nobody": ("--roster", "a #1: list.csv", *COLUMNS, "--column", "role=Rolle: #"),
}


@pytest.mark.parametrize("kind", ROSTERS)
def test_what_is_written_has_its_normal_form_whatever_the_roster_is(empty, kind):
    there = empty.directory
    shutil.copytree(ROOT / "examples" / "roster", there / "roster")
    example = read_bundle(there / "roster")
    (there / "pifu.xml").write_bytes(as_xml(example))
    (there / "older.xml").write_bytes(as_xml(before_1_3(example)))
    rows = TABLE.splitlines()
    roles = [f"{rows[0]};Rolle: #", *(f"{row};student" for row in rows[1:])]
    empty.write("\n".join(roles if "nobody" in kind else rows) + "\n", "a #1: list.csv")
    shutil.copytree(there / "roster", there / "delta")
    manifest = there / "delta" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",bulk", ",delta"))
    empty.run("init", "a", *ANSWERS, *ROSTERS[kind])
    empty.run("fmt", "--check", "a")
    empty.run("validate", "a")


ROSTER_OPTIONS = {
    "a type without a roster": (["--type", "csv"], "--type is for --roster"),
    "a base without a roster": (["--base", "x"], "--base is for --roster"),
    "a table without columns": (["--roster", "x.csv", "--type", "csv"], "--column unit=Class"),
    "an address": (["--roster", "https://sis.example"], "[rosters.NAME] in reconciler.toml"),
    "a service": (["--roster", "x", "--type", "ss12000"], "ss12000"),
}


@pytest.mark.parametrize("case", ROSTER_OPTIONS)
def test_options_of_a_roster_that_do_not_go_together_are_wrong_use(empty, case):
    arguments, told = ROSTER_OPTIONS[case]
    assert told in empty.run("init", *ANSWERS, *arguments, expect=64).err
    assert files(empty.directory) == []


def test_the_path_of_a_roster_leads_there_from_a_folder_behind_a_link(settled_desk):
    there = settled_desk.directory
    (there / "deep" / "er").mkdir(parents=True)
    (there / "link").symlink_to("deep/er")
    shutil.copytree(ROOT / "examples" / "roster", there / "roster")
    shutil.copytree(ROOT / "examples" / "roster", there / "deep" / "inner")
    (there / "newest").symlink_to("roster")
    for number, (roster, path) in enumerate(
        {
            "roster/": "../../../roster",
            "newest": "../../../newest",
            "link/../inner": "../../inner",
            str(there / "roster"): str(there / "roster"),
        }.items()
    ):
        folder = f"link/{number}"
        nordberg(settled_desk, folder, "--roster", roster)
        assert roster_in(there / folder)["path"] == path
        assert "contact-teachers" in settled_desk.run("rules", "test", folder).out


# Links


@pytest.mark.parametrize("link", [".github", ".github/workflows"])
def test_nothing_is_written_through_a_link_among_the_folders(empty, link):
    elsewhere = empty.directory / "elsewhere"
    elsewhere.mkdir()
    place = empty.directory / "roles" / link
    place.parent.mkdir(parents=True)
    place.symlink_to(elsewhere)
    done = empty.run("init", "roles", *ANSWERS, "--pipeline", "github", expect=1)
    assert f"Nothing was written: roles/{link} is a link to somewhere else." in done.err
    assert files(empty.directory) == []
    (empty.directory / "named").symlink_to("elsewhere")
    empty.run("init", "named", *ANSWERS, "--pipeline", "github")
    assert PIPELINES["github"] in files(elsewhere), "the folder itself is what was named"


QUESTIONS = {
    "--site": ("The site's id:", "nordberg-kommune"),
    "--url": ("The site's address:", "https://roles.example"),
    "--timezone": ("Its time zone [UTC]:", "Europe/Oslo"),
    "--pipeline": ("The pipeline (github, gitlab, none) [none]:", "github"),
    "--labels": ("(da, de, en, fi, nb, nn, sv, none) [none]:", "nb"),
}


@pytest.mark.parametrize("option", QUESTIONS)
def test_on_a_terminal_it_asks_for_what_was_not_given(empty, option):
    given = [
        word
        for other, (_, answer) in QUESTIONS.items()
        if other != option
        for word in (other, answer)
    ]
    question, answer = QUESTIONS[option]
    code, said = converse(empty, ["init", *given], question, f"{answer}\n")
    assert code == 0, said
    assert files(empty.directory) == sorted([*FILES, PIPELINES["github"]])
    desired = (empty.directory / "roles.yaml").read_text()
    assert "site: nordberg-kommune " in desired
    assert "timezone: Europe/Oslo " in desired
    assert "#     role_name: Kontaktlærer\n" in desired


REFUSED = {
    "--site": ("nord berg\u202e", "cannot stand in a manifest"),
    "--url": ("roles.example", "--url"),
    "--timezone": ("Europe/Olso", "'Europe/Olso' is not a time zone. Did you mean 'Europe/Oslo'?"),
}


@pytest.mark.parametrize("option", REFUSED)
def test_on_a_terminal_an_answer_that_is_refused_is_asked_for_again(empty, option):
    """The others are kept: what was typed before it is not typed twice."""
    given = [word for other, (_, answer) in QUESTIONS.items() if other != option
             for word in (other, answer)]  # fmt: skip
    question, answer = QUESTIONS[option]
    refused, why = REFUSED[option]
    code, said = converse(empty, ["init", *given], question, f"{refused}\n{answer}\n")
    assert code == 0, said
    assert why in said
    assert said.count(question) == 2
    assert files(empty.directory) == sorted([*FILES, PIPELINES["github"]])


@pytest.mark.parametrize("name", ["roles.yaml", "reconciler.toml", PIPELINES["github"]])
def test_nothing_is_asked_where_a_file_is_there_already(empty, name):
    (empty.directory / name).parent.mkdir(parents=True, exist_ok=True)
    empty.write("mine", name)
    code, said = converse(empty, ["init", "--pipeline", "github"], "already", "")
    assert code == 1, said
    assert f"Nothing was written: {name} exists already." in said
    assert "The site's id" not in said


@pytest.mark.parametrize("option", ["--timezone", "--pipeline", "--labels"])
def test_on_a_terminal_enter_takes_the_default(empty, option):
    defaults = {"--timezone": ("UTC",), "--pipeline": ("none",), "--labels": ("nb",)}
    given = [word for other in defaults if other != option for word in (other, *defaults[other])]
    question = QUESTIONS[option][0]
    code, said = converse(empty, ["init", *ANSWERS, *given], question, "\n")
    assert code == 0, said
    assert files(empty.directory) == sorted(FILES)
    written = (empty.directory / "roles.yaml").read_text()
    assert ("Kontaktlærer" in written) == (option != "--labels")


def test_on_a_terminal_one_may_leave_or_not_be_asked(empty):
    code, said = converse(empty, ["init"], "The site's id:", "\x04")
    assert code == 1, said
    code, said = converse(empty, ["init", "--yes"], "--site is missing", "")
    assert code == 64, said
    assert files(empty.directory) == []


# What Git keeps


def test_git_keeps_what_is_to_be_kept_and_nothing_else(empty):
    empty.run("init", *ANSWERS, "--pipeline", "github")
    private = [
        *("plan.json", "plan.md", "plan.txt", "drift.txt", "live.json", "state/journal.db"),
        *("journal.db", "journal.db-wal", "exported.yaml", ".env", ".env.local", "roster.zip"),
        *("plan.html", "drift.html", "plan.jsonl", "found.sarif", "repair.json", "ready.json"),
    ]
    for name in private:
        empty.write("x", name)
    git = ["git", "-c", "core.excludesFile=", "-C", str(empty.directory)]
    subprocess.run([*git, "init", "-q"], check=True)
    listed = subprocess.run(
        [*git, "ls-files", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.split() == sorted([*FILES, PIPELINES["github"]])


def git(desk: Desk, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=", "-c", "user.name=x", "-c", "user.email=x@x.example",
         *arguments],
        cwd=desk.directory, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def untracked(desk: Desk) -> list[str]:
    return git(desk, "ls-files", "--others", "--exclude-standard").split("\n")[:-1]


def told_of(done: Done, name: str) -> list[str]:
    return [line for line in done.err.splitlines() if name in line and "people's data" in line]


@pytest.mark.parametrize("name", ["teachers.csv", "lists/my [new] list.txt"])
def test_a_roster_beside_the_folder_that_git_would_keep_is_told_with_the_line_to_add(empty, name):
    git(empty, "init", "-q")
    empty.write(TABLE, name)
    done = empty.run("init", "roles", *ANSWERS, "--roster", name, *COLUMNS)
    (told,) = told_of(done, name)
    assert told.startswith(f"Git does not ignore {name}, and it holds people's data. ")
    where, line = told.partition("Add to ")[2].split(": ", 1)
    assert where == ".gitignore"
    assert name in untracked(empty)
    empty.write(f"{line}\n", where)
    assert name not in untracked(empty)
    done = empty.run("init", "again", *ANSWERS, "--roster", name, *COLUMNS)
    assert told_of(done, name) == []
    done = empty.run("init", "no git", *ANSWERS, "--roster", name, *COLUMNS, PATH="/nowhere")
    assert len(told_of(done, name)) == 1, "without git nobody knows, and the line does no harm"


def test_a_roster_that_is_a_folder_has_its_tables_ignored(empty):
    git(empty, "init", "-q")
    shutil.copytree(ROOT / "examples" / "roster", empty.directory / "sis" / "roster")
    empty.write("keep", "sis/roster/README")
    for place in (".", "sis/roster"):
        desk = Desk(empty.directory / place)
        roster = os.path.relpath(empty.directory / "sis" / "roster", desk.directory)
        done = desk.run("init", "roles", *ANSWERS, "--roster", roster)
        (told,) = told_of(done, roster)
        where, line = told.partition("Add to ")[2].split(": ", 1)
        assert Path(os.path.normpath(desk.directory / where)) == empty.directory / ".gitignore"
        empty.write(f"{line}\n", ".gitignore")
        kept = untracked(empty)
        assert "sis/roster/README" in kept
        assert not [each for each in kept if each.endswith(".csv")]
        (empty.directory / ".gitignore").unlink()


def test_a_roster_that_git_has_already_is_told_with_how_to_take_it_out(empty):
    git(empty, "init", "-q")
    empty.write(TABLE, "teachers.csv")
    git(empty, "add", "teachers.csv")
    done = empty.run("init", "roles", *ANSWERS, "--roster", "teachers.csv", *COLUMNS)
    (told,) = told_of(done, "teachers.csv")
    assert "`git rm -r --cached teachers.csv`" in told
    assert told.endswith("Add to .gitignore: /teachers.csv")


def test_a_roster_in_the_folder_is_ignored_whatever_it_is_called(empty):
    empty.write(TABLE, "roles/a list.txt")
    done = empty.run("init", "roles", *ANSWERS, "--roster", "roles/a list.txt", *COLUMNS)
    assert told_of(done, "roles/a list.txt") == []
    git(empty, "init", "-q")
    assert untracked(empty) == sorted(f"roles/{name}" for name in FILES)
    for name in FILES[:2]:
        (empty.directory / "roles" / name).unlink()
    (empty.directory / "roles" / ".gitignore").write_text("*.db\n")
    done = empty.run("init", "roles", *ANSWERS, "--roster", "roles/a list.txt", *COLUMNS)
    (line,) = [each for each in done.err.splitlines() if each.startswith("Left .gitignore")]
    assert r"/a\ list.txt" in line


# Pipelines


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_pipeline_below_the_top_of_a_repository_is_told_where_it_belongs(empty, pipeline):
    git(empty, "init", "-q")
    name = PIPELINES[pipeline]
    done = empty.run("init", "all/the roles", *ANSWERS, "--pipeline", pipeline)
    (told,) = [line for line in done.err.splitlines() if "top of the repository" in line]
    assert told == (
        f"all/the roles/{name} is looked for at the top of the repository alone: move it to "
        f"{name}. Its commands will run in all/the roles."
    )
    document = yaml.safe_load((empty.directory / "all" / "the roles" / name).read_text())
    if pipeline == "github":
        assert document["defaults"] == {"run": {"working-directory": "all/the roles"}}
        paths = [
            step["with"]["path"]
            for job in document["jobs"].values()
            for step in job["steps"]
            if "path" in step.get("with", {})
        ]
        assert paths == ["all/the roles/plan.json", "all/the roles"]
    else:
        assert document["default"]["before_script"][-1] == "cd 'all/the roles'"
        paths = document["plan"]["artifacts"]["paths"]
        assert paths == ["all/the roles/plan.json", "all/the roles/plan.md"]
        assert document["drift"]["artifacts"]["paths"] == ["all/the roles/drift.md"]
    empty.write("mine", name)
    done = empty.run("init", "other", *ANSWERS, "--pipeline", pipeline)
    assert f"take it up into {name}." in done.err
    (empty.directory / name).unlink()
    assert "top of the" not in empty.run("init", *ANSWERS, "--pipeline", pipeline).err
    assert "top of the" not in empty.run("init", "none", *ANSWERS, "--pipeline", "none").err


def pipeline_of(desk: Desk, pipeline: str) -> str:
    desk.run("init", *ANSWERS, "--pipeline", pipeline)
    return (desk.directory / PIPELINES[pipeline]).read_text()


@pytest.mark.parametrize(
    ("pipeline", "judge"),
    [
        ("github", ["--builtin-schema", "vendor.github-workflows"]),
        ("gitlab", ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    ],
)
def test_the_published_schema_of_a_pipeline_accepts_it(empty, pipeline, judge):
    text = pipeline_of(empty, pipeline)
    program = [sys.executable, "-m", "check_jsonschema", *judge]
    path = empty.directory / PIPELINES[pipeline]
    judged = subprocess.run([*program, path], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    wrong = text.replace("runs-on", "run-on").replace("script:", "scripts:")
    path.write_text(wrong)
    assert subprocess.run([*program, path], capture_output=True, check=False).returncode == 1


def scripts(pipeline: str, text: str) -> dict[str, str]:
    """The shell of each job."""
    document = yaml.safe_load(text)
    if pipeline == "github":
        return {
            name: "\n".join(step["run"] for step in job["steps"] if "run" in step)
            for name, job in document["jobs"].items()
        }
    return {name: "\n".join(document[name]["script"]) for name in document["stages"]}


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_pipeline_names_real_commands_pins_its_parts_and_names_no_registry(empty, pipeline):
    text = pipeline_of(empty, pipeline)
    for job in scripts(pipeline, text).values():
        for command, *_ in (line.split() for line in re.findall(r"reconciler ([a-z].*)", job)):
            assert command in COMMANDS
    # What is installed is said by whoever runs it: an index may have another program of that name.
    assert not re.search(r"pip install (?!\"\$\{(RECONCILER_)?PACKAGE:\?)", text)
    assert not re.search(r"uses: (?!\S+@[0-9a-f]{40} # v)", text)
    assert "latest" not in text
    assert not re.search(r"https?://|\bindex-url\b|pypi|ghcr|docker\.io", text)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_pipeline_calls_the_action_or_component_where_it_is_told_its_place(empty, pipeline):
    """It passes what they take, and has no shell of its own; a roster is fetched all the same."""
    empty.write(TABLE, "teachers.txt")
    roster = ("--roster", "teachers.txt", *COLUMNS)
    for folder, more in (("plain", ()), ("with a roster", roster)):
        answers = ("--pipeline", pipeline, "--action", PLACE, *more)
        empty.run("init", folder, *ANSWERS, *answers)
        path = empty.directory / folder / PIPELINES[pipeline]
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        if pipeline == "github":
            taken = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
            steps = [step for job in found["jobs"].values() for step in job["steps"]]
            calls = [step["with"] for step in steps if step.get("uses") == PLACE]
            assert [each["command"] for each in calls] == ["plan", "apply", "drift"]
            assert all(set(each) <= set(taken) for each in calls)
            shells = [step["run"] for step in steps if "run" in step]
            assert len(shells) == (3 if more else 0)
            assert all("RECONCILER_FETCH_ROSTER" in each for each in shells)
        else:
            template = (ROOT / "templates" / "roles.yml").read_text(encoding="utf-8")
            taken = yaml.safe_load(template.split("\n---\n")[0])["spec"]["inputs"]
            (call,) = found["include"]
            assert call["component"] == f"$CI_SERVER_FQDN/office/reconciler/roles@{'0' * 40}"
            assert set(call["inputs"]) <= set(taken)
            assert ("fetch" in call["inputs"]) is bool(more)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_pipeline_leaves_no_copy_of_the_site_on_its_runner(empty, pipeline):
    found = yaml.safe_load(pipeline_of(empty, pipeline))
    for_all = found["env" if pipeline == "github" else "variables"]
    assert for_all["RECONCILER_NO_CACHE"] == "1"
    assert for_all["RECONCILER_HIDE_IDS"] == "1", "a roster's mistakes may name learners"


def test_secrets_reach_only_the_steps_that_ask_the_site(empty):
    document = yaml.safe_load(pipeline_of(empty, "github"))
    assert not any("secrets" in str(value) for value in document["env"].values())
    for name, job in document["jobs"].items():
        assert "env" not in job
        for step in job["steps"]:
            asks = any(
                f"reconciler {each}" in step.get("run", "") for each in ("plan", "apply", "drift")
            )
            assert ("secrets." in str(step.get("env"))) is asks, (name, step)
    assert document["jobs"]["apply"]["environment"] == "production"


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_pipeline_that_is_not_told_what_to_install_says_so(empty, pipeline):
    (line,) = set(re.findall(r'python -P -m (pip install "[^"]*")', pipeline_of(empty, pipeline)))
    done = subprocess.run(
        ["bash", "-c", f"true {line}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={},
    )
    assert done.returncode
    assert "set the variable RECONCILER_PACKAGE" in done.stderr


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_nothing_of_the_checkout_runs_when_a_pipeline_installs(empty, pipeline):
    """Whoever may change a file there would otherwise have the secrets of the job."""
    found = yaml.safe_load(pipeline_of(empty, pipeline))
    lay_traps(empty.directory)
    temp = empty.directory / "temp"
    temp.mkdir()
    if pipeline == "github":
        for job in found["jobs"].values():
            (step,) = [each for each in job["steps"] if "pip install" in each.get("run", "")]
            assert step["working-directory"] == "${{ runner.temp }}"
        shell, where = step["run"], temp
    else:
        shell, where = "\n".join(found["default"]["before_script"]), empty.directory
    done = subprocess.run(
        ["bash", "-e", "-c", shell],
        cwd=where,
        env={
            **empty.environment,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PIP_NO_INDEX": "1",
            "PACKAGE": PACKAGE,
            "RECONCILER_PACKAGE": PACKAGE,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode
    assert "no-such-place" in done.stderr, "pip itself was asked"
    assert not sprung(empty.directory), done.stderr


WITH_GIT = ("python:3.12-bookworm",)
"""Images of Python that have git, as the images of its full variants have; slim ones have none."""


def test_what_is_installed_from_git_has_an_image_with_git(empty):
    """The page's example of a package, and the address that the pipeline of `init` speaks of."""
    text = pipeline_of(empty, "gitlab")
    assert "Git address" in text
    assert yaml.safe_load(text)["default"]["image"] in WITH_GIT
    template = (ROOT / "templates" / "roles.yml").read_text(encoding="utf-8")
    inputs = yaml.safe_load(template.split("\n---\n")[0])["spec"]["inputs"]
    page = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    shown = [
        yaml.safe_load(each) for each in re.findall(r"(?ms)^```yaml\n(include:.*?)^```$", page)
    ]
    calls = [call["inputs"] for each in shown for call in each["include"]]
    assert any("git+" in each["package"] for each in calls)
    for each in calls:
        image = each.get("image", inputs["image"]["default"])
        assert "git+" not in each["package"] or image.partition("@")[0] in WITH_GIT


PACKAGE = "reconciler @ file:///no-such-place/reconciler"


def in_shell(desk, text, folder, **more):
    """Run a job's shell as its pipeline would, with the program that is here."""
    programs = warm.programs(PROGRAM)
    folders = [str(programs.folder), str(PROGRAM.parent), os.environ["PATH"]]
    return subprocess.run(
        ["bash", "-e", "-c", text.replace("python -P -m pip install", "#")],
        cwd=folder,
        env={
            **desk.environment,
            "PATH": os.pathsep.join(folders),
            "GITHUB_STEP_SUMMARY": "summary.txt",
            "GITHUB_OUTPUT": "output.txt",
            **more,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        pass_fds=programs.kept,
    )


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_jobs_of_a_pipeline_do_what_they_say(applied, pipeline):
    """Each job's shell is run against a site: plan, apply of that plan, drift."""
    with code_host() as host:
        do_the_jobs(applied, host, pipeline)


LEARNER = re.compile(r"\bs-\d{4}\b")


def do_the_jobs(desk, host, pipeline):
    """Do them, with changes that name learners, whom no log or summary names."""
    exported = desk.run("export").out
    (desk.directory / "roles.yaml").unlink()
    shells = scripts(pipeline, pipeline_of(desk, pipeline))
    desk.write(exported)

    def job(name: str, expect: int) -> str:
        done = in_shell(desk, shells[name], desk.directory, **host.github())
        desk.check_manners(done.stdout + done.stderr)
        assert done.returncode == expect, done.stdout + done.stderr
        summary = desk.directory / "summary.txt"
        read = done.stdout + done.stderr + (summary.read_text() if summary.exists() else "")
        assert not LEARNER.search(read), read
        return done.stdout

    assert "Nothing to change" in job("plan", 0)
    assert "No drift" in job("drift", 0)
    desk.write(exported.replace("      - 9a\n", "      - 9a\n      - 8b\n"))
    assert "1 to add" in job("plan", 0)
    more = exported.replace("      - 9a\n", "      - 9a\n      - 8b\n")
    desk.write(re.sub(r"(?m)^( *- )s-1020\n", r"\1s-1020\n\1s-1021\n", more))
    assert "2 to add" in job("plan", 0)
    assert LEARNER.search((desk.directory / "plan.txt").read_text()), "there is nothing to hide"
    job("drift", 0)  # waits to be applied
    said = job("apply", 0)
    assert "2 succeeded" in said
    assert "t-0401" not in said
    assert desk.sandbox is not None
    desk.sandbox.assign("mentor/t-0412/learner/s-1033")
    assert "Drifted: 1" in job("drift", 2)
    assert LEARNER.search((desk.directory / "drift.txt").read_text()), "there is nothing to hide"
    assert not LEARNER.search((desk.directory / "drift.md").read_text())
    job("apply", 5)  # was used
    desk.write(re.sub(r"(?s)mentors:.*?(?=headteachers)", "mentors: []\n", exported))
    assert "A guard or policy refuses" in job("plan", 4)
    assert "RR502" in (desk.directory / "plan.md").read_text()
    desk.write(exported + "x: 1\n")
    job("plan", 1)
    if pipeline == "github":
        told = (desk.directory / "output.txt").read_text().split()
        assert told == ["code=0", "code=2", "code=2", "code=4"]
        assert "1 to add" in (desk.directory / "summary.txt").read_text()
        assert host.writes == [("made", "17"), ("renewed", "17"), ("renewed", "17")]
        assert "2 to add" in host.comments[0]["body"]
        # The manifest's mistakes are what a failed step leaves for the comment.
        assert "RR101" in (desk.directory / "plan.md").read_text()
    saved = json.loads((desk.directory / "plan.json").read_text())
    assert saved["format"] == "reconciler.plan/1"


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_pipeline_fetches_the_roster_where_there_is_one(settled_desk, pipeline):
    """It is not in Git: the step says what it needs, and the plan is made from what it fetched."""
    desk = settled_desk
    nordberg(desk, "plain", "--pipeline", pipeline)
    assert "ROSTER" not in (desk.directory / "plain" / PIPELINES[pipeline]).read_text()
    shutil.copytree(ROOT / "examples" / "roster", desk.directory / "elsewhere")
    (desk.directory / "roster").symlink_to("elsewhere")
    nordberg(desk, "roles", "--roster", "roster", "--pipeline", pipeline)
    (desk.directory / "roster").unlink()
    folder = desk.directory / "roles"
    text = (folder / PIPELINES[pipeline]).read_text()
    assert "which is not in Git" in text
    variable = "FETCH_ROSTER" if pipeline == "github" else "RECONCILER_FETCH_ROSTER"
    shells = scripts(pipeline, text)
    assert {name for name, shell in shells.items() if variable in shell} == {"plan", "drift"}

    def planned(**more: str) -> tuple[int, str]:
        done = in_shell(desk, shells["plan"], folder, **more)
        return done.returncode, done.stdout + done.stderr

    code, told = planned()
    assert code
    assert "set the variable RECONCILER_FETCH_ROSTER" in told
    code, told = planned(**{variable: "cp -R ../elsewhere ../roster"})
    assert code == 4, told
    shown = [each.read_text(encoding="utf-8") for each in desk.directory.rglob("plan.md")]
    assert any("rule contact-teachers" in text for text in shown)
    schema = "github-workflows" if pipeline == "github" else "gitlab-ci"
    judge = ["--builtin-schema", f"vendor.{schema}"]
    judge += ["--data-transform", "gitlab-ci"] if pipeline == "gitlab" else []
    program = [sys.executable, "-m", "check_jsonschema", *judge, folder / PIPELINES[pipeline]]
    judged = subprocess.run(program, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr
