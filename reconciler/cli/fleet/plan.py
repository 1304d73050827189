"""The command `fleet plan`."""

from datetime import date
from functools import partial
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.fleet.common import FleetAsked, conducting, fleet_options, print_fleet
from reconciler.cli.monitoring import monitored
from reconciler.fleet.site import plan_site


@click.command("plan")
@options.as_of_option
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit 2 where there is something to change."
)
@fleet_options
@monitored
def command(*, as_of: date | None, detailed_exitcode: bool, **shared: Any) -> int:
    """Show what apply would change on every site.

    Nothing is written to any site. Exits 4 when apply would be refused on one.

    Example: reconciler fleet plan fleet.yaml --only 'nord*'
    """
    asked = FleetAsked(**shared)
    with conducting(asked) as conduct:
        result = conduct.ask("plan", partial(plan_site, as_of=as_of, detailed=detailed_exitcode))
    return print_fleet(result, asked)
