"""What a person has to look at, once a rule has gone through its roster."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from reconciler.diagnostics import Diagnostic
from reconciler.directory import Keys
from reconciler.domain.roster import RosterMembership, RosterUnit, plain_grade, plain_type
from reconciler.manifest.roster_rules import (
    ForNone,
    ForUnknown,
    RosterPersonKey,
    RosterRule,
    RosterUnitKey,
)
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
            "Who is not on the site is listed as {unknown}: see by which key they are named.",
        ),
        Fate.NOBODY_SURE: (
            " (whose key others in the roster have, too)",
            "Who cannot be told apart is listed as {unknown}.",
        ),
        Fate.NOBODY_LEFT: (" (all are excepted)", "Where all are excepted, declare somebody else."),
    }
)
"""Why nobody is found in a unit, and what to do about it."""


def shortfalls(result: Result, matcher: Matcher, keys: Keys) -> Iterator[Diagnostic]:
    """Yield what is to be told of a rule; all of it stands at the rule's name."""
    rule, source = result.rule, matcher.source
    name, place = rule.name.key, rule.name.position
    by_fate: dict[Fate, list[RosterUnit]] = {}
    for each in result.units:
        by_fate.setdefault(each.fate, []).append(each.unit)
    if Fate.TAKEN not in by_fate:
        why, advice = _why_nothing(result)
        yield Diagnostic(
            "RR401",
            f"the rule {name} matches nothing in the roster {rule.roster}{why}.",
            place,
            advice,
        )
    else:
        yield from _slipped(result, by_fate.get(Fate.OTHER_UNIT, ()))
    units = [
        _Missing(each.sourced_id, matcher.unit(each.sourced_id).key, each)
        for each in by_fate.get(Fate.UNKNOWN, ())
    ]
    units = [each for each in units if each.key not in result.shared]
    yield from _unknown(
        rule, _Kind("RR402", ("unit", "units"), source.units), units, keys.units_by_key
    )
    people = [
        _Missing(each, found.key, row, unsure=bool(found.ids))
        for each, row in result.strangers.items()
        for found in (matcher.person(each),)
    ]
    yield from _unknown(
        rule, _Kind("RR403", ("person", "people"), source.people), people, keys.people_by_key
    )
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


def _why_nothing(result: Result) -> tuple[str, str]:
    """Say why a rule matches nothing, as far as that can be told in a sentence, and what to do."""
    of, units = result.rule.of, [each.unit for each in result.units]
    if all(each.fate is Fate.OTHER_UNIT for each in result.units):
        same = [each for each in units if each.kind.value == of.kind.value]
        if not same:
            return f": it has no {of.kind}", "Look whether it is the right roster."
        for word, asked, known in (
            ("type", (plain_type(of.class_type),) if of.class_type else (), _types(same)),
            ("grade", of.grades, _grades(same)),
        ):
            if asked and not any(each in known for each in asked):
                return _other_word(word, asked, known)
        return ": no class has both the type and the grade", "Take one of the two out of the rule."
    if result.ended or result.begins:
        return _other_days(result)
    return "", "See why with `reconciler rules test`; a rule that is not needed is taken out."


def _other_days(result: Result) -> tuple[str, str]:
    """Say when a rule would match something: the units themselves may be there all the while."""
    ended, begins = result.ended, result.begins
    if all(each.fate in (Fate.OTHER_UNIT, Fate.NOT_NOW) for each in result.units):
        told = [f"has ended (last day {ended})"] if ended else []
        told += [f"begins later (first day {begins})"] if begins else []
        return (
            f": all that it looks at there {' or '.join(told)}",
            "Take the roster of the year that is meant, or name the day with --as-of.",
        )
    told = [f"after {ended}"] if ended else []
    told += [f"before {begins}"] if begins else []
    return (
        f": nobody in it is {result.rule.who} {' and '.join(told)}",
        "Mend the roster; or take that of the year that is meant, or name the day with --as-of.",
    )


def _types(units: Iterable[RosterUnit]) -> Counter[str]:
    return Counter(plain_type(each.class_type) for each in units if each.class_type)


def _grades(units: Iterable[RosterUnit]) -> Counter[str]:
    return Counter(plain_grade(grade) for each in units for grade in each.grades)


def _other_word(word: str, asked: Sequence[str], known: Mapping[str, int]) -> tuple[str, str]:
    """Say which words a roster has instead of those that a rule asks for."""
    there = first_of([f"{each} ({known[each]:,})" for each in sorted(known)], _NAMED)
    # 12 looks like 1, and is no nearer to it than to any other grade.
    near = did_you_mean(asked[0], known) if word == "type" else None
    what = f"it has {there}" if there else f"it says of no class which {word} it has"
    return (
        f": no class has the {word} {' or '.join(asked)}; {what}",
        f"{near} A near match is never used." if near else "Write one of those, or leave it out.",
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
            " ".join(_LACKING[fate][1] for fate in lacking).format(unknown=_code(rule, "RR403")),
        )


