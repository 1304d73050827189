"""What ends soon: declared assignments and accepted deviations, warned of before their last day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.manifest.model import Manifest
from reconciler.references import References


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
    manifest: Manifest, directory: Directory, as_of: date, within_days: int
) -> tuple[Ending, ...]:
    """Return what holds on a day and whose last day is at most so many days away.

    What the manifest names and the site does not have is left out.
    """
    keys = Keys(directory, manifest.settings.people, manifest.settings.units)
    last = as_of + timedelta(days=within_days)
    found = {each.address: each for each in _assignments(manifest, directory, keys, as_of, last)}
    refs = References(directory, keys)
    for each in manifest.accepted:
        if as_of <= each.until <= last:
            address = refs.address(each.address)
            if address is not None:
                found[address] = Ending(address, keys.name(address), each.until, accepted=True)
    return tuple(sorted(found.values(), key=lambda each: (each.until, str(each.name))))


def _assignments(
    manifest: Manifest, directory: Directory, keys: Keys, as_of: date, last: date
) -> Iterator[Ending]:
    refs = References(directory, keys)
    for role, section in manifest.sections.items():
        for entry in section.entries:
            for item in entry.items:
                if item.ends is None or item.ends > last or not item.holds_on(as_of):
                    continue
                person = refs.person(entry.person, quiet=True)
                target = refs.target(item, quiet=True)
                if person is not None and target is not None:
                    address = Address.assignment(role, person, item.kind, target)
                    yield Ending(address, keys.name(address), item.ends)
