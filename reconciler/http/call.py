"""What a request is made of: what is asked, of whom, with which credentials and limits."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from requests.auth import AuthBase

from reconciler.credentials import Secret


@dataclass(frozen=True, slots=True)
class Peer:
    """Who answers: what messages say of them, and how their refusals are read.

    Attributes:
        noun: what messages call them: "the site".
        agreed: what messages call what was agreed with them: "the contract".
        violated: what to do about an answer that is not what was agreed.
        refused: by status what to do about a refusal.
        said: reads a refusal's code and sentence from its JSON object.
        whole_text: whether half a character is refused at once; a site's reader says where it is.
        blank: whether an answer of 200 or 204 without a body is one with nothing in it, `{}`.
        failed: whether the JSON of a good status says that all the same there was a failure.
        good: the statuses that say that what was asked was done.
    """

    noun: str
    agreed: str
    violated: str
    refused: Mapping[int, str]
    said: Callable[[Mapping[str, object]], tuple[str, str]]
    whole_text: bool = False
    blank: bool = False
    failed: Callable[[object], bool] = lambda _: False
    good: frozenset[int] = frozenset({200})


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much.

    Attributes:
        connect_seconds: to reach the server.
        answer_seconds: for one answer as a whole, however steadily it trickles in.
        answer_bytes: of one answer, after it was decompressed.
        attempts: at one request.
        retry_seconds: spent waiting between the attempts at one request.
        total_seconds: from the first attempt at a request to the beginning of its last one.
        at_once: how many collections are read at once.
        sleep: how to wait between attempts.
        clock: tells the seconds that `sleep` lets pass.
        stopping: whether nothing more may be written, nor anything tried again.
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
        method: GET, POST, or what else the transport is made for.
        path: below the transport's base address.
        params: the query.
        etag: what was read before; the server may answer that it is unchanged.
        form: a form to send.
        document: a change to send, as JSON.
        note: said after the path in messages: `page 3`.
        compiled: makes a document of a good answer's body, faster than as JSON, where nothing is
            wrong with it; for what it returns None, the body is read as JSON.
    """

    method: str
    path: str
    params: Mapping[str, str] | None = None
    etag: str | None = None
    form: Mapping[str, str] | None = None
    document: object = None
    note: str = ""
    compiled: Callable[[bytes], object] | None = None

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
