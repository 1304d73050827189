"""Rosters that are fetched from a school system: checked, shown, and planned from."""

import re
from pathlib import Path
from typing import Any

import pytest
from sandboxes import ROOT, Desk, Sandbox
from school_systems import SECRET, TOKEN, SchoolSystem, Ways, reply, serving

EXAMPLE = ROOT / "examples" / "roster"
RULES = [
    {"name": "contact-teachers", "mentor": {"who": "primary_teacher", "of": "homeroom"}},
    {"name": "principals", "headteacher": {"who": "principal", "of": "school"}},
]


def manifest(**roster: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "site": "nordberg-kommune",
        "roles": {
            role: {"profiles": ["Staff", "Administrator"]} for role in ("mentor", "headteacher")
        },
        "rosters": {"sis": roster},
        "rules": RULES,
    }


def settings(desk: Desk, system: SchoolSystem, credentials: str = "token") -> None:
    """Write reconciler.toml as a user would, with references in place of secrets."""
    given = {
        "token": 'token = {env = "SIS_TOKEN"}\n',
        "client": f'token_url = "{system.url}/token"\nclient_id = "reconciler"\n'
        'client_secret = {env = "SIS_SECRET"}\n',
    }[credentials]
    (desk.directory / "reconciler.toml").write_text(
        f'[rosters.sis]\nurl = "{system.url}"\nversion = "1.2"\npage = 25\n{given}'
    )


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIS_TOKEN", TOKEN)
    monkeypatch.setenv("SIS_SECRET", SECRET)


@pytest.mark.usefixtures("secrets")
def test_a_plan_from_a_service_is_the_plan_from_its_export(first_desk: Desk, untouched: Sandbox):
    desk = first_desk
    desk.write(manifest(type="oneroster-rest"))
    desk.write(manifest(type="oneroster-csv", path=str(EXAMPLE)), "export.yaml")
    with serving(EXAMPLE, "1.2", Ways(page=10, overlap=1, total="all")) as system:
        settings(desk, system, "client")
        fetched = desk.run("plan", "roles.yaml", "--format", "json").json("plan")
        assert system.asked[0][0] == "/token"
        desk.run("rules", "test", "roles.yaml")
        asked = len(system.asked)
        # What needs no roster does not ask for one, and no site is told about it.
        assert "checked offline" in desk.run("validate", "roles.yaml").out
        assert len(system.asked) == asked
        desk.run("validate", "roles.yaml", "--online")
        assert len(system.asked) > asked
    read = desk.run("plan", "export.yaml", "--format", "json").json("plan")
    assert fetched["actions"]
    addresses = [[each["address"] for each in plan["actions"]] for plan in (fetched, read)]
    assert addresses[0] == addresses[1]
    assert untouched


@pytest.mark.usefixtures("secrets")
def test_a_service_is_checked_and_shown_by_its_name(tmp_path: Path):
    desk = Desk(tmp_path)
    with serving(EXAMPLE, "1.2") as system:
        settings(desk, system)
        checked = desk.run("roster", "check", "sis", "--type", "oneroster-rest")
        assert checked.out == "sis is sound.\n"
        shown = desk.run("roster", "show", "sis", "--type", "oneroster-rest")
        assert "60 student, 12 teacher, 6 guardian, 2 principal" in shown.out
        system.rows["users"][0]["enabledUser"] = "perhaps"
        wrong = desk.run("roster", "check", "sis", "--type", "oneroster-rest", expect=1)
        assert "/users row 1, enabledUser: RR313" in wrong.out
        system.ways.replies["users"] = lambda _: reply(200, {"users": []})
        empty = desk.run("roster", "check", "sis", "--type", "oneroster-rest", expect=1)
        assert "RR314" in empty.out


@pytest.mark.usefixtures("secrets")
def test_a_service_that_cannot_be_read_gives_no_plan_and_no_secret(first_desk: Desk):
    desk = first_desk
    desk.write(manifest(type="oneroster-rest"))
    with serving(EXAMPLE, "1.2") as system:
        settings(desk, system)
        system.ways.replies["classes"] = lambda _: reply(
            403, {"imsx_StatusInfo": {"imsx_description": f"No, {TOKEN}."}}
        )
        told = desk.run("plan", "roles.yaml", "--verbose", expect=1)
    assert told.out == ""
    assert "Error: roster sis: GET /classes (from row 1) was refused: 403" in told.err
    assert TOKEN not in told.err


