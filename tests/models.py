"""Slow, obvious models of the domain's rules, apart from the code that they judge."""

from datetime import date

from strategies import TODAY

from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind
from reconciler.state import LiveState


def mentors_of(state: LiveState, day: date = TODAY) -> dict[str, set[str]]:
    """Who mentors each learner on a day, by walking from every learner up the tree."""
    parents = {unit.id: unit.parent for unit in state.units}
    enabled = {profile.id: profile.roles for profile in state.profiles}
    profile_of = {person.id: person.profile for person in state.people}
    found: dict[str, set[str]] = {}
    for assignment in state.assignments:
        if (
            assignment.role is not Role.MENTOR
            or assignment.holder not in state.holders
            or Role.MENTOR not in enabled[profile_of[assignment.person]]
        ):
            continue
        if assignment.kind is TargetKind.LEARNER:
            found.setdefault(assignment.target, set()).add(assignment.person)
        for membership in state.memberships:
            at = membership.unit
            if membership.role is not MembershipRole.LEARNER or not membership.holds_on(day):
                continue
            while at is not None:
                if at == assignment.target:
                    found.setdefault(membership.person, set()).add(assignment.person)
                at = parents[at]
    return found


def sight(state: LiveState) -> dict[str, set[str]]:
    """Whom each person sees, over both roles."""
    seen: dict[str, set[str]] = {}
    parents = {unit.id: unit.parent for unit in state.units}
    enabled = {profile.id: profile.roles for profile in state.profiles}
    profile_of = {person.id: person.profile for person in state.people}
    for found in state.assignments:
        if found.holder in state.holders and found.role in enabled[profile_of[found.person]]:
            if found.kind is TargetKind.LEARNER:
                seen.setdefault(found.person, set()).add(found.target)
                continue
            for membership in state.memberships:
                at = membership.unit if membership.role is MembershipRole.LEARNER else None
                if not membership.holds_on(TODAY):
                    continue
                while at is not None:
                    if at == found.target:
                        seen.setdefault(found.person, set()).add(membership.person)
                    at = parents[at]
    return seen
