"""What can be wrong with a roster, and the error that carries all of it.

A message names the file, the row and the column. It shows a value only where the value is an id, or
stands for a word of the format in a table that has no names: a roster is full of learners' names,
and a shifted row can put one under any heading.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from reconciler.codes import CODES, Severity
from reconciler.diagnostics import Diagnostic, Position
from reconciler.errors import ReconcilerError

_SHOWN_PROBLEMS: Final = 20
_SHOWN_VALUE: Final = 64

_ADVICE: Final = "Correct the path, or the source, and look with `reconciler roster check`."


class Problem(NamedTuple):
    """One thing that is wrong, or worth knowing.

    Attributes:
        file: the file's name in the bundle, or the bundle's path.
        row: the row as a spreadsheet counts it (the header is 1), in XML the line; 0 for the whole
            file.
        column: the column's heading, in XML the path of the element, or an empty text.
        value: the offending id or word, or None where showing it could show a name.
        code: one of `reconciler.codes.CODES`, RR3xx.
        message: a sentence without the place and the value.
    """

    file: str
    row: int
    column: str
    value: str | None
    code: str
    message: str

    @property
    def severity(self) -> Severity:
        """The severity that the code carries."""
        return CODES[self.code].severity

    @property
    def place(self) -> str:
        """Where it is: the file, the row and the column."""
        row = f" row {self.row}" if self.row else ""
        column = f", {self.column}" if self.column else ""
        return f"{self.file}{row}{column}"

    @property
    def hidden(self) -> "Problem":
        """The same without its value, for logs that many read: an id may be a learner's."""
        return self._replace(value=None, message=self.message.removesuffix(":"))

    @property
    def told(self) -> str:
        """What it is, with the value."""
        return self.message + ("" if self.value is None else f" {self.value[:_SHOWN_VALUE]!r}")

    def __str__(self) -> str:
        warning = f"{self.severity} " if self.severity is Severity.WARNING else ""
        return f"{self.place}: {warning}{self.code}: {self.told}"


class InvalidRoster(ReconcilerError):
    """A roster that cannot be used; all its problems are in `problems`, none is lost.

    The message lists the first twenty; `diagnostics` has all of them, at the roster's place in the
    manifest. Exit code 1.

    Args:
        problems: what is wrong.
        named: what messages call the roster.
        position: where the manifest names it, if one does.
    """

    def __init__(
        self,
        problems: Iterable[Problem],
        named: str = "the roster",
        position: Position | None = None,
    ) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        place = f"{position}: " if position else ""
        lines = [f"{place}{named} has {count} problem{'' if count == 1 else 's'}"]
        lines += [f"  {problem}" for problem in self.problems[:_SHOWN_PROBLEMS]]
        if count > _SHOWN_PROBLEMS:
            lines.append(f"  … and {count - _SHOWN_PROBLEMS} more")
        super().__init__("\n".join(lines), _ADVICE)
        self.naming_nobody(lines[0])
        self.diagnostics = tuple(
            Diagnostic(each.code, f"{named}, {each.place}: {each.told}.", position, _ADVICE)
            for each in self.problems
        )
