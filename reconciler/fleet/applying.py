"""The apply of one site, as `apply --yes` does it: the one task of a fleet that writes."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reconciler.apply.outcome import ApplyResult
from reconciler.apply.preflight import refuse
from reconciler.connection import Connection, journal_location
from reconciler.errors import ConfigurationError, ExitCode, PlanUnusable
from reconciler.fleet.executors import Pool
from reconciler.fleet.machine import this_machine
from reconciler.fleet.model import SiteResult, Task
from reconciler.fleet.run import run
from reconciler.fleet.site import actions_of, ask_site, failed, plan_of, warned
from reconciler.manifest.model import Manifest
from reconciler.monitoring import facts, samples
from reconciler.plain import as_typed, count, plain
from reconciler.plan.model import Plan
from reconciler.redact import Redaction
from reconciler.reports import documents, view
from reconciler.workflows.applying import TRIES, apply_fresh, apply_plan
from reconciler.workflows.recording import is_file, is_throw_away

_MOST_OPEN = 20

_ELSEWHERE: Final = "The cluster works on another machine than this one"
_SHARE: Final = (
    "Where its workers run, set RECONCILER_JOURNAL to a PostgreSQL URL, or the journal of the "
    "environment in reconciler.toml: then one run at a time writes to a site, wherever it runs."
)
_FILES: Final = "files"


def check_journals(tasks: Sequence[Task], pool: Pool, max_parallel: int) -> None:
    """Refuse a journal that is a file where several machines would each have one of their own.

    The workers are asked, whose variables may name other journals than those here.

    Args:
        tasks: the sites that will be applied to.
        pool: the workers.
        max_parallel: how many are asked at once.

    Raises:
        ConfigurationError: the journal of a site is a file.
    """
    if not pool.elsewhere:
        return
    results, _ = run(tasks, journal_site, pool, max_parallel=max_parallel)
    found = [result.name for result in results if result.counts.get(_FILES)]
    if found:
        others = f" and {count(len(found) - 1, 'other site')}" if found[1:] else ""
        raise ConfigurationError(
            f"{_ELSEWHERE}, and the journal of {found[0]}{others} is a file: "
            "who looks on one machine does not see who writes from another.",
            _SHARE,
        )


def journal_site(task: Task) -> SiteResult:
    """Find whether a site's journal is a file; what else is wrong, its apply tells."""
    try:
        journal = journal_location(
            task.environment, config=task.config, environ=os.environ, directory=Path.cwd()
        )
    except Exception as error:  # noqa: BLE001 - as for every site
        return failed(task.name, error)
    counts = {_FILES: 1} if is_file(journal) else {}
    return SiteResult(task.name, ExitCode.DONE, "Its journal is known.", counts=counts)


def apply_site(
    task: Task,
    *,
    max_concurrency: int,
    wait_seconds: float,
    stop: threading.Event | None = None,
) -> SiteResult:
    """Make one site what its manifest declares.

    Args:
        task: which site.
        max_concurrency: how many requests may be on their way to the site at once.
        wait_seconds: how long to wait for another run on the site to end.
        stop: once it is set, nothing more is sent; for a worker in the same process.
    """

    def ask(manifest: Manifest, site: Connection, redaction: Redaction) -> SiteResult:
        if task.sender and task.sender != this_machine() and is_file(site.journal):
            # This worker came after they were all asked, or has other variables.
            raise ConfigurationError(f"{_ELSEWHERE}, and the journal is a file.", _SHARE)

        def make() -> Plan:
            plan = plan_of(task, manifest, site)
            shown = redaction.plan(plan)  # so that it knows whom to hide in an error
            refuse(shown.verdicts, shown.site, _by_itself(task))
            if task.agreed is not None and actions_of(plan) != task.agreed:
                raise PlanUnusable(
                    "The site or the manifest has moved: other changes are due than were shown.",
                    "Run the same command again, and look.",
                )
            return plan

        def carry_out(plan: Plan) -> SiteResult:
            result = apply_plan(
                plan,
                site,
                max_concurrency=max_concurrency,
                wait_seconds=wait_seconds,
                stop=stop,
            )
            return _told(task, site, plan, result, redaction)

        return apply_fresh(make, carry_out, tries=TRIES if task.agreed is None else 1)

    return ask_site(task, ask)


def _by_itself(task: Task) -> str:
    """Return the command that applies one site of a fleet, which takes overrides."""
    words = ["reconciler", "apply", *map(str, task.manifest), "--config", str(task.config)]
    words += ["-e", task.environment]
    return f"`{as_typed(words)}`"


def _told(
    task: Task, site: Connection, plan: Plan, result: ApplyResult, redaction: Redaction
) -> SiteResult:
    shown = redaction.result(result)
    open_ends = [found for found in shown.outcomes if not found.outcome.holds]
    lines = [
        plain(f"{found.outcome} {found.action.verb} {found.action.name}: {found.detail}")
        for found in open_ends[:_MOST_OPEN]
    ]
    if len(open_ends) > _MOST_OPEN:
        lines.append(f"… and {len(open_ends) - _MOST_OPEN:,} more")
    if shown.note:
        lines.append(plain(shown.note))
    return SiteResult(
        task.name,
        result.exit_code,
        view.result_summary(result, plan),
        site=result.site,
        counts={outcome.value: number for outcome, number in result.counts.items()},
        details=(*lines, *warned(redaction.diagnostics(result.warnings))),
        document=documents.result_document(shown) if task.document else None,
        digest=plan.manifest,
        as_of=plan.as_of.isoformat(),
        throw_away=is_throw_away(site.journal),
        environment=task.environment,
        url=site.url,
        samples=(*samples.of_plan(plan), *samples.of_result(result)),
        findings=facts.FINE | facts.of_result(result, plan),
    )
