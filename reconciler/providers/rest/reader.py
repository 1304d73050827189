"""Reads a site through its API: every page, at one revision, or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

from reconciler.connection import Connection
from reconciler.domain.address import Address
from reconciler.errors import ContractViolation, RequestRefused, SiteError
from reconciler.provider import Event
from reconciler.providers.codec import (
    COLLECTIONS,
    build_state,
    decode,
    decode_site,
    text,
    whole_number,
)
from reconciler.providers.integrity import check, refuse_twice
from reconciler.providers.rest.tokens import authorisation
from reconciler.providers.rest.transport import Answer, Call, Transport
from reconciler.state import LiveState, Site

PAGE: Final = 1000
ROUNDS: Final = 5
ASKED_SINGLY: Final = 20
"""So many addresses are looked up one by one in the event log; for more it is read once."""

_READING: Final = frozenset(("GET",))


@dataclass(frozen=True, slots=True)
class _Held:
    """A collection as it was read last, and the ETag that stands for it."""

    etag: str
    values: list[Any]


class _Moved(Exception):
    """The collection changed while its pages were read."""


class RestReader:
    """A `Reader` over HTTP that can send nothing but GET (and the token request)."""

    methods = _READING
    scope = "roles.read"

    def __init__(self, connection: Connection) -> None:
        self._transport = Transport(
            connection.url,
            methods=self.methods,
            timeout=connection.timeout,
            verify=str(connection.ca_bundle) if connection.ca_bundle else True,
        )
        self._authorisation = authorisation(connection, self.scope)
        self._held: dict[str, _Held] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._transport.close()

    def site(self) -> Site:
        """Return the site's identity and its revision as it is now."""
        return decode_site(self._get(Call("GET", "/v1/site")).body, "GET /v1/site")

    def fetch(self) -> LiveState:
        """Return the whole live state, consistent at one revision.

        What was read before is asked for again only if it changed (`If-None-Match`).

        Raises:
            SiteError: something could not be read, or the site changes faster than it can be.
        """
        before = self.site()
        for _ in range(ROUNDS):
            for name in COLLECTIONS:
                self._held[name] = self._collection(name)
            after = self.site()
            if after.revision == before.revision:
                values = {name: held.values for name, held in self._held.items()}
                return check(build_state(after, values), "The site's answers")
            before = after
        raise SiteError("The site is being changed too quickly to be read.", "Try again later.")

    def last_events(self, addresses: Sequence[Address]) -> dict[Address, Event]:
        """Return the last write to each of the addresses that was ever written."""
        wanted = {str(address): address for address in addresses}
        found: dict[Address, Event] = {}
        asked = [{"address": one} for one in wanted] if len(wanted) <= ASKED_SINGLY else [{}]
        for query in asked:
            for event in self._events(query):
                if event.address in wanted:
                    found[wanted[event.address]] = event
        return found

    def _get(self, call: Call) -> Answer:
        return self._transport.send(call, self._authorisation)

    def _collection(self, name: str) -> _Held:
        for _ in range(ROUNDS):
            try:
                return self._pages(name, self._held.get(name))
            except _Moved:
                continue
        raise SiteError(f"GET /v1/{name}: it changes faster than it can be read.", "Try again.")

    def _pages(self, name: str, held: _Held | None) -> _Held:
        path, where = f"/v1/{name}", f"GET /v1/{name}"
        values: list[Any] = []
        etag, cursor, seen = "", None, set[str]()
        while True:
            note = f"page {len(seen) + 1}"
            query = {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            known = {"If-None-Match": held.etag} if held and not cursor else {}
            try:
                answer = self._get(Call("GET", path, query, known, note=note))
            except RequestRefused as refused:
                if refused.status == 410 and cursor:
                    raise _Moved from refused
                raise
            if answer.status == 304 and held and not cursor:
                return held
            items, following = _page(f"{where} ({note})", answer)
            if etag and answer.etag != etag:
                raise _Moved
            etag = answer.etag or ""
            values.extend(decode(name, items, f"{where} ({note})"))
            if following is None:
                refuse_twice(name, values, where)
                return _Held(etag, values)
            if following in seen:
                raise ContractViolation(f"{where} ({note}): it names a page that came already.")
            seen.add(following)
            cursor = following

    def _events(self, query: dict[str, str]) -> Sequence[Event]:
        events: list[Event] = []
        after = 0
        while True:
            page = {"limit": str(PAGE), "after": str(after), **query}
            where = f"GET /v1/events (after {after})"
            body = self._get(Call("GET", "/v1/events", page, note=f"after {after}")).body
            items, following = _items(where, body)
            events.extend(_event(where, item) for item in items)
            if following is None:
                return events
            if not following.isdecimal() or int(following) <= after:
                raise ContractViolation(f"{where}: the next page is not further on.")
            after = int(following)


def _page(where: str, answer: Answer) -> tuple[list[object], str | None]:
    if not answer.etag or answer.etag.startswith("W/"):
        raise ContractViolation(f"{where}: the answer has no strong ETag.")
    return _items(where, answer.body)


def _items(where: str, body: object) -> tuple[list[object], str | None]:
    if not isinstance(body, dict) or not isinstance(body.get("items"), list) or "next" not in body:
        raise ContractViolation(f"{where}: the answer is not a page of items.")
    following = body["next"]
    if following is not None and (not isinstance(following, str) or not following):
        raise ContractViolation(f"{where}: the cursor of the next page is not a text.")
    return body["items"], following


def _event(where: str, item: object) -> Event:
    try:
        if not isinstance(item, dict):
            raise TypeError("it is not an object")  # noqa: TRY301 - one mapping for all of it
        return Event(
            at=datetime.fromisoformat(text(item["at"])),
            actor=text(item["actor"]),
            actor_kind=text(item["actor_kind"]),
            address=text(item["address"]),
            verb=text(item["verb"]),
            revision=whole_number(item["revision"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ContractViolation(f"{where}: an event is not readable.") from error
