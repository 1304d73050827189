"""From the policies that files state to the rules in force, in a site's ids."""

from collections.abc import Iterable, Iterator, Mapping

from reconciler.diagnostics import Diagnostic
from reconciler.directory import Directory, Keys
from reconciler.errors import InvalidInput
from reconciler.manifest.model import Manifest
from reconciler.manifest.policies import Level, PolicyKey
from reconciler.policy.model import InForce, Source, Value
from reconciler.policy.protection import Protection
from reconciler.references import References
from reconciler.rules.shrink import Shrunk

_DEFAULTS = tuple(
    InForce(rule, "10%", Level.MANDATORY, Source.DEFAULT)
    for rule in (PolicyKey.MAX_REMOVALS, PolicyKey.MAX_ROSTER_SHRINK)
)
"""The limits where nobody states them (design, section 5)."""


def in_force(
    directory: Directory, manifest: Manifest | None, site_policy: Manifest | None
) -> tuple[tuple[InForce, ...], tuple[Diagnostic, ...]]:
    """Return the rules that a plan has to keep to.

    A rule that both files state is in force twice, so neither can loosen the other.

    Args:
        directory: the site.
        manifest: states policies of its own.
        site_policy: the site-wide policy file, where there is one.

    Returns:
        The rules, and a diagnostic for whatever they name that the site does not have.
    """
    found: list[Diagnostic] = []
    rules: list[InForce] = []
    for file, source in ((manifest, Source.MANIFEST), (site_policy, Source.SITE)):
        if file is not None:
            refs = References(directory, Keys(directory, file.settings.people, file.settings.units))
            if source is Source.SITE:
                refs.site(file.site, "policy file")
            rules += (
                InForce(rule, value, file.policy.levels.get(rule, Level.MANDATORY), source)
                for rule, value in _stated(refs, file)
            )
            found += refs.only_elsewhere()
    return with_default(rules, ruled=bool(manifest and manifest.rules)), tuple(found)


def renewed(
    policies: Iterable[InForce], directory: Directory, site_policy: Manifest | None
) -> tuple[InForce, ...]:
    """Return the rules of an earlier plan as they are in force now.

    A manifest's own stay as they were; the site's are those of its file, where that is at hand.

    Raises:
        InvalidInput: the policy file does not fit the site.
    """
    earlier = tuple(policies)
    ruled = any(each.rule is PolicyKey.MAX_ROSTER_SHRINK for each in earlier)
    if site_policy is None:
        return with_default(earlier, ruled=ruled)
    current, found = in_force(directory, None, site_policy)
    if found:
        raise InvalidInput(found)
    return with_default(
        (
            *(each for each in earlier if each.source is Source.MANIFEST),
            *(each for each in current if each.source is Source.SITE),
        ),
        ruled=ruled,
    )


def with_default(rules: Iterable[InForce], *, ruled: bool) -> tuple[InForce, ...]:
    """Add the limits that always hold, where no rule states one that refuses.

    Args:
        rules: what is stated.
        ruled: whether the manifest has rules over rosters.
    """
    stated = tuple(rules)
    refusing = {each.rule for each in stated if each.level is Level.MANDATORY}
    needed = {PolicyKey.MAX_REMOVALS, *([PolicyKey.MAX_ROSTER_SHRINK] if ruled else [])} - refusing
    return (*(each for each in _DEFAULTS if each.rule in needed), *stated)


def protection_of(directory: Directory, rules: Iterable[InForce]) -> Protection:
    """Return who and what is protected, by all rules together."""
    people: set[str] = set()
    units: set[str] = set()
    for each in rules:
        if each.rule is PolicyKey.PROTECTED and isinstance(each.value, Mapping):
            people.update(each.value["people"])
            units.update(each.value["units"])
    return Protection.of(directory, people, units)


def _stated(refs: References, file: Manifest) -> Iterator[tuple[PolicyKey, Value]]:
    policy = file.policy
    if policy.max_removals is not None:
        yield PolicyKey.MAX_REMOVALS, str(policy.max_removals)
    if policy.max_roster_shrink is not None:
        yield PolicyKey.MAX_ROSTER_SHRINK, str(policy.max_roster_shrink)
    people = [refs.person(reference) for reference in policy.protected_people]
    units = [refs.unit(reference) for reference in policy.protected_units]
    if people or units:
        yield (
            PolicyKey.PROTECTED,
            {
                "people": tuple(sorted(each for each in people if each is not None)),
                "units": tuple(sorted(each for each in units if each is not None)),
            },
        )
    yield from policy.numbers.items()
    for rule in sorted(policy.demands):
        yield rule, True
    if policy.require_reason_for:
        yield PolicyKey.REQUIRE_REASON_FOR, tuple(each.value for each in policy.require_reason_for)
    if policy.allowed_profiles:
        named = {
            role.value: [refs.profile(reference) for reference in references]
            for role, references in policy.allowed_profiles.items()
        }
        yield (
            PolicyKey.ALLOWED_PROFILES,
            {
                role: tuple(sorted(each for each in profiles if each is not None))
                for role, profiles in named.items()
            },
        )


def too_much(lost: Iterable[Shrunk], policies: Iterable[InForce]) -> bool:
    """Whether a roster has lost more than a policy allows that refuses."""
    limits = [
        str(each.value)
        for each in policies
        if each.rule is PolicyKey.MAX_ROSTER_SHRINK and each.level is Level.MANDATORY
    ]
    return any(each.beyond(limit) for each in lost for limit in limits)
