"""The command `fleet`: what is done with one site, done with many."""

from types import MappingProxyType
from typing import Final

import click

from reconciler.cli.lazy import LazyCommands, Table

FLEET_COMMANDS: Final[Table] = MappingProxyType(
    {
        "plan": ("reconciler.cli.fleet.plan", "Show what apply would change on every site."),
        "apply": ("reconciler.cli.fleet.apply", "Make every site what its manifest declares."),
        "drift": ("reconciler.cli.fleet.drift", "Find what others changed on any site."),
        "review": ("reconciler.cli.fleet.review", "Review every site."),
    }
)


@click.group("fleet", cls=LazyCommands, table=FLEET_COMMANDS)
def command() -> None:
    """Do with many sites what is else done with one.

    A file lists the sites, each with its manifest and environment. One that fails stops no other;
    the exit code is the worst of all.

    Examples: reconciler fleet plan fleet.yaml; reconciler fleet apply fleet.yaml --canary 5
    """
