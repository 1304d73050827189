"""Reads a site through its API: every page, at one revision, or not at all."""

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import ClassVar, Final, Self

from reconciler.connection import Connection
from reconciler.domain.address import Address
from reconciler.errors import ContractViolation, SiteError
from reconciler.http.answers import Answer
from reconciler.http.call import LIMITS, Call, Limits
from reconciler.http.tokens import authorisation
from reconciler.http.transport import ReadOnlyTransport, Transport
from reconciler.provider import Event
from reconciler.providers.codec import COLLECTIONS, Shape, build_state, decode_site
from reconciler.providers.integrity import check
from reconciler.providers.rest.cache import Cache, Kept
from reconciler.providers.rest.pages import Held, read_collection, read_events
from reconciler.providers.rest.peer import READ_SCOPE, SITE
from reconciler.providers.threads import Threads
from reconciler.state import LiveState, Site

ROUNDS: Final = 5
"""How often the collections are asked for again when the site changes meanwhile."""

UNASKED: Final = frozenset(("labels",))
"""Collections that are not asked after where the site is at the revision at which all were read.

Its revision counts every write, so everything stands. That it counts the same writes, and is not
another database in the same place, the ETags of the others say. Labels give nobody sight of anyone,
and without them an unchanged site takes nine requests, the token's included.
"""

ASKED_SINGLY: Final = 20
"""So many addresses are looked up one by one in the event log; for more it is read once."""


class RestReader:
    """A `Reader` over HTTP that can send nothing but GET (and the token request).

    Args:
        connection: the site.
        limits: how long and how much.
        cache: keeps what was read for the next reader, when this one is left without an error.
    """

    transport: ClassVar[type[Transport]] = ReadOnlyTransport
    scope: ClassVar[str] = READ_SCOPE

    def __init__(
        self, connection: Connection, limits: Limits = LIMITS, cache: Cache | None = None
    ) -> None:
        self._url = connection.url
        self._transport = self.transport(connection, connection.url, SITE, limits)
        self._authorisation = authorisation(connection, self.scope, SITE, limits)
        self._at_once = limits.at_once
        self._held: dict[str, Held] = {}
        self._revision: int | None = None
        """The site's when all that is held was read; None where it may be of several."""
        self._cache = cache
        self._kept: Kept | None = None
        self._whole: Site | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._keep()
        self.close()

    def close(self) -> None:
        """Close the connections, and forget the token and what was read."""
        self._transport.close()
        self._authorisation.close()
        self._held.clear()

    def site(self) -> Site:
        """Return the site's identity and its revision as it is now.

        Raises:
            SiteError: it could not be read.
        """
        call = Call("GET", "/v1/site")
        return decode_site(self._send(call).document, call.name)

    def fetch(self) -> LiveState:
        """Return the whole live state, consistent at one revision.

        What was read before, or is in the cache, is asked for again only if it changed
        (`If-None-Match`).

        Raises:
            SiteError: something could not be read, or the site changes faster than it can be.
        """
        before = self.site()
        self._recall(before)
        if self._stands(before):
            return self._state(before)
        for _ in range(ROUNDS):
            self._read_collections(COLLECTIONS)
            after = self.site()
            if after.id != before.id:
                raise ContractViolation(
                    f"{self._url}: the site changed its id from {before.id} to {after.id}.",
                    "Check the url: two sites may answer there.",
                )
            if after.revision == before.revision:
                return self._state(after)
            before = after
        raise SiteError(
            f"{self._url}: the site is being changed too quickly to be read.", "Try again later."
        )

    def _recall(self, site: Site) -> None:
        """Take what the cache has, once, where nothing is held yet."""
        if self._cache is None or self._kept is not None or self._held:
            return
        self._kept = self._cache.load(self._url, site)
        self._held.update(self._kept.held)
        if len(self._held) == len(COLLECTIONS):
            self._revision = self._kept.revision

    def _stands(self, site: Site) -> bool:
        """Whether all that is held is the site's state at this revision, by the site's own word."""
        unmoved = self._revision == site.revision
        self._revision = None
        if not unmoved:
            return False
        before = dict(self._held)
        self._read_collections([shape for shape in COLLECTIONS if shape.name not in UNASKED])
        return all(self._held[name] is held for name, held in before.items())

    def _state(self, site: Site) -> LiveState:
        values = {name: held.values for name, held in self._held.items()}
        state = check(build_state(site, values), self._url)
        self._revision, self._whole = site.revision, site
        return state

    def _keep(self) -> None:
        """Give the cache what is held, if all of it was read at one revision and is not in it."""
        if self._cache is None or self._whole is None or self._revision != self._whole.revision:
            return
        kept = self._kept or Kept()
        if kept.revision == self._revision and all(
            held is kept.held.get(name) for name, held in self._held.items()
        ):
            return
        self._cache.save(self._url, self._whole, self._held, kept)

    def _read_collections(self, shapes: Sequence[Shape]) -> None:
        """Read collections, several at once; of several errors the first in order is raised.

        Raises:
            SiteError: one could not be read.
        """
        waiting = deque(enumerate(shapes))
        failed: dict[int, SiteError] = {}
        flying = 0
        with Threads(self._read, self._at_once) as threads:
            while flying or (waiting and not failed):
                while waiting and flying < self._at_once and not failed:
                    threads.post(*waiting.popleft())
                    flying += 1
                number, answer = threads.collect()
                flying -= 1
                if isinstance(answer, SiteError):
                    failed[number] = answer
                else:
                    self._held[shapes[number].name] = answer
        if failed:
            raise failed[min(failed)]

    def _read(self, shape: Shape) -> Held:
        return read_collection(self._send, shape, self._held.get(shape.name))

    def last_events(self, addresses: Sequence[Address]) -> dict[Address, Event]:
        """Return the last write to each of the addresses that was ever written.

        Raises:
            SiteError: the event log could not be read.
        """
        wanted = {str(address): address for address in addresses}
        singly = len(wanted) <= ASKED_SINGLY
        asked: Sequence[str | None] = list(wanted) if singly else [None]
        return {
            wanted[event.address]: event
            for address in asked
            for event in read_events(self._send, address)
            if event.address in wanted
        }

    def events_since(self, revision: int) -> list[Event]:
        """Return the writes after a revision, the oldest first.

        Raises:
            SiteError: the event log could not be read.
        """
        return list(read_events(self._send, None, revision))

    def _send(self, call: Call) -> Answer:
        return self._transport.send(call, self._authorisation)
