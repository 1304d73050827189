"""A collection page by page, each naming the token of the next one, to its end (SS 12000)."""

from collections.abc import Collection, Sequence
from typing import Final

from reconciler.errors import ContractViolation
from reconciler.http.call import Call
from reconciler.rosters.collected import Collected
from reconciler.rosters.school_system import VIOLATED, Get, Item

MOST_PAGES: Final = 100_000


def read_token_pages(
    get: Get, path: str, limit: int, members: Sequence[str], changing: Collection[str]
) -> list[Item] | None:
    """Read a whole collection, each of its items once.

    Args:
        get: makes a request.
        path: the collection's.
        limit: how many items to ask for at once.
        members: what is kept of an item, where it has it.
        changing: which of these may be others in an item that comes again, and is the same.

    Returns:
        The items as they came first, those that came again as they came last. None where there are
        none: that nothing could be read does not mean that there is nothing.

    Raises:
        SiteError: it could not be read to its end.
    """

    def keep(item: Item) -> Item:
        return {name: item[name] for name in members if name in item}

    lasting = [name for name in members if name not in changing]

    def same(one: Item, other: Item) -> bool:
        return all(one.get(name) == other.get(name) for name in lasting)

    items = Collected("id", keep, same)
    tokens: set[str] = set()
    following: str | None = None
    while True:
        query = {"limit": str(limit)} | ({"pageToken": following} if following else {})
        call = Call("GET", path, query, note=f"page {len(tokens) + 1}")
        page, following = _page(call, get(call).document, first=not tokens)
        items.add(call, page)
        if not following:
            return list(items.rows.values()) or None
        if following in tokens or len(tokens) == MOST_PAGES:
            raise ContractViolation(f"{call.name}: the pages have no end.", VIOLATED)
        tokens.add(following)


def _page(call: Call, document: object, *, first: bool) -> tuple[list[Item], str | None]:
    """Return the items of a page, none where the first answer holds no list, and the next token."""
    if not isinstance(document, dict):
        raise ContractViolation(f"{call.name}: the answer is not a page.", VIOLATED)
    items, following = document.get("data"), document.get("pageToken")
    if items is None and first and not following:
        return [], None
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise ContractViolation(f"{call.name}: the answer holds no list of data.", VIOLATED)
    if following is not None and not isinstance(following, str):
        raise ContractViolation(f"{call.name}: the token of the next page is no text.", VIOLATED)
    return items, following
