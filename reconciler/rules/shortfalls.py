"""What a person has to look at, once a rule has gone through its roster."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from reconciler.diagnostics import Diagnostic
from reconciler.directory import Keys
from reconciler.domain.roster import RosterMembership, RosterUnit
from reconciler.manifest.model import ForNone, ForUnknown
from reconciler.plain import count, first_of
from reconciler.rules.match import Matcher
from reconciler.rules.result import WITHOUT, Fate, Result
from reconciler.suggest import did_you_mean

_NAMED: Final = 12
"""So many of what was not found are named; `rules test` names all."""

_LACKING: Final[Mapping[Fate, tuple[str, str]]] = MappingProxyType(
    {
        Fate.NOBODY: (
            "",
            "Mend the roster, declare somebody, or say under `none` what is to be done.",
        ),
        Fate.NOBODY_ON_SITE: (
            " (nobody of theirs is on the site)",
            "Who is not on the site is listed as RR403: see by which key they are named.",
        ),
        Fate.NOBODY_LEFT: (" (all are excepted)", "Where all are excepted, declare somebody else."),
    }
)
"""Why nobody is found in a unit, and what to do about it."""


def shortfalls(result: Result, matcher: Matcher, keys: Keys) -> Iterator[Diagnostic]:
    """Yield what is to be told of a rule; all of it stands at the rule's name."""
    rule = result.rule
    name, place = rule.name.key, rule.name.position
    by_fate: dict[Fate, list[RosterUnit]] = {}
    for each in result.units:
        by_fate.setdefault(each.fate, []).append(each.unit)
    if Fate.TAKEN not in by_fate:
        yield Diagnostic(
            "RR401",
            f"the rule {name} matches nothing in the roster {rule.roster}.",
            place,
            "See why with `reconciler rules test`; a rule that is not needed is taken out.",
        )
    units = {
        str(matcher.unit(each.sourced_id).key or each.sourced_id): each
        for each in by_fate.get(Fate.UNKNOWN, ())
    }
    unknown = {key: each for key, each in units.items() if key not in result.shared}
    yield from _unknown(result, "RR402", ("unit", "units"), unknown, keys.units_by_key)
    people = {str(matcher.person(each).key or each): row for each, row in result.strangers.items()}
    yield from _unknown(result, "RR403", ("person", "people"), people, keys.people_by_key)
    for key, matched in sorted(result.shared.items()):
        where = "on the site" if len(matched.ids) > 1 else f"of the roster {rule.roster}"
        number = len(matched.ids) if len(matched.ids) > 1 else matched.sharing
        yield Diagnostic(
            "RR404",
            f"{number} {where} have the key {key}, by which the rule {name} looks for one.",
            place,
            "Give them keys of their own, or match by another key.",
        )
    yield from _without(result, by_fate)
    if other := by_fate.get(Fate.OTHER_KIND):
        yield Diagnostic(
            "RR408",
            f"the rule {name} is about units over which nobody can be {rule.role}: "
            f"{_several([each.sourced_id for each in other])}.",
            place,
            "On the site they are of another kind than in the roster: match by another key, "
            "or take them out with `except`.",
        )
    if result.crowded:
        told = [f"{unit.sourced_id} ({number})" for unit, number in result.crowded]
        yield Diagnostic(
            "RR407",
            f"the rule {name} finds more than one {rule.who} in {_several(told)}.",
            place,
            "Mend the roster, or say under `several` what is to be done.",
        )


def _without(result: Result, by_fate: Mapping[Fate, Sequence[RosterUnit]]) -> Iterator[Diagnostic]:
    rule = result.rule
    lacking = [fate for fate in WITHOUT if fate in by_fate]
    if lacking:
        told = [
            f"{unit.sourced_id}{_LACKING[fate][0]}" for fate in lacking for unit in by_fate[fate]
        ]
        yield Diagnostic(
            "RR406" if rule.none is ForNone.REFUSE else "RR405",
            f"the rule {rule.name.key} finds no {rule.who} in {_several(told)}.",
            rule.name.position,
            " ".join(_LACKING[fate][1] for fate in lacking),
        )


def _unknown(
    result: Result,
    code: str,
    nouns: tuple[str, str],
    rows: Mapping[str, RosterUnit | RosterMembership],
    known: Iterable[str],
) -> Iterator[Diagnostic]:
    if not rows:
        return
    rule = result.rule
    near = did_you_mean(min(rows), known)
    told = [f"{key} ({each.file} row {each.row})" for key, each in rows.items()]
    yield Diagnostic(
        "RR409" if rule.unknown is ForUnknown.REFUSE else code,
        f"the rule {rule.name.key} names {count(len(rows), *nouns)} that the site does not have: "
        f"{_several(told)}.",
        rule.name.position,
        f"{near} A near match is never used." if near else "Check by which key both are named.",
    )


def _several(keys: Sequence[str]) -> str:
    return first_of(sorted(keys), _NAMED)
