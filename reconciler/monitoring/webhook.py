"""Sends a message to a webhook, signed as Standard Webhooks has it (standardwebhooks.com).

The receiver knows by the signature who sent it, by the time that it is no old one played again, and
by the id whether it has got it before.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from reconciler import tracing
from reconciler.errors import ExitCode
from reconciler.http.call import Limits
from reconciler.http.delivery import LIMITS, Delivery, deliver
from reconciler.monitoring.facts import Findings, changes, only
from reconciler.monitoring.job import Job
from reconciler.monitoring.memory import Memory
from reconciler.monitoring.message import Message, body_of
from reconciler.monitoring.settings import Webhook


def tell(
    to: Webhook,
    memory: Memory,
    found: Mapping[str, Findings],
    *,
    job: Job,
    code: ExitCode,
    at: datetime,
    limits: Limits = LIMITS,
) -> None:
    """Tell what has changed since the last message; nothing where nothing has.

    Args:
        to: whom.
        memory: what was told before.
        found: per site what was found now.
        job: what was run, and for whom.
        code: its exit code.
        at: when it ended.
        limits: how often it is tried, and how long.

    Raises:
        SiteError: the message was not taken; it is told again next time.
        OSError: it was, and that cannot be noted.
    """
    meant = {site: only(to.topics, each) for site, each in found.items()}
    news = tuple(
        change
        for site, each in meant.items()
        for change in changes(site, memory.of_site(site), each)
    )
    if news:
        trace = tracing.current()
        message = Message(job, code, news, trace, at, memory.number, memory.mark)
        send(to, message, limits=limits)
    memory.keep(meant, told=bool(news))


def send(to: Webhook, message: Message, *, limits: Limits = LIMITS) -> None:
    """Send a message; try again, for a bounded time, where that may help.

    Raises:
        SiteError: it was not taken.
    """
    body = body_of(message, to.body)
    headers = {"Content-Type": "application/json"}
    if to.key is not None:
        headers |= signed(to.key, message.id, int(message.at.timestamp()), body)
    deliver(
        Delivery("POST", to.url.reveal(), body, headers, noun="the webhook"),
        ca_bundle=to.ca_bundle,
        timeout=to.timeout,
        limits=limits,
    )


def signed(key: bytes, message_id: str, at: int, body: bytes) -> Mapping[str, str]:
    """Return the headers that sign a body.

    Args:
        key: what sender and receiver share.
        message_id: the message's id.
        at: when it is sent, in seconds since 1970.
        body: its bytes, exactly as they are sent.
    """
    content = f"{message_id}.{at}.".encode() + body
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
