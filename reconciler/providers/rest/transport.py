"""One request and its answer: time-outs, retries, limits.

A transport sends only the methods it is made for, checked where requests leave: the one that
reading commands hold can do nothing but GET, whatever calls it (design, promise 1). Redirects are
never followed and .netrc is never read, so that no token reaches another host, and no password of
another kind this one.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from typing import Any, ClassVar, Final, Protocol
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    wait_exponential,
    wait_random,
)

from reconciler.connection import Connection
from reconciler.credentials import Secret
from reconciler.errors import (
    ContractViolation,
    RequestRefused,
    SiteError,
    Undelivered,
    Unreachable,
    WriteForbidden,
)
from reconciler.providers.codec import ADVICE
from reconciler.providers.rest import answers
from reconciler.providers.rest.answers import Answer, Received
from reconciler.providers.rest.failures import FAILURES, Again, meaning

_LOG: Final = logging.getLogger("reconciler.http")
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much.

    Attributes:
        connect_seconds: to reach the site.
        answer_seconds: for one answer as a whole, however steadily it trickles in.
        answer_bytes: of one answer, after it was decompressed.
        attempts: at one request.
        retry_seconds: spent waiting between the attempts at one request.
        total_seconds: from the first attempt at a request to the beginning of its last one.
        at_once: how many collections are read at once.
        sleep: how to wait between attempts.
        clock: tells the seconds that `sleep` lets pass.
        stopping: whether no further attempts are wanted.
    """

    connect_seconds: float = 10.0
    answer_seconds: float = 300.0
    answer_bytes: int = 64 << 20
    attempts: int = 6
    retry_seconds: float = 60.0
    total_seconds: float = 300.0
    at_once: int = 4
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    stopping: Callable[[], bool] = lambda: False


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Call:
    """A request to be made.

    Attributes:
        method: GET or POST.
        path: below the transport's base address.
        params: the query.
        etag: what was read before; the site may answer that it is unchanged.
        form: a form to send.
        document: a change to send, as JSON.
        note: said after the path in messages: `page 3`.
    """

    method: str
    path: str
    params: Mapping[str, str] | None = None
    etag: str | None = None
    form: Mapping[str, str] | None = None
    document: object = None
    note: str = ""

    @property
    def name(self) -> str:
        """How messages call it; a cursor or an address in the query is not part of it."""
        note = f" ({self.note})" if self.note else ""
        return f"{self.method} {self.path or 'to the token endpoint'}{note}"


class Authorisation(Protocol):
    """What puts credentials on a request, and can renew them once."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What no message may repeat."""
        ...

    def header(self) -> AuthBase:
        """Return what adds the credentials to a request."""
        ...

    def renew(self, refused: AuthBase) -> bool:
        """Forget credentials that were refused; return False where there are no others to get.

        Several requests may be refused at once: what another one has renewed already stays.
        """
        ...


class _GuardedSession(requests.Session):
    """A session that refuses, at the very last moment, every method but its own."""

    def __init__(self, methods: frozenset[str]) -> None:
        super().__init__()
        self._methods = methods

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        if request.method not in self._methods:
            raise WriteForbidden(
                f"A command that only reads tried to {request.method}; nothing was sent.",
                "This is a defect of reconciler; please report it.",
            )
        return super().send(request, **kwargs)


