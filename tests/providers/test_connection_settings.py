"""Connection settings: where they come from, what is refused, and that no secret is ever told."""

import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from reconciler import credentials
from reconciler.connection import Connection, load_connection
from reconciler.credentials import Secret
from reconciler.errors import ConfigurationError
from reconciler.providers.rest.reader import RestReader

SECRET = "s3cr3t-9f8e7d"
CREDENTIALS = 'client_id = "pipeline"\nclient_secret = {env = "THE_SECRET"}\n'
ENVIRON = {"THE_SECRET": SECRET}
BY_VARIABLES = {
    "RECONCILER_URL": "https://variables.example/",
    "RECONCILER_CLIENT_ID": "from-variables",
    "RECONCILER_CLIENT_SECRET": SECRET,
}


def load(directory: Path, environment: str | None = None, **environ: str) -> Connection:
    return load_connection(environment, config=None, environ=ENVIRON | environ, directory=directory)


def write(directory: Path, text: str, name: str = "reconciler.toml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def one(directory: Path, settings: str, url: str = "https://site.example") -> Path:
    return write(directory, f'[environments.test]\nurl = "{url}"\n{settings}')


def refusal(directory: Path, environment: str | None = None, **environ: str) -> str:
    """What a user is told; it has advice and holds no secret."""
    with pytest.raises(ConfigurationError) as caught:
        load(directory, environment, **environ)
    assert caught.value.advice
    told = f"{caught.value} {caught.value.advice}"
    assert SECRET not in told
    return told


def test_every_setting_of_an_environment(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    one(
        tmp_path,
        CREDENTIALS + 'token_url = "https://login.example/token/"\nca_bundle = "ca.pem"\n'
        'timeout = 2.5\nactors = ["nightly", "other"]\n',
        url="https://site.example/lms/",
    )
    assert load(tmp_path) == Connection(
        url="https://site.example/lms",
        token_url="https://login.example/token/",
        client_id="pipeline",
        client_secret=Secret(SECRET),
        token=None,
        ca_bundle=tmp_path / "ca.pem",
        timeout=2.5,
        actors=("nightly", "other"),
    )


def test_a_token_is_enough_and_the_token_address_has_a_default(tmp_path: Path) -> None:
    one(tmp_path, 'token = {env = "THE_SECRET"}')
    found = load(tmp_path)
    assert found.token == Secret(SECRET)
    assert (found.client_id, found.client_secret) == (None, None)
    assert found.token_url == "https://site.example/oauth/token"


def test_credentials_come_from_files_and_commands(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "secret").write_text(f"{SECRET}\n")
    printing = f'["{sys.executable}", "-c", "print(open(\'keys/secret\').read())"]'
    one(
        tmp_path,
        f'client_id = {{command = {printing}}}\nclient_secret = {{file = "keys/secret"}}\n',
    )
    found = load(tmp_path)
    assert found.client_id == SECRET
    assert found.client_secret == Secret(SECRET)


TWO = (
    'default = "production"\n'
    f'[environments.production]\nurl = "https://production.example"\n{CREDENTIALS}'
    f'[environments.staging]\nurl = "https://staging.example"\n{CREDENTIALS}'
)


@pytest.mark.parametrize(
    ("environment", "environ", "url"),
    [
        (None, {}, "https://production.example"),
        ("staging", {}, "https://staging.example"),
        ("staging", BY_VARIABLES, "https://staging.example"),
        (None, BY_VARIABLES, "https://variables.example"),
        (None, BY_VARIABLES | {"RECONCILER_URL": ""}, "https://production.example"),
    ],
)
def test_a_named_environment_wins_then_variables_then_the_default(
    tmp_path: Path, environment: str | None, environ: dict[str, str], url: str
) -> None:
    write(tmp_path, TWO)
    assert load(tmp_path, environment, **environ).url == url


def test_a_named_file_wins_over_variables(tmp_path: Path) -> None:
    path = write(tmp_path, TWO, "other.toml")
    found = load_connection(
        None, config=path, environ=ENVIRON | BY_VARIABLES, directory=tmp_path / "nowhere"
    )
    assert found.url == "https://production.example"


def test_variables_alone(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    found = load(
        tmp_path,
        **BY_VARIABLES,
        RECONCILER_TOKEN_URL="https://login.example/token",
        RECONCILER_CA_BUNDLE="ca.pem",
    )
    assert found.client_id == "from-variables"
    assert found.client_secret == Secret(SECRET)
    assert found.token_url == "https://login.example/token"
    assert found.ca_bundle == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    "url",
    [
        "https://site.example",
        "https://site.example:8443/path",
        "https://[2001:db8::1]",
        "http://127.0.0.1:8000",
        "http://127.8.9.10",
        "http://[::1]:8000",
        "http://localhost:8000",
    ],
)
def test_addresses_that_are_accepted(tmp_path: Path, url: str) -> None:
    one(tmp_path, CREDENTIALS, url=url)
    assert load(tmp_path).url == url


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://site.example", "not encrypted"),
        ("http://10.0.0.1", "not encrypted"),
        ("http://127.0.0.1.site.example", "not encrypted"),
        ("http://localhost.site.example", "not encrypted"),
        ("ftp://site.example", "not a web address"),
        ("site.example", "not a web address"),
        ("https://", "not a web address"),
        ("https://[::1", "not a web address"),
        ("https://site.example:port", "not a web address"),
        ("https://site.example/a b", "not a web address"),
        ("https://site.example/\\n", "not a web address"),
        (f"https://me:{SECRET}@site.example", "holds credentials"),
        ("https://site.example?a=1", "query"),
        ("https://site.example#a", "fragment"),
        ("", "url"),
    ],
)
@pytest.mark.parametrize("key", ["url", "token_url"])
def test_addresses_that_are_refused(tmp_path: Path, key: str, url: str, part: str) -> None:
    if key == "url":
        one(tmp_path, CREDENTIALS, url=url)
    else:
        one(tmp_path, f'{CREDENTIALS}token_url = "{url}"\n')
    told = refusal(tmp_path)
    assert f"environment test: {key} " in told
    assert part in told or url == ""


