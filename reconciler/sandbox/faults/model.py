"""The faults as values, as `schemas/sandbox-faults-v1.schema.json` describes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Moment(StrEnum):
    """Whether something happens instead of the request's effect, or once it is written."""

    BEFORE = "before"
    AFTER = "after"


class Ending(StrEnum):
    """How a connection ends: orderly (FIN), or torn down (RST)."""

    CLOSE = "close"
    RESET = "reset"


class Framing(StrEnum):
    """How a truncated answer says where it would end."""

    LENGTH = "length"
    CHUNKED = "chunked"


class Staleness(StrEnum):
    """What a stale answer claims."""

    NOT_MODIFIED = "not_modified"
    OLD_ETAG = "old_etag"


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds, from the least to the most."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Latency:
    """A wait before the request is handled."""

    seconds: Span


@dataclass(frozen=True, slots=True)
class Limit:
    """429 for a client's further requests, until `window` seconds after the first."""

    requests: int
    window: float = 1.0


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer of 429 or 5xx; `retry_after` is in seconds, and None sends no such header."""

    status: int = 503
    retry_after: int | None = None
    when: Moment = Moment.BEFORE


@dataclass(frozen=True, slots=True)
class Cut:
    """No answer at all."""

    when: Moment = Moment.BEFORE
    ending: Ending = Ending.CLOSE


@dataclass(frozen=True, slots=True)
class Truncation:
    """The first bytes of the answer's body, then the connection's end; None is half of them."""

    bytes: int | None = None
    framing: Framing = Framing.LENGTH


@dataclass(frozen=True, slots=True)
class Stale:
    """A cache's answer that is out of date."""

    answer: Staleness = Staleness.NOT_MODIFIED


@dataclass(frozen=True, slots=True)
class Items:
    """A problem in the result of some of a batch's changes, which are not made."""

    code: str = "unavailable"
    address: str = "**"


@dataclass(frozen=True, slots=True)
class Slow:
    """A body that takes its time, in so many pieces."""

    seconds: Span
    pieces: int = 10


Effect = Latency | Limit | Failure | Cut | Truncation | Stale | Items | Slow

KINDS: Final[Mapping[str, type[Effect]]] = MappingProxyType(
    {
        "latency": Latency,
        "limit": Limit,
        "error": Failure,
        "cut": Cut,
        "truncate": Truncation,
        "stale": Stale,
        "items": Items,
        "slow": Slow,
    }
)
"""What a file calls them."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which requests may meet a fault.

    Attributes:
        methods: their methods; None is any.
        path: a pattern of the path as it is sent, see `fits`.
        client: the client's id; None is any, and requests without a token too.
    """

    methods: frozenset[str] | None = None
    path: str = "/v1/**"
    client: str | None = None

    def matches(self, method: str, path: str, client: str) -> bool:
        """Whether a request is one of them; `client` is empty where nobody knows it."""
        return (
            (self.methods is None or method in self.methods)
            and (self.client is None or client == self.client)
            and fits(self.path, path)
        )


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Which of the requests that match meet the fault.

    Attributes:
        rate: the share of them, by chance.
        every: every n-th instead.
        after: so many are let through at first.
        times: so many are met at most; None knows no end.
    """

    rate: float = 1.0
    every: int | None = None
    after: int = 0
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What may happen, and to which requests.

    Attributes:
        name: what its counts and its chance are kept by; no two have the same.
        effect: what happens.
        matcher: to which requests it may.
        occurrence: to which of those it does.
    """

    name: str
    effect: Effect
    matcher: Matcher = Matcher()
    occurrence: Occurrence = Occurrence()


@dataclass(frozen=True, slots=True)
class Faults:
    """Everything that a sandbox was told to do wrong.

    Attributes:
        listed: the faults, the outermost first.
        seed: what chance comes from.
        by_header: whether a request may bring a fault of its own.
    """

    listed: tuple[Fault, ...] = ()
    seed: int = 0
    by_header: bool = False

    def __bool__(self) -> bool:
        return bool(self.listed) or self.by_header


def fits(pattern: str, text: str) -> bool:
    """Whether a path or an address fits a pattern: `*` stands within a segment, `**` for any."""
    parts = (_WILD.get(part, re.escape(part)) for part in re.split(r"(\*\*|\*)", pattern))
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


_WILD: Final = {"**": ".*", "*": "[^/]*"}
