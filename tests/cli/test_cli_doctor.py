"""`doctor` at the front door: what can be wrong is told, each by the check that is about it."""

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from between import between, make_certificate
from receivers import Receiver, receiving
from sandboxes import ROOT, Desk, Done, Sandbox, running
from small import small_site

from reconciler.doctor import checks
from reconciler.doctor.model import Check, Subject, Verdict, fine
from reconciler.journal.open import open_journal
from reconciler.providers.saved import write_state

NAMES = [check.name for check in checks.CHECKS]


def found(done: Done) -> dict[str, Any]:
    """What each check found, by its name."""
    document = done.json("doctor")
    assert [each["check"] for each in document["checks"]] == NAMES
    failed = [each for each in document["checks"] if each["verdict"] == "failed"]
    assert document["healthy"] is not bool(failed)
    assert bool(failed) is (done.code == 1)
    for each in document["checks"]:
        assert bool(each["remedy"]) or each["verdict"] in ("ok", "skipped"), each
    return {each["check"]: each for each in document["checks"]}


def examine(desk: Desk, *arguments: str, expect: int = 0, **variables: str) -> dict[str, Any]:
    return found(desk.run("doctor", "--format", "json", *arguments, expect=expect, **variables))


def verdicts(examined: dict[str, Any]) -> dict[str, str]:
    return {name: each["verdict"] for name, each in examined.items()}


def told(examined: dict[str, Any], name: str) -> str:
    return f"{examined[name]['found']}. {examined[name]['remedy'] or ''}"