def told_of_the_school_system(desk: Desk, kind: str = "oneroster-rest") -> str:
    """What goes wrong on the way: told of the roster, and of no site nor the contract with one."""
    told = desk.run("roster", "check", "sis", "--type", kind, expect=1).err
    assert told.startswith("Error: roster sis: GET /org")
    assert not re.search(r"\b(site|contract)\b", told)
    return told


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("kind", ["oneroster-rest", "ss12000"])
def test_a_school_system_that_is_not_reached_is_named(tmp_path: Path, kind: str):
    settings = '[rosters.sis]\nurl = "http://127.0.0.1:1"\ntoken = {env = "SIS_TOKEN"}\n'
    (tmp_path / "reconciler.toml").write_text(settings)
    assert "the connection was refused (127.0.0.1:1)" in told_of_the_school_system(
        Desk(tmp_path), kind
    )


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (reply(302, {}), "which the standard does not have"),
        (reply(203, {}), "where the standard has 200"),
        (reply(200, {}, {"Content-Type": "text/html"}), "the answer is no JSON"),
        (reply(404, {}), "was refused: 404"),
        (reply(501, {}), "the school system cannot answer: 501"),
    ],
)
def test_an_answer_that_will_not_do_is_told_of_the_school_system(tmp_path: Path, wrong, words):
    desk = Desk(tmp_path)
    with serving(EXAMPLE, "1.2") as system:
        settings(desk, system)
        system.ways.replies["orgs"] = lambda _: wrong
        assert words in told_of_the_school_system(desk)


GOOD = 'url = "https://x.example"\ntoken = {env = "SIS_TOKEN"}\n'
CLIENT = 'url = "https://x.example"\nclient_id = "c"\nclient_secret = {env = "SIS_SECRET"}\n'
MISTAKES = {
    "no such roster": (f"[rosters.siss]\n{GOOD}", "has no roster sis", "siss"),
    "no credentials": ('[rosters.sis]\nurl = "https://x.example"\n', "there are none", "token"),
    "a secret": (
        f'[rosters.sis]\nurl = "https://x.example"\ntoken = "{TOKEN}"\n',
        "token",
        "{env =",
    ),
    "no token url": (f"[rosters.sis]\n{CLIENT}", "token_url is missing", "become a token"),
    "an empty id": (
        "[rosters.sis]\n" + CLIENT.replace('"c"', '""'),
        "client_id is empty",
        "was given",
    ),
    "no such home": (
        f'[rosters.sis]\n{GOOD}ca_bundle = "~nobody-of-this-name"\n',
        "ca_bundle begins with ~nobody-of-this-name",
        "Write the whole path",
    ),
    "an unknown key": (f'[rosters.sis]\n{GOOD}base-path = "/x"\n', "is not known", "base_path"),
    "a version": (f'[rosters.sis]\n{GOOD}version = "2.0"\n', "version is not", '"1.1" or "1.2"'),
    "no path": (f'[rosters.sis]\n{GOOD}base_path = "ims"\n', "is not a path", "/ims/oneroster"),
    "no number": (f'[rosters.sis]\n{GOOD}page = "many"\n', "is not a number of rows", "10000"),
    "no text": (f"[rosters.sis]\n{GOOD}scope = 3\n", "scope is not a text", "a text"),
    "not encrypted": (
        f"[rosters.sis]\n{GOOD.replace('https', 'http')}",
        "url is not encrypted",
        "https",
    ),
    "no table": ("rosters = 3\n", "rosters is not a table of tables", "[rosters.NAME]"),
    "no file": ("", "there is no", "Write [rosters.sis] there"),
}


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_in_the_settings_ends_in_a_sentence(tmp_path: Path, mistake: str):
    content, what, advice = MISTAKES[mistake]
    desk = Desk(tmp_path)
    if content:
        (tmp_path / "reconciler.toml").write_text(content)
    told = desk.run("roster", "check", "sis", "--type", "oneroster-rest", expect=1)
    assert what in told.err
    assert advice in told.err
    assert TOKEN not in told.err


@pytest.mark.usefixtures("secrets")
def test_a_version_is_a_setting_of_oneroster_alone(tmp_path: Path):
    desk = Desk(tmp_path)
    (tmp_path / "reconciler.toml").write_text(f'[rosters.sis]\n{GOOD}version = "1.2"\n')
    told = desk.run("roster", "check", "sis", "--type", "ss12000", expect=1).err
    assert "roster sis: version is for oneroster-rest, and the roster is ss12000." in told
    assert "Leave it out." in told


def test_options_that_do_not_fit_the_type_are_refused(tmp_path: Path):
    desk = Desk(tmp_path)
    (tmp_path / "reconciler.toml").write_text("")
    service, plain = ("--type", "oneroster-rest"), ("--type", "csv")
    columns = ("--column", "unit=U", "--column", "person=P")
    for options, told in (
        ((*service, "--base", "x"), "--base is not for --type oneroster-rest"),
        ((*service, *columns), "--column is not for --type oneroster-rest"),
        ((*plain, *columns, "--base", "x"), "--base is not for --type csv"),
        (("--config", "reconciler.toml"), "--config is for what is fetched"),
    ):
        assert told in desk.run("roster", "check", "x", *options, expect=64).err
