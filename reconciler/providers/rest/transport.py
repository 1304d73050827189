"""One request and its answer: time-outs, retries, limits, and one error for each way to fail.

A transport sends only the methods it was made for: the one that reading commands hold can do
nothing but GET, whatever calls it (design, promise 1). Redirects are never followed, so that no
token reaches another host.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any, Final, Protocol

import requests
from requests.auth import AuthBase
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from reconciler.errors import (
    ContractViolation,
    RequestRefused,
    SiteError,
    Unreachable,
    WriteForbidden,
)

_LOG: Final = logging.getLogger("reconciler.http")

CONNECT_SECONDS: Final = 10.0
TOTAL_SECONDS: Final = 600.0
ANSWER_LIMIT: Final = 256 * 1024 * 1024
ATTEMPTS: Final = 6
RETRY_SECONDS: Final = 60.0
_RETRIED: Final = frozenset((429, 500, 502, 503, 504))

# From the particular to the general: the first class that fits names what happened.
_NO_ANSWER: Final[tuple[tuple[type[Exception], str, str | None], ...]] = (
    (requests.exceptions.SSLError, "its TLS certificate or encryption was not accepted",
     "If the site has a certificate authority of its own, name it in ca_bundle."),
    (requests.exceptions.ProxyError, "the proxy refused the connection", "Check HTTPS_PROXY."),
    (requests.exceptions.ConnectTimeout, "no connection within the time allowed", None),
    (requests.exceptions.Timeout, "no answer within the time allowed", None),
    (requests.exceptions.ChunkedEncodingError, "the answer broke off", None),
    (requests.exceptions.ContentDecodingError, "the compressed answer is damaged", None),
    (requests.exceptions.ConnectionError, "the connection failed", "Check the url and network."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: its status, its ETag if it has one, and its JSON body if it has one."""

    status: int
    etag: str | None
    body: Any


@dataclass(frozen=True, slots=True)
class Call:
    """A request to be made.

    Attributes:
        method: GET or POST.
        path: below the transport's base address.
        params: the query.
        headers: further headers.
        form: a form to send.
        body: a JSON body to send.
        note: said after the path in messages: `page 3`.
    """

    method: str
    path: str
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    body: object = None
    note: str = ""

    @property
    def name(self) -> str:
        """How messages call it."""
        note = f" ({self.note})" if self.note else ""
        return f"{self.method} {self.path or 'to the token endpoint'}{note}"


class Authorisation(Protocol):
    """What puts credentials on a request, and can renew them once."""

    def header(self) -> AuthBase:
        """Return what adds the credentials to a request."""
        ...

    def renew(self) -> bool:
        """Get new credentials; return False where there are none to get."""
        ...


