"""Whether a roster has lost more than it should since it was last applied."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from reconciler.domain.roster import RosterSize


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A roster that has become smaller: how much it had when it was last applied, and has now."""

    name: str
    before: RosterSize
    now: RosterSize

    def beyond(self, limit: str) -> bool:
        """Whether it lost more than a limit allows: a percentage, or a number of rows."""
        amount = Fraction(limit.rstrip("%"))
        if not limit.endswith("%"):
            return any(had - has > amount for had, has in self._pairs())
        return any(had and Fraction(had - has, had) * 100 > amount for had, has in self._pairs())

    def __str__(self) -> str:
        told = (
            f"{had:,} to {has:,} {what}"
            for what, (had, has) in zip(RosterSize._fields, self._pairs(), strict=True)
            if has < had
        )
        return f"{self.name}: from {', '.join(told)}"

    def _pairs(self) -> Iterator[tuple[int, int]]:
        return zip(self.before, self.now, strict=True)


def shrunk(sizes: Mapping[str, RosterSize], before: Mapping[str, RosterSize]) -> Iterable[Shrunk]:
    """Yield the rosters that have less of anything than when they were last applied."""
    for name, now in sorted(sizes.items()):
        if name in before and any(has < had for had, has in zip(before[name], now, strict=True)):
            yield Shrunk(name, before[name], now)
