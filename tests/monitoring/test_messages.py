"""Messages: what is told, once, to whom, and signed."""

import base64
import hashlib
import hmac
import json
import stat
import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from receivers import Receiver, receiving
from requests.structures import CaseInsensitiveDict
from small import plan, small_site, wanting

from reconciler.credentials import Secret
from reconciler.diagnostics import Diagnostic
from reconciler.domain.address import Address
from reconciler.drift import classify
from reconciler.ending import Ending
from reconciler.errors import (
    ConfigurationError,
    ContractViolation,
    ExitCode,
    GuardRefused,
    InvalidInput,
    ReconcilerError,
    SiteError,
    Unreachable,
)
from reconciler.http.answers import Received, read
from reconciler.http.call import Limits
from reconciler.http.failures import Again
from reconciler.monitoring.facts import (
    FINE,
    Fact,
    Findings,
    Topic,
    after,
    changes,
    of_drift,
    of_error,
)
from reconciler.monitoring.job import Job
from reconciler.monitoring.memory import Memory
from reconciler.monitoring.message import ITEMS, LINES, Message, body_of, text_of
from reconciler.monitoring.settings import Webhook
from reconciler.monitoring.webhook import tell
from reconciler.plugins import Plugin
from reconciler.provider import Event
from reconciler.provider_options import Plugged
from reconciler.providers.plugged import reader as plugged_reader
from reconciler.providers.plugged.reader import PluggedReader
from reconciler.providers.rest.peer import SITE
from reconciler.rosters import formats
from reconciler.rosters.formats import read_files

JOB = Job("drift", "test", "https://roles.example")
AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
KEY = b"0123456789abcdef0123456789abcdef"
QUICK = Limits(attempts=3, sleep=lambda _seconds: None)


def drift_of(*mentors: tuple[str, str]) -> Findings:
    """Class 8a is wanted for t-1, and these are live."""
    report = classify(plan(small_site(*mentors), wanting(("t-1", "8a"))), None, ())
    return FINE | of_drift(report, report)


def fact(topic: Topic = Topic.DRIFT, key: str = "k", text: str = "something") -> Fact:
    return Fact(topic, key, text, (("name", text),))


def found(*keys: str, topic: Topic = Topic.DRIFT) -> Findings:
    return Findings(frozenset({topic}), tuple(fact(topic, key) for key in keys))


def message(*facts: Fact, number: int = 0) -> Message:
    news = tuple(changes("test", {}, Findings(frozenset(Topic), facts)))
    return Message(JOB, ExitCode.CHANGES, news, "4bf9", AT, number, "mark")


@pytest.fixture
def receiver():
    with receiving(Receiver()) as running:
        yield running


def hook(receiver: Receiver, **changes: object) -> Webhook:
    return replace(Webhook(Secret(f"{receiver.url}/T0KEN"), KEY), **changes)


def told(receiver: Receiver) -> list[dict]:
    return [json.loads(each.body) for each in receiver.got]


def send(to: Webhook, folder: Path, findings: Findings, site: str = "test") -> None:
    with Memory.held(folder, to.url.reveal(), JOB) as memory:
        tell(to, memory, {site: findings}, job=JOB, code=ExitCode.DONE, at=AT, limits=QUICK)


def kept(folder: Path) -> Path:
    """The file that remembers, beside its lock."""
    (path,) = folder.glob("told-*.json")
    return path


# What is new


def test_what_was_told_is_not_told_again_and_what_is_over_is_told_once():
    known: dict[Topic, frozenset[str]] = {}
    story = []
    for findings in (found("a"), found("a"), found("a", "b"), found("b"), found(), found()):
        story.append([(each.event, len(each.new)) for each in changes("s", known, findings)])
        known = after(known, findings)
    assert story == [[("drift", 1)], [], [("drift", 1)], [], [("recovery", 0)], []]


def test_what_nobody_looked_at_is_not_over():
    known = after({}, found("a"))
    (news,) = changes("s", known, of_error(Unreachable("gone")))
    assert news.topic is Topic.FAILURE
    assert after(known, of_error(Unreachable("gone")))[Topic.DRIFT] == known[Topic.DRIFT]


def test_that_nothing_ends_soon_any_more_is_no_news():
    known = after({}, found("a", topic=Topic.ENDING))
    assert not list(changes("s", known, found(topic=Topic.ENDING)))


def test_drift_that_changes_is_told_anew():
    first, second = drift_of(("10", "u2")), drift_of(("10", "u2"), ("11", "u3"))
    (news,) = changes("s", after({}, first), second)
    assert 0 < len(news.new) < news.total


# What is told of it


def test_no_learner_is_named():
    address = Address.assignment("mentor", "t-1", "learner", "s-1")
    report = classify(plan(small_site(), wanting(("t-1", "8a"))), None, ())
    ends = Ending(address, address, date(2026, 12, 1))
    drifted = replace(report.drifted[0], item=replace(report.drifted[0].item, name=address))
    shown = replace(report, ending=(ends,), drifted=(drifted,))
    sent = body_of(message(*of_drift(shown, shown).facts), "full").decode()
    assert "a learner" in sent
    assert "s-1" not in sent


