"""One request and its answer: time-outs, retries, limits.

A transport sends only the methods it is made for, checked where requests leave: the one that
reading commands hold can do nothing but GET, whatever calls it (design, promise 1). Redirects are
never followed and .netrc is never read, so that no token reaches another host, and no password of
another kind this one.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Final

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from reconciler import tracing
from reconciler.credentials import Secret
from reconciler.errors import (
    ContractViolation,
    RequestRefused,
    SiteError,
    Undelivered,
    Unreachable,
    WriteForbidden,
)
from reconciler.http import answers, way
from reconciler.http.answers import Answer, Received
from reconciler.http.call import LIMITS, Authorisation, Call, Limits, Peer
from reconciler.http.failures import FAILURES, Again, meaning
from reconciler.settings import Endpoint

_LOG: Final = logging.getLogger("reconciler.http")
_CHUNK: Final = 1 << 16
_CONNECTIONS: Final = 64


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
    """A time before which no request is made, shared by all that go to one server."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._until = limits.clock()
        self._lock = threading.Lock()

    def ask(self, seconds: float) -> None:
        """Let every request wait so long."""
        with self._lock:
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
        endpoint: gives the certificates to trust and the time to wait.
        base: the address that every path is appended to.
        peer: who answers there.
        limits: how long and how much.
    """

    methods: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, endpoint: Endpoint, base: str, peer: Peer, limits: Limits = LIMITS) -> None:
        self._base = base
        self._peer = peer
        self._limits = limits
        self._timeout = (limits.connect_seconds, endpoint.timeout)
        self._ca_bundle = endpoint.ca_bundle
        self._pause = _Pause(limits)
        self._trace = tracing.current()
        self._session = _GuardedSession(self.methods)
        # As many connections are kept as requests may be on their way at once.
        adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        way.prepare(self._session)
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
            Unreachable: no answer came, or the server failed.
            Undelivered: the same, and no attempt can have had an effect.
            ContractViolation: the answer is not what was agreed.
            RequestRefused: the server refused, and what was asked had no effect.
            SiteError: the server refused, but an earlier attempt may have had an effect.
        """
        attempts = _Attempts(self, call, authorisation)
        began = time.monotonic()
        try:
            try:
                return attempts()
            except Again as failed:
                first = failed
            from reconciler.http.repeating import repeat  # noqa: PLC0415 - seldom needed

            answer = repeat(first, attempts, began, self._limits, self._pause.ask)
            return replace(answer, repeated=attempts.lost)
        except (Again, Undelivered, RequestRefused) as error:
            raise _meant(error, attempts, self._limits) from None

    def _may_send(self, call: Call, *, again: bool) -> bool:
        """Wait for as long as the server asks, and say whether a request may go out then."""
        self._pause.wait()
        return not (self._limits.stopping() and (again or call.document is not None))

    def attempt(
        self, call: Call, authorisation: Authorisation, unsent: Again | Undelivered
    ) -> Answer:
        """Make one attempt; a refused token is renewed once.

        Args:
            call: the request.
            authorisation: puts credentials on it.
            unsent: raised where nothing may be sent; what an earlier attempt came to, if any.
        """
        auth = self._header(call, authorisation, unsent, again=isinstance(unsent, Again))
        try:
            return self._exchange(call, auth, authorisation.secrets)
        except RequestRefused as refused:
            if refused.status != 401 or not authorisation.renew(auth):
                raise
            told = refused
        auth = self._header(call, authorisation, told, again=isinstance(unsent, Again))
        return self._exchange(call, auth, authorisation.secrets)

    def _header(
        self,
        call: Call,
        authorisation: Authorisation,
        unsent: Again | SiteError,
        *,
        again: bool,
    ) -> AuthBase:
        """Return what adds the credentials to a request that may be sent still.

        A token may take long to come, and the right to write may be lost meanwhile.
        """
        if self._may_send(call, again=again):
            auth = authorisation.header()
            if self._may_send(call, again=again):
                return auth
        raise unsent

    def _exchange(self, call: Call, auth: AuthBase, secrets: tuple[Secret, ...]) -> Answer:
        began = time.monotonic()
        status = size = 0
        try:
            received = self._receive(call, auth, began)
            status, size = received.status, len(received.body)
        except FAILURES as error:
            # Without its cause, whose text may hold what no traceback should.
            raise meaning(call.name, error, self._peer.noun) from None
        finally:
            took = (time.monotonic() - began) * 1000
            _LOG.debug("%s: %s, %d bytes, %.0f ms", call.name, status or "no answer", size, took)
        return answers.read(
            call.name,
            received,
            self._peer,
            conditional=call.etag is not None,
            repeatable=call.document is None,
            secrets=secrets,
            compiled=call.compiled,
        )

    def _receive(self, call: Call, auth: AuthBase, began: float) -> Received:
        request = requests.PreparedRequest()
        # Not the session's own way to prepare one: it looks into .netrc, and takes twice as long.
        request.prepare(
            call.method,
            self._base + call.path,
            {
                **self._session.headers,
                **tracing.header(self._trace),
                **({"If-None-Match": call.etag} if call.etag else {}),
            },
            params=call.params,
            data=call.form,
            json=call.document,
            auth=auth,
        )
        response = self._session.send(
            request, timeout=self._timeout, allow_redirects=False, **self._surroundings
        )
        with response:
            body = self._body(call.name, response, began)
        return Received(response.status_code, response.headers, body)

    @cached_property
    def _surroundings(self) -> Mapping[str, Any]:
        """What the environment says of proxies and certificates, asked once."""
        return way.surroundings(self._session, self._base, self._ca_bundle)

    def _body(self, name: str, response: requests.Response, began: float) -> bytes:
        """Read the body as it comes in, so that the limits hold for one that only trickles."""
        limits = self._limits
        body = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > limits.answer_bytes:
                raise ContractViolation(
                    f"{name}: the answer is larger than {limits.answer_bytes:,} bytes.",
                    self._peer.violated,
                ).naming_nobody()
            if time.monotonic() - began > limits.answer_seconds:
                raise Unreachable(
                    f"{name}: the answer took longer than {limits.answer_seconds:.0f} seconds.",
                    "Try again later.",
                ).naming_nobody()
        return bytes(body)


