"""Finding events: by parts of their addresses and actors, and by whom and what they are about.

An event has ids only, so names and keys are looked up first. There is no index of the last parts of
addresses: one pass over the events compares them with all ids of one length at once.
"""

from collections import defaultdict
from string import ascii_lowercase, ascii_uppercase
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.sandbox import tables
from reconciler.sandbox.console.rows import Slice, slice_of
from reconciler.sandbox.search import found, wanted

EVENTS_SHOWN: Final = 100

_IDS: Final = 500
"""So many people, and so many units, are found for a search at most: a query has a bound, too."""


def events(connection: Connection, before: int, words: str) -> Slice:
    """Return the last writes before a revision, the newest first; `words` narrows them.

    Each word is a part of an address or of an actor's name, begins a word of a person as in every
    search, or is a part of a unit's title or key. Or one person or unit has all of them.
    """
    own = tables.events.c
    query = select(tables.events).where(own.revision < before).order_by(own.revision.desc())
    each = list(dict.fromkeys(words.split()))
    if each:
        most = _IDS // len(each)
        every = and_(*(or_(*_said(word), *_about(connection, word, most)) for word in each))
        together = _about(connection, words, most) if len(each) > 1 else ()
        query = query.where(or_(every, *together))
    return slice_of(connection, query, EVENTS_SHOWN, key="revision")


_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


def _contains(column: Any, word: str) -> ColumnElement[bool]:
    """Compare, A to Z in either case: SQLite folds no others, and all are to find the same."""
    return func.lower(column).contains(word.translate(_LOWER), autoescape=True)


def _said(word: str) -> list[ColumnElement[bool]]:
    return [_contains(column, word) for column in (tables.events.c.address, tables.events.c.actor)]


def _about(connection: Connection, words: str, most: int) -> list[ColumnElement[bool]]:
    """Return the conditions that an event is about somebody or something with all of the words."""
    people, units = _people(connection, words, most), _units(connection, words, most)
    owners = [f"{Address.holder(role, person)}/" for role in Role for person in people]
    targets = [(TargetKind.LEARNER.value, person) for person in people] + units
    ends = [f"/{kind}/{quote(target, safe='')}" for kind, target in targets]
    address = tables.events.c.address
    return [
        *(func.substr(address + "/", 1, n).in_(some) for n, some in _by_length(owners)),
        *(
            func.substr(address, func.length(address) - n + 1).in_(some)
            for n, some in _by_length(ends)
        ),
    ]


def _by_length(texts: list[str]) -> list[tuple[int, list[str]]]:
    """Return texts of one length together: they are compared all at once, which takes no longer."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for text in texts:
        found[len(text)].append(text)
    return list(found.items())


def _people(connection: Connection, words: str, most: int) -> list[str]:
    own = tables.people.c.id
    query = select(own).where(*found(connection, words)).order_by(own).limit(most)
    return list(connection.execute(query).scalars())


def _units(connection: Connection, words: str, most: int) -> list[tuple[str, str]]:
    own = tables.units.c
    query = select(own.kind, own.id).order_by(own.id).limit(most)
    for word in wanted(words):
        # Beyond A to Z a letter is met as it is, in small ones, in capitals or at the beginning.
        forms = {word, word.upper(), word.capitalize()}
        written = {form.translate(_LOWER) for form in forms}
        query = query.where(
            or_(*(_contains(each, form) for each in (own.title, own.sync_key) for form in written))
        )
    return [(row.kind, row.id) for row in connection.execute(query)]
