"""From a manifest to the desired state of one site: every reference resolved, every date judged.

Pure: the manifest, the site's directory and the day come in; the desired state and the diagnostics
that only the site can give go out (design, section 3).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from operator import eq

from reconciler.cause import Cause, CauseKind, Grant
from reconciler.diagnostics import Diagnostic, Position
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import LabelField, Role, TargetKind
from reconciler.eligibility import Eligibility
from reconciler.manifest.model import Accepted, Entry, Item, Manifest, Unmanaged
from reconciler.manifest.naming import Reference
from reconciler.references import References
from reconciler.rules.derive import derive
from reconciler.rules.result import Derived
from reconciler.scope import Scope
from reconciler.wanted import Resolved, Wanted


@dataclass(frozen=True, slots=True)
class Desired:
    """What a manifest wants of a site on one day, in the site's ids.

    Attributes:
        as_of: the day.
        managed: the roles whose section is present, or for which there are rules: authoritative
            within the scope.
        derived: the roles for which there are rules.
        profiles: per listed role the profiles to have it, and why.
        labels: the listed labels, with their texts and why.
        holders: the declared people, with the place of their entry.
        assignments: what is wanted on the day, and why.
        dormant: what is declared but does not hold on the day: expired, or not started. What has
            expired and begins again later has expired.
        upcoming: per assignment of those that do not hold on the day the first day to come.
        grants: what the manifest says of assignments, for those that have days or a reason, in the
            order of their days: one item names each of them.
        accepted: per address (in ids) the deviation that is accepted on the day.
        lapsed: per address (in ids) the deviation whose last day has passed.
        holds_until: the last day on which all this is the same, or None for good.
        rules: what the rules come to by themselves.
    """

    as_of: date
    scope: Scope
    unmanaged: Unmanaged
    managed: frozenset[Role]
    derived: frozenset[Role]
    profiles: Mapping[Role, tuple[frozenset[str], Cause]]
    labels: Mapping[tuple[Role, LabelField], tuple[str | None, Cause]]
    holders: Mapping[Holder, Cause]
    assignments: Wanted
    dormant: Mapping[Assignment, Cause]
    upcoming: Mapping[Assignment, date]
    grants: Mapping[Assignment, tuple[Grant, ...]]
    accepted: Mapping[Address, Accepted]
    lapsed: Mapping[Address, Accepted]
    holds_until: date | None
    rules: Derived


def resolve(
    manifest: Manifest, directory: Directory, keys: Keys, as_of: date
) -> tuple[Desired, tuple[Diagnostic, ...]]:
    """Resolve a manifest against a site on a day.

    Returns:
        The desired state, and every diagnostic that the site gives rise to. With an error among
        them the desired state is incomplete and must not be planned from.
    """
    resolver = _Resolver(manifest, directory, keys, as_of)
    desired = resolver.desired()
    return desired, resolver.refs.only_elsewhere()


def scope_of(manifest: Manifest, directory: Directory, refs: References) -> Scope:
    """Return a manifest's scope on a site; what the site does not have is told in `refs`."""
    if manifest.within is None:
        return Scope.of(directory, None)
    tops = [refs.unit(reference) for reference in manifest.within]
    return Scope.of(directory, [top for top in tops if top is not None])


