"""The message about a run: one body for programs and for the incoming webhooks of chats."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from reconciler.errors import ExitCode
from reconciler.monitoring.facts import Change
from reconciler.monitoring.job import Job
from reconciler.plain import plain

FORMAT: Final = "reconciler.notification/1"

LINES: Final = 20
"""So many lines a text has; what there is more of is counted."""

ITEMS: Final = 100
"""So many new things of an event are listed for programs; what there is more of is counted."""

_BEFORE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "drift": "Somebody changed the site",
        "refusal": "Refused by a guard",
        "failure": "It failed",
        "ending": "Ending soon",
    }
)
_OVER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "drift": "No drift any more",
        "refusal": "No guard refuses any more",
        "failure": "It works again",
    }
)


@dataclass(frozen=True, slots=True)
class Message:
    """What is told of a run.

    Attributes:
        job: what was run, and for whom.
        code: its exit code.
        changes: what has happened since the last message; at least one.
        trace: the run's id.
        at: when it ended.
        number: how many messages went before.
        mark: of the memory that counts them.
    """

    job: Job
    code: ExitCode
    changes: tuple[Change, ...]
    trace: str
    at: datetime
    number: int
    mark: str

    @property
    def id(self) -> str:
        """The same for the same message, however often it is sent, also by a later run."""
        told = [
            (each.site, each.event, each.topic.value, sorted(fact.key for fact in each.new))
            for each in self.changes
        ]
        text = json.dumps([self.job.parts, self.mark, self.number, told])
        return f"msg_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def text_of(message: Message) -> str:
    """Say it in lines for people, as chats show them."""
    lines: list[str] = []
    left = 0
    for change in message.changes:
        lines.append(_headline(message.job.command, change))
        room = max(0, LINES - len(lines))
        lines += (f"• {fact.text}" for fact in change.new[:room])
        left += max(0, len(change.new) - room)
    shown = lines[: 2 * LINES]
    left += len(lines) - len(shown)
    if left:
        shown.append(f"… and {left:,} more")
    # What a chat reads as the beginning of a link or a mention is written as what it looks like.
    return "\n".join(shown).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _headline(command: str, change: Change) -> str:
    site = f", {plain(change.site)}" if change.site else ""
    words = _BEFORE if change.new else _OVER
    numbers = f": {len(change.new):,} new, {change.total:,} in all" if change.new else ""
    return f"*reconciler {command}{site}*: {words[change.topic.value]}{numbers}."


def _full(message: Message) -> dict[str, Any]:
    return {
        "text": text_of(message),
        "format": FORMAT,
        "id": message.id,
        "time": message.at.isoformat(),
        "correlation_id": message.trace,
        "command": message.job.command,
        "exit_code": int(message.code),
        "events": [*map(_event, message.changes)],
    }


def _event(change: Change) -> dict[str, Any]:
    return {
        "event": change.event,
        "topic": change.topic.value,
        "site": change.site,
        "new": len(change.new),
        "gone": change.gone,
        "total": change.total,
        "items": [dict(fact.details) for fact in change.new[:ITEMS]],
    }


def _text(message: Message) -> dict[str, Any]:
    return {"text": text_of(message)}


def _card(message: Message) -> dict[str, Any]:
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            # A joiner keeps what a key says from becoming a link.
            {"type": "TextBlock", "wrap": True, "text": line.replace("](", "]\u2060(")}
            for line in text_of(message).splitlines()
        ],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": content}]}


BODIES: Final[Mapping[str, Callable[[Message], dict[str, Any]]]] = MappingProxyType(
    {"full": _full, "text": _text, "card": _card}
)
"""The forms of a body: for programs and chats alike, for a chat that takes nothing but `text`, and
as the card that Teams' workflows take."""


def body_of(message: Message, form: str) -> bytes:
    """Write the body in one of `BODIES`."""
    return json.dumps(BODIES[form](message)).encode()