def test_an_error_that_names_people_is_told_by_its_kind():
    error = ReconcilerError("t-1 cannot be s-1's mentor.").naming("site", [("1", "t-1")])
    (failure,) = of_error(error).facts
    assert "s-1" not in failure.text
    quoting = InvalidInput([Diagnostic("RR101", "the reason 'her illness' is private")])
    (failure,) = of_error(quoting).facts
    assert failure.text == "1 error found: RR101"


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "forbidden", "GET /v1/people was refused: 403 (forbidden)"),
        (403, "s-1001", "GET /v1/people was refused: 403"),
        (503, "busy", "GET /v1/people: the site cannot answer: 503"),
    ],
)
def test_what_a_server_says_of_people_is_not_repeated(status: int, code: str, said: str):
    problem = {"code": code, "detail": "Åse Læring is not to be read."}
    headers = CaseInsensitiveDict({"Content-Type": "application/problem+json"})
    received = Received(status, headers, json.dumps(problem).encode())
    with pytest.raises((SiteError, Again)) as refused:
        read(
            *("GET /v1/people", received, SITE),
            conditional=False,
            repeatable=True,
            secrets=(),
        )
    error = refused.value.error if isinstance(refused.value, Again) else refused.value
    assert "Åse" in str(error)
    (failure,) = of_error(error).facts
    assert failure.text == said


@pytest.mark.parametrize(
    "error",
    [
        SiteError("No such learner: s-1001."),
        ContractViolation("file: learner s-1001 is odd."),
        ReconcilerError("s-1001."),
        OSError(2, "s-1001", "s-1001"),
        OSError("s-1001"),
        KeyError("s-1001"),
    ],
)
def test_what_does_not_say_of_itself_that_it_names_nobody_is_told_by_its_kind(error: Exception):
    (failure,) = of_error(error).facts
    assert "s-1001" not in repr(failure)
    assert type(error).__name__ in failure.text


def plugged(_: object) -> object:
    raise ConfigurationError("s-1001 is not in the settings.")


def through_a_provider() -> None:
    with PluggedReader(Plugged("their.provider", {})):
        pass


def through_a_format() -> None:
    read_files("their.format", {})


@pytest.mark.parametrize(
    ("module", "use"), [(plugged_reader, through_a_provider), (formats, through_a_format)]
)
def test_a_plugin_is_not_trusted_with_its_settings_either(monkeypatch, module, use):
    plugin = Plugin("a plugin", plugged)
    plugged.open_reader = plugged
    monkeypatch.setattr(module, "load", lambda *_: plugin)
    with pytest.raises(ConfigurationError) as raised:
        use()
    (failure,) = of_error(raised.value).facts
    assert failure.text.startswith("ConfigurationError; its message may name people")


def test_what_does_is_told_by_its_sentence():
    error = SiteError("file: learner s-1001 is odd.").naming_nobody("file: a learner is odd.")
    (failure,) = of_error(error).facts
    assert failure.text == "file: a learner is odd"


def test_a_refusal_is_told_by_guard_and_is_no_failure():
    refused = GuardRefused("…", None, [("RR501", "12 removals, and 10 are allowed")])
    findings = of_error(refused)
    assert [(each.topic, each.text) for each in findings.facts] == [
        (Topic.REFUSAL, "RR501: 12 removals, and 10 are allowed")
    ]


def test_who_did_it_is_told_as_code_and_no_chat_reads_anything_into_it():
    report = classify(plan(small_site(), wanting(("t-1", "8a"))), None, ())
    hostile = Event(
        AT, "<!channel> @all `x` [a](http://evil.example)\n&", "user", "mentor/1", "add", 7
    )
    drifted = replace(report.drifted[0], event=hostile)
    shown = replace(report, drifted=(drifted,))
    text = text_of(message(*of_drift(shown, shown).facts))
    assert "<" not in text.replace("&lt;", "")
    assert "`&lt;!channel&gt; @all 'x' [a](http://evil.example)\\n&amp; (user)`" in text
    card = json.loads(body_of(message(*of_drift(shown, shown).facts), "card"))
    lines = [each["text"] for each in card["attachments"][0]["content"]["body"]]
    assert not any("](" in line for line in lines)


def test_much_is_counted():
    many = [fact(key=str(number)) for number in range(1000)]
    sent = json.loads(body_of(message(*many), "full"))
    assert len(sent["text"].splitlines()) <= LINES + 1
    assert f"and {1000 - LINES + 1:,} more" in sent["text"]
    assert sent["events"][0]["new"] == 1000
    assert len(sent["events"][0]["items"]) == ITEMS


def test_the_id_is_that_of_what_is_told():
    assert message(fact()).id == replace(message(fact()), trace="other", at=datetime.now(UTC)).id
    assert message(fact()).id != message(fact(key="other")).id
    assert message(fact()).id != message(fact(), number=1).id
    assert message(fact()).id != replace(message(fact()), mark="other").id
    for other in ({"command": "plan"}, {"site": "x"}, {"address": "x"}):
        assert message(fact()).id != replace(message(fact()), job=replace(JOB, **other)).id


