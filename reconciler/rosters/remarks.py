"""Collects what is no mistake in a roster, and what its reader should know of."""

from collections.abc import Iterator

from reconciler.domain.roster import RosterRemark


class Remarks:
    """The rows that were read otherwise than they stand there, by what is the matter with them."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], dict[int, None]] = {}

    def add(self, file: str, row: int, fate: str, what: str) -> None:
        """Take in a row; the words are those of a `RosterRemark`."""
        self._rows.setdefault((fate, what, file), {})[row] = None

    def __iter__(self) -> Iterator[RosterRemark]:
        """Yield one remark for each thing that is the matter in each file."""
        for key, rows in self._rows.items():
            yield RosterRemark(*key, row=min(rows), rows=len(rows))