NO_HOME = "~nobody-of-this-name"
SLEEPER = f'["{sys.executable}", "-c", "import time; time.sleep(60)"]'
BINARY = f'["{sys.executable}", "-c", "import os; os.write(1, bytes([255]))"]'
FAILING = f'["{sys.executable}", "-c", "import sys; sys.exit(\'{SECRET}\')"]'


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ("", ["test: the credentials", "there are none", "client_id and client_secret, or token"]),
        ('client_id = "me"', ["only client_id is given"]),
        ('client_secret = {env = "THE_SECRET"}', ["only client_secret is given"]),
        (CREDENTIALS + 'token = {env = "THE_SECRET"}', ["exclude each other"]),
        (f'token = "{SECRET}"', ["test: token must be a reference", "{env ="]),
        (f'client_id = "me"\nclient_secret = "{SECRET}"', ["client_secret must be a reference"]),
        (f'token = ["{SECRET}"]', ["token must be a reference"]),
        (f'token = {{value = "{SECRET}"}}', ["token must be a reference"]),
        (f'token = {{env = "THE_SECRET", file = "{SECRET}"}}', ["token must be a reference"]),
        ("token = {}", ["token must be a reference"]),
        ('token = {env = "ABSENT"}', ["variable ABSENT", "not set"]),
        ("token = {env = 5}", ["names no variable"]),
        (f'token = {{env = "{SECRET}"}}', ["names no variable"]),
        ('token = {env = "EMPTY"}', ["token is empty"]),
        ('token = {env = "LINES"}', ["line breaks"]),
        ('token = {env = "FOREIGN"}', ["cannot stand in a credential"]),
        ('token = {file = "absent"}', ["absent", "cannot be read", "No such file"]),
        ('token = {file = "."}', ["cannot be read"]),
        ("token = {file = 5}", ["names no file"]),
        ("token = {command = []}", ["no list of words"]),
        ('token = {command = "pass show x"}', ["no list of words"]),
        ('token = {command = ["no-such-program-here"]}', ["no-such-program-here", "cannot be run"]),
        (f"token = {{command = {FAILING}}}", ["failed with exit code 1"]),
        (f"token = {{command = {BINARY}}}", ["did not print UTF-8"]),
        ('token = {command = ["a\\u0000b"]}', ["its words cannot be passed on"]),
        (f"token = {{command = {SLEEPER}}}", ["took longer than 0.5 seconds"]),
        (CREDENTIALS + "timeout = 0", ["timeout is not a number of seconds"]),
        (CREDENTIALS + "timeout = true", ["timeout is not a number of seconds"]),
        (CREDENTIALS + "timeout = nan", ["timeout is not a number of seconds"]),
        (CREDENTIALS + 'timeout = "5"', ["timeout is not a number of seconds"]),
        (CREDENTIALS + 'actors = "one"', ["actors is not a list"]),
        (CREDENTIALS + "actors = [1]", ["actors is not a list"]),
        (CREDENTIALS + 'ca_bundle = "absent.pem"', ["ca_bundle does not exist"]),
        (CREDENTIALS + "ca_bundle = 5", ["ca_bundle does not exist"]),
        (CREDENTIALS + f'ca_bundle = "{NO_HOME}"', [f"ca_bundle begins with {NO_HOME}", "no such"]),
        (CREDENTIALS + f'journal = "{NO_HOME}/j.db"', [f"journal begins with {NO_HOME}"]),
        (CREDENTIALS + f'policy = "{NO_HOME}/p.yaml"', [f"policy begins with {NO_HOME}"]),
        (f'token = {{file = "{NO_HOME}/t"}}', [f"token begins with {NO_HOME}", "whole path"]),
        ('client_id = " "\nclient_secret = {env = "THE_SECRET"}', ["client_id is empty"]),
        (CREDENTIALS + "time_out = 5", ["time_out is not known", "Did you mean", "timeout"]),
        (CREDENTIALS + 'colour = "red"', ["colour is not known", "There are: url,"]),
    ],
)
def test_settings_that_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, parts: list[str]
) -> None:
    if SLEEPER in settings:
        monkeypatch.setattr(credentials, "COMMAND_SECONDS", 0.5)
    one(tmp_path, settings)
    told = refusal(tmp_path, EMPTY="", LINES=f"{SECRET}\n{SECRET}", FOREIGN=f"{SECRET}é")
    assert "reconciler.toml" in told
    for part in parts:
        assert part in told


