"""How help is laid out: examples one in a line, and as narrow as the terminal is."""

from collections.abc import Iterable
from typing import Final

import click

_WIDEST: Final = 80
_NARROW: Final = 60
_NARROWEST: Final = 40
_MARGIN: Final = 2

_BEGINNINGS: Final = ("Example: ", "Examples: ")


def examples(text: str) -> list[str]:
    """Return the commands that a help text gives as examples, each as it is typed."""
    return [
        each
        for paragraph in map(_joined, text.split("\n\n"))
        if paragraph.startswith(_BEGINNINGS)
        for each in paragraph.partition(": ")[2].split("; ")
    ]


class _Formatter(click.HelpFormatter):
    """Writes help.

    A command that is broken into two lines cannot be copied, so that examples never are. click
    itself makes no help narrower than 50 columns; below 40, it would break the names of options.
    """

    def __init__(
        self,
        indent_increment: int = 2,
        width: int | None = None,
        max_width: int | None = None,
    ) -> None:
        if width is None:
            import shutil  # which --version needs not

            columns = min(shutil.get_terminal_size().columns, max_width or _WIDEST)
            width = max(columns, _NARROWEST) - _MARGIN
        super().__init__(indent_increment, width, max_width)

    def write_text(self, text: str) -> None:
        """Write paragraphs, and the examples among them as a section of their own."""
        paragraphs = text.split("\n\n")
        prose = [each for each in paragraphs if not _joined(each).startswith(_BEGINNINGS)]
        super().write_text("\n\n".join(prose))
        if shown := examples(text):
            self.dedent()
            with self.section("Examples"):
                self.write("".join(f"{'':{self.current_indent}}{each}\n" for each in shown))
            self.indent()

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write a list of terms; on a narrow terminal what they mean begins further left."""
        if self.width < _NARROW:
            col_max = min(col_max, self.width // 3)
        super().write_dl(rows, col_max, col_spacing)


class HelpContext(click.Context):
    """The context of every command, whose help is laid out as here."""

    formatter_class = _Formatter


def laid_out(command: click.Command) -> click.Command:
    """Let the help of a command, and of those below it, be laid out as here."""
    command.context_class = HelpContext
    if isinstance(command, click.Group):
        for each in command.commands.values():
            laid_out(each)
    return command


def _joined(paragraph: str) -> str:
    return " ".join(paragraph.split())
