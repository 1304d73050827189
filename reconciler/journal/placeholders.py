"""What stands in the journal in the place of a person who has been forgotten.

A placeholder says nothing of the person, and is another for each person of a site, so that counts
of what happened stay true. Addresses that hold one can be read, but lead nowhere on a site.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final

from reconciler.domain.address import Address

ERASED: Final = "(erased: it named somebody who has been forgotten)"
"""What stands in the place of a free text that named a person."""

_PLACEHOLDER: Final = re.compile(r"forgotten-([1-9][0-9]*)")


def is_placeholder(person: str) -> bool:
    """Whether an id or a key stands for somebody who has been forgotten."""
    return _PLACEHOLDER.fullmatch(person) is not None


def is_forgotten(address: Address) -> bool:
    """Whether an address named somebody who has been forgotten."""
    return any(is_placeholder(address.parts[at]) for at in address.people)


def next_placeholder(people: Iterable[str]) -> str:
    """Return a placeholder that stands for nobody yet, given all the ids that are recorded."""
    taken = (int(found[1]) for person in people if (found := _PLACEHOLDER.fullmatch(person)))
    return f"forgotten-{max(taken, default=0) + 1}"


def put(address: Address, parts: Collection[int], placeholder: str) -> Address:
    """Put a placeholder in the place of some parts of an address."""
    return address._replace(
        parts=tuple(placeholder if at in parts else part for at, part in enumerate(address.parts))
    )
