"""What a plan tells beside its actions: what stays, what begins later, what is accepted."""

from collections.abc import Iterable, Iterator
from datetime import date

from reconciler.cause import CauseKind
from reconciler.desired import Desired
from reconciler.diagnostics import Diagnostic
from reconciler.diff import Difference, Treatment
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.days import runs_on
from reconciler.domain.vocabulary import MembershipRole, Role
from reconciler.manifest.model import Accepted, Manifest
from reconciler.plain import count, first_of
from reconciler.plan.model import Deviation, Upcoming
from reconciler.policy.judged import Judged
from reconciler.policy.model import NAMED, Verdict
from reconciler.policy.protection import Protection

_ADVICE = "Declare {} again, or take {} out of policy.protected to remove {}."


def protections(
    keys: Keys, desired: Desired, differences: Iterable[Difference], protection: Protection
) -> Iterator[Diagnostic]:
    """Warn, once per holder, of what protection keeps of a person; else once per assignment."""
    every = [each.address for each in differences if each.treatment is Treatment.PROTECT]
    doubtful = (Holder.at(each) for each in every if not protection.covers(each))
    unsure = protection.unsure.intersection(doubtful)
    kept = [each for each in every if Holder.at(each) not in unsure]
    holders = {
        holder
        for address in kept
        if (holder := Holder.at(address)).person in protection.people
        and holder not in desired.holders
    }
    for holder in sorted(holders):
        effect = _without_effect(keys, desired, holder)
        yield _protected(
            f"{_name(keys, holder)} is not declared, but policy.protected keeps them added and "
            f"assigned{effect}.",
            _ADVICE.format("the person", "them", "them"),
        )
    for address in sorted(kept):
        if address.kind is AddressKind.ASSIGNMENT and Holder.at(address) not in holders:
            yield _protected(
                f"{keys.name(address)} is not declared, but policy.protected keeps it.",
                _ADVICE.format("it", "the unit", "it"),
            )
    for holder in sorted(unsure):
        yield Diagnostic(
            "RR411",
            f"{_name(keys, holder)} keeps what is not declared of the role: others in the roster "
            "have their key, so that nobody can say whether a rule means them.",
            None,
            "Give them a key of their own, or take the key out with `except` and declare them.",
        )


def _protected(message: str, advice: str) -> Diagnostic:
    return Diagnostic("RR503", message, None, advice)


def _name(keys: Keys, holder: Holder) -> Address:
    return keys.name(Address.holder(*holder))


def unknown_sight(directory: Directory, as_of: date) -> Iterator[Diagnostic]:
    """Warn of a day for which the site has no learners: then nobody seems to see less or more."""
    days = {
        (each.begin, each.end)
        for each in directory.state.memberships
        if each.role is MembershipRole.LEARNER
    }
    if days and not any(runs_on(as_of, begin, end) for begin, end in days):
        yield Diagnostic(
            "RR217",
            f"the site has no learners in its units on {as_of}, so that nobody can say who would "
            "gain or lose sight of whom.",
            None,
            "Look again once the memberships of that time are on the site.",
        )


def _without_effect(keys: Keys, desired: Desired, holder: Holder) -> str:
    """Say so where the manifest takes a protected holder's role off their profile."""
    profile = keys.profile_of(holder.person)
    listed = desired.profiles.get(holder.role)
    if listed is None or profile.id in listed[0]:
        return ""
    return f"; without effect, though, as {profile.name} is not under roles.{holder.role}.profiles"


def upcoming(desired: Desired, directory: Directory) -> Iterator[tuple[Assignment, date]]:
    """Yield what is declared for later, with its first day.

    What is live too early is a difference, and is told as one.
    """
    for found, begins in desired.upcoming.items():
        expired = desired.dormant[found].kind is CauseKind.EXPIRED
        if expired or found not in directory.state.assignments:
            yield found, begins


def named_upcoming(keys: Keys, listed: Iterable[tuple[Assignment, date]]) -> tuple[Upcoming, ...]:
    """Name what is declared for later, in the order of its days."""
    addresses = ((Address.assignment(*found), begins) for found, begins in listed)
    named = (Upcoming(address, keys.name(address), begins) for address, begins in addresses)
    return tuple(sorted(named, key=lambda each: (each.begins, str(each.name))))


def deviations(
    desired: Desired, differences: Iterable[Difference]
) -> Iterator[tuple[Difference, Accepted]]:
    """Yield the accepted differences; one that follows another is accepted with that."""
    for each in differences:
        if each.treatment is Treatment.ACCEPT:
            yield each, desired.accepted[each.follows or each.address]


def named_deviations(
    keys: Keys, listed: Iterable[tuple[Difference, Accepted]]
) -> tuple[Deviation, ...]:
    """Name the accepted differences, in the order of their names."""
    named = (
        Deviation(
            each.address,
            keys.name(each.address),
            each.verb,
            accepted.owner,
            accepted.reason,
            accepted.until,
        )
        for each, accepted in listed
    )
    return tuple(sorted(named, key=lambda each: (str(each.name), each.address)))


def bereft(judged: Judged, verdicts: Iterable[Verdict]) -> Iterator[Diagnostic]:
    """Warn of learners who lose their last mentor, unless a verdict names them already.

    Whoever is a learner nowhere on the plan's day has left, and needs none.
    """
    lost = {learner for change in judged.access for learner in change.lost}
    if not lost or any(each.code == "RR513" and not each.passed for each in verdicts):
        return
    had, have = (
        judged.learners.of_all(side.effective.of_role(Role.MENTOR))
        for side in (judged.before, judged.after)
    )
    here = judged.learners.under(judged.before.directory.root.id)
    left = sorted(judged.keys.person(learner) for learner in (lost & had & here) - have)
    if left:
        yield Diagnostic(
            "RR520",
            f"{count(len(left), 'learner')} would lose their last mentor: {first_of(left, NAMED)}.",
            None,
            "If it is not meant, give them one in the same plan.",
        )


def pointless(
    manifest: Manifest, desired: Desired, differences: Iterable[Difference]
) -> Iterator[Diagnostic]:
    """Warn of what is accepted although there is no such difference, or none that can be."""
    treatments = {each.address: each.treatment for each in differences}
    found = {each.address.key: treatments.get(at) for at, each in desired.accepted.items()}
    for each in manifest.accepted:
        if each.until < desired.as_of or found.get(each.address.key) is Treatment.ACCEPT:
            continue
        if found.get(each.address.key) is None:
            yield Diagnostic(
                "RR213",
                f"{each.address.key} is accepted, but the site does not deviate there, as far as "
                "this manifest reaches.",
                each.address.position,
                "Take it out, or look whether the address is right.",
            )
        else:
            yield Diagnostic(
                "RR214",
                f"{each.address.key} is accepted, but its last day has passed, so it ends.",
                each.address.position,
                "If it is to go on, give its item a later until; and take it out here.",
            )