class _Pause:
    """A time before which no request is made, shared by all that go to one site."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._until = limits.clock()

    def ask(self, seconds: float) -> None:
        """Let every request wait so long."""
        self._until = max(self._until, self._limits.clock() + seconds)

    def wait(self) -> None:
        """Wait until it is over, as long as requests are wanted at all."""
        while (left := self._until - self._limits.clock()) > 0 and not self._limits.stopping():
            self._limits.sleep(left)


class Transport:
    """Sends requests to one base address; a subclass says with which methods.

    Several threads may send at once: urllib3 keeps their connections apart, and the only other
    thing that a session would share, its cookies, is switched off.

    Args:
        connection: gives the certificates to trust and the time to wait.
        base: the address that every path is appended to.
        limits: how long and how much.
    """

    methods: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, connection: Connection, base: str, limits: Limits = LIMITS) -> None:
        self._base = base
        self._limits = limits
        self._timeout = (limits.connect_seconds, connection.timeout)
        self._verify = str(connection.ca_bundle) if connection.ca_bundle else True
        # http is for this machine only: through a proxy the token would leave it in the clear.
        parts = urlsplit(base)
        self._proxies = {"no_proxy": parts.hostname or ""} if parts.scheme == "http" else {}
        self._pause = _Pause(limits)
        self._session = _GuardedSession(self.methods)
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._session.headers["User-Agent"] = f"reconciler/{version('reconciler')}"
        self._session.headers["Accept"] = "application/json, application/problem+json"
        self._session.headers["Accept-Encoding"] = "gzip"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(self, call: Call, authorisation: Authorisation) -> Answer:
        """Send a request until it is answered, and return a good answer.

        Everything that this client sends is safe to repeat: reads, token requests, and changes that
        carry idempotency keys.

        Raises:
            WriteForbidden: the transport is not made for this method.
            Unreachable: no answer came, or the site failed.
            Undelivered: the same, and no attempt can have had an effect.
            ContractViolation: the answer is not what the contract says.
            RequestRefused: the server refused, and what was asked had no effect.
            SiteError: the server refused, but an earlier attempt may have had an effect.
        """
        retrying = Retrying(
            stop=self._gives_up,
            wait=_wait,
            retry=retry_if_exception_type(Again),
            before_sleep=self._heed,
            sleep=self._rest,
            reraise=True,
        )
        lost = False
        last: Again | None = None

        def attempt() -> Answer:
            nonlocal lost, last
            if last is not None and self._limits.stopping():
                raise last
            try:
                return self._authorised(call, authorisation)
            except Again as again:
                lost, last = lost or again.lost, again
                raise

        try:
            return replace(retrying(attempt), repeated=lost)
        except Again as again:
            if lost or call.document is None:
                raise again.error from None
            raise Undelivered(str(again.error), again.error.advice) from None
        except RequestRefused as refused:
            if lost and call.document is not None:
                raise SiteError(
                    f"{refused} An earlier attempt got no answer, so it may have had an effect.",
                    refused.advice,
                ) from None
            raise

    def _heed(self, state: RetryCallState) -> None:
        """Let all requests wait, where the site asks for it and it is not too long to wait."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Again) and error.after is not None:
            self._pause.ask(error.after)

    def _rest(self, seconds: float) -> None:
        self._limits.sleep(seconds)

    def _gives_up(self, state: RetryCallState) -> bool:
        elapsed = (state.seconds_since_start or 0.0) + state.upcoming_sleep
        return (
            self._limits.stopping()
            or state.attempt_number >= self._limits.attempts
            or state.idle_for + state.upcoming_sleep > self._limits.retry_seconds
            or elapsed > self._limits.total_seconds
        )

    def _authorised(self, call: Call, authorisation: Authorisation) -> Answer:
        """Make one attempt; a refused token is renewed once."""
        auth = authorisation.header()
        self._pause.wait()
        try:
            return self._exchange(call, auth, authorisation.secrets)
        except RequestRefused as refused:
            if refused.status != 401 or not authorisation.renew(auth):
                raise
        auth = authorisation.header()
        return self._exchange(call, auth, authorisation.secrets)

    def _exchange(self, call: Call, auth: AuthBase, secrets: tuple[Secret, ...]) -> Answer:
        began = time.monotonic()
        status = size = 0
        try:
            received = self._receive(call, auth, began)
            status, size = received.status, len(received.body)
        except FAILURES as error:
            # Without its cause, whose text may hold what no traceback should.
            raise meaning(call.name, error) from None
        finally:
            took = (time.monotonic() - began) * 1000
            _LOG.debug("%s: %s, %d bytes, %.0f ms", call.name, status or "no answer", size, took)
        return answers.read(
            call.name,
            received,
            conditional=call.etag is not None,
            repeatable=call.document is None,
            secrets=secrets,
        )

    def _receive(self, call: Call, auth: AuthBase, began: float) -> Received:
        response = self._session.request(
            call.method,
            self._base + call.path,
            params=call.params,
            headers={"If-None-Match": call.etag} if call.etag else None,
            data=call.form,
            json=call.document,
            auth=auth,
            proxies=self._proxies,
            verify=self._verify,
            timeout=self._timeout,
            allow_redirects=False,
            stream=True,
        )
        with response:
            body = self._body(call.name, response, began)
        return Received(response.status_code, response.headers, body)

    def _body(self, name: str, response: requests.Response, began: float) -> bytes:
        """Read the body as it comes in, so that the limits hold for one that only trickles."""
        limits = self._limits
        body = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > limits.answer_bytes:
                raise ContractViolation(
                    f"{name}: the answer is larger than {limits.answer_bytes:,} bytes.", ADVICE
                )
            if time.monotonic() - began > limits.answer_seconds:
                raise Unreachable(
                    f"{name}: the answer took longer than {limits.answer_seconds:.0f} seconds.",
                    "Try again later.",
                )
        return bytes(body)


class ReadOnlyTransport(Transport):
    """What every reading command holds: GET and nothing else."""

    methods = frozenset(("GET",))


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Again) and error.after is not None:
        return error.after
    return _BACKOFF(state)


_BACKOFF: Final = wait_exponential(multiplier=0.2, max=10) + wait_random(0, 0.2)
