"""Which entries of a fleet speak for the same part of a site: that is a mistake.

Each would undo what the other does. A site is known by its id, as everywhere; so two entries with
the same id are one site, whatever the address.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import combinations

from reconciler.diagnostics import Diagnostic, in_order
from reconciler.errors import ExitCode, InvalidInput, ReconcilerError
from reconciler.fleet.model import FleetSite, SiteResult
from reconciler.manifest.load import load_manifest
from reconciler.manifest.naming import UnitKey
from reconciler.plain import count


@dataclass(frozen=True, slots=True)
class Stated:
    """What an entry's manifest says by itself.

    Attributes:
        entry: the entry.
        site: the site's id.
        within: the keys of the units that it speaks for; None for the whole site.
        units: what kind of keys they are.
        digest: of the manifest.
        timezone: where its days begin and end.
        has_rules: whether rosters have a say in it, too.
    """

    entry: FleetSite
    site: str
    within: frozenset[str] | None
    units: UnitKey
    digest: str
    timezone: str
    has_rules: bool


def stated(entry: FleetSite) -> Stated | None:
    """Read what an entry's manifest says; None where it cannot be read, which its site will tell.

    No roster is read for it, and no site asked.
    """
    try:
        manifest = load_manifest(entry.manifest)
    except (ReconcilerError, OSError):
        return None
    within = manifest.within
    return Stated(
        entry,
        manifest.site.key,
        None if within is None else frozenset(reference.key for reference in within),
        manifest.settings.units,
        manifest.digest,
        manifest.settings.timezone,
        bool(manifest.rules),
    )


def check_overlaps(
    entries: Iterable[Stated],
    chosen: Set[str],
    ask: Callable[[list[FleetSite]], Iterable[SiteResult]],
) -> dict[str, SiteResult]:
    """Refuse a fleet two of whose entries speak for the same part of a site.

    Only the site's hierarchy can tell scopes with different units apart, so the site is asked for
    them, where one of the entries is among the chosen.

    Args:
        entries: what all of the fleet states.
        chosen: the names of those that are meant.
        ask: asks sites for their scopes (`reconciler.fleet.site.scope_site`).

    Returns:
        A failed result for each entry whose scope cannot be told from the others of its site, as
        that could not be asked.

    Raises:
        InvalidInput: two of them do.
    """
    of_site: dict[str, list[Stated]] = {}
    for each in entries:
        of_site.setdefault(each.site, []).append(each)
    found = [diagnostic for several in of_site.values() for diagnostic in _stated_overlaps(several)]
    if found:
        raise InvalidInput(in_order(found))
    asked = [
        [each.entry for each in several]
        for several in of_site.values()
        if len(several) > 1 and any(each.entry.name in chosen for each in several)
    ]
    told = {result.name: result for result in ask([each for group in asked for each in group])}
    unknown: dict[str, SiteResult] = {}
    for group in asked:
        silent = [each for each in group if told[each.name].code is not ExitCode.DONE]
        if silent:
            unknown |= {entry.name: _unknown(entry, silent[0], told) for entry in group}
        if not silent:
            found += _real_overlaps(group, told)
    if found:
        raise InvalidInput(in_order(found))
    return {name: result for name, result in unknown.items() if name in chosen}


def _unknown(entry: FleetSite, silent: FleetSite, told: Mapping[str, SiteResult]) -> SiteResult:
    if told[entry.name].code is not ExitCode.DONE:
        return told[entry.name]
    return SiteResult(
        entry.name,
        ExitCode.FAILED,
        f"Whether its scope overlaps with that of {silent.name} is not known.",
        site=told[entry.name].site,
        details=(f"{silent.name}: {told[silent.name].summary}",),
    )


def _stated_overlaps(entries: Iterable[Stated]) -> Iterator[Diagnostic]:
    """Yield what the manifests show by themselves."""
    for one, other in combinations(entries, 2):
        if one.within is None or other.within is None:
            yield _overlap(one.entry, other.entry, one.site, "everything")
        elif one.units is other.units and (shared := one.within & other.within):
            yield _overlap(one.entry, other.entry, one.site, f"{', '.join(sorted(shared))}")


def _real_overlaps(
    entries: Iterable[FleetSite], told: Mapping[str, SiteResult]
) -> Iterator[Diagnostic]:
    """Yield what the site's hierarchy shows."""
    for one, other in combinations(entries, 2):
        mine, theirs = told[one.name].units, told[other.name].units
        site = told[one.name].site
        if mine is None or theirs is None:
            yield _overlap(one, other, site, "everything")
        elif shared := mine & theirs:
            yield _overlap(one, other, site, count(len(shared), "unit"))


def _overlap(one: FleetSite, other: FleetSite, site: str, what: str) -> Diagnostic:
    return Diagnostic(
        "RR702",
        f"{other.name} and {one.name} both speak for {what} on the site {site}.",
        other.position,
        "Give each manifest a scope of its own (scope.within), or take one out.",
    )