def failing(examined: dict[str, Any]) -> list[str]:
    return [name for name, each in examined.items() if each["verdict"] == "failed"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def moved(desk: Desk, url: str) -> Desk:
    """Let a desk ask its site at another address."""
    desk.environment["RECONCILER_URL"] = url
    desk.environment.pop("RECONCILER_TOKEN_URL", None)
    return desk


# Without a site, and with one that is well


def test_with_nothing_configured_it_tells_what_depends_on_what(tmp_path: Path):
    desk = Desk(tmp_path)
    examined = examine(desk, expect=1)
    assert failing(examined) == ["settings"]
    assert "RECONCILER_URL is not set" in told(examined, "settings")
    assert told(examined, "site").startswith("not looked at, as settings failed")
    fine_ones = {"version", "cache", "journal"}
    assert {name for name, verdict in verdicts(examined).items() if verdict == "ok"} == fine_ones
    assert list(tmp_path.iterdir()) == [], "nothing is made"


def test_a_site_that_is_well(first_desk: Desk):
    before = sorted(first_desk.directory.iterdir())
    examined = examine(first_desk)
    assert set(verdicts(examined).values()) == {"ok"}
    assert "nordberg-kommune" in told(examined, "site")
    assert "assignments, events, holders, labels, profiles" in told(examined, "capabilities")
    assert "read and write" in told(examined, "scopes")
    assert sorted(first_desk.directory.iterdir()) == before
    text = first_desk.run("doctor").out.splitlines()
    assert [line.split()[1] for line in text[:-1]] == NAMES
    assert text[-1] == "Nothing failed."


def test_the_schema_names_the_checks_there_are():
    schema = json.loads((ROOT / "schemas" / "doctor-v1.schema.json").read_text())
    assert schema["$defs"]["check"]["properties"]["check"]["enum"] == NAMES
    for number, check in enumerate(checks.CHECKS):
        assert set(check.needs) <= set(NAMES[:number]), "what a check needs stands before it"


# Settings and credentials


def test_a_mistake_that_is_in_the_way_of_two_checks_is_told_once(tmp_path: Path):
    desk = Desk(tmp_path)
    desk.write("[environments.test\n", "reconciler.toml")
    examined = examine(desk, expect=1)
    assert failing(examined) == ["settings"]
    assert told(examined, "journal") == "not looked at, as settings failed. "
    desk.write('[environments.test]\nurl = "http://nowhere.example"\n', "reconciler.toml")
    assert "is not encrypted" in told(examine(desk, expect=1), "settings")


def test_variables_that_win_over_a_file_are_told(first_desk: Desk):
    first_desk.write('[environments.test]\nurl = "https://x.example"\n', "reconciler.toml")
    examined = examine(first_desk)
    assert examined["settings"]["verdict"] == "warning"
    assert "--environment" in told(examined, "settings")


def test_credentials_that_are_not_there_leave_the_network_to_be_looked_at(first_desk: Desk):
    del first_desk.environment["RECONCILER_CLIENT_SECRET"]
    examined = examine(first_desk, expect=1)
    assert failing(examined) == ["credentials"]
    assert "RECONCILER_CLIENT_SECRET" in told(examined, "credentials")
    assert verdicts(examined)["clock"] == "ok"
    assert told(examined, "capabilities").startswith("not looked at, as credentials failed")


def test_where_a_credential_comes_from_is_told_and_not_what_it_is(first_desk: Desk):
    secret = first_desk.environment["RECONCILER_CLIENT_SECRET"]
    (first_desk.directory / "secret").write_text(secret)
    url = first_desk.environment["RECONCILER_URL"]
    for reference, said in (
        ('{file = "secret"}', "from the file secret"),
        ('{env = "RECONCILER_CLIENT_SECRET"}', "from the variable RECONCILER_CLIENT_SECRET"),
        ('{command = ["cat", "secret"]}', "from the command cat"),
    ):
        first_desk.write(
            f'[environments.test]\nurl = "{url}"\nclient_id = "reconciler"\n'
            f"client_secret = {reference}\n",
            "reconciler.toml",
        )
        assert said in told(examine(first_desk, "-e", "test"), "credentials")


def test_a_secret_that_is_wrong(first_desk: Desk):
    examined = examine(first_desk, expect=1, RECONCILER_CLIENT_SECRET="hunter2")
    assert failing(examined) == ["sign-in"]
    assert "Check the credentials" in told(examined, "sign-in")
    assert "hunter2" not in json.dumps(examined)
    assert verdicts(examined)["site"] == "skipped"


def test_a_client_that_may_only_read_is_a_warning(tmp_path: Path, untouched: Sandbox):
    examined = examine(Desk(tmp_path, untouched, client="auditor"))
    assert verdicts(examined) | {"scopes": "ok"} == dict.fromkeys(NAMES, "ok")
    assert "roles.write" in told(examined, "scopes")


def test_a_token_is_shown_to_the_site_alone(first_desk: Desk, untouched: Sandbox):
    first_desk.use_token(untouched.token("auditor"))
    examined = examine(first_desk)
    assert set(verdicts(examined).values()) == {"ok"}
    assert "not known" in told(examined, "scopes")
    first_desk.use_token("not-a-token")
    refused = examine(first_desk, expect=1)
    assert failing(refused) == ["site"]
    assert "not-a-token" not in json.dumps(refused)


# The way there


def test_what_it_asks_has_the_id_of_the_run(first_desk: Desk):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with receiving(Receiver()) as receiver:
        first_desk.run(
            "doctor",
            expect=1,
            RECONCILER_URL=receiver.url,
            RECONCILER_TOKEN_URL=f"{receiver.url}/token",
            TRACEPARENT=f"00-{trace}-00f067aa0ba902b7-01",
        )
    assert receiver.got
    traces = [each.headers.get("traceparent", "").split("-") for each in receiver.got]
    assert {each[1] for each in traces if len(each) > 1} == {trace}
    assert all(len(each) == 4 for each in traces)


def test_nobody_there(first_desk: Desk):
    examined = examine(moved(first_desk, "http://127.0.0.1:9"), expect=1)
    assert failing(examined) == ["connection"]
    assert "is the server running?" in told(examined, "connection")
    assert verdicts(examined)["credentials"] == "ok"
    unknown = examine(moved(first_desk, "https://nobody.invalid"), expect=1)
    assert "no such host is known" in told(unknown, "connection")


def test_a_path_without_a_site(first_desk: Desk):
    url = first_desk.environment["RECONCILER_URL"]
    examined = examine(moved(first_desk, f"{url}/elsewhere"), expect=1)
    assert verdicts(examined)["connection"] == "warning"
    assert "404" in told(examined, "connection")
    assert failing(examined) == ["sign-in"]


@pytest.fixture
def secure(first_desk: Desk, untouched: Sandbox, certificate: Path) -> Iterator[Desk]:
    with between(untouched.url, certificate=certificate) as url:
        yield moved(first_desk, url)


def test_a_certificate_that_is_trusted_tells_its_end(secure: Desk, certificate: Path):
    examined = examine(secure, RECONCILER_CA_BUNDLE=str(certificate))
    assert verdicts(examined)["site"] == "ok"
    assert verdicts(examined)["tls"] == "warning", "it ends within days"
    ends = (datetime.now(UTC) + timedelta(days=2)).date()
    assert re.search(f"TLSv1.[23], by 127.0.0.1, until {ends}, 1 day", told(examined, "tls"))
    assert f"trusted by ca_bundle ({certificate})" in told(examined, "tls")
    by_variable = examine(secure, REQUESTS_CA_BUNDLE=str(certificate))
    assert "trusted by REQUESTS_CA_BUNDLE" in told(by_variable, "tls")


def test_a_certificate_that_holds_for_long_is_no_warning(
    first_desk: Desk, untouched: Sandbox, tmp_path: Path
):
    lasting = make_certificate(tmp_path, days=90)
    with between(untouched.url, certificate=lasting) as url:
        moved(first_desk, url)
        assert verdicts(examine(first_desk, RECONCILER_CA_BUNDLE=str(lasting)))["tls"] == "ok"


def test_a_certificate_that_nobody_knows(secure: Desk):
    examined = examine(secure, expect=1)
    assert failing(examined) == ["tls"]
    assert "signed by itself. Name it in ca_bundle." in told(examined, "tls")
    assert verdicts(examined)["connection"] == "ok"
    assert told(examined, "sign-in").startswith("not looked at, as tls failed")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"days": -1}, "it has expired. Whoever runs the server has to renew it."),
        ({"name": "IP:127.0.0.9"}, "it is for another address. Check url"),
    ],
)
def test_a_certificate_that_does_not_hold(
    first_desk: Desk, untouched: Sandbox, tmp_path: Path, settings: dict[str, Any], said: str
):
    wrong = make_certificate(tmp_path, **settings)
    with between(untouched.url, certificate=wrong) as url:
        moved(first_desk, url)
        examined = examine(first_desk, expect=1, RECONCILER_CA_BUNDLE=str(wrong))
    assert failing(examined) == ["tls"]
    assert said in told(examined, "tls")