class _Missing(NamedTuple):
    """What a rule needs and does not find on the site: its id, its key if any, and its row.

    It is unsure where the key is there, and somebody else in the roster has it, too.
    """

    id: str
    key: str | None
    row: RosterUnit | RosterMembership
    unsure: bool = False

    def __str__(self) -> str:
        return f"{self.key or self.id} ({self.row.file} row {self.row.row})"


class _Kind(NamedTuple):
    """How to tell of missing people or units: the code, what they are called, and their key."""

    code: str
    nouns: tuple[str, str]
    key: str


def _code(rule: RosterRule, code: str) -> str:
    """Return the code under which it is told that the site lacks something."""
    return "RR409" if rule.unknown is ForUnknown.REFUSE else code


def _unknown(
    rule: RosterRule, kind: _Kind, missing: Sequence[_Missing], known: Iterable[str]
) -> Iterator[Diagnostic]:
    """Tell what the site does not have, and apart from that what has no key of its own."""
    by_id = kind.key == RosterUnitKey.SOURCED_ID
    unsure = [each for each in missing if each.unsure]
    missing = [each for each in missing if not each.unsure]
    keyed = [each._replace(key=each.key or each.id) for each in missing if each.key or by_id]
    keyless = [each for each in missing if not (each.key or by_id)]
    refused = rule.unknown is ForUnknown.REFUSE
    though = ", though it says `unknown: refuse`" if refused else ""
    for found, what, advice in (
        (keyed, "that the site does not have", _near(keyed, known)),
        (
            keyless,
            f"without {_KEY_NAMES[kind.key]} in the roster",
            "Fill it in at the source, or match by another key.",
        ),
        (
            unsure,
            f"by {_KEY_NAMES.get(kind.key)} that others in the roster have, too",
            "Which of them the site has is not guessed: match by another key, or declare them.",
        ),
    ):
        if found:
            way_on = " Or wait until the site has them, or take them out with `except`."
            yield Diagnostic(
                _code(rule, kind.code),
                f"the rule {rule.name.key} names {count(len(found), *kind.nouns)} {what}{though}: "
                f"{_several(list(map(str, found)))}.",
                rule.name.position,
                f"{advice}{way_on if refused and found is keyed else ''}",
            )


def _near(missing: Sequence[_Missing], known: Iterable[str]) -> str:
    near = did_you_mean(min(str(each.key) for each in missing), known) if missing else None
    return f"{near} A near match is never used." if near else "Check by which key both are named."


_KEY_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        RosterUnitKey.SOURCED_ID: "an id",
        RosterUnitKey.IDENTIFIER: "an identifier",
        RosterUnitKey.TITLE: "a title",
        RosterPersonKey.USERNAME: "a username",
        RosterPersonKey.EMAIL: "an e-mail address",
    }
)
"""How the keys of a roster are called that something in it may lack."""


def _several(keys: Sequence[str]) -> str:
    return first_of(sorted(keys), _NAMED)


def _slipped(result: Result, others: Iterable[RosterUnit]) -> Iterator[Diagnostic]:
    """Yield what a rule that finds something may mean, too: a mistyped grade, a blank type."""
    rule, of = result.rule, result.rule.of
    there = _grades(each.unit for each in result.units if each.unit.kind.value == of.kind.value)
    if absent := [grade for grade in of.grades if grade not in there]:
        refused = rule.unknown is ForUnknown.REFUSE
        yield Diagnostic(
            _code(rule, "RR412"),
            f"no class of the roster {rule.roster} has the grade {first_of(absent, _NAMED)}, which "
            f"the rule {rule.name.key} names"
            f"{', though it says `unknown: refuse`' if refused else ''}.",
            rule.name.position,
            "Write it as the roster does, or take it out of the rule.",
        )
    for word, blank in (
        ("type", [each for each in others if of.class_type and not each.class_type]),
        ("grade", [each for each in others if of.grades and not each.grades]),
    ):
        if silent := [each.sourced_id for each in blank if each.kind.value == of.kind.value]:
            yield Diagnostic(
                "RR412",
                f"{count(len(silent), 'class', 'classes')} of the roster {rule.roster} "
                f"{'says' if len(silent) == 1 else 'say'} no {word}, so that the rule "
                f"{rule.name.key} passes over {_several(silent)}.",
                rule.name.position,
                "See whether any is meant, and fill it in at the source.",
            )
