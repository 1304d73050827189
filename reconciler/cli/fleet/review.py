"""The command `fleet review`."""

from datetime import date
from functools import partial
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.fleet.common import FleetAsked, conducting, fleet_options, print_fleet
from reconciler.cli.review import fail_on_option
from reconciler.ending import REVIEWED_DAYS
from reconciler.fleet.site import review_site


@click.command("review")
@options.as_of_option
@options.within_option(REVIEWED_DAYS)
@fail_on_option
@fleet_options
def command(*, as_of: date | None, within: int, fail_on: tuple[str, ...], **shared: Any) -> int:
    """Look on every site for learners and classes without a mentor, and the like.

    Each is looked at as its manifest's scope and policies say. Nothing is changed.

    Example: reconciler fleet review fleet.yaml --fail-on never
    """
    asked = FleetAsked(**shared)
    with conducting(asked) as conduct:
        result = conduct.ask(
            "review", partial(review_site, as_of=as_of, within_days=within, fail_on=fail_on)
        )
    return print_fleet(result, asked)
