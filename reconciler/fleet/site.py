"""One reading command for one site: what a worker does, in whatever thread, process or machine.

It is told references alone, follows them where it runs, prints nothing, and never raises an error
of ours: whatever happens is a result.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

from reconciler.codes import Severity
from reconciler.commits import commit_of
from reconciler.connection import CACHE_DIR, Connection, cache_folder, load_connection
from reconciler.desired import scope_of
from reconciler.diagnostics import Diagnostic, listing
from reconciler.directory import Directory, Keys
from reconciler.ending import REVIEWED_DAYS, WARNED_DAYS
from reconciler.errors import ExitCode, InvalidInput, ReconcilerError, code_of, told
from reconciler.fleet.model import SiteResult, Task
from reconciler.manifest.model import Manifest
from reconciler.monitoring import facts, samples
from reconciler.plain import count, plain
from reconciler.plan import document as plans
from reconciler.plan.model import Plan
from reconciler.redact import Redaction
from reconciler.references import References
from reconciler.reports import documents, view
from reconciler.reports import review as reviews
from reconciler.review import fails
from reconciler.tracing import tracing
from reconciler.workflows import beside, loading, reading
from reconciler.workflows.hiding import load_redaction

MOST_TOLD = 20
"""So many diagnostics of one site are told; the rest is counted."""


def ask_site(
    task: Task, ask: Callable[[Manifest, Connection, Redaction], SiteResult]
) -> SiteResult:
    """Load a site's manifest and settings, ask, and make a result of whatever goes wrong.

    Args:
        task: which site.
        ask: is given the manifest, the site and what to hide.
    """
    with tracing(task.trace):
        return _ask_site(task, ask)


def _ask_site(
    task: Task, ask: Callable[[Manifest, Connection, Redaction], SiteResult]
) -> SiteResult:
    redaction = Redaction()
    digest = ""
    try:
        redaction = load_redaction(pseudonyms=task.pseudonyms)
        manifest = loading.load_manifest(task.manifest, config=task.config)
        digest = manifest.digest
        site = load_connection(
            task.environment, config=task.config, environ=os.environ, directory=Path.cwd()
        )
        return ask(manifest, replace(site, cache=_cache(task)), redaction)
    except ReconcilerError as error:
        return failed(task.name, redaction.error(error), digest)
    except Exception as error:  # noqa: BLE001 - a site's failure is never the end of the others
        return failed(task.name, error, digest)


def _cache(task: Task) -> Path | None:
    """Return the folder of the copies of sites, as the environment here names it, or None."""
    named = not task.sender or os.environ.get(CACHE_DIR)
    return cache_folder(os.environ) if task.cache and named else None


def failed(name: str, error: Exception, digest: str = "") -> SiteResult:
    """Return what an error comes to, as the result of a site."""
    message, advice = told(error)
    details = list(listing(error.diagnostics, MOST_TOLD)) if isinstance(error, InvalidInput) else []
    first, *others = message.split("\n")
    details += map(plain, others)
    if advice:
        details.append(plain(advice))
    summary = plain(first) if first.endswith((".", ":")) else f"{plain(first)}."
    return SiteResult(
        name,
        code_of(error),
        summary,
        details=tuple(details),
        digest=digest,
        samples=samples.of_error(error),
        findings=facts.of_error(error),
    )


def plan_site(task: Task, *, as_of: date | None = None, detailed: bool = False) -> SiteResult:
    """Plan for one site.

    Args:
        task: which site.
        as_of: the day; today by default.
        detailed: whether changes are exit code 2.
    """

    def ask(manifest: Manifest, site: Connection, redaction: Redaction) -> SiteResult:
        plan = plan_of(task, manifest, site, as_of=as_of)
        shown = redaction.plan(plan)
        verbs = [action.verb.value for action in plan.actions]
        return SiteResult(
            task.name,
            plan.exit_code(detailed=detailed),
            f"{view.summary(shown)}{' Refused.' if plan.refused else ''}",
            site=plan.site,
            counts={verb: verbs.count(verb) for verb in sorted(set(verbs))},
            details=(*refusals(shown), *warned(shown.warnings)),
            document=plans.to_document(shown) if task.document else None,
            digest=plan.manifest,
            as_of=plan.as_of.isoformat(),
            actions=actions_of(plan),
            samples=(*samples.of_plan(plan), *_of_rosters(manifest)),
            findings=facts.FINE | facts.of_plan(plan),
        )

    return ask_site(task, ask)


def drift_site(
    task: Task, *, as_of: date | None = None, within_days: int = WARNED_DAYS
) -> SiteResult:
    """Find what others changed on one site.

    Args:
        task: which site.
        as_of: the day; today by default.
        within_days: what ends in so many days is named.
    """

    def ask(manifest: Manifest, site: Connection, redaction: Redaction) -> SiteResult:
        report = beside.find_drift(manifest, site, as_of=as_of, within_days=within_days)
        shown = redaction.drift(report)
        counts = {
            "drifted": len(report.drifted),
            "pending": len(report.pending),
            "held_back": len(report.held_back),
        }
        return SiteResult(
            task.name,
            report.exit_code,
            view.drift_summary(report),
            site=report.plan.site,
            counts={word: number for word, number in counts.items() if number},
            details=tuple(warned(shown.plan.warnings)),
            document=documents.drift_document(shown) if task.document else None,
            digest=manifest.digest,
            as_of=report.plan.as_of.isoformat(),
            samples=(*samples.of_drift(report), *_of_rosters(manifest)),
            findings=facts.FINE | facts.of_drift(report, shown) if task.facts else None,
        )

    return ask_site(task, ask)


def review_site(
    task: Task,
    *,
    as_of: date | None = None,
    within_days: int = REVIEWED_DAYS,
    fail_on: tuple[str, ...] = (Severity.ERROR.value,),
) -> SiteResult:
    """Look for what is missing or odd on one site, in the manifest's scope.

    Args:
        task: which site.
        as_of: the day; today by default.
        within_days: what ends in so many days is named.
        fail_on: for which findings the exit code is 4 (`reconciler.review.FAIL_ON`).
    """

    def ask(manifest: Manifest, site: Connection, redaction: Redaction) -> SiteResult:
        day = as_of or reading.today_in(manifest.settings.timezone)
        policy = beside.site_policy(site)
        found = reading.StateOn(reading.fetch_state(site), day)
        review = reading.review_state(found, manifest, site_policy=policy, within_days=within_days)
        shown = redaction.review(review)
        checks = [finding.check.value for finding in review.findings]
        return SiteResult(
            task.name,
            ExitCode.REFUSED if fails(review, fail_on) else ExitCode.DONE,
            reviews.summary(review),
            site=review.site,
            counts={check: checks.count(check) for check in sorted(set(checks))},
            details=tuple(warned(shown.warnings)),
            document=reviews.review_document(shown) if task.document else None,
            digest=manifest.digest,
            as_of=day.isoformat(),
        )

    return ask_site(task, ask)


def scope_site(task: Task) -> SiteResult:
    """Find the units that a manifest speaks for on its site."""

    def ask(manifest: Manifest, site: Connection, redaction: Redaction) -> SiteResult:
        directory = Directory(reading.fetch_state(site))
        keys = Keys(directory, manifest.settings.people, manifest.settings.units)
        refs = References(directory, keys)
        refs.site(manifest.site)
        scope = scope_of(manifest, directory, refs)
        if refs.found:
            raise InvalidInput(refs.only_elsewhere())
        del redaction
        return SiteResult(
            task.name,
            ExitCode.DONE,
            f"{count(len(scope.units), 'unit')} in scope.",
            site=manifest.site.key,
            units=None if scope.whole_site else scope.units,
        )

    return ask_site(task, ask)


def plan_of(task: Task, manifest: Manifest, site: Connection, *, as_of: date | None = None) -> Plan:
    """Plan for a site, with the commit of its manifest."""
    commit = commit_of(manifest.files, task.manifest)
    return beside.plan_manifest(manifest, site, as_of=as_of, commit=commit)


def _of_rosters(manifest: Manifest) -> tuple[samples.Sample, ...]:
    if not manifest.rosters:
        return ()
    from reconciler.workflows.rosters import when_written  # noqa: PLC0415 - loads every format

    return samples.of_rosters(when_written(manifest))


def actions_of(plan: Plan) -> str:
    """Return the digest of what a plan would change, by which it is known again."""
    lines = sorted(
        f"{action.verb} {action.address} {action.before!r} {action.after!r}"
        for action in plan.actions
    )
    return f"sha256:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"


def refusals(plan: Plan) -> Iterable[str]:
    """Yield why an apply would be refused."""
    for verdict in plan.verdicts:
        if verdict.refuses:
            yield plain(f"refused {verdict.code}: {verdict}")


def warned(found: Iterable[Diagnostic]) -> Iterable[str]:
    """Yield warnings, as many as are told."""
    return listing(tuple(found), MOST_TOLD)


Work = Callable[[Task], SiteResult]
"""What a worker does with a site; what is wanted besides is bound to it (`functools.partial`)."""