def test_two_memories_never_send_the_same_id(receiver, tmp_path: Path):
    for folder in ("one", "two"):
        send(hook(receiver), tmp_path / folder, found("a"))
    kept(tmp_path / "two").unlink()
    send(hook(receiver), tmp_path / "two", found("a"))
    assert len({each["id"] for each in told(receiver)}) == 3


def test_a_site_of_the_same_name_elsewhere_is_told_of_by_itself(receiver, tmp_path: Path):
    for address in ("https://one.example", "https://two.example"):
        job = replace(JOB, address=address)
        with Memory.held(tmp_path, hook(receiver).url.reveal(), job) as memory:
            told_of = {"test": found("a")}
            tell(hook(receiver), memory, told_of, job=job, code=ExitCode.DONE, at=AT)
    assert len(receiver.got) == 2


# How it is sent


def verified(headers: dict[str, str], body: bytes, key: bytes) -> bool:
    """As a receiver does it that knows nothing of this program."""
    content = b".".join(
        [headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body]
    )
    want = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(headers["webhook-signature"], f"v1,{want}")


def test_a_message_is_signed(receiver, tmp_path: Path):
    send(hook(receiver), tmp_path, found("a"))
    (got,) = receiver.got
    assert got.method == "POST"
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["webhook-timestamp"] == str(int(AT.timestamp()))
    assert verified(got.headers, got.body, KEY)
    assert not verified(got.headers, got.body + b" ", KEY)
    assert not verified(got.headers, got.body, b"other")


def test_without_a_secret_nothing_is_signed(receiver, tmp_path: Path):
    send(hook(receiver, key=None), tmp_path, found("a"))
    assert not [name for name in receiver.got[0].headers if name.startswith("webhook")]


def test_only_what_changed_is_told(receiver, tmp_path: Path):
    for findings in (found("a"), found("a"), found(), found()):
        send(hook(receiver), tmp_path, findings)
    assert [each["events"][0]["event"] for each in told(receiver)] == ["drift", "recovery"]


def test_what_was_not_taken_is_told_again_under_the_same_id(receiver, tmp_path: Path):
    receiver.answers = [(500, {})] * QUICK.attempts
    with pytest.raises(Unreachable):
        send(hook(receiver), tmp_path, found("a"))
    send(hook(receiver), tmp_path, found("a"))
    send(hook(receiver), tmp_path, found("a"))
    ids = [each["id"] for each in told(receiver)]
    assert len(ids) == QUICK.attempts + 1
    assert len(set(ids)) == 1


def test_the_same_drift_later_has_another_id(receiver, tmp_path: Path):
    for findings in (found("a"), found(), found("a")):
        send(hook(receiver), tmp_path, findings)
    first, _, third = (each["id"] for each in told(receiver))
    assert first != third


def test_topics_that_nobody_wants_are_left_out(receiver, tmp_path: Path):
    to = hook(receiver, topics=frozenset({Topic.FAILURE}))
    send(to, tmp_path, found("a"))
    assert not receiver.got
    send(to, tmp_path, of_error(Unreachable("gone")))
    assert [each["events"][0]["topic"] for each in told(receiver)] == ["failure"]


def test_what_is_remembered_is_private_and_names_nobody(receiver, tmp_path: Path):
    send(hook(receiver), tmp_path / "state", drift_of(("10", "u2")))
    path = kept(tmp_path / "state")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "t-1" not in path.read_text()
    assert "T0KEN" not in path.name + path.read_text()


def test_two_runs_at_once_tell_one_after_the_other(receiver, tmp_path: Path):
    sending = [
        threading.Thread(target=send, args=(hook(receiver), tmp_path, found("a", "b"), site))
        for site in ("one", "one", "two", "two")
    ]
    for each in sending:
        each.start()
    for each in sending:
        each.join()
    assert sorted(each["events"][0]["site"] for each in told(receiver)) == ["one", "two"]


def test_where_nothing_can_be_kept_all_is_told(receiver, tmp_path: Path):
    (tmp_path / "state").write_text("no folder")
    for _ in range(2):
        with pytest.raises(OSError, match="Not a directory"):
            send(hook(receiver), tmp_path / "state", found("a"))
    assert len(receiver.got) == 2


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"format": "other"}', '{"format": 1}'])
def test_where_it_is_lost_everything_is_told_once_more(receiver, tmp_path: Path, broken: str):
    send(hook(receiver), tmp_path, found("a"))
    path = kept(tmp_path)
    path.write_text(broken)
    send(hook(receiver), tmp_path, found("a"))
    send(hook(receiver), tmp_path, found("a"))
    assert len(receiver.got) == 2


def test_the_text_alone_is_for_chats_that_take_nothing_else(receiver, tmp_path: Path):
    send(hook(receiver, body="text"), tmp_path, found("a"))
    (sent,) = told(receiver)
    assert set(sent) == {"text"}


def test_a_configuration_error_is_a_failure_by_its_sentence():
    (failure,) = of_error(ConfigurationError("reconciler.toml has no environment prod.")).facts
    assert failure.text == "reconciler.toml has no environment prod"