class ReadOnlyTransport(Transport):
    """What every reading command holds: GET and nothing else."""

    methods = frozenset(("GET",))


class _Attempts:
    """The attempts at one request, one a call.

    Attributes:
        call: the request.
        lost: whether one of them got no answer, and may have had an effect.
    """

    def __init__(self, transport: Transport, call: Call, authorisation: Authorisation) -> None:
        self.call = call
        self.lost = False
        self._transport = transport
        self._authorisation = authorisation
        self._last: Again | None = None

    def __call__(self) -> Answer:
        unsent = self._last or Undelivered(f"{self.call.name} was not sent: nothing more may be.")
        try:
            return self._transport.attempt(self.call, self._authorisation, unsent)
        except Again as again:
            self.lost, self._last = self.lost or again.lost, again
            raise


def _meant(
    error: Again | Undelivered | RequestRefused, attempts: _Attempts, limits: Limits
) -> SiteError:
    """Say what the last error means, after all that was tried before it."""
    writes = attempts.call.document is not None
    match error:
        case Again(error=told, after=after):
            if after is not None and after > limits.retry_seconds:
                told.retry_after = after
            return told if attempts.lost or not writes else _as(Undelivered, told)
        case Undelivered() if attempts.lost:
            return _as(Unreachable, error)
        case RequestRefused() if attempts.lost and writes:
            return SiteError(
                f"{error} An earlier attempt got no answer, so it may have had an effect.",
                error.advice,
            ).naming_nobody(error.impersonal)
        case _:
            return error


def _as(kind: type[Unreachable], error: SiteError) -> SiteError:
    return kind(str(error), error.advice).naming_nobody(error.impersonal)
