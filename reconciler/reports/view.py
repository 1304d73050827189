"""The one view of a plan that every renderer reads: summary, groups by person, access, guards."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import Final

from reconciler.access.changes import AccessChange
from reconciler.apply.outcome import ApplyResult
from reconciler.cause import Grant
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import Role
from reconciler.drift import DriftReport
from reconciler.ending import Ending
from reconciler.plain import count, first_of
from reconciler.plan.model import (
    Action,
    Deviation,
    Moved,
    Plan,
    School,
    Unmanaged,
    Upcoming,
)
from reconciler.policy.model import Verdict
from reconciler.provider import Verb

NO_DRIFT = "No drift: the site is as the manifest declares."

Subject = tuple[int, str, str]
"""The site's settings, or a person in a role; sorts as they are told."""

UNATTRIBUTED = "There are no events to ask who changed what, so everything counts as drift."

REDACTED = "Redacted: people are hidden in it. For reading only."

LISTED = 12
"""So many learners are named in a text; a JSON document names them all."""


@dataclass(frozen=True, slots=True)
class Row:
    """One action in words: its verb, what it is about, and why."""

    verb: Verb
    what: str
    why: str
    note: str = ""

    @property
    def reason(self) -> str:
        """Why, and what else there is to say of it."""
        return f"{self.why}; {self.note}" if self.note else self.why


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one subject: the site's settings, or one person in one role.

    `size` is how many actions they are.
    """

    title: str
    rows: tuple[Row, ...]
    size: int


@dataclass(frozen=True, slots=True)
class AccessRow:
    """What changes in one person's sight: keys of learners, all of them."""

    person: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def heading(plan: Plan) -> str:
    """Say which plan it is, and until when it may be applied."""
    until = f", holds until {plan.holds_until}" if plan.holds_until else ""
    return f"Plan for {plan.site} on {plan.as_of}{until}"


def summary(plan: Plan) -> str:
    """Say in a line what a plan would do."""
    if not plan.actions:
        return nothing(plan)
    counts = Counter(action.verb for action in plan.actions)
    parts = [f"{counts[verb]} to {verb}" for verb in Verb if counts[verb]]
    manual = sum(action.manual for action in plan.actions)
    if manual:
        parts.append(f"{manual} of them by hand")
    return f"{', '.join(parts)}."


def notes(plan: Plan) -> list[str]:
    """Say what is to be known before a plan is read, beside how much there is to do."""
    return [
        *([REDACTED] if plan.redacted else []),
        *([access_summary(plan.access)] if plan.actions else []),
    ]


def nothing(plan: Plan) -> str:
    """Say that there is nothing to apply, and what is not as declared all the same."""
    if plan.unmatched:
        # Of the rest nothing is said.
        return "Nothing is planned: --only and --except leave nothing that would change."
    if plan.made_by == "rollback":
        return "Nothing is left of the run that could be taken back."
    left = []
    if plan.held_back:
        waiting = count(plan.held_back.counted, "change is", "changes are")
        left.append(f"{waiting} held back, as a roster has lost too much ({plan.held_back.code})")
    if plan.unmanaged:
        strangers = count(len(plan.unmanaged), "thing is", "things are")
        left.append(f"{strangers} live and not declared (reported only)")
    if not left:
        return "Nothing to change: the site is as the manifest declares."
    return f"Nothing to apply, but {' and '.join(left)}."


def drift_summary(report: DriftReport) -> str:
    """Say in a line what drifted, and what is only not yet applied."""
    parts = [
        f"{len(found)} {words}"
        for words, found in (
            ("drifted", report.drifted),
            ("not yet applied", report.pending),
            ("held back", report.held_back),
        )
        if found
    ]
    return f"{', '.join(parts)}." if parts else NO_DRIFT


