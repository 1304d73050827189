"""A collection by limit and offset, to its end, from servers that agree on little else.

A page may be short, come twice or overlap the one before; only an empty page, the total count or a
Link header without a next says that the end is reached. What is read is whole, or refused.
"""

from typing import Final

from requests.utils import parse_header_links

from reconciler.errors import ContractViolation, SiteError
from reconciler.http.answers import Answer
from reconciler.http.call import Call
from reconciler.rosters.school_system import VIOLATED, Get, Item, by_id

READS: Final = 3
"""How often a collection is read that changes so that rows are missing at its end."""

STALE_PAGES: Final = 3
"""So many pages in a row without a new row are a server that does not look at the offset."""

MOST_ROWS: Final = 10_000_000
"""No school system has more in one collection; a server that makes them up is left."""


def read_offset_pages(get: Get, path: str, name: str, limit: int) -> list[Item] | None:
    """Read a whole collection, each of its rows once.

    Args:
        get: makes a request.
        path: the collection's.
        name: the member of an answer that holds its rows.
        limit: how many rows to ask for at once.

    Returns:
        The rows as they came first, those that came again as they came last. None where the first
        answer holds nothing: that nothing could be read does not mean that there is nothing.

    Raises:
        SiteError: it could not be read to its end.
    """
    missing = 0
    for _ in range(READS):
        rows, missing = _read_once(get, path, name, limit)
        if missing <= 0:
            return rows
    raise SiteError(
        f"GET {path}: {missing} rows are missing of those that it says there are.", VIOLATED
    )


def _read_once(get: Get, path: str, name: str, limit: int) -> tuple[list[Item] | None, int]:
    """Return the rows, and how many fewer came than there should be."""
    rows: dict[object, Item] = {}
    offset = stale = 0
    total: int | None = None
    linked = False
    while True:
        query = {"limit": str(limit), "offset": str(offset), "sort": "sourcedId", "orderBy": "asc"}
        call = Call("GET", path, query, note=f"from row {offset + 1}")
        answer = get(call)
        items = _items(call, answer, name, first=not offset)
        if not items:
            return (list(rows.values()) if offset else None), (total or 0) - offset
        before = len(rows)
        rows.update(by_id(items, "sourcedId", offset))
        offset += len(items)
        total = _total(answer, total)
        follows = _has_next(answer)
        if not follows and (linked or (total is not None and len(rows) >= total)):
            return list(rows.values()), (total or 0) - offset
        linked = linked or follows
        stale = stale + 1 if len(rows) == before else 0
        if stale == STALE_PAGES or len(rows) > MOST_ROWS:
            raise ContractViolation(
                f"{call.name}: the same rows come again and again; the server may ignore offset."
                if stale
                else f"{call.name}: there are more than {MOST_ROWS:,} rows.",
                VIOLATED,
            )


def _items(call: Call, answer: Answer, name: str, *, first: bool) -> list[Item]:
    """Return the rows of a page; none where the first answer does not hold any list of them."""
    document = answer.document
    items = document.get(name) if isinstance(document, dict) else None
    if items is None and first:
        return []
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise ContractViolation(f"{call.name}: the answer holds no list of {name}.", VIOLATED)
    return items


def _has_next(answer: Answer) -> bool:
    """Whether a Link header names a next page; its address is not followed (RFC 8288)."""
    links = parse_header_links(answer.headers.get("Link", ""))
    return any("next" in link.get("rel", "").lower().split() for link in links)


def _total(answer: Answer, before: int | None) -> int | None:
    text = answer.headers.get("X-Total-Count", "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else before
