"""Reads what was answered: a good answer, or the error that it stands for."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from reconciler.credentials import Secret
from reconciler.errors import ContractViolation, RequestRefused, SiteError, Unreachable
from reconciler.http.call import Peer
from reconciler.http.failures import Again, retry_after

_LONGEST_DETAIL: Final = 300
_CODE: Final = re.compile("[a-z_]{1,40}")
_LEFT_OUT: Final = "its message is left out: it repeats a credential"

_REFUSED: Final[Mapping[int, str]] = MappingProxyType(
    {
        401: "Check the credentials: they may have expired, or the client may be unknown.",
        407: "Check HTTPS_PROXY: the proxy wants credentials of its own.",
    }
)
"""What to do about a refusal, whoever refuses."""

_JSON: Final = ("application/json", "text/json")
"""How JSON is named; the second is what older frameworks write."""

_RETRIED: Final = frozenset((429, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Received:
    """An answer as it came in; `headers` finds a name in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """What the body says to be, in small letters; empty where it does not say."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def described(self) -> str:
        """What came, for messages, without a word of it."""
        kind = plain_line(self.media_type) or "something of no stated type"
        return f"{kind}, {len(self.body):,} bytes"


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer.

    Attributes:
        document: None for a 304, which says that nothing changed; else what the body holds, as
            JSON or as the call's `compiled` reads it.
        headers: finds a name in any case.
        repeated: whether an earlier attempt at the request got no answer.
        status: 200, 204 or 304.
    """

    etag: str | None
    document: Any
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    repeated: bool = False
    status: int = 200

    @property
    def unchanged(self) -> bool:
        """Whether the server says that what was read before still holds."""
        return self.document is None


def read(
    name: str,
    received: Received,
    peer: Peer,
    *,
    conditional: bool,
    repeatable: bool,
    secrets: Sequence[Secret],
    compiled: Callable[[bytes], object] | None = None,
) -> Answer:
    """Read an answer.

    Args:
        name: what the request is called.
        received: what came.
        peer: who answered.
        conditional: whether a 304 was asked for.
        repeatable: whether the request has no effect, so that it can follow even a 500.
        secrets: what a message must not repeat.
        compiled: reads a good answer's body where it can, as its `Call` has it.

    Raises:
        Again: the server cannot answer now.
        ContractViolation: the answer is not what was agreed.
        RequestRefused: the server refused, with a code and a sentence where it gives them.
        Unreachable: the server failed.
    """
    status = received.status
    if status == 304 and conditional:
        return Answer(received.headers.get("ETag"), None, status=status)
    if peer.blank and status in (200, 204) and not received.body.strip():
        return Answer(received.headers.get("ETag"), {}, received.headers, status=status)
    if status in peer.good:
        document = _document(name, received, peer, compiled)
        if peer.failed(document):
            raise _refused(name, received, peer, secrets)
        return Answer(received.headers.get("ETag"), document, received.headers)
    if status < 300 or status == 304:
        raise ContractViolation(
            f"{name}: the answer is {status}, where {peer.agreed} has 200.", peer.violated
        ).naming_nobody()
    if status < 400:
        raise ContractViolation(
            f"{name}: the answer is a redirect ({status}), which {peer.agreed} does not have; it "
            "was not followed.",
            "Check the url: it may be an old one, or miss a part of its path.",
        ).naming_nobody()
    if status in _RETRIED or (status == 500 and repeatable):
        after = retry_after(received.headers.get("Retry-After"), datetime.now(UTC))
        failed = _failed(name, received, peer, secrets, after)
        raise Again(failed, after=after, lost=status != 429)
    if status >= 500:
        raise _failed(name, received, peer, secrets, None)
    raise _refused(name, received, peer, secrets)


def _document(
    name: str, received: Received, peer: Peer, compiled: Callable[[bytes], object] | None
) -> object:
    if received.media_type not in _JSON:
        raise ContractViolation(
            f"{name}: the answer is no JSON ({received.described}).",
            "A proxy or a sign-in page may stand between; check the url.",
        ).naming_nobody()
    if compiled is not None and (found := compiled(received.body)) is not None:
        return found
    try:
        document = json.loads(received.body)
        # Half a character is no text: it could be read, and never be written.
        if peer.whole_text and b"\\ud" in received.body.lower():
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        document = None
    if document is None:
        raise ContractViolation(
            f"{name}: the answer is not whole JSON ({received.described}).", peer.violated
        ).naming_nobody()
    return document


def _failed(
    name: str, received: Received, peer: Peer, secrets: Sequence[Secret], after: float | None
) -> SiteError:
    _, detail = _problem(received, peer, secrets)
    advice = "Try again later." if after is None else f"Try again in {_duration(after)}."
    told = f"{name}: {peer.noun} cannot answer: {received.status}"
    return Unreachable(f"{told} {detail}.", advice).naming_nobody(f"{told}.")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"


def _refused(
    name: str, received: Received, peer: Peer, secrets: Sequence[Secret]
) -> RequestRefused:
    status = received.status
    code, detail = _problem(received, peer, secrets)
    told = f"{name} was refused: {status}"
    refused = RequestRefused(
        f"{told} {detail}.",
        status=status,
        code=code,
        advice=peer.refused.get(status) or _REFUSED.get(status),
    )
    # What a server calls the problem is a word for programs, unless it looks like anything else.
    return refused.naming_nobody(f"{told} ({code})." if _CODE.fullmatch(code) else f"{told}.")


def _problem(received: Received, peer: Peer, secrets: Sequence[Secret]) -> tuple[str, str]:
    """Read a refusal's code and sentence, with no secret in them and in one line."""
    problem: object = None
    if received.media_type in ("application/problem+json", *_JSON):
        try:
            problem = json.loads(received.body)
        except (ValueError, RecursionError):
            problem = None
    if isinstance(problem, list) and problem:
        problem = problem[0]
    if not isinstance(problem, dict):
        return "", f"without a problem detail ({received.described})"
    code, detail = peer.said(problem)
    detail = detail.rstrip(".")
    # Masking the secret alone would show a short one by what is missing from a common word.
    if any(secret.reveal() in code for secret in secrets):
        code = ""
    if any(secret.reveal() in detail for secret in secrets):
        detail = _LEFT_OUT
    code, detail = plain_line(code), plain_line(detail)
    return code, " ".join(part for part in (code and f"({code})", detail) if part)


def problem_detail(problem: Mapping[str, object]) -> tuple[str, str]:
    """Read a problem detail's code and sentence (RFC 9457), or a token error (RFC 6749)."""
    return (
        first_text(problem, ("code", "error")),
        first_text(problem, ("detail", "error_description", "title")),
    )


def first_text(problem: Mapping[str, object], names: Sequence[str]) -> str:
    """Return the first of some members that is a text, or an empty one."""
    return next((found for name in names if isinstance(found := problem.get(name), str)), "")


def plain_line(text: str) -> str:
    """Make one printable line of what a server said, so that it cannot draw on a terminal."""
    return "".join(c if c.isprintable() else " " for c in text[:_LONGEST_DETAIL]).strip()
