"""From a file's data to its rosters and rules: the values of the model, each with its place."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from reconciler.diagnostics import Diagnostic
from reconciler.domain.roster import HOMEROOM, NEEDED_COLUMNS, plain_grade
from reconciler.domain.roster_formats import FORMATS, PLAIN_CSV
from reconciler.domain.vocabulary import Role
from reconciler.manifest.naming import Reference
from reconciler.manifest.placed import PlacedDict, PlacedList, Value
from reconciler.manifest.reader import Document
from reconciler.manifest.roster_rules import (
    ForNone,
    ForSeveral,
    ForUnknown,
    Of,
    OfKind,
    RosterPersonKey,
    RosterRule,
    RosterSource,
    RosterUnitKey,
    Who,
)
from reconciler.manifest.words import shorten
from reconciler.manifest.write_rules import OF_HOMEROOM

ReadReference = Callable[[Document, Value, int, list[Diagnostic]], Reference | None]
"""Reads an id with its place, and reports one that is none."""

_OF: Final[Mapping[str, Of]] = MappingProxyType(
    {
        HOMEROOM: OF_HOMEROOM,
        "class": Of(OfKind.CLASS),
        "school": Of(OfKind.SCHOOL),
        "organisation": Of(OfKind.ORGANISATION),
    }
)
"""What the words after `of` stand for."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one file's rosters and rules; what is not well-formed is passed over.

    Attributes:
        document: the file.
        reference: reads an id.
        found: what is wrong with the values is added here.
    """

    document: Document
    reference: ReadReference
    found: list[Diagnostic]

    def sources(self) -> Iterator[tuple[Reference, RosterSource]]:
        """Yield the rosters with their names and the places of these."""
        listed = self.document.root.get("rosters")
        for name, each, place, _ in listed.placed_items() if isinstance(listed, PlacedDict) else ():
            if not isinstance(each, PlacedDict):
                continue
            path = self._reference(each, "path")
            kind, people, units = each.get("type"), each.get("people"), each.get("units")
            if isinstance(kind, str):
                position = self.document.position(place)
                yield (
                    Reference(name, position),
                    RosterSource(
                        name,
                        str(kind),
                        position,
                        path,
                        _word(RosterPersonKey, people, RosterPersonKey.SOURCED_ID),
                        _word(RosterUnitKey, units, RosterUnitKey.SOURCED_ID),
                        self._reference(each, "base"),
                        _columns(each.get("columns")),
                    ),
                )

    def rules(self) -> Iterator[RosterRule]:
        """Yield the rules; one for no role, or for both, is reported."""
        listed = self.document.root.get("rules")
        if not isinstance(listed, PlacedList):
            return
        for each, place in zip(listed, listed.places, strict=True):
            if not isinstance(each, PlacedDict):
                continue
            roles = [role for role in Role if role in each]
            if len(roles) != 1:
                self.found.append(
                    Diagnostic(
                        "RR128",
                        "a rule is for one role.",
                        self.document.position(place),
                        "Write 'mentor:' or 'headteacher:' in it, and a rule of its own for the "
                        "other.",
                    )
                )
                continue
            rule = self._rule(each, roles[0])
            if rule is not None:
                yield rule

    def _rule(self, each: PlacedDict, role: Role) -> RosterRule | None:
        name, duty = self._reference(each, "name"), each[role]
        if name is None or not isinstance(duty, PlacedDict):
            return None
        who, of = _word(Who, duty.get("who"), None), _of(duty.get("of"))
        if who is None or of is None:
            return None
        none, roster = each.get("none"), each.get("roster")
        use = self._reference(none, "use") if isinstance(none, PlacedDict) else None
        spared = each.get("except")
        return RosterRule(
            name=name,
            roster=str(roster) if isinstance(roster, str) else "",
            role=role,
            who=who,
            of=of,
            none=ForNone.USE if use else _word(ForNone, none, ForNone.REPORT),
            use=use,
            several=_word(ForSeveral, each.get("several"), ForSeveral.ALL),
            unknown=_word(ForUnknown, each.get("unknown"), ForUnknown.REPORT),
            except_people=self._references(spared, "people"),
            except_units=self._references(spared, "units"),
        )

    def _reference(self, of: PlacedDict, key: str) -> Reference | None:
        if key not in of:
            return None
        return self.reference(self.document, of[key], of.value_place(key), self.found)

    def _references(self, of: Value, key: str) -> tuple[Reference, ...]:
        listed = of.get(key) if isinstance(of, PlacedDict) else None
        if not isinstance(listed, PlacedList):
            return ()
        read = (
            self.reference(self.document, item, place, self.found)
            for item, place in zip(listed, listed.places, strict=True)
        )
        return tuple(each for each in read if each)


def _columns(value: Value) -> Mapping[str, str]:
    listed = value.items() if isinstance(value, PlacedDict) else ()
    return MappingProxyType({key: str(name) for key, name in listed if isinstance(name, str)})


def _of(value: Value) -> Of | None:
    if isinstance(value, str):
        return _OF.get(value)
    if not isinstance(value, PlacedDict):
        return None
    class_type, grades = value.get("class_type"), value.get("grades")
    listed = grades if isinstance(grades, PlacedList) else ()
    return Of(
        OfKind.CLASS,
        str(class_type) if isinstance(class_type, str) else None,
        tuple(plain_grade(str(each)) for each in listed if isinstance(each, str)),
    )


_W = TypeVar("_W", bound=StrEnum)
_D = TypeVar("_D")


def _word(words: type[_W], value: Value, default: _D) -> _W | _D:
    """Read one of some words, or return the default where it is none of them."""
    known = isinstance(value, str) and value in set(words)
    return words(str(value)) if known else default


def _check_source(source: RosterSource) -> Iterator[Diagnostic]:
    """Yield what a roster lacks that its type needs, or has that its type does not take."""
    given = {"path": source.path, "base": source.base, "columns": source.columns}
    known = FORMATS.get(source.type)
    takes = known.takes if known else tuple(given)
    name = shorten(source.name)
    for key, value in given.items():
        if value and key not in takes:
            yield Diagnostic(
                "RR131",
                f"a roster of the type {source.type} takes no '{key}'.",
                source.position,
                f"Take '{key}' out.",
            )
    if "path" in takes and not source.path:
        yield Diagnostic(
            "RR131",
            f"the roster '{name}' does not say where its files are.",
            source.position,
            "Write 'path', relative to the manifest's own file.",
        )
    lacking = [each for each in NEEDED_COLUMNS if each not in source.columns]
    if source.type == PLAIN_CSV and lacking:
        yield Diagnostic(
            "RR131",
            f"the roster '{name}' does not say which column is the "
            f"{' and which the '.join(lacking)}.",
            source.position,
            "Write 'columns: {unit: Class, person: Teacher}', with the file's own headings.",
        )


def check_sources(
    sources: Mapping[str, RosterSource], rules: list[RosterRule]
) -> Iterator[Diagnostic]:
    """Yield what is wrong with rosters and rules, by themselves and beside each other."""
    for source in sources.values():
        yield from _check_source(source)
    first: dict[str, Reference] = {}
    for rule in rules:
        before = first.setdefault(rule.name.key, rule.name)
        if before is not rule.name:
            yield Diagnostic(
                "RR129",
                f"two rules are called '{shorten(rule.name.key)}'; the first is at "
                f"{before.position}.",
                rule.name.position,
                "Give each a name of its own: plans name them.",
            )
        if rule.use and rule.use.key in {each.key for each in rule.except_people}:
            yield Diagnostic(
                "RR134",
                f"'{shorten(rule.use.key)}' is to step in by the rule "
                f"'{shorten(rule.name.key)}', which excepts them.",
                rule.use.position,
                "Name somebody else under 'use', or take them out of 'except'.",
            )
        if rule.roster not in sources and (rule.roster or len(sources) != 1):
            told = f"'{shorten(rule.roster)}'" if rule.roster else "one of several"
            yield Diagnostic(
                "RR130",
                f"the rule '{shorten(rule.name.key)}' looks at a roster that is not declared: "
                f"{told}."
                if sources
                else f"the rule '{shorten(rule.name.key)}' has no roster to look at.",
                rule.name.position,
                f"Name one with 'roster:': {', '.join(sorted(sources))}."
                if sources
                else "Declare one under 'rosters:'.",
            )
