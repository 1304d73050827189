"""`roster check` and `roster show`: a user's first contact with an export of their own."""

import shutil
from pathlib import Path

import pifu
import pytest
from sandboxes import ROOT, Desk

from reconciler.rosters.oneroster_csv import read_bundle

EXAMPLE = ROOT / "examples" / "roster"


def spoilt(tmp_path: Path) -> Desk:
    """A roster with two mistakes, one of them twice, each beside a learner's name."""
    folder = tmp_path / "roster"
    shutil.copytree(EXAMPLE, folder)
    users = folder / "users.csv"
    roles = folder / "roles.csv"
    text = roles.read_text(encoding="utf-8").replace("s-1001,primary", "s-8,primary")
    roles.write_text(text.replace("s-1003,primary", "s-9,primary"), encoding="utf-8")
    lines = users.read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("s-1002,"))
    lines[at] = lines[at].replace(",true,", ",perhaps,")
    users.write_text("\n".join(lines), encoding="utf-8")
    return Desk(tmp_path)


def test_a_sound_roster_is_counted_and_nobody_is_named(tmp_path: Path, district_zip: Path):
    desk = Desk(tmp_path)
    assert desk.run("roster", "check", str(EXAMPLE)).out == f"{EXAMPLE} is sound.\n"
    counts = desk.run("roster", "show", str(district_zip), "--format", "json").json("roster")
    assert counts["counts"]["memberships"] == {"student": 8211, "teacher": 60}
    assert counts["counts"]["class_types"] == {"scheduled": 60}
    assert (counts["first"], counts["last"]) == ("2026-08-01", "2027-07-31")


def test_everything_that_is_wrong_is_named_with_its_place(tmp_path: Path):
    desk = spoilt(tmp_path)
    document = desk.run("roster", "check", "roster", "--format", "json", expect=1)
    found = document.json("roster-check")
    assert not found["valid"]
    assert found["counts"] == {"RR310": 2, "RR313": 1}
    assert [
        (each["code"], each["file"], each["row"], each["column"], each["value"])
        for each in found["problems"]
    ] == [
        ("RR313", "users.csv", 23, "enabledUser", None),
        ("RR310", "roles.csv", 22, "userSourcedId", "s-8"),
        ("RR310", "roles.csv", 24, "userSourcedId", "s-9"),
    ]
    assert found["remarks"] == []
    told = desk.run("roster", "check", "roster", expect=1)
    assert told.out.startswith("roster has 3 problems:\n")
    assert "2 RR310  a reference to something that is not in the bundle" in told.out
    for output in (document.out, told.out, told.err):
        assert "Solbakken" not in output
        assert "Máret" not in output


RULED = {
    "version": 1,
    "site": "nordberg-kommune",
    "rosters": {"sis": {"type": "oneroster-csv", "path": "roster"}},
    "rules": [{"name": "teachers", "mentor": {"who": "primary_teacher", "of": "homeroom"}}],
}


@pytest.mark.parametrize(
    "command", [("validate",), ("plan",), ("rules", "test"), ("drift",), ("review",)]
)
def test_a_program_gets_the_problems_of_a_roster_from_every_command(
    tmp_path: Path, command: tuple[str, ...]
):
    desk = spoilt(tmp_path)
    desk.write(RULED)
    done = desk.run(*command, "roles.yaml", "--format", "json", expect=1)
    found = done.json("diagnostics")
    assert not found["valid"]
    assert [each["code"] for each in found["diagnostics"]] == ["RR313", "RR310", "RR310"]
    last = found["diagnostics"][-1]
    assert last["message"].startswith("the roster sis, roles.csv row 24, userSourcedId: ")
    assert last["message"].endswith("'s-9'.")
    line = desk.directory.joinpath("roles.yaml").read_text().splitlines()[last["line"] - 1]
    assert (last["file"], line.strip()) == ("roles.yaml", "sis:")
    told = desk.run(*command, "roles.yaml", expect=1)
    assert (told.out, told.err) == ("", done.err)


