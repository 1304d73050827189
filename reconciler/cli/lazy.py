"""Groups of commands that import a command when it is called."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.help import HelpContext, laid_out

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Table = Mapping[str, tuple[str, str]]
"""Per command its module, which has a click command named `command`, and its line in the help."""


class LazyCommands(click.Group):
    """Imports a command when it is called, and lists them all without importing any.

    Args:
        table: the commands.
    """

    context_class = HelpContext

    def __init__(self, *args: Any, table: Table, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the table's order."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command."""
        if cmd_name not in self._table:
            return None
        command = importlib.import_module(self._table[cmd_name][0]).command
        assert isinstance(command, click.Command)  # noqa: S101 - narrows what the table names
        return laid_out(command)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete a command's name; click would import every command for its help."""
        from click.shell_completion import CompletionItem

        named = [
            (name, line) for name, (_, line) in self._table.items() if name.startswith(incomplete)
        ]
        items = [CompletionItem(name, help=line) for name, line in named]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands in the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._table.items()])
