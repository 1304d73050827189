"""The command `fleet apply`."""

import os
import signal
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from reconciler.cli import options
from reconciler.cli.asking import ask, refuse_without_terminal
from reconciler.cli.fleet.common import (
    Conduct,
    FleetAsked,
    conducting,
    fleet_options,
    print_fleet,
)
from reconciler.cli.monitoring import monitored
from reconciler.cli.stopping import Stopping
from reconciler.connection import site_url
from reconciler.errors import ConfigurationError, ExitCode
from reconciler.fleet import report
from reconciler.fleet.applying import apply_site, check_journals
from reconciler.fleet.model import Ended, SiteResult
from reconciler.fleet.record import Applied, Record
from reconciler.fleet.run import Guard
from reconciler.fleet.site import plan_site
from reconciler.plain import count
from reconciler.reports import printing
from reconciler.workflows.reading import today_in
from reconciler.workflows.recording import THROW_AWAY, state_folder

_FAILING: Final = frozenset(
    {ExitCode.FAILED, ExitCode.REFUSED, ExitCode.UNUSABLE, ExitCode.PARTIAL}
)
_WAIT_SECONDS: Final = 60
"""Longer than a lease: where a worker died, another one has to wait for what it left."""


@click.command("apply")
@click.option("--yes", is_flag=True, help="Do not ask; for pipelines.")
@click.option(
    "--canary",
    type=click.IntRange(0, 10_000),
    metavar="NUMBER",
    help="Do so many sites first, before any other begins; the fleet's own number by default.",
)
@click.option(
    "--max-failed-sites",
    type=click.IntRange(0, 10_000),
    metavar="NUMBER",
    help="Begin no other site once more than these have failed; the fleet's own by default.",
)
@click.option("--resume", is_flag=True, help="Leave out what the last run did, and finish it.")
@options.running_options(wait_seconds=_WAIT_SECONDS)
@fleet_options
@monitored
def command(
    *,
    yes: bool,
    canary: int | None,
    max_failed_sites: int | None,
    resume: bool,
    max_concurrency: int,
    wait: float,
    **shared: Any,
) -> int:
    """Make every site what its manifest declares, each as apply --yes would.

    Without --yes, all plans are made and summed up first, and you are asked once. Guards and
    policies refuse site by site. The first Ctrl-C or SIGTERM begins no other site; the same command
    with --resume goes on.

    Example: reconciler fleet apply fleet.yaml --yes --canary 5
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the run has begun
    asked = FleetAsked(**shared)
    if not yes:
        refuse_without_terminal("Agree with --yes.")
    stopping = Stopping()
    with conducting(asked) as conduct:
        record = Record.of(state_folder(), asked.fleet, resume=resume)
        done = {each.name: each for each in _done_before(conduct, record)}
        left = conduct.tasks({*done, *conduct.failed})
        check_journals(left, conduct.pool, asked.max_parallel)
        agreed = None if yes else _agreed(conduct, done)
        record.begin()
        how: dict[str, Any] = {"max_concurrency": max_concurrency, "wait_seconds": wait}
        if conduct.pool.within:
            how["stop"] = stopping.event
        fleet = conduct.fleet
        guard = Guard(
            fleet.canary if canary is None else canary,
            fleet.max_failed_sites if max_failed_sites is None else max_failed_sites,
            _FAILING,
            ExitCode.PARTIAL,
        )
        with stopping.listening():
            stopping.begun = True
            result = conduct.ask(
                "apply",
                partial(apply_site, **how),
                guard=guard,
                done=done,
                agreed=agreed,
                heard=record.note,
                stopping=stopping.event.is_set,
            )
    if any(each.throw_away for each in result.results):
        click.echo(THROW_AWAY, err=True)
    if record.broken:
        click.echo(f"warning: {record.broken} --resume would do too much again.", err=True)
    return print_fleet(result, asked, "`reconciler history` tells what was done to each site.")


def _done_before(conduct: Conduct, record: Record) -> Iterator[SiteResult]:
    """Yield the sites that the run that is gone on with has done, by what is declared today.

    Where there are rules, the roster may be another one by now. Where it is not known how the site
    is reached, the site itself tells.
    """
    for site in conduct.chosen:
        said = conduct.stated.get(site.name)
        if said is None or said.has_rules or site.name not in record.done:
            continue
        today = today_in(said.timezone).isoformat()
        try:
            url = site_url(
                site.environment, config=site.config, environ=os.environ, directory=Path.cwd()
            )
        except ConfigurationError:
            continue
        if record.has(site.name, Applied(said.digest, today, site.environment, url)):
            yield SiteResult(
                site.name,
                ExitCode.DONE,
                "The run that is gone on with did it.",
                Ended.SKIPPED,
                said.site,
                digest=said.digest,
                as_of=today,
            )


def _agreed(conduct: Conduct, done: Mapping[str, SiteResult]) -> dict[str, str]:
    """Show all plans in short and ask; return what was agreed to, per site.

    Raises:
        ReconcilerError: the answer was no.
    """
    plans = conduct.ask("plan", plan_site, done=done)
    printing.show(report.fleet_text(plans), colour=not conduct.asked.no_color, stderr=True)
    changed = [each for each in plans.results if each.code is ExitCode.DONE and each.counts]
    if changed:
        ask(
            f"Apply these changes to {count(len(changed), 'site')}?",
            refused="Not applied",
            advice="Agree with --yes.",
        )
    return {each.name: each.actions for each in plans.results}