def test_mistakes_of_a_manifest_are_a_document_from_every_command_too(tmp_path: Path):
    desk = Desk(tmp_path)
    desk.write({**RULED, "rules": [{**RULED["rules"][0], "of": "homeroom"}]})
    for command in (("validate",), ("plan",), ("rules", "test"), ("apply", "--yes")):
        done = desk.run(*command, "roles.yaml", "--format", "json", expect=1)
        assert [each["code"] for each in done.json("diagnostics")["diagnostics"]] == ["RR101"]
        assert done.err.endswith("Error: 1 error found.\n")


def test_people_who_are_hidden_are_in_no_problem_of_a_roster(tmp_path: Path):
    desk = spoilt(tmp_path)
    desk.write(RULED)
    arguments = "validate", "roles.yaml", "--format", "json"
    (tmp_path / "withheld").write_text("s-8\n")
    some = desk.run(*arguments, expect=1, RECONCILER_WITHHELD="withheld")
    assert "'s-9'" in some.out
    assert "s-8" not in some.out + some.err
    key = {"RECONCILER_REDACT_KEY": "a key of the test's own"}
    done = desk.run(*arguments, "--redact", expect=1, **key)
    assert [each["message"] for each in done.json("diagnostics")["diagnostics"]] == [
        "A word that the format does not know.",
        "A reference to something that is not in the bundle, 2 times.",
    ]
    _, *told, _ = done.err.splitlines()
    assert told == [
        "  RR313: A word that the format does not know.",
        "  RR310: A reference to something that is not in the bundle, 2 times.",
    ]


def test_what_is_left_out_of_a_sound_roster_is_told(tmp_path: Path):
    folder = tmp_path / "roster"
    shutil.copytree(EXAMPLE, folder)
    users = folder / "users.csv"
    text = users.read_text(encoding="utf-8").replace("t-0412,,,", "t-0412,tobedeleted,,")
    users.write_text(text, encoding="utf-8")
    desk = Desk(tmp_path)
    advice = "See whether anybody is missing, or stays too long; mend the source if so."
    assert desk.run("roster", "check", "roster").out == (
        "roster is sound.\n"
        "  roster: warning RR410: left out: 1 row of roles.csv with a user or organisation marked "
        f"tobedeleted; row 15. {advice}\n"
        "  roster: warning RR410: left out: 2 rows of enrollments.csv with a class or user marked "
        f"tobedeleted; the first is row 77. {advice}\n"
    )
    found = desk.run("roster", "check", "roster", "--format", "json").json("roster-check")
    assert found["valid"]
    assert [(each["file"], each["row"], each["rows"]) for each in found["remarks"]] == [
        ("roles.csv", 15, 1),
        ("enrollments.csv", 77, 2),
    ]


def test_what_is_no_roster_is_one_problem(tmp_path: Path):
    desk = Desk(tmp_path)
    (tmp_path / "empty").mkdir()
    for path, code in (("missing.zip", "RR316"), ("empty", "RR302")):
        found = desk.run("roster", "check", path, "--format", "json", expect=1)
        assert found.json("roster-check")["counts"] == {code: 1}
        assert code in desk.run("roster", "show", path, expect=1).err
    desk.run("roster", "check", "", expect=64)
    for kind in ("oneroster-csv", "ss12000"):
        told = desk.run("roster", "check", "https://sis.example/v1", "--type", kind, expect=64).err
        assert "this is an address at sis.example." in told
        assert "[rosters.NAME] in reconciler.toml" in told
    desk.run("roster", "check", "empty", "--type", "nothing", expect=64)


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("https://anna:hunter2@sis.example:8443/x?key=hunter2", " at sis.example:8443."),
        ("HTTPS://anna:hun@ter2@sis.example", " at sis.example."),
        ("https://anna/hunter2:x@sis.example/x", "."),
        ("https://hunter2#x@sis.example", "."),
    ],
)
def test_of_an_address_the_host_alone_is_shown(tmp_path: Path, address: str, where: str):
    told = Desk(tmp_path).run("roster", "check", address, expect=64).err
    assert f"this is an address{where}\n" in told
    for secret in ("anna", "hun", "ter2"):
        assert secret not in told


def test_a_plain_file_is_told_which_column_is_what(tmp_path: Path):
    desk = Desk(tmp_path)
    (tmp_path / "t.csv").write_text("Klasse;Navn\n8a;t-1\n", encoding="utf-8")
    columns = ("--column", "unit=Klasse", "--column", "person=Navn")
    told = desk.run("roster", "show", "t.csv", "--type", "csv", *columns).out
    assert "memberships  1 teacher" in told
    for wrong in (
        ("--type", "csv"),
        ("--type", "csv", "--column", "klass=Klasse"),
        ("--type", "csv", "--column", "unit="),
        columns,
    ):
        desk.run("roster", "check", "t.csv", *wrong, expect=64)


