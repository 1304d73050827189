"""The one way to write to a site."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Final, TypeVar

from reconciler.apply import engine
from reconciler.apply.courier import Watcher
from reconciler.apply.outcome import ApplyResult
from reconciler.connection import Connection
from reconciler.domain.address import Address
from reconciler.errors import ConfigurationError, LeaseHeld, PlanUnusable
from reconciler.http.call import Limits
from reconciler.plan.model import Plan
from reconciler.plan.select import Selection
from reconciler.provider import Writer
from reconciler.providers.plugged.writer import PluggedWriter
from reconciler.providers.rest.cache import Cache
from reconciler.providers.rest.writer import RestWriter
from reconciler.providers.threads import CONCURRENCY, Threads
from reconciler.workflows.loading import load_policy
from reconciler.workflows.reading import today_in
from reconciler.workflows.recording import compared_rosters, open_journal

TRIES: Final = 3
"""How often a manifest is planned, where the site moves between the plan and the apply."""

Done = TypeVar("Done")


def apply_plan(  # noqa: PLR0913 - the parameters are what can be asked of a run
    plan: Plan,
    connection: Connection,
    *,
    today: date | None = None,
    only: Sequence[str] = (),
    excepted: Sequence[str] = (),
    left: Collection[Address] = (),
    overrides: Mapping[str, str] | None = None,
    max_concurrency: int = CONCURRENCY,
    wait_seconds: float = 0.0,
    waiting: Callable[[LeaseHeld], None] = lambda _held: None,
    watcher: Watcher = lambda _report: None,
    stop: threading.Event | None = None,
) -> ApplyResult:
    """Make a plan's actions happen on a site: exactly those, or fewer.

    It is judged again by the connection's site-wide policy file. The run is recorded in the
    connection's journal, under a lease: one run per site at a time.

    Args:
        plan: as it was approved.
        connection: the site, with credentials that may write.
        today: the day on which it runs; today in the plan's time zone by default.
        only: address patterns that narrow the run.
        excepted: address patterns that are left out.
        left: addresses (in ids) that are left out.
        overrides: per guard code the reason to lift its refusal in this run.
        max_concurrency: how many requests may be on their way at once.
        wait_seconds: how long to wait for another run's lease to end.
        waiting: told, once, what is being waited for.
        watcher: told as actions are settled.
        stop: once it is set, nothing more is sent; what is on its way is finished and recorded.

    Raises:
        ConfigurationError: the site has no API; `reconciler.workflows.runbooks` is for it.
        InvalidInput: the policy file has mistakes, or does not fit the site.
        GuardRefused: a guard or policy refuses.
        PlanUnusable: the plan is stale, already used, or for another site.
        LeaseHeld: another run is writing to the site.
        JournalError: the run cannot be recorded; nothing was sent.
        SiteError: the site could not be read; nothing was sent.
    """
    if connection.snapshot is not None:
        raise ConfigurationError(
            f"{connection.snapshot} is a snapshot of a site without an API: nothing can be sent.",
            "Run `reconciler apply` for this site alone; it makes a runbook.",
        )
    asked_to = stop or threading.Event()
    site_policy = load_policy(connection.policy)
    with (
        open_journal(connection.journal) as journal,
        journal.lease(plan.site, wait_seconds=wait_seconds, waiting=waiting) as lease,
        _open_writer(
            connection,
            Limits(
                sleep=asked_to.wait,
                stopping=lambda: asked_to.is_set() or not lease.is_alive(),
            ),
        ) as writer,
        Threads(writer.send, 1 if connection.plugged else max_concurrency) as courier,
    ):
        # Only now: to wait for another run may take until the next day.
        order = engine.Order(
            today or today_in(plan.timezone),
            Selection(only, excepted, frozenset(left)),
            overrides or {},
            site_policy,
            compared_rosters(journal, plan),
        )
        return engine.apply_plan(
            plan, writer, courier, journal, order, watcher=watcher, stopping=asked_to.is_set
        )


def _open_writer(connection: Connection, limits: Limits) -> AbstractContextManager[Writer]:
    if connection.plugged is not None:
        return PluggedWriter(connection.plugged)
    return RestWriter(connection, limits, Cache.at(connection.cache))


def apply_fresh(
    make: Callable[[], Plan],
    carry_out: Callable[[Plan], Done],
    *,
    tries: int = TRIES,
    stale: Callable[[PlanUnusable], None] = lambda _stale: None,
) -> Done:
    """Plan and apply; plan anew where the site has moved meanwhile.

    Args:
        make: makes the plan, and may ask about it.
        carry_out: applies it.
        tries: how often it is planned, at most.
        stale: told why it is planned again.

    Raises:
        PlanUnusable: the site has moved each time.
        ReconcilerError: as `make` and `carry_out`.
    """
    while True:
        plan = make()
        tries -= 1
        try:
            return carry_out(plan)
        except PlanUnusable as moved:
            if not tries:
                raise
            stale(moved)
