"""Rosters and rules as a manifest's data: the other way round from `build_rules`."""

from typing import Any, Final

from reconciler.domain.roster import HOMEROOM, ROSTER_COLUMNS
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
)

OF_HOMEROOM: Final = Of(OfKind.CLASS, class_type=HOMEROOM)
"""What `of: homeroom` means."""


def source_data(source: RosterSource) -> dict[str, Any]:
    """Return a roster's declaration; what is the default is left out."""
    data: dict[str, Any] = {"type": source.type}
    if source.path is not None:
        data["path"] = source.path.key
    if source.base is not None:
        data["base"] = source.base.key
    if source.people is not RosterPersonKey.SOURCED_ID:
        data["people"] = source.people.value
    if source.units is not RosterUnitKey.SOURCED_ID:
        data["units"] = source.units.value
    if source.columns:
        # In the order of the schema, however they were named: exports are in their normal form.
        data["columns"] = {
            name: source.columns[name] for name in ROSTER_COLUMNS if name in source.columns
        }
    return data


def rule_data(rule: RosterRule) -> dict[str, Any]:
    """Return a rule, of a manifest with one roster; what is the default is left out."""
    data: dict[str, Any] = {
        "name": rule.name.key,
        rule.role.value: {"who": rule.who.value, "of": _of_data(rule.of)},
    }
    if rule.use is not None:
        data["none"] = {"use": rule.use.key}
    elif rule.none is not ForNone.REPORT:
        data["none"] = rule.none.value
    if rule.several is not ForSeveral.ALL:
        data["several"] = rule.several.value
    if rule.unknown is not ForUnknown.REPORT:
        data["unknown"] = rule.unknown.value
    excepted = {
        name: sorted(each.key for each in spared)
        for name, spared in (("people", rule.except_people), ("units", rule.except_units))
        if spared
    }
    if excepted:
        data["except"] = excepted
    return data


def _of_data(of: Of) -> str | dict[str, Any]:
    if of == OF_HOMEROOM:
        return HOMEROOM
    data: dict[str, Any] = {}
    if of.class_type is not None:
        data["class_type"] = of.class_type
    if of.grades:
        data["grades"] = list(of.grades)
    return data or of.kind.value
