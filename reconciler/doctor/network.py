"""The checks of a site that is asked over a network: the way there, TLS, clock, sign-in, scopes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from reconciler.connection import Connection
from reconciler.doctor.model import Found, Subject, failed, fine, skipped, warning
from reconciler.errors import RequestRefused, Unreachable
from reconciler.http.call import Limits
from reconciler.http.probe import Probe, Seen, Untrusted
from reconciler.http.tokens import authorisation
from reconciler.plain import count
from reconciler.providers.rest.peer import READ_SCOPE, SITE, WRITE_SCOPE

LOOKED_AT: Final = "/v1/site"
"""What is asked for without credentials: any answer to it shows that somebody is there."""

CLOSE_SECONDS: Final = 60
"""Clocks that differ by no more go together well enough."""

APART_SECONDS: Final = 3600
"""Clocks that differ by more judge dates on another day for too long every midnight."""

RENEWED_DAYS: Final = 21
"""A certificate that ends within so many days should have been renewed by now."""

PATIENCE: Final = 10.0
"""Seconds to wait for an answer, where the settings do not say less."""

LIMITS: Final = Limits(
    connect_seconds=PATIENCE / 2,
    answer_seconds=PATIENCE,
    attempts=2,
    retry_seconds=PATIENCE / 4,
)
"""A request that fails is tried once more: a check is to end while somebody looks at it."""

_ORIGINS: Final[Mapping[str, str]] = MappingProxyType(
    {"env": "the variable", "file": "the file", "command": "the command"}
)


def impatient(connection: Connection) -> Connection:
    """Return a connection that waits for an answer no longer than a check does."""
    return replace(connection, timeout=min(connection.timeout, PATIENCE))


def proxy(subject: Subject) -> Found:
    """Tell by which way requests go, and why."""
    return fine(_probe(subject).way())


def connection(subject: Subject) -> Found:
    """Ask the site something without credentials: somebody is to answer."""
    probe = _probe(subject)
    try:
        subject.seen = seen = _look(probe)
    except Untrusted as untrusted:
        subject.untrusted = untrusted
        return fine("the server is there")
    finally:
        probe.close()
    told = f"the server answers within {seen.seconds * 1000:.0f} ms"
    if seen.status >= 500 or seen.status == 429:
        return warning(f"{told}, but it cannot serve now: {seen.status}", "Try again later.")
    if 300 <= seen.status < 400:
        advice = "Check the url: it may be an old one, or miss a part of its path."
        return failed(f"{told}, with a redirect ({seen.status}), which is not followed", advice)
    if seen.status == 404:
        return warning(f"{told}, and has no site there (404)", "Check the url and its path.")
    return fine(told)


def tls(subject: Subject) -> Found:
    """Look at the certificate, and at what makes it trusted."""
    if subject.untrusted is not None:
        raise subject.untrusted
    if subject.endpoint.url.startswith("http:"):
        return fine("none is needed: http, to this machine")
    trusted, named = _probe(subject).trust
    trust = f"trusted by {named} ({trusted})"
    shown = subject.seen.certificate if subject.seen else None
    if shown is None:
        return fine(f"in use, {trust}")
    days = (shown.ends - datetime.now(UTC)).days
    told = (
        f"{shown.version}, by {shown.issuer}, until {shown.ends:%Y-%m-%d}, "
        f"{count(days, 'day')} from now; {trust}"
    )
    if days < RENEWED_DAYS:
        return warning(told, "Whoever runs the server should renew it in time.")
    return fine(told)


def clock(subject: Subject) -> Found:
    """Compare the server's clock with this machine's."""
    offset = subject.seen.offset if subject.seen else None
    if offset is None:
        return skipped("the server does not say what time it is")
    seconds = abs(round(offset))
    if seconds <= CLOSE_SECONDS:
        return fine("as the server's" if seconds < 2 else f"{seconds} seconds from the server's")
    told = f"this machine is {_long(seconds)} {'behind' if offset > 0 else 'ahead of'} the server"
    advice = (
        "Set the clock (NTP): by it is decided which day it is, and whether a certificate holds."
    )
    return failed(told, advice) if seconds > APART_SECONDS else warning(told, advice)


def credentials(subject: Subject) -> Found:
    """Follow the references to the credentials."""
    found = subject.connection
    keys = ("token",) if found.token else ("client_id", "client_secret")
    return fine(", ".join(f"{key}{_origin(subject.settings.values.get(key))}" for key in keys))


def sign_in(subject: Subject) -> Found:
    """Let the token endpoint give a token for reading."""
    if subject.connection.token is not None:
        return fine("not needed: the settings have a token")
    _ask_for_token(subject, READ_SCOPE)
    return fine(f"a token for {READ_SCOPE} was given")


def scopes(subject: Subject) -> Found:
    """See whether the client may write, too; nothing is written."""
    if subject.connection.token is not None:
        return fine("it may read; whether it may write is not known before an apply")
    try:
        _ask_for_token(subject, WRITE_SCOPE)
    except RequestRefused as refused:
        if refused.status not in (400, 403):
            raise
        return warning(
            "the client may read, and not write",
            "Enough for plan, drift and review; for apply, let it have roles.write as well.",
        )
    return fine("the client may read and write")


def _probe(subject: Subject) -> Probe:
    endpoint = impatient(subject.endpoint)
    return Probe(endpoint, endpoint.url, SITE, LIMITS)


def _look(probe: Probe) -> Seen:
    """Look once, and once more where nothing came, as every command does."""
    try:
        return probe.look(LOOKED_AT)
    except Unreachable:
        return probe.look(LOOKED_AT)


def _ask_for_token(subject: Subject, scope: str) -> None:
    asking = authorisation(impatient(subject.connection), scope, SITE, LIMITS)
    try:
        asking.header()
    finally:
        asking.close()


def _origin(value: object) -> str:
    """Say where a credential was found, without it."""
    if not isinstance(value, dict):
        return ""
    ((kind, where),) = value.items()
    return f" from {_ORIGINS[kind]} {where[0] if isinstance(where, list) else where}"


def _long(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} seconds"
    minutes = round(seconds / 60)
    return count(minutes, "minute") if minutes < 120 else count(round(minutes / 60), "hour")
