"""The page about monitoring: its tables name what there is, and its example of a receiver works."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pages import DOCS, ROOT, blocks, section, table_cells
from receivers import Receiver, receiving
from sandboxes import validator
from standardwebhooks import Webhook as Judge
from standardwebhooks import WebhookVerificationError

from reconciler.credentials import Secret
from reconciler.errors import ExitCode
from reconciler.monitoring.facts import Fact, Findings, Topic, changes
from reconciler.monitoring.job import Job
from reconciler.monitoring.message import BODIES, Message
from reconciler.monitoring.samples import FAMILIES
from reconciler.monitoring.settings import METRICS_KEYS, WEBHOOK_KEYS, Webhook
from reconciler.monitoring.webhook import send

PAGE = DOCS / "monitoring.md"
KEY = b"a key that both of them know 123"
NAMED = "whsec_YSBrZXkgdGhhdCBib3RoIG9mIHRoZW0ga25vdyAxMjM="


def cells(title: str) -> list[str]:
    return [cell.strip("`") for cell in table_cells(section(PAGE, title))]


def words(title: str) -> list[str]:
    return [
        word.strip("` ") for cell in table_cells(section(PAGE, title)) for word in cell.split(",")
    ]


def test_every_metric_is_described_and_no_other():
    assert cells("Metrics")[: len(FAMILIES)] == list(FAMILIES)


def test_every_setting_is_described_and_no_other():
    assert [word for word in words("Metrics") if word in METRICS_KEYS] == list(METRICS_KEYS)
    said = words("Messages")
    topics = [topic.value for topic in Topic]
    assert [word for word in said if word in topics][: len(topics)] == topics
    assert [word for word in said if word in WEBHOOK_KEYS] == list(WEBHOOK_KEYS)
    assert all(f"`{body}`" in section(PAGE, "Messages") for body in BODIES)


def test_every_alert_is_described_and_no_other():
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
    named = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    assert [cell for cell in cells("Metrics") if cell.startswith("Reconciler")] == named


def shown() -> dict[str, Any]:
    (part,) = blocks(PAGE, "json")
    document: dict[str, Any] = json.loads(part.text)
    return document


def as_shown() -> Message:
    """The message that the page shows."""
    details = tuple(shown()["events"][0]["items"][0].items())
    fact = Fact(
        Topic.DRIFT,
        "key",
        "`mentor t-0407` `class 8a` on the site, not declared; added by `admin (console)`",
        details,
    )
    found = tuple(changes("production", {}, Findings(frozenset(Topic), (fact,))))
    at = datetime.fromisoformat(shown()["time"])
    job = Job("drift", "production", "https://roles.example")
    return Message(job, ExitCode.CHANGES, found, shown()["correlation_id"], at, 0, "mark")


def test_the_message_is_as_it_is_shown_and_as_the_schema_has_it():
    sent = BODIES["full"](as_shown())
    validator("notification").validate(sent)
    validator("notification").validate(shown())
    assert {**sent, "id": shown()["id"]} == shown()


@pytest.fixture
def sent() -> Any:
    """A message as it arrives: its headers, in lower case as frameworks give them, and its body."""
    with receiving(Receiver()) as receiver:
        message = replace(as_shown(), at=datetime.now(UTC))
        send(Webhook(Secret(receiver.url), KEY), message)
    (got,) = receiver.got
    return {name.lower(): value for name, value in got.headers.items()}, got.body


def test_the_receiver_that_is_shown_knows_a_genuine_message(sent: Any):
    (part,) = blocks(PAGE, "python")
    names: dict[str, Any] = {}
    exec(compile(part.text, str(PAGE), "exec"), names)  # noqa: S102 - what the page shows
    is_genuine = names["is_genuine"]
    headers, body = sent
    assert is_genuine(headers, body, KEY)
    assert not is_genuine(headers, body + b" ", KEY)
    assert not is_genuine(headers, body, b"another key")
    old = {**headers, "webhook-timestamp": str(int(time.time()) - 3600)}
    assert not is_genuine(old, body, KEY)


def test_the_reference_library_knows_it_too(sent: Any):
    headers, body = sent
    assert Judge(NAMED).verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Judge(NAMED).verify(body + b" ", headers)


def test_the_settings_that_are_shown_are_understood(tmp_path: Path):
    import tomllib  # noqa: PLC0415 - of this test alone

    tables = [tomllib.loads(part.text) for part in blocks(PAGE, "toml")]
    assert {key for each in tables for key in each} == {"metrics", "webhook"}
    for each in tables:
        for name, keys in (("metrics", METRICS_KEYS), ("webhook", WEBHOOK_KEYS)):
            assert set(each.get(name, {})) <= set(keys)