class _Resolver:
    """One run of `resolve`: collects diagnostics while the parts are worked out."""

    def __init__(self, manifest: Manifest, directory: Directory, keys: Keys, as_of: date) -> None:
        self.manifest = manifest
        self.directory = directory
        self.as_of = as_of
        self.keys = keys
        self.refs = References(directory, keys)
        self._by_kind: dict[TargetKind, Mapping[str, str]] = {}
        self.lists: dict[Holder, list[Resolved]] = {}
        self.assignments: dict[Assignment, Cause] = {}
        self.dormant: defaultdict[Assignment, list[Item]] = defaultdict(list)
        self.accepted: dict[Address, Accepted] = {}
        self.lapsed: dict[Address, Accepted] = {}
        self.grants: defaultdict[Assignment, list[Grant]] = defaultdict(list)

    def desired(self) -> Desired:
        self.refs.site(self.manifest.site)
        scope = scope_of(self.manifest, self.directory, self.refs)
        profiles = self._profiles()
        self.accepted, self.lapsed = self._accepted()
        eligible = Eligibility(
            self.directory,
            self.refs,
            profiles,
            self.accepted,
            whole_site=not self.manifest.within,
        )
        holders: dict[Holder, Cause] = {}
        for role, section in sorted(self.manifest.sections.items()):
            for entry in section.entries:
                person = self.refs.person(entry.person)
                if person is None:
                    for item in entry.items:  # so that its mistakes are told along with it
                        self.refs.target(item, quiet=self._is_expired(item))
                    continue
                holder = Holder(role, person)
                if holder in holders:
                    self._same(entry.person, holders[holder].position)
                    continue
                holders[holder] = Cause(CauseKind.DECLARED, entry.person.position)
                eligible.check(holder, entry.person)
                self._entry(entry, holder, scope)
        derived = derive(self.manifest, self.directory, self.keys, scope, self.as_of)
        self._derived(derived, holders, eligible)
        eligible.tell()
        wanted = Wanted(self.lists, self.assignments)
        dormant = {found: items for found, items in self.dormant.items() if found not in wanted.all}
        ruled = frozenset(rule.role for rule in self.manifest.rules)
        return Desired(
            as_of=self.as_of,
            scope=scope,
            unmanaged=self.manifest.settings.unmanaged,
            managed=frozenset(self.manifest.sections) | ruled,
            derived=ruled,
            profiles=profiles,
            labels={
                key: (setting.value, Cause(CauseKind.DECLARED, setting.position))
                for key, setting in self.manifest.labels.items()
            },
            holders=holders,
            assignments=wanted,
            dormant={found: self._dormancy(items) for found, items in dormant.items()},
            upcoming={
                found: begins
                for found, items in dormant.items()
                if (begins := self._first_day(items)) is not None
            },
            grants={
                found: tuple(sorted(grants, key=lambda each: each.begins or date.min))
                for found, grants in self.grants.items()
            },
            accepted=self.accepted,
            lapsed=self.lapsed,
            holds_until=min(
                (
                    day
                    for day in (self._holds_until(scope, wanted.all), derived.holds_until)
                    if day is not None
                ),
                default=None,
            ),
            rules=derived,
        )

    def _derived(
        self,
        derived: Derived,
        holders: dict[Holder, Cause],
        eligible: Eligibility,
    ) -> None:
        """Add what rules give; where an entry gives the same, the entry is the cause."""
        self.refs.found.extend(derived.found)
        places = {rule.name.key: rule.name.position for rule in self.manifest.rules}
        for assignment, cause in derived.assignments.items():
            if assignment.holder not in holders:
                holders[assignment.holder] = cause
                key = self.keys.person(assignment.person)
                reference = Reference(key, places[str(cause.rule)])
                eligible.check(assignment.holder, reference)
            self.assignments.setdefault(assignment, cause)

    def _accepted(self) -> tuple[dict[Address, Accepted], dict[Address, Accepted]]:
        """Find the deviations that are accepted on the day, and those whose last day has passed."""
        found: dict[Address, Accepted] = {}
        for each in self.manifest.accepted:
            address = self.refs.address(each.address)
            if address in found:
                self._same(each.address, found[address].address.position)
            elif address is not None:
                found[address] = each
        accepted = {at: each for at, each in found.items() if each.until >= self.as_of}
        return accepted, {at: each for at, each in found.items() if at not in accepted}

    def _profiles(self) -> dict[Role, tuple[frozenset[str], Cause]]:
        resolved = {}
        for role, setting in self.manifest.profiles.items():
            ids = [self.refs.profile(reference) for reference in setting.profiles]
            resolved[role] = (
                frozenset(profile for profile in ids if profile is not None),
                Cause(CauseKind.DECLARED, setting.position),
            )
        return resolved

    def _entry(self, entry: Entry, holder: Holder, scope: Scope) -> None:
        """Add what an entry declares: list by list where nothing can be said of its items."""
        live = self.directory.state.assignments.targets(holder)
        lists: list[Resolved] = []
        for listed in entry.plain:
            known = self._assignable(listed.kind, scope)
            try:
                targets = [known[key] for key in listed.keys]
            except KeyError:
                break
            lists.append(Resolved.of(listed, targets, live.get(listed.kind, ())))
        more = {
            (
                item.kind,
                self._assignable(item.kind, scope).get(item.target.key)
                or self.refs.target(item, quiet=True),
            )
            for item in entry.detailed
        }
        if len(lists) < len(entry.plain) or any(_is_told(each, more) for each in lists):
            self._items(entry.items, holder, scope)
        else:
            self.lists[holder] = lists
            self._items(entry.detailed, holder, scope)

    def _assignable(self, kind: TargetKind, scope: Scope) -> Mapping[str, str]:
        """Return per key what can be assigned by it without further questions."""
        if kind not in self._by_kind:
            learner = kind is TargetKind.LEARNER
            if learner:
                learners = self.directory.learner_memberships
                found = {
                    key: person
                    for key, person in self.keys.one_person.items()
                    if person in learners
                }
            else:
                units = self.directory.units
                found = {
                    key: ids[0]
                    for key, ids in self.keys.units_by_key.items()
                    if len(ids) == 1 and units[ids[0]].kind.value == kind.value
                }
            if not scope.whole_site:
                place = (lambda each: self.directory.home(each, self.as_of)) if learner else str
                found = {key: each for key, each in found.items() if scope.has(place(each))}
            self._by_kind[kind] = found
        return self._by_kind[kind]

    def _items(self, items: Iterable[Item], holder: Holder, scope: Scope) -> None:
        for item in items:
            expired = self._is_expired(item)
            target = self.refs.target(item, quiet=expired)
            if target is None:
                continue
            assignment = Assignment(holder.role, holder.person, item.kind, target)
            if not expired and not (
                self._is_assignable(assignment, item) and self._in_scope(scope, assignment, item)
            ):
                continue
            if item.begins or item.ends or item.reason:
                self.grants[assignment].append(Grant(item.begins, item.ends, item.reason))
            if not item.holds_on(self.as_of):
                self.dormant[assignment].append(item)
            elif assignment in self.assignments:
                self._same(item.target, self.assignments[assignment].position)
            else:
                self.assignments[assignment] = Cause(
                    CauseKind.DECLARED, item.target.position, days=item.days
                )

    def _dormancy(self, items: Sequence[Item]) -> Cause:
        """Say why an assignment does not hold: what ended last outweighs what begins first."""
        over = [item for item in items if self._is_expired(item)]
        if over:
            last = max(over, key=lambda item: item.ends or date.min)
            return Cause(CauseKind.EXPIRED, last.target.position, last.ends, days=last.days)
        first = min(items, key=lambda item: item.begins or date.min)
        return Cause(CauseKind.NOT_STARTED, first.target.position, first.begins, days=first.days)

    def _first_day(self, items: Iterable[Item]) -> date | None:
        return min(
            (item.begins for item in items if item.begins and item.begins > self.as_of),
            default=None,
        )

    def _is_assignable(self, assignment: Assignment, item: Item) -> bool:
        """Whether the site would take it: a learner, or somebody it has been given already."""
        if (
            item.kind is not TargetKind.LEARNER
            or assignment.target in self.directory.learner_memberships
            or assignment in self.directory.state.assignments
        ):
            return True
        self.refs.report(
            "RR207",
            f"{item.target.key} is not a learner in any unit.",
            item.target.position,
            "Name a learner, or a class or group.",
        )
        return False

    def _is_expired(self, item: Item) -> bool:
        return item.days.are_over(self.as_of)

    def _in_scope(self, scope: Scope, assignment: Assignment, item: Item) -> bool:
        learner = item.kind is TargetKind.LEARNER
        if learner and not item.holds_on(self.as_of):
            return True  # where the learner will be by then is not known today
        if scope.includes(self.directory, assignment, self.as_of):
            return True
        homeless = learner and self.directory.home(assignment.target, self.as_of) is None
        self.refs.report(
            "RR208",
            f"{item.kind} {item.target.key} lies outside this manifest's scope"
            + (", being a member of no unit on that day." if homeless else "."),
            item.target.position,
            "Only a manifest for the whole site reaches it."
            if homeless
            else "Declare it in the manifest of its school, or widen scope.within.",
        )
        return False

    def _holds_until(self, scope: Scope, assignments: Assignments) -> date | None:
        """Find the last day before a declared date, or a learner's move, changes the plan."""
        day_before = timedelta(days=1)
        ends: list[date] = []
        for section in self.manifest.sections.values():
            for item in (item for entry in section.entries for item in entry.detailed):
                if item.begins is not None and item.begins > self.as_of:
                    ends.append(item.begins - day_before)
                if item.ends is not None and item.ends >= self.as_of:
                    ends.append(item.ends)
        ends.extend(each.until for each in self.manifest.accepted if each.until >= self.as_of)
        if not scope.whole_site:
            ends.extend(
                moves - day_before
                for learner in self._scoped_learners(assignments)
                for membership in self.directory.learner_memberships.get(learner, ())
                for moves in (membership.begin, membership.end)
                if moves is not None and moves > self.as_of
            )
        return min(ends, default=None)

    def _scoped_learners(self, assignments: Assignments) -> set[str]:
        return {
            target
            for found in (assignments, self.directory.state.assignments)
            for _, kind, targets in found.groups()
            if kind is TargetKind.LEARNER
            for target in targets
        }

    def _same(self, reference: Reference, first: Position | None) -> None:
        self.refs.report(
            "RR209",
            f"{reference.key} is the same one as at {first}.",
            reference.position,
            "Keep one of the two.",
        )


def _is_told(resolved: Resolved, more: AbstractSet[tuple[TargetKind, str | None]]) -> bool:
    """Whether something stands twice in a list, or in it and among further items."""
    if any(map(eq, resolved.sorted, resolved.sorted[1:])):
        return True
    named = {target for kind, target in more if kind is resolved.listed.kind}
    return bool(named) and not named.isdisjoint(resolved.sorted)
