"""Hands something over to a server that answers nothing of interest: metrics, a message.

The answer's status is all that is read of it. Redirects are never followed, .netrc is never read,
and no message names more of the address than host and port: its path may be a secret.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import requests
from requests.auth import AuthBase

from reconciler import tracing
from reconciler.errors import RequestRefused, SiteError, Unreachable
from reconciler.http import way
from reconciler.http.call import Limits
from reconciler.http.failures import FAILURES, Again, meaning, retry_after
from reconciler.http.in_time import OutOfTime, in_time
from reconciler.http.repeating import repeat

LIMITS: Final = Limits(connect_seconds=5.0, attempts=4, retry_seconds=15.0, total_seconds=45.0)
"""Nobody waits for long: what is handed over is not what the command is for."""

_MOMENT: Final = 0.5
_AGAIN: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is handed over.

    Attributes:
        method: POST or PUT.
        url: to whom.
        body: what, in bytes.
        headers: what is said beside it.
        noun: what messages call the receiver.
        auth: adds credentials, if there are any.
    """

    method: str
    url: str
    body: bytes
    headers: Mapping[str, str]
    noun: str
    auth: AuthBase | None = field(default=None, repr=False)


def deliver(
    what: Delivery,
    *,
    ca_bundle: Path | None = None,
    timeout: float = 10.0,
    limits: Limits = LIMITS,
) -> None:
    """Hand something over; try again, for a bounded time, where that may help.

    Args:
        what: with its receiver.
        ca_bundle: certificates to trust instead of the usual ones.
        timeout: seconds to wait for an answer.
        limits: how often and how long; after `total_seconds`, or `timeout` where that is longer,
            it is over, whatever comes.

    Raises:
        Unreachable: no answer came, or the receiver failed.
        RequestRefused: it refused.
        SiteError: it could not be asked.
    """
    began = time.monotonic()
    # A moment more than an answer has, so that an attempt tells by itself why it failed.
    seconds = max(limits.total_seconds, limits.connect_seconds + timeout + _MOMENT)

    def attempt() -> None:
        _attempt(what, ca_bundle, (limits.connect_seconds, timeout))

    def attempts() -> None:
        try:
            return attempt()
        except Again as failed:
            first = failed
        return repeat(first, attempt, began, limits, lambda _seconds: None)

    try:
        in_time(attempts, seconds, what.noun)
    except Again as failed:
        raise failed.error from None
    except OutOfTime:
        raise Unreachable(
            f"{what.noun}: it was not done within {seconds:g} seconds.",
            "It may be busy, or send its answer too slowly.",
        ) from None


def _attempt(what: Delivery, ca_bundle: Path | None, timeout: tuple[float, float]) -> None:
    with requests.Session() as session:
        way.prepare(session)
        request = requests.PreparedRequest()
        try:
            request.prepare(
                what.method,
                what.url,
                {
                    "User-Agent": session.headers["User-Agent"],
                    **tracing.header(tracing.current()),
                    **what.headers,
                },
                data=what.body,
                auth=what.auth,
            )
            around = way.surroundings(session, what.url, ca_bundle)
            with session.send(
                request, timeout=timeout, allow_redirects=False, **around
            ) as response:
                status, after = response.status_code, response.headers.get("Retry-After")
        except FAILURES as error:
            raise _named(meaning(what.method, error, what.noun), what) from None
    _judge(what, status, after)


def _named(found: Again | SiteError, what: Delivery) -> Again | SiteError:
    """Let a message begin with who was to get something."""
    told = found.error if isinstance(found, Again) else found
    told.args = (f"{what.noun}: {str(told).removeprefix(f'{what.method}: ')}",)
    return found


def _judge(what: Delivery, status: int, after: str | None) -> None:
    if 200 <= status < 300:
        return
    if status >= 500 or status in _AGAIN:
        told = Unreachable(f"{what.noun}: it answered {status}.", "It may be busy or down.")
        raise Again(told, after=retry_after(after, datetime.now(UTC)))
    if 300 <= status < 400:
        raise RequestRefused(
            f"{what.noun}: it answered {status}, and redirects are not followed.",
            status=status,
            advice="Write the address that it leads to.",
        )
    raise RequestRefused(
        f"{what.noun}: it answered {status}.",
        status=status,
        advice="Look at its address and credentials.",
    )
