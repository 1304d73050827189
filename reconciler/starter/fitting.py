"""Chooses the rules to begin with; what nobody has said to be so is proposed, and not written."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reconciler.domain.roster import Roster, RosterMembership, RosterRole
from reconciler.domain.vocabulary import Role
from reconciler.manifest.model import Of, OfKind, Reference, RosterRule, Who
from reconciler.manifest.shape import is_key
from reconciler.manifest.write_rules import OF_HOMEROOM
from reconciler.plain import count
from reconciler.rosters.warnings import primary_elsewhere
from reconciler.rules.candidates import NOWHERE
from reconciler.rules.derive import looks_at


@dataclass(frozen=True, slots=True)
class Fitting:
    """The rules to begin with.

    Attributes:
        rules: such as the roster itself speaks for.
        wider: a rule that would give mentors whom nobody marked as such, for a person to decide on;
            None where there is none, or a rule for mentors is among the others.
        why: why there is no rule for mentors, and what the wider one would give; may be empty.
    """

    rules: tuple[RosterRule, ...] = ()
    wider: RosterRule | None = None
    why: str = ""


NOTHING_FITS: Final = Fitting()


def fitting_rules(roster: Roster) -> Fitting:
    """Choose the rules to begin with: such as find somebody in a roster, the strictest.

    Mentors are primary teachers, of homerooms where there are any. A rule for headteachers is
    chosen only where somebody is a principal.
    """
    schools = Of(OfKind.SCHOOL)
    heads = [
        _rule("principals", Role.HEADTEACHER, Who.PRINCIPAL, schools)
        for _ in _held(roster, schools, RosterRole.PRINCIPAL)[:1]
    ]
    has_homerooms = any(looks_at(OF_HOMEROOM, unit) for unit in roster.units)
    own = OF_HOMEROOM if has_homerooms else Of(OfKind.CLASS)
    if _primary(_held(roster, own, RosterRole.TEACHER)):
        mentors = _rule("contact-teachers", Role.MENTOR, Who.PRIMARY_TEACHER, own)
        return Fitting((mentors, *heads))
    return _proposed(roster, tuple(heads), "homeroom" if has_homerooms else "class")


def _proposed(roster: Roster, rules: tuple[RosterRule, ...], noun: str) -> Fitting:
    """Propose the narrowest rule for mentors in a roster whose own classes have no primary ones."""
    elsewhere = primary_elsewhere(roster)
    if elsewhere and is_key(elsewhere.class_type):
        of, who = Of(OfKind.CLASS, class_type=elsewhere.class_type), Who.PRIMARY_TEACHER
        whom = f"the primary teachers of classes of the type {elsewhere.class_type}"
    else:
        whom, who = "everybody who teaches one", Who.TEACHER
        of = OF_HOMEROOM if _held(roster, OF_HOMEROOM, RosterRole.TEACHER) else Of(OfKind.CLASS)
    meant = _held(roster, of, RosterRole.TEACHER)
    meant = _primary(meant) if who is Who.PRIMARY_TEACHER else meant
    if not meant:
        return Fitting(rules, why="Nobody in the roster teaches a class: no rule for mentors.")
    given = (
        f"{count(len({each.person for each in meant}), 'mentor')} over "
        f"{count(len({each.unit for each in meant}), 'class', 'classes')}"
    )
    why = (
        f"Nobody in the roster is the primary teacher of a {noun}, so no rule makes mentors. "
        f"One that takes {whom} would give {given}."
    )
    return Fitting(rules, _rule("teachers", Role.MENTOR, who, of), why)


def _held(roster: Roster, of: Of, role: RosterRole) -> list[RosterMembership]:
    """Return who is what in the units that a rule is of, on whatever day."""
    units = {unit.sourced_id for unit in roster.units if looks_at(of, unit)}
    of_class = of.kind is OfKind.CLASS
    links = roster.memberships if of_class else roster.affiliations
    return [each for each in links if each.role is role and each.unit in units]


def _primary(held: Iterable[RosterMembership]) -> list[RosterMembership]:
    return [each for each in held if each.primary]


def _rule(name: str, role: Role, who: Who, of: Of) -> RosterRule:
    return RosterRule(Reference(name, NOWHERE), "", role, who, of)