def result_summary(result: ApplyResult, plan: Plan) -> str:
    """Say in a line what became of a plan's actions, or that there were none."""
    if not result.outcomes:
        return nothing(plan)
    counts = ", ".join(f"{number} {outcome}" for outcome, number in result.counts.items())
    if not result.verified:
        proof = "NOT confirmed by a read-back"
    elif all(found.outcome.holds for found in result.outcomes):
        proof = "read back and confirmed"
    else:
        proof = "as read back"
    return f"{counts}; {proof}."


def groups(actions: Iterable[Action], *, name_learners: bool = True) -> Iterator[Group]:
    """Group actions: settings first, then person by person; the plan's order within each.

    Without `name_learners`, assignments over one learner are counted, after all others.
    """
    ordered = sorted(actions, key=lambda action: subject_of(action.name))
    for subject, members in groupby(ordered, key=lambda action: subject_of(action.name)):
        over: Counter[Verb] = Counter()
        rows = []
        for action in members:
            if action.name.names_learner and not name_learners:
                over[action.verb] += 1
            else:
                rows.append(row_of(action))
        counted = (Row(verb, count(over[verb], "learner"), "") for verb in Verb if over[verb])
        yield Group(title(subject), (*rows, *counted), len(rows) + over.total())


def access_rows(plan: Plan) -> list[AccessRow]:
    """Name everybody in a plan's access changes by key, sorted."""
    rows = [
        AccessRow(
            plan.people[change.person],
            _keys(plan, change.gained),
            _keys(plan, change.lost),
        )
        for change in plan.access
    ]
    return sorted(rows, key=lambda row: row.person)


def access_summary(rows: Sequence[AccessChange]) -> str:
    """Say in a line who gains and who loses sight of learners."""
    if not rows:
        return "Nobody gains or loses sight of a learner."
    gaining = sum(bool(row.gained) for row in rows)
    losing = sum(bool(row.lost) for row in rows)
    parts = []
    if gaining:
        parts.append(f"{_people(gaining)} {'gains' if gaining == 1 else 'gain'} sight of learners")
    if losing:
        parts.append(f"{_people(losing)} {'loses' if losing == 1 else 'lose'} sight of learners")
    return " and ".join(parts) + "."


def learners(keys: Sequence[str], listed: int = LISTED) -> str:
    """Count learners and name the first of them."""
    return f"{count(len(keys), 'learner')}: {first_of(keys, listed)}"


def describe(name: Address, verb: Verb = Verb.ADD) -> str:
    """Say what an address names, or what becomes of a holder there, within its group."""
    match name.kind, name.parts:
        case AddressKind.PROFILE, (profile, role):
            return f"{role} on profile {profile}"
        case AddressKind.LABEL, (role, field):
            return f"{field.replace('_', ' ')} of {role}"
        case AddressKind.HOLDER, (role, _):
            return f"no longer {role}" if verb is Verb.REMOVE else f"added as {role}"
        case _:
            return f"{name.parts[2]} {name.parts[3]}"


def thing(name: Address, *, name_learner: bool = True) -> str:
    """Say what is, or is missing, at an address, within its group."""
    if name.names_learner and not name_learner:
        return "a learner"
    return "the role itself" if name.kind is AddressKind.HOLDER else describe(name)


def unmanaged_rows(items: Iterable[Unmanaged]) -> list[str]:
    """Describe reported things in a line each."""
    return [f"{title(subject_of(item.name))}: {describe(item.name)}" for item in items]


def upcoming_rows(items: Iterable[Upcoming]) -> list[tuple[str, str]]:
    """Say what is declared for a later day."""
    return [(str(item.name), f"starts on {item.begins}") for item in items]


def accepted_rows(items: Iterable[Deviation]) -> list[tuple[str, str]]:
    """Say which differences somebody answers for, and until when."""
    return [
        (
            str(item.name),
            f"{DEVIATES[item.verb]}; accepted until {item.until} by {item.owner}: {item.reason}",
        )
        for item in items
    ]


