"""What is done about each difference: acted on, or let be, with all that has to stay beside it.

A site refuses some steps without others (design, section 2, "Dependencies"), and no learner is to
be left without a mentor on the way. So what is protected or accepted takes along what hangs on it:
the holder of an assignment that stays, the assignments of somebody who is not added, and the
mentors whose successors are not given their place.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date

from reconciler.access.effective import Learners, in_effect
from reconciler.cause import CauseKind
from reconciler.desired import Desired
from reconciler.diff import Difference, Treatment
from reconciler.directory import Directory
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import Role
from reconciler.manifest.model import Unmanaged
from reconciler.plan.end_state import end_state
from reconciler.policy.protection import Protection
from reconciler.provider import Verb

_STAYS = (Treatment.PROTECT, Treatment.ACCEPT)


def treated(
    directory: Directory,
    desired: Desired,
    protection: Protection,
    differences: Iterable[Difference],
) -> list[Difference]:
    """Decide what is done about each difference, by `policy.protected`, `accepted`, `unmanaged`.

    What has expired is not let be: its last day was declared. What was accepted until a day that
    has passed says so in its cause.
    """
    found = [_by_itself(each, desired, protection) for each in differences]
    if not any(each.treatment in _STAYS for each in found):
        return found
    found = _without_their_roles(directory, found, desired)
    found = _with_their_holders(directory, found, desired)
    return _before_successors(directory, found, desired)


def held_back(desired: Desired, differences: Iterable[Difference]) -> list[Difference]:
    """Hold back what would be removed of the roles for which there are rules, and who steps in.

    For a roster that has lost too much: a unit in which nobody is found any more has somebody, most
    likely, and nobody else is to see its learners. What has expired goes: that was declared.
    """
    found = list(differences)
    if not desired.derived:
        return found
    joining = {
        Holder.at(each.address)
        for each in found
        if _is(each, AddressKind.ASSIGNMENT, Verb.ADD) and each.cause.kind is not CauseKind.STEPS_IN
    }

    def doubtful(each: Difference) -> bool:
        if each.address.kind not in (AddressKind.HOLDER, AddressKind.ASSIGNMENT):
            return False
        holder = Holder.at(each.address)
        if each.verb is Verb.REMOVE:
            return holder.role in desired.derived and each.cause.kind is not CauseKind.EXPIRED
        needed = each.address.kind is AddressKind.HOLDER and holder in joining
        return each.cause.kind is CauseKind.STEPS_IN and not needed

    return [
        replace(each, treatment=Treatment.HOLD_BACK)
        if each.treatment is Treatment.ACT and doubtful(each)
        else each
        for each in found
    ]


def _by_itself(each: Difference, desired: Desired, protection: Protection) -> Difference:
    lapsed = desired.lapsed.get(each.address)
    if lapsed is not None:
        each = replace(each, cause=replace(each.cause, accepted_until=lapsed.until))
    if each.address in desired.accepted and each.cause.kind is not CauseKind.EXPIRED:
        return replace(each, treatment=Treatment.ACCEPT)
    if protection.keeps(each.address, each.cause.kind):
        return replace(each, treatment=Treatment.PROTECT)
    if each.cause.kind is CauseKind.UNDECLARED and desired.unmanaged is Unmanaged.REPORT:
        return replace(each, treatment=Treatment.REPORT)
    return each


def _role_of(
    directory: Directory, found: Iterable[Difference]
) -> Callable[[Holder], Difference | None]:
    """Return what finds, per holder, that it is accepted that their profile lacks the role."""
    missing = {
        each.address.parts: each
        for each in found
        if each.treatment is Treatment.ACCEPT and _is(each, AddressKind.PROFILE, Verb.ADD)
    }
    return lambda holder: missing.get((directory.people[holder.person].profile, holder.role))


def _without_their_roles(
    directory: Directory, found: list[Difference], desired: Desired
) -> list[Difference]:
    """Let holders wait on whose profile it is accepted that the role is missing."""
    role_of = _role_of(directory, found)

    def waits_for(each: Difference) -> Difference | None:
        return role_of(Holder.at(each.address)) if _is(each, AddressKind.HOLDER, Verb.ADD) else None

    return _beside(found, waits_for, desired)


def _with_their_holders(
    directory: Directory, found: list[Difference], desired: Desired
) -> list[Difference]:
    """Let holders stay whose assignments stay; assignments wait where holders may be missing."""
    role_of = _role_of(directory, found)
    staying: dict[Holder, Difference] = {}
    absent: dict[Holder, Difference] = {}
    for each in found:
        if each.treatment in _STAYS and _is(each, AddressKind.ASSIGNMENT, Verb.REMOVE):
            holder = Holder.at(each.address)
            staying[holder] = _longer(desired, each, staying.get(holder))
        if each.treatment is Treatment.ACCEPT and _is(each, AddressKind.HOLDER, Verb.ADD):
            holder = Holder.at(each.address)
            absent[holder] = _longer(desired, each, role_of(holder))

    def stays_with(each: Difference) -> Difference | None:
        if _is(each, AddressKind.HOLDER, Verb.REMOVE):
            return staying.get(Holder.at(each.address))
        if _is(each, AddressKind.ASSIGNMENT, Verb.ADD):
            return absent.get(Holder.at(each.address))
        return None

    return _beside(found, stays_with, desired)


def _longer(desired: Desired, one: Difference, other: Difference | None) -> Difference:
    """Return which of two stays longer."""
    found = (one,) if other is None else (one, other)
    return max(found, key=lambda each: _how_long(each, desired))


def _how_long(each: Difference, desired: Desired) -> tuple[bool, date, Address]:
    """Order what stays by how long it does; protection has no end."""
    accepted = desired.accepted.get(each.follows or each.address)
    protected = each.treatment is Treatment.PROTECT
    return protected, accepted.until if accepted else date.min, each.address


def _before_successors(
    directory: Directory, found: list[Difference], desired: Desired
) -> list[Difference]:
    """Let mentors stay whose learners nobody else would see, as it is accepted who is missing."""
    accepted = {each.address: each for each in found if each.treatment is Treatment.ACCEPT}
    if not any(each.verb is Verb.ADD for each in accepted.values()):
        return found
    learners = Learners(directory, desired.as_of)
    acted = [each for each in found if each.treatment is Treatment.ACT]
    before, after, complete = (
        _mentoring(directory, steps) for steps in ([], acted, [*acted, *accepted.values()])
    )
    lost = learners.of_all(before) - learners.of_all(after)

    def how_long(each: Difference) -> tuple[bool, date, Address]:
        return _how_long(each, desired)

    successors: dict[str, Difference] = {}
    for assignment in complete - after:
        missing = (accepted.get(each) for each in _rests_on(directory, assignment))
        last = max((each for each in missing if each is not None), key=how_long)
        for learner in learners.of(assignment) & lost:
            successors[learner] = min(last, successors.get(learner, last), key=how_long)
    ended = {each.address for each in found if each.cause.kind is CauseKind.EXPIRED}
    waits: dict[Address, Difference] = {}
    for assignment in before - after:
        own = learners.of(assignment) & successors.keys()
        if own and Address.assignment(*assignment) not in ended:
            last = max((successors[each] for each in own), key=how_long)
            for address in _rests_on(directory, assignment):
                waits[address] = _longer(desired, last, waits.get(address))

    def waits_for(each: Difference) -> Difference | None:
        return waits.get(each.address) if each.verb is Verb.REMOVE else None

    return _beside(found, waits_for, desired)


def _mentoring(directory: Directory, steps: Iterable[Difference]) -> Assignments:
    """Return the mentors' assignments that have effect after some steps."""
    return in_effect(directory, end_state(directory.state, steps)).of_role(Role.MENTOR)


def _rests_on(directory: Directory, assignment: Assignment) -> tuple[Address, ...]:
    """Return the addresses of what an assignment needs to have effect, itself among them."""
    profile = directory.people[assignment.person].profile
    return (
        Address.assignment(*assignment),
        Address.holder(*assignment.holder),
        Address.profile(profile, assignment.role),
    )


def _beside(
    found: Iterable[Difference],
    other: Callable[[Difference], Difference | None],
    desired: Desired,
) -> list[Difference]:
    """Treat each difference that does not stay by itself like another one, where there is one.

    What follows another one already follows the one that stays longer.
    """
    return [_following(each, other(each), desired) for each in found]


def _following(each: Difference, other: Difference | None, desired: Desired) -> Difference:
    by_itself = each.treatment in _STAYS and each.follows is None
    if other is None or by_itself:
        return each
    made = replace(each, treatment=other.treatment, follows=other.follows or other.address)
    if each.follows is not None and _how_long(each, desired) >= _how_long(made, desired):
        return each
    return made


def _is(each: Difference, kind: AddressKind, verb: Verb) -> bool:
    return each.address.kind is kind and each.verb is verb
