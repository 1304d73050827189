"""Finds organisations that lie below themselves."""

from collections.abc import Iterator, Mapping


def circles(parents: Mapping[str, str | None]) -> Iterator[str]:
    """Yield one member of each circle of parents, the first that is come upon.

    A parent that has no entry of its own ends a chain.
    """
    sound: set[str] = set()
    for start in parents:
        chain: dict[str, None] = {}
        current: str | None = start
        while current is not None and current not in sound and current not in chain:
            chain[current] = None
            current = parents.get(current)
        if current is not None and current in chain:
            yield current
        sound.update(chain)