def test_one_column_has_each_meaning(tmp_path: Path):
    (tmp_path / "teachers.csv").write_text("Klasse;Gruppe;Lærer\n8a;8b;t-1\n", encoding="utf-8")
    columns = ("unit=Klasse", "person=Lærer", "unit=Gruppe")
    given = [word for each in columns for word in ("--column", each)]
    told = Desk(tmp_path).run("roster", "check", "teachers.csv", "--type", "csv", *given, expect=64)
    assert "--column" in told.err
    assert "unit is given twice" in told.err


def test_contact_groups_that_belong_to_no_homeroom_are_a_warning(tmp_path: Path):
    """They are no mistake, and rules work over the groups."""
    older = pifu.before_1_3(read_bundle(EXAMPLE))
    (tmp_path / "pifu.xml").write_bytes(pifu.as_xml(older))
    desk, check = Desk(tmp_path), ("roster", "check", "--type", "ims-enterprise", "pifu.xml")
    told = desk.run(*check).out.splitlines()
    assert told[0] == "pifu.xml is sound."
    assert told[1] == (
        "  pifu.xml: warning RR315: no homeroom has a primary teacher; 6 of the classes of the "
        "type kontaktlærergruppe have, and nothing says to which homeroom each belongs. A rule "
        "over these says of: {class_type: kontaktlærergruppe}"
    )
    found = desk.run(*check, "--format", "json").json("roster-check")
    assert found["valid"]
    assert [(each["code"], each["severity"]) for each in found["problems"]] == [
        ("RR315", "warning")
    ]


def test_a_pifu_file_is_checked_and_counted(tmp_path: Path):
    desk, options = Desk(tmp_path), ("--type", "ims-enterprise")
    text = pifu.as_xml(read_bundle(EXAMPLE)).decode()
    (tmp_path / "pifu.xml").write_text(text, encoding="utf-8")
    assert desk.run("roster", "check", *options, "pifu.xml").out == "pifu.xml is sound.\n"
    counts = desk.run("roster", "show", *options, "pifu.xml", "--format", "json").json("roster")
    assert counts["counts"]["memberships"] == {"student": 75, "teacher": 11}
    assert counts["counts"]["class_types"] == {"homeroom": 6, "scheduled": 2}
    assert counts["counts"]["people"]["principal"] == 2
    assert (counts["first"], counts["last"]) == ("2026-08-01", "2027-08-01")

    spoilt = text.replace(
        "<subrole>rektor</subrole>\n<status>1", "<subrole>rektor</subrole>\n<status>x"
    )
    spoilt = spoilt.replace('level="1">basisgruppe', 'level="1">klasse', 1)
    (tmp_path / "spoilt.xml").write_text(spoilt, encoding="utf-8")
    told = desk.run("roster", "check", *options, "spoilt.xml", "--format", "json", expect=1)
    found = told.json("roster-check")
    assert found["counts"] == {"RR313": 3}
    lines = [each["row"] for each in found["problems"]]
    places = [each["column"] for each in found["problems"]]
    assert places == ["group/grouptype/typevalue", *["membership/member/role/status"] * 2]
    written = spoilt.splitlines()
    assert ">klasse<" in written[lines[0] - 1]
    assert all('"05"' in written[line - 1] for line in lines[1:])
    assert "RR313" in desk.run("roster", "show", *options, "spoilt.xml", expect=1).err
    bomb = '<!DOCTYPE e [<!ENTITY a "aa">]><enterprise>&a;</enterprise>'
    (tmp_path / "bomb.xml").write_text(bomb, encoding="utf-8")
    told = desk.run("roster", "check", *options, "bomb.xml", expect=1).out
    assert "1 RR301" in told
    assert "export it without, or take the DOCTYPE out of the file" in told
    for wrong in (("--base", "pifu.xml"), ("--column", "unit=Class")):
        desk.run("roster", "check", *options, "pifu.xml", *wrong, expect=64)
