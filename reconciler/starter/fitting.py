"""Chooses the rules to begin with; what nobody has said to be so is proposed, and not written."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reconciler.domain.roster import HOMEROOM, Roster, RosterMembership, RosterRole
from reconciler.domain.roster_formats import FORMATS
from reconciler.domain.vocabulary import Role
from reconciler.manifest.naming import Reference
from reconciler.manifest.roster_rules import Of, OfKind, RosterRule, Who
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


def fitting_rules(roster: Roster, roster_type: str) -> Fitting:
    """Choose the rules to begin with: such as find somebody in a roster, the strictest.

    Mentors are primary teachers, of homerooms where there are any. Where there are none, they are
    so only in a roster of a type that marks mentors. A rule for headteachers is chosen only where
    somebody is a principal.
    """
    schools = Of(OfKind.SCHOOL)
    heads: tuple[RosterRule, ...] = ()
    if _held(roster, schools, RosterRole.PRINCIPAL):
        heads = (_rule("principals", Role.HEADTEACHER, Who.PRINCIPAL, schools),)
    has_homerooms = any(looks_at(OF_HOMEROOM, unit) for unit in roster.units)
    own = OF_HOMEROOM if has_homerooms else _OF_CLASS
    if not _primary(_held(roster, own, RosterRole.TEACHER)):
        nobody = f"Nobody in the roster is the primary teacher of a {_noun(own)}"
        return _proposed(roster, heads, nobody, *_wider(roster))
    if not has_homerooms and roster_type in FORMATS and FORMATS[roster_type].leads:
        leaders = (
            f"The roster has no {HOMEROOM}s, and a primary teacher of OneRoster leads a class of "
            "any subject"
        )
        return _proposed(roster, heads, leaders, _OF_CLASS, Who.PRIMARY_TEACHER)
    mentors = _rule("contact-teachers", Role.MENTOR, Who.PRIMARY_TEACHER, own)
    return Fitting((mentors, *heads))


def _wider(roster: Roster) -> tuple[Of, Who]:
    """Return whom to propose in a roster whose own classes have no primary teachers."""
    elsewhere = primary_elsewhere(roster)
    if elsewhere and is_key(elsewhere.class_type):
        return Of(OfKind.CLASS, class_type=elsewhere.class_type), Who.PRIMARY_TEACHER
    taught = _held(roster, OF_HOMEROOM, RosterRole.TEACHER)
    return OF_HOMEROOM if taught else _OF_CLASS, Who.TEACHER


def _proposed(
    roster: Roster, rules: tuple[RosterRule, ...], reason: str, of: Of, who: Who
) -> Fitting:
    """Propose a rule for mentors, and say why it is not among the others."""
    meant = _held(roster, of, RosterRole.TEACHER)
    whom = f"everybody who teaches a {_noun(of)}"
    if who is Who.PRIMARY_TEACHER:
        meant = _primary(meant)
        typed = f" of the type {of.class_type}" if of.class_type else ""
        whom = f"the primary teachers of classes{typed}"
    if not meant:
        return Fitting(rules, why="Nobody in the roster teaches a class: no rule for mentors.")
    given = (
        f"{count(len({each.person for each in meant}), 'mentor')} over "
        f"{count(len({each.unit for each in meant}), 'class', 'classes')}"
    )
    why = f"{reason}, so no rule makes mentors. One that takes {whom} would give {given}."
    name = f"{who}s".replace("_", "-")
    return Fitting(rules, _rule(name, Role.MENTOR, who, of), why)


_OF_CLASS: Final = Of(OfKind.CLASS)


def _noun(of: Of) -> str:
    return HOMEROOM if of == OF_HOMEROOM else of.kind.value


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
