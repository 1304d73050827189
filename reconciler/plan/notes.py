"""What a plan tells beside its actions: what stays, what begins later, what is accepted."""

from collections.abc import Iterable, Iterator
from datetime import date

from reconciler.desired import CauseKind, Desired
from reconciler.diagnostics import Diagnostic
from reconciler.diff import Difference, Protection, Treatment
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.manifest.model import Accepted, Manifest
from reconciler.plan.model import Deviation, Upcoming
from reconciler.state import Assignment, Holder

_ADVICE = "Declare {} again, or take {} out of policy.protected to remove {}."


def protections(
    keys: Keys, desired: Desired, differences: Iterable[Difference], protection: Protection
) -> list[Diagnostic]:
    """Warn, once per holder, of what protection keeps of a person; else once per assignment."""
    kept = [each.address for each in differences if each.treatment is Treatment.PROTECT]
    holders = {
        holder for address in kept if (holder := Holder.at(address)).person in protection.people
    }
    others = [
        address
        for address in kept
        if address.kind is AddressKind.ASSIGNMENT and Holder.at(address) not in holders
    ]
    return [
        Diagnostic(
            "RR503",
            f"{keys.name(Address.holder(*holder))} is not declared, but policy.protected keeps "
            f"them added and assigned{_without_effect(keys, desired, holder)}.",
            None,
            _ADVICE.format("the person", "them", "them"),
        )
        for holder in sorted(holders)
    ] + [
        Diagnostic(
            "RR503",
            f"{keys.name(address)} is not declared, but policy.protected keeps it.",
            None,
            _ADVICE.format("it", "the unit", "it"),
        )
        for address in sorted(others)
    ]


def _without_effect(keys: Keys, desired: Desired, holder: Holder) -> str:
    """Say so where the manifest takes a protected holder's role off their profile."""
    profile = keys.profile_of(holder.person)
    listed = desired.profiles.get(holder.role)
    if listed is None or profile.id in listed[0]:
        return ""
    return f"; without effect, though, as {profile.name} is not under roles.{holder.role}.profiles"


def not_started(desired: Desired) -> Iterator[Assignment]:
    """Yield the declared assignments whose first day is yet to come."""
    return (found for found, why in desired.dormant.items() if why.kind is CauseKind.NOT_STARTED)


def upcoming(desired: Desired, directory: Directory) -> Iterator[tuple[Assignment, date]]:
    """Yield what is declared for later, with its first day.

    What is live already is a difference, and is told as one.
    """
    for found in not_started(desired):
        begins = desired.dormant[found].day
        if begins is not None and found not in directory.state.assignments:
            yield found, begins


def named_upcoming(keys: Keys, listed: Iterable[tuple[Assignment, date]]) -> tuple[Upcoming, ...]:
    """Name what is declared for later, in the order of its days."""
    addresses = ((Address.assignment(*found), begins) for found, begins in listed)
    named = (Upcoming(address, keys.name(address), begins) for address, begins in addresses)
    return tuple(sorted(named, key=lambda each: (each.begins, str(each.name))))


def deviations(
    directory: Directory, desired: Desired, differences: Iterable[Difference]
) -> Iterator[tuple[Difference, Accepted]]:
    """Yield the accepted differences; one that follows from another is accepted with that."""
    by_holder = {
        Holder.at(address): accepted
        for address, accepted in desired.accepted.items()
        if address.kind in (AddressKind.HOLDER, AddressKind.ASSIGNMENT)
    }
    for each in differences:
        if each.treatment is Treatment.ACCEPT:
            own = desired.accepted.get(each.address) or by_holder.get(Holder.at(each.address))
            yield each, own or _of_profile(directory, desired, Holder.at(each.address))


def _of_profile(directory: Directory, desired: Desired, holder: Holder) -> Accepted:
    """Return what accepts that a holder's profile is without the role."""
    profile = directory.people[holder.person].profile
    return desired.accepted[Address.profile(profile, holder.role)]


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


def gone(
    manifest: Manifest, desired: Desired, differences: Iterable[Difference]
) -> Iterator[Diagnostic]:
    """Warn of what is accepted although there is no such difference any more."""
    differing = {each.address for each in differences}
    still = {each.address.key for address, each in desired.accepted.items() if address in differing}
    for each in manifest.accepted:
        if each.until >= desired.as_of and each.address.key not in still:
            yield Diagnostic(
                "RR213",
                f"{each.address.key} is accepted, but the site does not deviate there.",
                each.address.position,
                "Take it out, or look whether the address is right.",
            )