class _Again(Exception):
    """An attempt failed, and another one may help; `error` is what to say if none does."""

    def __init__(self, error: SiteError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


class Transport:
    """Sends requests to one base address.

    Args:
        base: the address that every path is appended to.
        methods: the methods that it sends; every other one is refused.
        timeout: seconds to wait for an answer to begin, or to go on.
        verify: a file of certificates to trust, or True for the usual ones.
        sleep: how to wait between attempts.
    """

    def __init__(
        self,
        base: str,
        *,
        methods: frozenset[str],
        timeout: float,
        verify: str | bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base = base
        self._methods = methods
        self._timeout = timeout
        self._verify = verify
        self._sleep = sleep
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"reconciler/{version('reconciler')}"
        self._session.headers["Accept"] = "application/json, application/problem+json"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(self, call: Call, authorisation: Authorisation) -> Answer:
        """Send a request until it is answered, and return a good answer.

        Everything that this client sends is safe to repeat: reads, token requests, and changes that
        carry idempotency keys.

        Raises:
            WriteForbidden: the transport was made without this method.
            Unreachable: no answer came.
            ContractViolation: the answer is not what the contract says.
            RequestRefused: the server refused, with a problem detail.
        """
        if call.method not in self._methods:
            raise WriteForbidden(f"{call.name}: this command only reads; nothing was sent.")

        def attempt() -> requests.Response:
            return self._attempt(
                call.name,
                requests.Request(
                    call.method,
                    self._base + call.path,
                    headers=call.headers,
                    params=call.params,
                    data=call.form,
                    json=call.body,
                    auth=authorisation.header(),
                ),
            )

        response = self._until_answered(attempt)
        if response.status_code == 401 and authorisation.renew():
            response = self._until_answered(attempt)
        return _answer(call.name, response)

    def _until_answered(self, attempt: Callable[[], requests.Response]) -> requests.Response:
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(RETRY_SECONDS),
            wait=_wait,
            retry=retry_if_exception_type(_Again),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _Again as last:
            raise last.error from None

    def _attempt(self, name: str, request: requests.Request) -> requests.Response:
        began = time.monotonic()
        prepared = self._session.prepare_request(request)
        try:
            settings = self._session.merge_environment_settings(
                prepared.url, proxies={}, stream=True, verify=self._verify, cert=None
            )
            response = self._session.send(
                prepared,
                timeout=(CONNECT_SECONDS, self._timeout),
                allow_redirects=False,
                **settings,
            )
            size = _read_body(name, response, began)
        except requests.RequestException as error:
            raise _no_answer(name, error) from error
        finally:
            _LOG.debug("%s took %.0f ms", name, (time.monotonic() - began) * 1000)
        _LOG.debug("%s: %d, %d bytes", name, response.status_code, size)
        if response.status_code in _RETRIED:
            raise _Again(_refused(name, response), _retry_after(response))
        return response


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Again) and error.after is not None:
        return error.after
    return _BACKOFF(state)


_BACKOFF: Final = wait_exponential_jitter(initial=0.2, max=10, jitter=0.2)


def _read_body(name: str, response: requests.Response, began: float) -> int:
    """Read the body, within its limits, into the response."""
    chunks, size = [], 0
    for chunk in response.iter_content(65536):
        chunks.append(chunk)
        size += len(chunk)
        if size > ANSWER_LIMIT:
            raise ContractViolation(f"{name}: the answer is larger than {ANSWER_LIMIT} bytes.")
        if time.monotonic() - began > TOTAL_SECONDS:
            raise Unreachable(f"{name}: the answer took longer than {TOTAL_SECONDS:.0f} seconds.")
    response._content = b"".join(chunks)  # noqa: SLF001 - what Response.content would have kept
    return size


def _no_answer(name: str, error: requests.RequestException) -> Exception:
    for kind, what, advice in _NO_ANSWER:
        if isinstance(error, kind):
            return _Again(Unreachable(f"{name}: {what}.", advice))
    return Unreachable(f"{name}: the request could not be sent ({type(error).__name__}).")


def _answer(name: str, response: requests.Response) -> Answer:
    status, etag = response.status_code, response.headers.get("ETag")
    if status in (204, 304):
        return Answer(status, etag, None)
    if 200 <= status < 300:
        return Answer(status, etag, _json(name, response))
    if 300 <= status < 400:
        raise ContractViolation(
            f"{name}: the site redirects, which the contract does not allow; it was not followed.",
            "Check the url: it may be http instead of https, or miss a part of its path.",
        )
    raise _refused(name, response)


def _json(name: str, response: requests.Response) -> object:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    size = len(response.content)
    if kind != "application/json" and not kind.endswith("+json"):
        raise ContractViolation(
            f"{name}: the answer is {kind or 'of no known type'} ({size} bytes), not JSON.",
            "A proxy or sign-in page may stand between; check the url.",
        )
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise ContractViolation(
            f"{name}: the answer is not whole JSON ({size} bytes).", "Try again."
        ) from error


def _refused(name: str, response: requests.Response) -> SiteError:
    """Read a problem detail (RFC 9457); where there is none, the status alone has to do."""
    status = response.status_code
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    code = problem.get("code") or problem.get("error") or ""
    detail = problem.get("detail") or problem.get("error_description") or response.reason or ""
    later = _retry_after(response)
    advice = _ADVICE.get(status)
    if later is not None:
        advice = f"Try again in {later:.0f} seconds."
    return RequestRefused(
        f"{name}: {status} {str(detail)[:300]}".rstrip(" .") + ".",
        status=status,
        code=str(code)[:100],
        advice=advice,
    )


_ADVICE: Final = {
    400: "Check the client credentials.",
    401: "Check the credentials: the token may have expired, or the client may be unknown.",
    403: "Check what the client may do: reading needs the scope roles.read, apply roles.write.",
    404: "Check the url.",
}


def _retry_after(response: requests.Response) -> float | None:
    """Read Retry-After, in seconds or as an HTTP date (RFC 9110, section 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
