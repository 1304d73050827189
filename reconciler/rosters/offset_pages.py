"""A collection by limit and offset, to its end, from servers that agree on little else.

A page may be short, come twice or overlap the one before; only an empty page, the total count or a
Link header without a next says that the end is reached. What is read is whole, or refused.
"""

from collections.abc import Callable
from typing import Final, Generic

from requests.utils import parse_header_links

from reconciler.errors import ContractViolation, RequestRefused, SiteError
from reconciler.http.answers import Answer
from reconciler.http.call import Call
from reconciler.rosters.collected import Collected, Kept
from reconciler.rosters.school_system import VIOLATED, Get, Item

READS: Final = 3
"""How often a collection is read that changes so that rows are missing at its end."""

STALE_PAGES: Final = 3
"""So many pages in a row without a new row are a server that does not look at the offset."""

EMPTY_PAGES: Final = 3
"""So many empty pages in a row that name a next one are the end."""

_LONGEST_COUNT: Final = 16
"""A count of so many digits is none."""


def read_offset_pages(
    get: Get, path: str, name: str, limit: int, collect: Callable[[], Collected[Kept]]
) -> list[Kept] | None:
    """Read a whole collection, each of its rows once.

    Args:
        get: makes a request.
        path: the collection's.
        name: the member of an answer that holds its rows.
        limit: how many rows to ask for at once.
        collect: makes what takes the rows in; it is asked again where a reading has to begin anew.

    Returns:
        The rows as they came first, those that came again as they came last. None where the first
        answer holds nothing: that nothing could be read does not mean that there is nothing.

    Raises:
        SiteError: it could not be read to its end.
    """
    missing = 0
    for _ in range(READS):
        reading = _Reading(get, path, name, limit, collect())
        reading.run()
        missing = reading.missing
        if missing <= 0:
            return list(reading.collected.rows.values()) or None
    raise SiteError(
        f"GET {path}: {missing} rows are missing of those that it says there are.", VIOLATED
    )


class _Reading(Generic[Kept]):
    """One reading of a collection.

    Attributes:
        collected: what came.
    """

    def __init__(
        self, get: Get, path: str, name: str, limit: int, collected: Collected[Kept]
    ) -> None:
        self.collected = collected
        self._get = get
        self._path = path
        self._name = name
        self._limit = limit
        self._offset = 0
        self._largest = 0
        self._total = 0
        self._linked = False

    @property
    def missing(self) -> int:
        """How many rows fewer came than the service said that there are, at any time.

        What came twice is one: a row that moved up while pages were read would else stand for
        another one that was passed over.
        """
        return self._total - len(self.collected.rows)

    @property
    def _counted(self) -> bool:
        """Whether exactly as many rows came as the service counts.

        Fewer are not all of them, and with more the count is one of something else.
        """
        return self.missing == 0 < self._total

    def run(self) -> None:
        """Read to the end.

        Raises:
            SiteError: there is none, or a page could not be read.
        """
        stale = empty = 0
        while True:
            call = self._call()
            answer = self._ask(call)
            if answer is None:
                return
            items = self._items(call, answer)
            follows = _has_next(answer)
            self._count(answer)
            before = len(self.collected.rows)
            if not items:
                # Some filter their pages after cutting them, and some name a next one for ever.
                empty += 1
                if not follows or not before or self._counted or empty > EMPTY_PAGES:
                    return
                self._offset += self._largest
                continue
            empty = 0
            # On the first page the count may be the count of the page, so that one more is asked.
            first = not self._offset
            self.collected.add(call, items)
            self._offset += len(items)
            self._largest = max(self._largest, len(items))
            if not follows and (self._linked or (self._counted and not first)):
                return
            self._linked = self._linked or follows
            stale = stale + 1 if len(self.collected.rows) == before else 0
            if stale == STALE_PAGES:
                message = "the same rows come again and again; the service may ignore offset."
                raise ContractViolation(f"{call.name}: {message}", VIOLATED)

    def _call(self) -> Call:
        query = {
            "limit": str(self._limit),
            "offset": str(self._offset),
            "sort": "sourcedId",
            "orderBy": "asc",
        }
        return Call("GET", self._path, query, note=f"from row {self._offset + 1}")

    def _ask(self, call: Call) -> Answer | None:
        """Return an answer; None where there is no such page, and the count says the same."""
        try:
            return self._get(call)
        except RequestRefused as refused:
            if refused.status != 404 or not self.collected.rows:
                raise
        if self._counted:
            return None
        raise ContractViolation(
            f"{call.name}: there is no such page (404), and no count of the rows says that the "
            f"{len(self.collected.rows):,} before it are all.",
            VIOLATED,
        )

    def _items(self, call: Call, answer: Answer) -> list[Item]:
        """Return the rows of a page; none where the first answer holds no list of them."""
        document = answer.document
        items = document.get(self._name) if isinstance(document, dict) else None
        if items is None and (not self._offset or answer.status == 204):
            return []
        if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
            message = f"{call.name}: the answer holds no list of {self._name}."
            raise ContractViolation(message, VIOLATED)
        return items

    def _count(self, answer: Answer) -> None:
        text = answer.headers.get("X-Total-Count", "").strip()
        if text.isascii() and text.isdecimal() and len(text) < _LONGEST_COUNT:
            self._total = max(int(text), self._total)


def _has_next(answer: Answer) -> bool:
    """Whether a Link header names a next page; its address is not followed (RFC 8288)."""
    links = parse_header_links(answer.headers.get("Link", ""))
    return any("next" in link.get("rel", "").lower().split() for link in links)
