"""Tables as CSV (RFC 4180), and cells that no spreadsheet calculates."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reconciler.plain import plain

_CALCULATED: Final = '(?=[\\s"]*[-=+@\uff1d\uff0b\uff0d\uff20])'
_FORMULA: Final = re.compile(f"(^|;){_CALCULATED}")
"""What would be calculated, also in full width: at the beginning of a cell, and after a semicolon,
at which a spreadsheet of a language that writes decimals with a comma begins another cell."""


def written(rows: Iterable[Sequence[str]], mark: str = ",") -> Iterator[str]:
    """Yield a table row by row.

    Args:
        rows: the cells of each.
        mark: what parts them; spreadsheets of half of Europe open semicolons in columns, and
            programs read commas.
    """
    for row in rows:
        out = io.StringIO()
        csv.writer(out, delimiter=mark).writerow(row)
        yield out.getvalue()


_MADE_HARMLESS: Final = re.compile(f"(^|;)'{_CALCULATED}")
"""The mark that `harmless` puts before such a cell."""


def harmless(value: str | None) -> str:
    """Return a text from elsewhere as a cell that is text in every spreadsheet."""
    return _FORMULA.sub(r"\1'", plain(value or ""))


def meant(cell: str) -> str:
    """Return the text of a cell that `harmless` may have written."""
    return _MADE_HARMLESS.sub(r"\1", cell)