def school_rows(schools: Iterable[School]) -> list[tuple[str, str]]:
    """Say what changes at each school: whom units get, and why learners get other mentors."""
    return [(each.name, _school(each)) for each in schools]


def _school(school: School) -> str:
    units = [f"{count(school.replaced, 'unit')} with another mentor"] if school.replaced else []
    if school.added:
        units.append(f"{count(school.added, 'unit assignment')} added")
    if school.removed:
        units.append(f"{count(school.removed, 'unit assignment')} removed")
    reasons = (
        (school.by_mentor, "staying in their unit"),
        (school.by_unit, "coming from another unit"),
        (school.arrived, "new here"),
    )
    told = [f"{number:,} {reason}" for number, reason in reasons if number]
    total = sum(number for number, _ in reasons)
    who = [f"mentors change for {count(total, 'learner')} ({', '.join(told)})"] if told else []
    return "; ".join([*([", ".join(units)] if units else []), *who])


def moved_rows(items: Iterable[Moved]) -> list[tuple[str, str]]:
    """Say what is live under one key and declared under another, and what is done about it."""
    return [(str(item.name), _moved(item)) for item in items]


def _moved(item: Moved) -> str:
    if not item.counts:
        return f"goes, and {item.to_name} comes in its place"
    until = f" until {item.until}" if item.until else ""
    return f"stays, and counts as {item.to_name}: the same {count(item.learners, 'learner')}{until}"


def ending_rows(items: Iterable[Ending]) -> list[tuple[str, str]]:
    """Say what ends, and when."""
    return [(str(item.name), str(item)) for item in items]


DEVIATES: Final[Mapping[Verb, str]] = MappingProxyType(
    {
        Verb.ADD: "missing on the site",
        Verb.REMOVE: "on the site, not declared",
        Verb.CHANGE: "another value on the site",
    }
)
"""What is not as declared, by what would be done about it."""


def subject_of(name: Address) -> Subject:
    """Return what an address is about; settings come first, then mentors, then headteachers."""
    if name.kind in (AddressKind.PROFILE, AddressKind.LABEL):
        return 0, "", ""
    role, person = name.parts[:2]
    return 1 + list(Role).index(Role(role)), person, role


def title(subject: Subject) -> str:
    """Name a subject."""
    _, person, role = subject
    return f"{role} {person}" if role else "settings"


def row_of(action: Action) -> Row:
    """Say what an action does, and why; with the labels that it changes, and its dates."""
    what = describe(action.name, action.verb)
    if action.address.kind is AddressKind.LABEL:
        what = f"{what}: {label(action.before)} → {label(action.after)}"
    notes = []
    if action.grant is not None:
        notes += grant_notes(action.grant)
    if action.sees_change is False:
        notes.append("changes nothing they can see")
    if action.manual:
        notes.append("by hand: no API does it")
    return Row(action.verb, what, str(action.cause), "; ".join(notes))


def verdict_word(verdict: Verdict) -> str:
    """Say in a word what became of a guard that a plan did not pass."""
    if verdict.override is not None:
        return "overridden"
    return "refused" if verdict.refuses else "advice"


def verdict_words(verdict: Verdict) -> str:
    """Say what a guard that a plan did not pass has against it, and who lifted that and why."""
    why = f" (reason: {verdict.override})" if verdict.override is not None else ""
    return f"{verdict_word(verdict)} {verdict.code}: {verdict}{why}"


def grant_notes(grant: Grant) -> list[str]:
    """Say until when a grant holds, and why it is given."""
    until = [f"until {grant.ends}"] if grant.ends else []
    return [*until, *([f"reason: {grant.reason}"] if grant.reason else [])]


def label(value: object) -> str:
    """Quote a label, or name the default."""
    return f"“{value}”" if value is not None else "(the platform's default)"


def _keys(plan: Plan, ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(plan.people[person] for person in ids))


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"
