"""What rules find in their rosters, as text for people and JSON for programs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from reconciler.domain.roster import RosterUnit
from reconciler.plain import count
from reconciler.plan.items import diagnostic_document
from reconciler.reports.documents import Document
from reconciler.reports.printing import Grid, one_line
from reconciler.rules.result import Derived, Fate, Result

RULES_FORMAT: Final = "reconciler.rules/1"

_WHY: Final = {
    Fate.NOBODY: "nobody is found",
    Fate.NOBODY_ON_SITE: "nobody of theirs is on the site",
    Fate.NOBODY_SURE: "nobody of theirs can be told apart",
    Fate.NOBODY_LEFT: "all are excepted",
    Fate.OTHER_KIND: "of another kind on the site",
    Fate.EXCEPTED: "excepted",
    Fate.NOT_NOW: "there is no such unit on that day",
    Fate.OUT_OF_SCOPE: "outside the manifest's scope",
    Fate.UNKNOWN: "not on the site",
}


def rules_document(derived: Derived, names: Mapping[str, str]) -> Document:
    """Describe what each rule made of each unit of its roster; `names` are of people, by id."""
    return {
        "format": RULES_FORMAT,
        "rules": [
            {
                "name": result.rule.name.key,
                "roster": result.rule.roster,
                "role": result.rule.role.value,
                "units": [
                    {
                        "unit": each.unit.sourced_id,
                        "fate": each.fate.value,
                        "people": [names[person] for person in each.people],
                    }
                    for each in result.units
                ],
            }
            for result in derived.results
        ],
        "diagnostics": [diagnostic_document(each) for each in derived.found],
    }


def rules_text(derived: Derived, names: Mapping[str, str]) -> RenderableType:
    """Render what each rule found, and why nothing in the rest."""
    parts: list[RenderableType] = []
    for result in derived.results:
        if parts:
            parts.append(Text())
        parts.extend(_rule(result, names))
    return Group(*parts)


def _rule(result: Result, names: Mapping[str, str]) -> Iterable[RenderableType]:
    rule = result.rule
    taken = [each for each in result.units if each.people]
    given = {person for each in taken for person in each.people}
    told = f"{count(len(given), rule.role)} over {count(len(taken), 'unit')}"
    yield one_line(f"{rule.name.key}: {told}", "bold")
    table = Grid(2)
    for each in taken:
        people = ", ".join(names[person] for person in each.people)
        if each.fate is Fate.STEPS_IN:
            people = f"{people} (steps in)"
        table.add_row(one_line(f"  {each.unit.sourced_id}"), one_line(people))
    for each in result.units:
        if each.fate in _WHY:
            why = one_line(_WHY[each.fate], "yellow")
            table.add_row(one_line(f"  {each.unit.sourced_id}"), why)
    yield table
    others = Counter(_kind(each.unit) for each in result.units if each.fate is Fate.OTHER_UNIT)
    if others:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(others.items()))
        yield one_line(f"  not what the rule is of: {kinds}", "dim")


def _kind(unit: RosterUnit) -> str:
    return f"{unit.kind} ({unit.class_type})" if unit.class_type else unit.kind
