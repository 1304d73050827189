"""What a shell completes beside commands and choices: files, environments, codes, addresses.

Whoever presses the tab key waits, and has a half-written line on the screen: little is loaded and
read, and where something cannot be read, nothing is completed and nothing said.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_MOST: Final = 8_000_000
"""So many bytes of a saved plan are looked at."""

_NAME: Final = re.compile(rb'\n      "name": ("[^"\n]*")')


def files(_context: click.Context, _param: click.Parameter, begun: str) -> "list[CompletionItem]":
    """Complete files, and the folders that lead to them."""
    return _left_to_shell("file", begun)


def folders(_context: click.Context, _param: click.Parameter, begun: str) -> "list[CompletionItem]":
    """Complete folders."""
    return _left_to_shell("dir", begun)


def environments(context: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Complete the environments of the settings file that the command would read."""
    import tomllib

    from reconciler.settings import CONFIG_NAME

    try:
        with Path(context.params.get("config") or CONFIG_NAME).open("rb") as file:
            found = tomllib.load(file).get("environments")
    except (OSError, ValueError):
        return []
    return _beginning(begun, found if isinstance(found, dict) else ())


def guards(_context: click.Context, _param: click.Parameter, begun: str) -> "list[CompletionItem]":
    """Complete the codes of guards, each with what it is about."""
    from click.shell_completion import CompletionItem

    from reconciler.codes import CODES
    from reconciler.policy.guards import GUARDS

    found = _beginning(begun.upper(), GUARDS)
    return [CompletionItem(code, help=CODES[code].title) for code in found]


def addresses(context: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Complete what a saved plan changes, where it stands on the command line."""
    # Where the option has no value yet, click leaves what stands before it among the rest.
    given = (*(context.params.get("manifest") or ()), *context.args)
    return _beginning(begun, (name for path in given for name in _names(Path(path))))


def _names(plan: Path) -> Iterator[str]:
    """Find the addresses of a plan's actions as people read them; in any other file, none."""
    import json

    from reconciler.cli.plan_files import is_plan

    try:
        if not is_plan(plan):
            return
        with plan.open("rb") as file:
            text = file.read(_MOST)
    except OSError:
        return
    actions = text.partition(b'\n  "actions": [')[2].partition(b"\n  ]")[0]
    for found in _NAME.finditer(actions):
        yield json.loads(found[1])


def _beginning(begun: str, known: Iterable[str]) -> list[str]:
    return [each for each in known if each.startswith(begun)]


def _left_to_shell(kind: str, begun: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    return [CompletionItem(begun, type=kind)]