def test_a_command_that_leaves_a_child_behind_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "COMMAND_SECONDS", 0.3)
    one(tmp_path, 'token = {command = ["sh", "-c", "sleep 20 & sleep 20"]}')
    began = time.monotonic()
    assert "took longer than" in refusal(tmp_path)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("text", "environment", "parts"),
    [
        (None, None, ["reconciler.toml", "RECONCILER_URL is not set", "--live"]),
        (None, "production", ["production needs", "does not exist"]),
        (TWO, "stagin", ["no environment stagin", "Did you mean", "staging"]),
        (TWO, "x", ["no environment x", "There are: production, staging."]),
        (TWO.replace('"production"', '"prodution"', 1), None, ["Did you mean", "production"]),
        (TWO.removeprefix('default = "production"'), None, ["2 environments and no default"]),
        ("", None, ["has no environments", "[environments.NAME]"]),
        ("default = 5", None, ["default is not a name"]),
        ("default = ]", None, ["is not TOML", "line 1"]),
        ("environments = 5", None, ["not a table of tables"]),
        ("[environments]\ntest = 5", None, ["not a table of tables"]),
        ("[environment.test]", None, ["environment is not known", "Did you mean", "environments"]),
    ],
)
def test_files_that_are_refused(
    tmp_path: Path, text: str | None, environment: str | None, parts: list[str]
) -> None:
    if text is not None:
        write(tmp_path, text)
    told = refusal(tmp_path, environment)
    for part in parts:
        assert part in told


def test_a_file_that_is_not_utf8_or_nested_too_deep(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    path.write_bytes('default = "Åsnes"'.encode("latin-1"))
    assert "is not UTF-8" in refusal(tmp_path)
    path.write_text("default = " + "[" * 100_000)
    assert "is not TOML" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        ({"RECONCILER_URL": "http://site.example"}, ["RECONCILER_CLIENT_ID"]),
        (BY_VARIABLES | {"RECONCILER_URL": "http://site.example"}, ["RECONCILER_URL is not enc"]),
        (BY_VARIABLES | {"RECONCILER_CLIENT_ID": ""}, ["only client_secret is given"]),
        (BY_VARIABLES | {"RECONCILER_TOKEN": SECRET}, ["exclude each other", "RECONCILER_TOKEN"]),
        (
            BY_VARIABLES | {"RECONCILER_CLIENT_SECRET": "a b"},
            ["SECRET has spaces", "Look at the variable"],
        ),
        (BY_VARIABLES | {"RECONCILER_CA_BUNDLE": "no.pem"}, ["RECONCILER_CA_BUNDLE does not"]),
    ],
)
def test_variables_that_are_refused(
    tmp_path: Path, environ: dict[str, str], parts: list[str]
) -> None:
    told = refusal(tmp_path, **environ)
    for part in parts:
        assert part in told


def test_a_connection_made_by_hand_needs_credentials_too() -> None:
    with pytest.raises(ConfigurationError, match="no credentials for https://a") as caught:
        RestReader(Connection("https://a", "https://a/token", client_id="me"))
    assert caught.value.advice


@pytest.mark.parametrize("show", [str, repr, format, "{0!s:>5}".format])
def test_a_secret_shows_itself_nowhere(show: Any) -> None:
    held = Connection("https://a", "https://a/t", "me", Secret(SECRET), Secret(SECRET))
    assert SECRET not in show(Secret(SECRET))
    assert SECRET not in show(held)
    assert SECRET not in show([getattr(held, field.name) for field in fields(held)])
    assert Secret(SECRET).reveal() == SECRET
