"""People are found by how the words of their names, keys and addresses begin.

The words are rows of a table of their own, folded here: databases fold no letters but A to Z alike.
So a search takes as long among 230,000 people as among ten. Looked for inside of words, it would
read all of them.
"""

import re
from collections.abc import Iterator
from typing import Final
from unicodedata import normalize

from sqlalchemy import ColumnElement, Connection, and_, exists, select

from reconciler.sandbox import tables

_LETTERS: Final = 64
"""So many letters of a word are looked at: PostgreSQL's index takes 2,704 bytes a row at most."""

_FEW: Final = 1_000
"""Up to so many people with a word are looked up first; more are met soon enough on the way."""

_PARTS: Final = re.compile(r"(?<=[\W_])(?=[^\W_])")
_AFTER_ALL: Final = "\U0010ffff"


def words_of(*texts: str | None) -> list[str]:
    """Return the words by which somebody with these texts is found.

    A word is found by its parts too: `t-0412` by `0412`, `anne.berg@school.example` by `berg`. One
    that another begins with is left out, since that one is found by it.
    """
    ends = {end for text in texts for word in _folded(text or "") for end in _ends(word)}
    words = sorted(end[:_LETTERS] for end in ends)
    pairs = zip(words, [*words[1:], ""], strict=True)
    return [word for word, following in pairs if not following.startswith(word)]


def wanted(words: str) -> list[str]:
    """Return what is looked for as it is compared with `words_of`."""
    return [word[:_LETTERS] for word in _folded(words)]


def found(connection: Connection, words: str) -> Iterator[ColumnElement[bool]]:
    """Yield per word the condition that a word of a person begins with it."""
    own, person = tables.found_by.c, tables.people.c.id
    for word in wanted(words):
        begins = and_(own.word >= word, own.word < word + _AFTER_ALL)
        first = connection.execute(select(own.person).where(begins).limit(_FEW + 1)).scalars().all()
        if len(first) <= _FEW:
            yield person.in_(first)
        else:
            yield exists().where(own.person == person, begins)


def _folded(text: str) -> list[str]:
    return normalize("NFC", text).casefold().split()


def _ends(word: str) -> list[str]:
    return [word, *(word[at.start() :] for at in _PARTS.finditer(word.partition("@")[0]))]
