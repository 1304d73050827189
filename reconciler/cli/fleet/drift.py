"""The command `fleet drift`."""

from datetime import date
from functools import partial
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.fleet.common import FleetAsked, conducting, fleet_options, print_fleet
from reconciler.cli.monitoring import monitored
from reconciler.ending import WARNED_DAYS
from reconciler.fleet.site import drift_site


@click.command("drift")
@options.as_of_option
@options.within_option(WARNED_DAYS)
@fleet_options
@monitored
def command(*, as_of: date | None, within: int, **shared: Any) -> int:
    """Find what others changed on any site; change nothing.

    Exits 2 when something drifted anywhere, 3 when there are merely changes not yet applied.

    Example: reconciler fleet drift fleet.yaml
    """
    asked = FleetAsked(**shared)
    with conducting(asked) as conduct:
        result = conduct.ask("drift", partial(drift_site, as_of=as_of, within_days=within))
    return print_fleet(result, asked)