def test_certificates_that_cannot_be_used(secure: Desk):
    secure.write("nothing of the kind", "bundle.pem")
    empty = examine(secure, expect=1, RECONCILER_CA_BUNDLE="bundle.pem")
    assert "holds none" in told(empty, "tls")
    gone = examine(secure, expect=1, REQUESTS_CA_BUNDLE="gone.pem")
    assert "REQUESTS_CA_BUNDLE is gone.pem, which does not exist" in told(gone, "tls")


def test_https_where_nobody_speaks_it(first_desk: Desk, untouched: Sandbox):
    examined = examine(moved(first_desk, untouched.url.replace("http:", "https:")), expect=1)
    assert failing(examined) == ["tls"]
    assert "does not speak TLS" in told(examined, "tls")


@pytest.mark.parametrize(
    ("ahead", "verdict", "said"),
    [
        (timedelta(seconds=20), "ok", "(19|20|21) seconds from the server's"),
        (timedelta(minutes=10), "warning", "10 minutes behind the server"),
        (timedelta(seconds=-90), "warning", "(89|90|91) seconds ahead of the server"),
        (timedelta(days=-1), "failed", "ahead of the server"),
    ],
)
def test_a_clock_that_goes_wrong(
    first_desk: Desk, untouched: Sandbox, ahead: timedelta, verdict: str, said: str
):
    with between(untouched.url, ahead=ahead) as url:
        moved(first_desk, url)
        examined = examine(first_desk, expect=1 if verdict == "failed" else 0)
    assert verdicts(examined) | {"clock": "ok"} == dict.fromkeys(NAMES, "ok")
    assert examined["clock"]["verdict"] == verdict
    assert re.search(said, told(examined, "clock"))


