"""What ends soon: live assignments and accepted deviations, warned of before their last day."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment
from reconciler.domain.days import joined
from reconciler.manifest.model import Item, Manifest
from reconciler.plan.model import Plan
from reconciler.references import References

WARNED_DAYS: Final = 14
"""What ends in so many days is named in a drift report."""

REVIEWED_DAYS: Final = 30
"""What ends in so many days is named in a review."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that holds now, and its last day.

    Attributes:
        address: what ends, in the site's ids; `name` is the same in the manifest's keys.
        until: the last day.
        accepted: whether it is a deviation that is accepted until then.
    """

    address: Address
    name: Address
    until: date
    accepted: bool = False

    def __str__(self) -> str:
        return f"{'accepted' if self.accepted else 'holds'} until {self.until}"


def ending(
    manifest: Manifest, directory: Directory, plan: Plan, within_days: int
) -> tuple[Ending, ...]:
    """Return what is live or accepted on a plan's day, and ends at most so many days later.

    What goes on without a day between, by another item, does not end. What is not live yet is the
    plan's to tell. What counts as a moved one ends when that does.

    Args:
        manifest: says what ends when.
        directory: the site.
        plan: of the manifest on the site: says which deviations are accepted, and what day it is.
        within_days: how many days count as soon.
    """
    last = plan.as_of + timedelta(days=min(within_days, (date.max - plan.as_of).days))
    found = list(_assignments(manifest, directory, plan, last))
    found += (
        Ending(each.address, each.name, each.until, accepted=True)
        for each in plan.accepted
        if each.until <= last
    )
    return tuple(sorted(found, key=lambda each: (each.until, str(each.name))))


def _assignments(
    manifest: Manifest, directory: Directory, plan: Plan, last: date
) -> Iterator[Ending]:
    live = {declared: found for found, declared in plan.counted.items()}
    keys = Keys(directory, manifest.settings.people, manifest.settings.units)
    refs = References(directory, keys)
    for role, section in manifest.sections.items():
        for entry in section.entries:
            same: defaultdict[tuple[str, str], list[Item]] = defaultdict(list)
            for item in entry.items:
                same[item.kind, item.target.key].append(item)
            for items in same.values():
                ends = _end(items, plan.as_of)
                if ends is None or ends > last:
                    continue
                person = refs.person(entry.person, quiet=True)
                target = refs.target(items[0], quiet=True)
                if person is None or target is None:
                    continue
                assignment = Assignment(role, person, items[0].kind, target)
                assignment = live.get(assignment, assignment)
                if assignment in directory.state.assignments:
                    address = Address.assignment(*assignment)
                    yield Ending(address, keys.name(address), ends)


def _end(items: list[Item], as_of: date) -> date | None:
    """Return the last of the days without a gap on which items hold, from a day on."""
    if all(item.ends is None for item in items):
        return None
    return next(
        (days.ends for days in joined(item.days for item in items) if days.include(as_of)), None
    )
