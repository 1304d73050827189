"""What can be wrong with a roster, and the error that carries all of it.

A message names the file, the row and the column. It shows a value only where the value is an id or
a word of the bundle's own manifest: a roster is full of learners' names, and a shifted row can put
one under any heading.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from reconciler.errors import ReconcilerError

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "RR301": "the bundle cannot be read safely",
        "RR302": "no manifest, or of a version that is not supported",
        "RR303": "a file that is needed is missing, or is a delta",
        "RR304": "not UTF-8, or an encoding that is not known",
        "RR305": "malformed CSV or XML",
        "RR306": "wrong number of columns in a row",
        "RR307": "a column is missing or stands there twice",
        "RR308": "a required value is missing",
        "RR309": "an id that is used twice",
        "RR310": "a reference to something that is not in the bundle",
        "RR311": "an organisation lies below itself, or below two",
        "RR312": "not a date, or an end before its beginning",
        "RR313": "a word that the format does not know",
        "RR314": "an answer with nothing in it",
    }
)
"""The stable codes of roster problems; RR3xx belongs to rosters."""

_SHOWN_PROBLEMS = 20
_SHOWN_VALUE = 64


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
        file: the file's name in the bundle, or the bundle's path.
        row: the row as a spreadsheet counts it (the header is 1), in XML the line; 0 for the whole
            file.
        column: the column's heading, in XML the path of the element, or an empty text.
        value: the offending id, or None where showing it could show a name.
        code: a key of `CODES`.
        message: a sentence without the place and the value.
    """

    file: str
    row: int
    column: str
    value: str | None
    code: str
    message: str

    def __str__(self) -> str:
        row = f" row {self.row}" if self.row else ""
        column = f", {self.column}" if self.column else ""
        value = "" if self.value is None else f" {self.value[:_SHOWN_VALUE]!r}"
        return f"{self.file}{row}{column}: {self.code}: {self.message}{value}"


class InvalidRoster(ReconcilerError):
    """A roster that cannot be used; all its problems are in `problems`, none is lost.

    The message lists the first twenty. Exit code 1.
    """

    def __init__(self, problems: Iterable[Problem], named: str = "the roster") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [f"{named} has {count} problem{'' if count == 1 else 's'}"]
        lines += [f"  {problem}" for problem in self.problems[:_SHOWN_PROBLEMS]]
        if count > _SHOWN_PROBLEMS:
            lines.append(f"  … and {count - _SHOWN_PROBLEMS} more")
        super().__init__(
            "\n".join(lines),
            advice="Correct the path, or the source, and look with `reconciler roster check`.",
        )
