"""Collections page by page: to the end, from one state of the site, nothing twice."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from reconciler.errors import ContractViolation, RequestRefused, SiteError
from reconciler.http.answers import Answer
from reconciler.http.call import Call
from reconciler.provider import Event
from reconciler.providers import bulk
from reconciler.providers.codec import ADVICE, EVENTS, Shape, decode
from reconciler.providers.integrity import refuse_twice

Get = Callable[[Call], Answer]

PAGE: Final = 1000
STARTS: Final = 5
"""How often a collection is begun again when it changes while it is read."""

_REVISION: Final = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Held:
    """A collection as it was read last, and the ETag that stands for it."""

    etag: str
    values: Collection[Any]


class _Moved(Exception):
    """The collection changed while its pages were read."""


def read_collection(get: Get, shape: Shape, held: Held | None) -> Held:
    """Read a whole collection, or find that what is held of it still stands.

    Args:
        get: makes a request.
        shape: the collection's.
        held: what was read before, if anything was.

    Raises:
        SiteError: it could not be read to its end.
    """
    for _ in range(STARTS):
        try:
            return _read_pages(get, shape, held)
        except _Moved:
            continue
    raise SiteError(
        f"GET /v1/{shape.name}: it is being changed too quickly to be read.", "Try again later."
    )


def _read_pages(get: Get, shape: Shape, held: Held | None) -> Held:
    call = _call(shape, 1, None, held)
    answer = _get(get, call)
    if answer.unchanged and held is not None:
        if answer.etag and _opaque(answer.etag) != _opaque(held.etag):
            raise ContractViolation(
                f"{call.name}: the answer says that another version is unchanged than was asked "
                "about.",
                ADVICE,
            )
        return held
    etag = _etag(call.name, answer)
    gathering = bulk.gathering(shape)
    cursors: set[str] = set()
    while True:
        page = _page(shape, call.name, answer)
        gathering.add(page.items)
        following = page.next
        if following is None:
            break
        if following in cursors:
            raise ContractViolation(f"{call.name}: a page came twice.", ADVICE)
        cursors.add(following)
        call = _call(shape, len(cursors) + 1, following, None)
        answer = _get(get, call)
        if _opaque(_etag(call.name, answer)) != _opaque(etag):
            raise _Moved
    values = gathering.values()
    refuse_twice(shape, values, f"GET /v1/{shape.name}")
    return Held(etag, values)


def _call(shape: Shape, page: int, cursor: str | None, held: Held | None) -> Call:
    query = {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
    etag = held.etag if held else None
    compiled = partial(bulk.decode_page, shape)
    return Call(
        "GET", f"/v1/{shape.name}", query, etag=etag, note=f"page {page}", compiled=compiled
    )


def _get(get: Get, call: Call) -> Answer:
    try:
        return get(call)
    except RequestRefused as refused:
        if refused.status == 410:
            raise _Moved from refused
        raise


def _etag(name: str, answer: Answer) -> str:
    if not answer.etag or not answer.etag.isprintable():
        raise ContractViolation(f"{name}: the answer has no ETag.", "Check the url.")
    return answer.etag


def _opaque(etag: str) -> str:
    """Leave out the mark that a compressing proxy adds; the tag itself stays the same."""
    return etag.removeprefix("W/")


def _page(shape: Shape, name: str, answer: Answer) -> bulk.Page:
    document = answer.document
    if isinstance(document, bulk.Page):
        return document
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        raise ContractViolation(f"{name}: the answer is not a page of items.", ADVICE)
    if "next" not in document:
        raise ContractViolation(
            f"{name}: the answer does not say whether more pages follow.", ADVICE
        )
    items, following = document["items"], document["next"]
    if following is not None and (not isinstance(following, str) or not following):
        raise ContractViolation(f"{name}: the cursor of the next page is not a text.", ADVICE)
    if following is not None and not items:
        raise ContractViolation(f"{name}: the page is empty, but more are to follow.", ADVICE)
    return bulk.Page(decode(shape, items, name), following)


def read_events(get: Get, address: str | None, since: int = 0) -> Iterator[Event]:
    """Read the event log to its end, the oldest first.

    Args:
        get: makes a request.
        address: only the events of this one, or of all.
        since: only the events after this revision.

    Raises:
        SiteError: it could not be read to its end.
    """
    filtered = {} if address is None else {"address": address}
    after, last, number = str(since), since, 1
    while True:
        query = {"limit": str(PAGE), "after": after, **filtered}
        call = Call("GET", "/v1/events", query, note=f"page {number}")
        page = _page(EVENTS, call.name, get(call))
        for event in page.items:
            if event.revision <= last:
                raise ContractViolation(
                    f"{call.name}: an event came twice, or out of order.", ADVICE
                )
            last = event.revision
            yield event
        if page.next is None:
            return
        if not _REVISION.fullmatch(page.next) or int(page.next) <= int(after):
            raise ContractViolation(
                f"{call.name}: the next page does not follow on this one.", ADVICE
            )
        after, number = page.next, number + 1
