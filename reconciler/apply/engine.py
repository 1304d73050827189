"""Applies a plan: checks, sends stage by stage, reads back.

The order of things is the safety: nothing is sent before everything was checked against a state
read just now; nothing is sent that was not recorded before; every change carries the expectation
under which it was planned; what could not be told from the answers is settled by the site itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

from reconciler.apply import preflight, settling
from reconciler.apply.courier import Courier, Watcher
from reconciler.apply.journal import Earlier, Journal, RunEnd
from reconciler.apply.outcome import ApplyResult
from reconciler.apply.sending import Sending
from reconciler.diagnostics import Diagnostic
from reconciler.domain.roster import RosterSize
from reconciler.errors import SiteError
from reconciler.manifest.model import Manifest
from reconciler.plan.model import Action, Override, Plan
from reconciler.plan.select import Selection
from reconciler.policy.model import Verdict
from reconciler.provider import Reader
from reconciler.state import LiveState

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of one run, beside the plan itself.

    Attributes:
        today: the day on which it runs, in the manifest's time zone.
        selection: which of the plan's actions.
        overrides: per guard code the reason to lift its refusal in this run.
        site_policy: the site-wide policy file, where there is one.
        rosters_before: per roster how much there was in it when it was last applied to the site.
    """

    today: date
    selection: Selection = field(default_factory=Selection)
    overrides: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    site_policy: Manifest | None = None
    rosters_before: Mapping[str, RosterSize] = field(default_factory=lambda: MappingProxyType({}))


def apply_plan(
    plan: Plan,
    reader: Reader,
    courier: Courier,
    journal: Journal,
    order: Order,
    *,
    watcher: Watcher = lambda _report: None,
    stopping: Callable[[], bool] = lambda: False,
) -> ApplyResult:
    """Make a plan's actions happen: exactly those, or fewer.

    Args:
        plan: as it was approved.
        reader: reads the site.
        courier: writes to it.
        journal: where the run is recorded; nobody else may write to the site under its lease.
        order: what is asked of this run.
        watcher: told as actions are settled.
        stopping: whether the run was asked to stop: then it sends nothing more.

    Raises:
        GuardRefused: a guard or policy refuses.
        PlanUnusable: the plan is stale, already used, or for another site.
        WrongUse: the selection matches nothing, or leaves out what it needs.
        JournalError: the run cannot be recorded; nothing was sent.
        SiteError: the site could not be read; nothing was sent.
    """
    preflight.check_readable(plan)
    preflight.check_days(plan, order.today)
    earlier = journal.earlier(plan)
    preflight.check_unused(earlier)
    preflight.check_selection(order.selection, plan)
    _clear_doubts(journal, plan, reader)
    checked = _check(plan, reader, earlier, order)
    if not checked.selected:
        return ApplyResult(
            run=_record_measure(plan, journal) if _is_new_measure(plan, order) else "",
            plan=plan.id,
            site=plan.site,
            outcomes=(),
            verified=True,
            note="",
            verdicts=checked.verdicts,
            warnings=checked.warnings,
        )
    run = journal.begin(plan, checked.selected, _overrides(checked.verdicts))
    sending = Sending(
        plan, checked.selected, checked.state, earlier, run, reader, courier, watcher, stopping
    )
    sending.send_all()
    return replace(sending.finish(), verdicts=checked.verdicts, warnings=checked.warnings)


def _is_new_measure(plan: Plan, order: Order) -> bool:
    """Whether a plan's rosters, looked at as a whole, are others than at the last apply.

    So a site that is brought under rules without a change has something that the next roster is
    compared with.
    """
    if plan.unmatched:
        return False
    return any(order.rosters_before.get(name) != size for name, size in plan.rosters.items())


def _record_measure(plan: Plan, journal: Journal) -> str:
    """Record a run in which there is nothing to do; return its id."""
    run = journal.begin(plan, (), ())
    run.end(RunEnd.DONE, "", used=True)
    return run.id


def _clear_doubts(journal: Journal, plan: Plan, reader: Reader) -> None:
    """Ask the site's events what became of what runs of other plans left in doubt.

    Those plans are over: nothing of them is sent again, but the history is to be true.
    """
    doubts = journal.doubts(plan.site, but=plan.id)
    if not doubts:
        return
    site = reader.site()
    since = min(doubt.revision for doubt in doubts)
    writes = settling.read_writes(reader, site, since, (each.action.address for each in doubts))
    if site.id != plan.site or writes is None:
        return
    found = []
    for doubt in doubts:
        outcome = settling.became(doubt.action, writes, doubt.revision, arriving=doubt.arriving)
        if outcome is not None:
            found.append((doubt, outcome))
    if found:
        journal.clear(plan.site, found)


@dataclass(frozen=True, slots=True)
class _Checked:
    """What was checked, and is to be sent.

    Attributes:
        state: the site as it was read for the checks.
        selected: the actions that are asked for, in order, each with what it must wait for today.
        verdicts: what the guards said.
        warnings: what the reader should know.
    """

    state: LiveState
    selected: tuple[Action, ...]
    verdicts: tuple[Verdict, ...]
    warnings: tuple[Diagnostic, ...]


def _check(plan: Plan, reader: Reader, earlier: Earlier, order: Order) -> _Checked:
    """Check everything against a state that is still the site's when the checks are done."""
    for _ in range(_TRIES):
        state = reader.fetch()
        preflight.check_site(plan, state.site.id)
        original = preflight.check_basis(plan, state, earlier, reader)
        selected = preflight.selected(plan, original, earlier, order.selection, order.today)
        verdicts, warnings = preflight.check_guards(
            plan,
            original,
            selected,
            order.today,
            order.overrides,
            order.site_policy,
            order.rosters_before,
        )
        if reader.site().revision == state.site.revision:
            return _Checked(state, selected, verdicts, warnings)
    raise SiteError(
        "The site is being changed too quickly to check the plan against it.", "Try again later."
    )


def _overrides(verdicts: Iterable[Verdict]) -> list[Override]:
    return sorted(
        {Override(each.code, each.override) for each in verdicts if each.override is not None},
        key=lambda override: override.code,
    )
