"""The form as it is written: empty for who begins, or filled with what a snapshot says."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import NamedTuple

from reconciler import csv_text
from reconciler.domain.vocabulary import Role, TargetKind, UnitKind
from reconciler.providers.form import SHEETS
from reconciler.state import LiveState

Cells = Sequence[str]


class FormKeys(NamedTuple):
    """Per id of a snapshot how the form names it.

    Attributes:
        profiles: by name.
        people: by key; who has none, by user name.
        units: by key; the site itself by its id.
    """

    profiles: Mapping[str, str]
    people: Mapping[str, str]
    units: Mapping[str, str]


def form_keys(state: LiveState) -> FormKeys:
    """Return how a form names what is in a snapshot: by the id, where two have the same key."""
    return FormKeys(
        _told_apart((each.id, each.name) for each in state.profiles),
        _told_apart((each.id, each.sync_key or each.username) for each in state.people),
        _told_apart(
            (each.id, state.site.id if each.parent is None else each.sync_key or each.id)
            for each in state.units
        ),
    )


def empty_form(site: str) -> dict[str, bytes]:
    """Return the files of a form, by name, with the rows that every site has."""
    return _files(
        {
            "units": [(site, UnitKind.ORGANISATION, site, "")],
            "labels": [(role, "", "") for role in Role],
        }
    )


def filled_form(state: LiveState, today: date) -> dict[str, bytes]:
    """Return the files of a form, by name, with what a snapshot says: they hold people's names.

    A membership that has ended is left out: a form has no days, and it would look as if it held.
    """
    keys = form_keys(state)
    members = {
        (keys.units[each.unit], keys.people[each.person], each.role)
        for each in state.memberships
        if not each.is_over(today)
    }
    return _files(
        {
            "profiles": [
                (keys.profiles[each.id], *("x" if role in each.roles else "" for role in Role))
                for each in state.profiles
            ],
            "people": [
                (
                    keys.people[each.id],
                    keys.profiles[each.profile],
                    each.name,
                    "" if each.username == keys.people[each.id] else each.username,
                    "" if each.active else "no",
                )
                for each in state.people
            ],
            "units": [
                (
                    keys.units[each.id],
                    each.kind,
                    each.title or keys.units[each.id],
                    "" if each.parent is None else keys.units[each.parent],
                )
                for each in state.units
            ],
            "members": sorted(members),
            "roles": sorted(_roles(state, keys)),
            "labels": [
                (each.role, each.tool_name or "", each.role_name or "")
                for each in sorted(state.labels, key=attrgetter("role"), reverse=True)
            ],
        }
    )


def _roles(state: LiveState, keys: FormKeys) -> Iterator[tuple[str, str, str]]:
    idle = set(state.holders)
    for each in state.assignments:
        idle.discard(each.holder)
        of_targets = keys.people if each.kind is TargetKind.LEARNER else keys.units
        yield each.role, keys.people[each.person], of_targets[each.target]
    for holder in idle:
        yield holder.role, keys.people[holder.person], ""


def _told_apart(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return per id its key, or the id where the key is empty or stands for several."""
    keys = dict(found)
    times = Counter(keys.values())
    return {each: key if key and times[key] == 1 else each for each, key in keys.items()}


def _files(rows: Mapping[str, Iterable[Cells]]) -> dict[str, bytes]:
    """Write the sheets, with the mark and semicolons by which spreadsheets open them in columns."""
    files = {}
    for name, sheet in SHEETS.items():
        cells = ([csv_text.harmless(cell) for cell in row] for row in rows.get(name, ()))
        table = [[*sheet.required, *sheet.optional], *cells]
        files[f"{name}.csv"] = "".join(csv_text.written(table, mark=";")).encode("utf-8-sig")
    return files