def test_the_proxy_is_told_with_its_reason_and_without_its_password(first_desk: Desk, secure: Desk):
    proxy = "http://user:pr0xy-passw0rd@127.0.0.1:9"
    examined = examine(secure, expect=1, HTTPS_PROXY=proxy)
    assert "http://127.0.0.1:9, by HTTPS_PROXY" in told(examined, "proxy")
    assert "the proxy did not connect" in told(examined, "connection")
    assert "pr0xy" not in json.dumps(examined)
    excepted = examine(secure, expect=1, HTTPS_PROXY=proxy, NO_PROXY="127.0.0.1")
    assert "NO_PROXY excepts 127.0.0.1 from HTTPS_PROXY" in told(excepted, "proxy")
    assert failing(excepted) == ["tls"]


def test_http_to_this_machine_goes_through_no_proxy(first_desk: Desk):
    examined = examine(first_desk, HTTP_PROXY="http://127.0.0.1:9")
    assert "HTTP_PROXY is not heeded" in told(examined, "proxy")
    assert verdicts(examined)["site"] == "ok"


# A site that fails


FAULTS: dict[str, tuple[str, list[str], str]] = {
    "it cannot serve": ("{kind: error, status: 503, retry_after: null}", ["site"], "503"),
    "it fails once": ("{kind: error, status: 503, retry_after: null, times: 1}", [], ""),
    "it is cut off once": ("{kind: cut, times: 1}", [], ""),
    "it is cut off": ("{kind: cut, ending: reset}", ["connection"], "failed"),
    "no token": ("{kind: error, status: 500, path: /oauth/token}", ["sign-in"], "500"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_site_that_fails(tmp_path: Path, case: str):
    fault, fails, said = FAULTS[case]
    (tmp_path / "faults.yaml").write_text(f"version: 1\nfaults:\n  - {fault}\n")
    with running(tmp_path, "--faults", "faults.yaml") as sandbox:
        examined = examine(Desk(tmp_path, sandbox), expect=1 if fails else 0)
    assert failing(examined) == fails
    assert all(said in told(examined, name) for name in fails)


def test_what_a_site_cannot_do(tmp_path: Path):
    with running(tmp_path, "--without", "events", "--without", "labels") as sandbox:
        examined = examine(Desk(tmp_path, sandbox))
    assert examined["capabilities"]["verdict"] == "warning"
    assert "assignments, holders, profiles; not labels, events" in told(examined, "capabilities")
    assert "drift cannot tell who" in told(examined, "capabilities")


def test_no_check_takes_longer_than_it_may(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def hang(_subject: Subject) -> Any:
        time.sleep(60)

    slow = (Check("slow", hang, seconds=0.05), Check("next", lambda _: fine("so")))
    monkeypatch.setattr(checks, "CHECKS", slow)
    examined = dict(checks.examine(Subject(None, None, {}, tmp_path)))
    assert examined["slow"].verdict is Verdict.FAILED
    assert "within 0.05 seconds" in examined["slow"].text
    assert examined["next"].verdict is Verdict.OK


# A snapshot


def test_a_snapshot_needs_no_network(tmp_path: Path):
    desk = Desk(tmp_path, names=())
    desk.write(
        '[environments.town]\nprovider = "snapshot"\npath = "town.json"\n', "reconciler.toml"
    )
    assert failing(examine(desk, expect=1)) == ["site"]
    (tmp_path / "town.json").write_bytes(write_state(small_site()))
    examined = examine(desk)
    assert verdicts(examined)["tls"] == "skipped"
    assert "town.json" in told(examined, "settings")
    assert "nord, at revision 5" in told(examined, "site")
    assert "runbook" in told(examined, "capabilities")


# The cache


def test_the_cache(first_desk: Desk):
    assert "nothing in it yet" in told(examine(first_desk), "cache")
    first_desk.run("plan", "roles.yaml")
    assert "1 site, 0.0 MB" in told(examine(first_desk), "cache")
    assert "by --no-cache" in told(examine(first_desk, "--no-cache"), "cache")
    off = examine(first_desk, RECONCILER_NO_CACHE="1")
    assert "by RECONCILER_NO_CACHE" in told(off, "cache")
    (folder,) = (first_desk.directory / "cache").iterdir()
    folder.chmod(0o755)
    examined = examine(first_desk)
    assert examined["cache"]["verdict"] == "warning"
    assert folder.name in told(examined, "cache")


def test_a_cache_that_cannot_be_written(first_desk: Desk):
    first_desk.write("", "file")
    examined = examine(first_desk, RECONCILER_CACHE_DIR="file/below")
    assert examined["cache"]["verdict"] == "warning"
    assert "RECONCILER_CACHE_DIR" in told(examined, "cache")


# The journal


def test_the_journal(recorded: Desk):
    path = recorded.directory / "state" / "journal.db"
    before = path.read_bytes()
    examined = examine(recorded)
    assert re.search(r"journal\.db, SQLite 3\.[\d.]+, revision \d+", told(examined, "journal"))
    in_ci = examine(recorded, CI="1")
    assert in_ci["journal"]["verdict"] == "warning"
    assert "RECONCILER_JOURNAL" in told(in_ci, "journal")
    path.chmod(0o644)
    assert "chmod 600" in told(examine(recorded), "journal")
    assert path.read_bytes() == before


def test_who_holds_the_lease_is_told(recorded: Desk):
    path = recorded.directory / "state" / "journal.db"
    held = {"now": lambda: datetime.now(UTC), "who": "anna", "host": "ci-7"}
    with open_journal(path, **held) as journal, journal.lease("nordberg-kommune"):
        examined = examine(recorded)
        assert examined["journal"]["verdict"] == "warning"
        assert "anna@ci-7" in told(examined, "journal")
        assert "--wait" in told(examined, "journal")
        hidden = examine(recorded, "--redact", RECONCILER_REDACT_KEY="k" * 32)
        assert "anna" not in json.dumps(hidden)
    with open_journal(path, **held) as journal, journal.lease("elsewhere"):
        assert verdicts(examine(recorded))["journal"] == "ok"


def test_journals_that_cannot_be_used(first_desk: Desk):
    first_desk.write("no database at all, but long enough to look like one " * 20, "journal.db")
    damaged = examine(first_desk, expect=1, RECONCILER_JOURNAL="journal.db")
    assert "is not a database" in told(damaged, "journal")
    foreign = first_desk.directory / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE theirs (id)")
    connection.close()
    content = foreign.read_bytes()
    theirs = examine(first_desk, expect=1, RECONCILER_JOURNAL="foreign.db")
    assert "belongs to another program" in told(theirs, "journal")
    assert foreign.read_bytes() == content
    first_desk.write("", "file")
    wrong = examine(first_desk, expect=1, RECONCILER_JOURNAL="file/journal.db")
    assert "cannot be made" in told(wrong, "journal")
    assert failing(wrong) == ["journal"]


def test_a_journal_on_a_server(first_desk: Desk, postgres_url: str):
    empty = examine(first_desk, RECONCILER_JOURNAL=postgres_url)
    assert "PostgreSQL" in told(empty, "journal")
    assert "whose tables the next command makes" in told(empty, "journal")
    password = postgres_url.split(":")[2].partition("@")[0]
    assert password not in json.dumps(empty)
    held = {"now": lambda: datetime.now(UTC), "who": "anna", "host": "ci-7"}
    with open_journal(postgres_url, **held) as journal, journal.lease("nordberg-kommune"):
        assert "anna@ci-7" in told(examine(first_desk, RECONCILER_JOURNAL=postgres_url), "journal")
    wrong = postgres_url.replace(password, "wr0ng-passw0rd")
    refused = examine(first_desk, expect=1, RECONCILER_JOURNAL=wrong)
    assert failing(refused) == ["journal"]
    assert "wr0ng" not in json.dumps(refused)
