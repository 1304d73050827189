"""The Protocols of a provider, and the values that cross them.

A `Reader` is all that `plan`, `drift`, `export` and `explain` ever hold; only `apply` holds a
`Writer`. A new provider implements these two (design, sections 1 and 7), and a distribution that
brings one offers a `Provider` under the entry points `reconciler.providers`.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from reconciler.domain.address import Address
from reconciler.state import LiveState, Site


class Verb(StrEnum):
    """What a change does to its address."""

    ADD = "add"
    REMOVE = "remove"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Event:
    """One write to the site, as its log tells it; the address is in ids."""

    at: datetime
    actor: str
    actor_kind: str
    address: str
    verb: str
    revision: int

    def is_by(self, clients: Collection[str]) -> bool:
        """Whether one of some clients wrote it: a person in the console may bear the same name."""
        return self.by_client and self.actor in clients

    @property
    def by_client(self) -> bool:
        """Whether a program wrote it, and nobody in the console."""
        return self.actor_kind == "api"

    @property
    def author(self) -> str:
        """Who wrote it, in words."""
        return f"{self.actor} ({self.actor_kind})"

    @property
    def time(self) -> str:
        """When it was written, to the second."""
        return self.at.isoformat(sep=" ", timespec="seconds")


@dataclass(frozen=True, slots=True)
class Change:
    """One write that is asked of the site.

    Attributes:
        address: what to write, in the site's ids.
        before: for a label its expected text (None is the default); unused otherwise, since an
            `add` expects absence and a `remove` presence.
        after: for a label the new text, or None to reset it.
        key: the idempotency key, in printable ASCII: the same key never takes effect twice.
    """

    address: Address
    verb: Verb
    before: str | None
    after: str | None
    key: str


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """What the site answered to one change.

    Attributes:
        status: 200, 201 or 204 for success; 412 where the expectation did not hold; else as HTTP.
        changed: whether the change took effect (False: it was so already).
        revision: the site's revision after it; an answer that is repeated keeps its own.
        code: the problem's machine-readable code, or an empty text.
        detail: the problem's sentence, or an empty text.
        repeated: whether an earlier attempt at the same request got no answer: it may yet arrive.
    """

    status: int
    changed: bool
    revision: int | None = None
    code: str = ""
    detail: str = ""
    repeated: bool = False

    @property
    def ok(self) -> bool:
        """Whether the site is now as the change wanted it."""
        return 200 <= self.status < 300


class Reader(Protocol):
    """Reads a site; has no way to write to it."""

    def site(self) -> Site:
        """Return the site's identity and its revision as it is now.

        Raises:
            SiteError: the site could not be read.
        """
        ...

    def fetch(self) -> LiveState:
        """Return the whole live state, consistent at one revision.

        Raises:
            SiteError: anything could not be read; nothing is returned in part.
        """
        ...

    def last_events(self, addresses: Sequence[Address]) -> dict[Address, Event]:
        """Return the last write to each of the addresses (in ids) that was ever written.

        Callers ask only a site that has the `events` capability.

        Raises:
            SiteError: the event log could not be read.
        """
        ...

    def events_since(self, revision: int) -> list[Event]:
        """Return the writes after a revision, the oldest first.

        Callers ask only a site that has the `events` capability.

        Raises:
            SiteError: the event log could not be read.
        """
        ...


class Writer(Reader, Protocol):
    """A reader that can also write."""

    def send(self, changes: Sequence[Change]) -> list[ChangeResult]:
        """Make at most `BATCH_LIMIT` changes in one request; results stand in the same order.

        Raises:
            SiteError: the request as a whole failed; what happened to its changes is unknown.
        """
        ...


class Options(Protocol):
    """The settings of an environment that are its provider's own.

    Each of the methods raises `ConfigurationError` where a setting is missing or cannot be used.
    """

    def check_known(self, *keys: str) -> None:
        """Refuse a setting that the provider does not have."""
        ...

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text."""
        ...

    def path(self, key: str) -> Path:
        """Return a path; a relative one is meant from where the settings file is."""
        ...

    def secret(self, key: str) -> str:
        """Follow a reference, to a variable, a file or a command, and return what it leads to."""
        ...


class Provider(Protocol):
    """Opens a site by the settings of an environment."""

    def open_reader(self, options: Options) -> AbstractContextManager[Reader]:
        """Open the site for reading: through what comes of it, nothing can be written.

        Raises:
            ConfigurationError: the settings cannot be used.
        """
        ...

    def open_writer(self, options: Options) -> AbstractContextManager[Writer]:
        """Open the site for reading and writing; `send` is called by one thread.

        Raises:
            ConfigurationError: the settings cannot be used.
        """
        ...
