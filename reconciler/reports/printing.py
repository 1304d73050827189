"""How texts for people reach a stream: parts one by one, tables quickly where nobody looks.

rich measures and wraps each cell for a terminal. Elsewhere there is room for nearly all of them in
one line, and a table of a million rows is only text padded with blanks.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import starmap

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reconciler.plain import plain

Cell = tuple[str, str]
"""A text and its style."""

_WIDE = 400
_GAP = 2
_SIGN_WIDTH = 3
_FEW = 2
_READABLE = 14
"""So many columns of a terminal each column of a table needs, where there are more than a few."""


class Grid:
    """A table of texts without lines; what is too long for a terminal goes on below.

    Args:
        texts: how many columns of texts it has.
        signed: whether a column of signs stands before them.
    """

    def __init__(self, texts: int, *, signed: bool = False) -> None:
        self._texts = texts
        self._signed = signed
        self._rows: list[tuple[Cell, ...]] = []

    def add_row(self, *cells: str | Text | Cell) -> None:
        """Add a row of texts that may come from elsewhere: they are made harmless."""
        self._rows.append(tuple(map(_cell, cells)))

    def __rich_console__(
        self, _console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """Render it as a table; where its columns would be too narrow to be read, row by row."""
        narrow = self._texts > _FEW and options.max_width < self._texts * _READABLE
        if narrow and self.lines(options.max_width) is None:
            yield from self._row_by_row()
        else:
            yield self._table()

    def _table(self) -> Table:
        """Make a table of it; no id may be cut."""
        table = Table.grid(padding=(0, _GAP, 0, 0))
        if self._signed:
            table.add_column(no_wrap=True, min_width=_SIGN_WIDTH)
        for _ in range(self._texts):
            table.add_column(overflow="fold")
        for row in self._rows:
            table.add_row(*starmap(Text, row))
        return table

    def _row_by_row(self) -> Iterator[RenderableType]:
        """Render each row in a line, and its last text below."""
        for *first, last in self._rows:
            yield Text("  ").join(Text(*cell) for cell in first if cell[0])
            yield Padding(Text(*last), (0, 0, 0, _GAP))

    def lines(self, width: int) -> Iterator[str] | None:
        """Return its lines without styles, unless one is wider."""
        sizes = [[cell_len(text) for text, _ in row] for row in self._rows]
        widest = [max(column) for column in zip(*sizes, strict=True)]
        if self._signed and widest:
            widest[0] = max(widest[0], _SIGN_WIDTH)
        # Rich gives a column one cell, even where all of it is empty.
        empty = bool(widest) and not widest[-1]
        if sum(widest) + _GAP * (len(widest) - 1) + empty > width:
            return None
        return (
            "".join(
                text + " " * (most - size + _GAP)
                for (text, _), size, most in zip(row, own, widest, strict=True)
            )
            for row, own in zip(self._rows, sizes, strict=True)
        )


def _cell(given: str | Text | Cell) -> Cell:
    if isinstance(given, Text):
        return given.plain, str(given.style)
    text, style = (given, "") if isinstance(given, str) else given
    return plain(text), style


def show(
    rendered: RenderableType | Iterator[RenderableType],
    *,
    stderr: bool = False,
    colour: bool = True,
) -> None:
    """Print something rendered, or its parts: on a terminal as it likes it, else wide and plain."""
    stream = console(stderr=stderr, colour=colour)
    for part in rendered if isinstance(rendered, Iterator) else (rendered,):
        if stream.is_terminal:
            stream.print(part)
        else:
            stream.file.writelines(f"{line.rstrip()}\n" for line in _lines(part, stream))
    stream.file.flush()


def _lines(part: RenderableType, stream: Console) -> Iterable[str]:
    """Return what rich would print where there are no styles, by less work where that is easy."""
    found: Iterable[str] | None = None
    match part:
        case Group():
            return (line for each in part.renderables for line in _lines(each, stream))
        case Grid():
            found = part.lines(stream.width)
        case Text() if _fits(part.plain, stream.width):
            found = (part.plain,)
        case Padding(renderable=Text() as text) if _fits(text.plain, stream.width - part.left):
            if not (part.top or part.bottom):
                found = (" " * part.left + text.plain,)
    if found is not None:
        return found
    with stream.capture() as captured:
        stream.print(part)
    return captured.get().splitlines()


def _fits(text: str, width: int) -> bool:
    return text.isprintable() and cell_len(text) <= width


def console(*, stderr: bool = False, colour: bool = True) -> Console:
    """Make the console for an output stream; wide where nobody looks at a terminal.

    Without colour (or with NO_COLOR set) there is no bold or dim text either: no escape codes.
    """
    plain_text = partial(Console, stderr=stderr, highlight=False, markup=False, emoji=False)
    made = plain_text(no_color=not colour or None)
    if not made.is_terminal:
        return plain_text(no_color=True, width=_WIDE)
    return plain_text(color_system=None) if made.no_color else made


def one_line(text: str, style: str = "") -> Text:
    """Render a text that may come from elsewhere in one harmless line."""
    return Text(plain(text), style=style)


def indented(text: str, style: str = "") -> RenderableType:
    """Render such a text as a line below a heading."""
    return Padding(one_line(text, style), (0, 0, 0, 2))
