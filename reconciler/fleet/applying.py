"""The apply of one site, as `apply --yes` does it: the one task of a fleet that writes."""

import threading

from reconciler.apply.outcome import ApplyResult
from reconciler.apply.preflight import refuse
from reconciler.connection import Connection
from reconciler.errors import PlanUnusable
from reconciler.fleet.model import SiteResult, Task
from reconciler.fleet.site import actions_of, ask_site, plan_of, warned
from reconciler.manifest.model import Manifest
from reconciler.plain import plain
from reconciler.plan.model import Plan
from reconciler.redact import Redaction
from reconciler.reports import documents, view
from reconciler.workflows.applying import TRIES, apply_fresh, apply_plan
from reconciler.workflows.recording import is_throw_away

_MOST_OPEN = 20


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
        def make() -> Plan:
            plan = plan_of(task, manifest, site)
            shown = redaction.plan(plan)  # so that it knows whom to hide in an error
            refuse(shown.verdicts, shown.site)
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
    )
