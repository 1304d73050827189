"""Joins the parts of all files into one manifest (design, section 3)."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from reconciler.domain.vocabulary import LabelField, Role
from reconciler.manifest.build import Leaf, LeafValue, Part
from reconciler.manifest.model import (
    Entry,
    LabelSetting,
    Manifest,
    ProfileSetting,
    Section,
    Settings,
    Unmanaged,
)
from reconciler.manifest.naming import PersonKey, Reference, UnitKey
from reconciler.manifest.policies import (
    DEMANDS,
    LEVELLED,
    NUMBERS,
    Level,
    Limit,
    Policy,
    PolicyKey,
    ReasonFor,
)
from reconciler.manifest.roster_rules import RosterRule


def merge(parts: Sequence[Part]) -> Manifest:
    """Join the parts of a manifest in which no error was found.

    Sections are concatenated in the order of the files. The places of roles are those of their list
    of profiles.
    """
    leaves: dict[str, Leaf] = {}
    for part in parts:
        leaves = part.leaves | leaves
    profiles = {
        role: ProfileSetting(references, leaves[path].position)
        for role in Role
        if (references := _references(leaves, path := f"roles.{role.value}.profiles")) is not None
    }
    labels = {
        (role, field): LabelSetting(None if leaf.value is None else str(leaf.value), leaf.position)
        for role in Role
        for field in LabelField
        if (leaf := leaves.get(f"labels.{role.value}.{field.value}"))
    }
    sections = {
        role: Section(tuple(_entries(present)), present[0].position)
        for role in Role
        if (present := [part.sections[role] for part in parts if role in part.sections])
    }
    sources = {name.key: source for part in parts for name, source in part.sources}
    site = Reference(_text(leaves, "site", ""), leaves["site"].position)
    manifest = Manifest(
        site=site,
        settings=_settings(leaves),
        within=_references(leaves, "scope.within"),
        policy=_policy(leaves),
        digest="",
        profiles=MappingProxyType(profiles),
        labels=MappingProxyType(labels),
        sections=MappingProxyType(sections),
        accepted=tuple(each for part in parts for each in part.accepted),
        moved=tuple(each for part in parts for each in part.moved),
        sources=MappingProxyType(sources),
        rules=tuple(
            rule if rule.roster else replace(rule, roster=next(iter(sources)))
            for part in parts
            for rule in part.rules
        ),
    )
    return replace(manifest, digest=digest_of(manifest))


def _entries(sections: Sequence[Section]) -> Iterator[Entry]:
    for section in sections:
        yield from section.entries


def _text(leaves: Mapping[str, Leaf], path: str, default: str) -> str:
    leaf = leaves.get(path)
    return leaf.value if leaf and isinstance(leaf.value, str) else default


def _references(leaves: Mapping[str, Leaf], path: str) -> tuple[Reference, ...] | None:
    leaf = leaves.get(path)
    return leaf.value if leaf and isinstance(leaf.value, tuple) else None


def _settings(leaves: Mapping[str, Leaf]) -> Settings:
    default = Settings()
    return Settings(
        people=PersonKey(_text(leaves, "settings.people", default.people.value)),
        units=UnitKey(_text(leaves, "settings.units", default.units.value)),
        timezone=_text(leaves, "settings.timezone", default.timezone),
        unmanaged=Unmanaged(_text(leaves, "settings.unmanaged", default.unmanaged.value)),
    )


def _policy(leaves: Mapping[str, Leaf]) -> Policy:
    def stated(name: str) -> LeafValue:
        leaf = leaves.get(f"policy.{name}")
        return leaf.value if leaf else None

    removals, shrink = stated(PolicyKey.MAX_REMOVALS), stated(PolicyKey.MAX_ROSTER_SHRINK)
    allowed = {
        role: references
        for role in Role
        if (references := _references(leaves, f"policy.{PolicyKey.ALLOWED_PROFILES}.{role}"))
        is not None
    }
    reasons = _references(leaves, f"policy.{PolicyKey.REQUIRE_REASON_FOR}") or ()
    return Policy(
        max_removals=removals if isinstance(removals, Limit) else None,
        max_roster_shrink=shrink if isinstance(shrink, Limit) else None,
        numbers=MappingProxyType(
            {rule: found for rule in NUMBERS if isinstance(found := stated(rule), int)}
        ),
        demands=frozenset(rule for rule in DEMANDS if stated(rule) is True),
        require_reason_for=tuple(sorted({ReasonFor(reference.key) for reference in reasons})),
        allowed_profiles=MappingProxyType(allowed),
        protected_people=_references(leaves, "policy.protected.people") or (),
        protected_units=_references(leaves, "policy.protected.units") or (),
        levels=MappingProxyType(
            {
                rule: Level(found)
                for rule in LEVELLED
                if isinstance(found := stated(f"levels.{rule}"), str)
            }
        ),
    )


def digest_of(manifest: Manifest) -> str:
    """Return the digest of what a manifest declares, by whatever layout and split into files.

    It is taken over canonical JSON: sorted keys, sorted entries and items, no places. A setting
    that is left out counts as its default.
    """
    content: dict[str, object] = {
        "version": 1,
        "site": manifest.site.key,
        "settings": [
            manifest.settings.people.value,
            manifest.settings.units.value,
            manifest.settings.timezone,
            manifest.settings.unmanaged.value,
        ],
        "within": None if manifest.within is None else _sorted_keys(manifest.within),
        "policy": _policy_content(manifest.policy),
        "accepted": sorted(
            (each.address.key, each.owner, each.reason, each.until.isoformat())
            for each in manifest.accepted
        ),
        "profiles": {
            role.value: _sorted_keys(setting.profiles)
            for role, setting in manifest.profiles.items()
        },
        "labels": {
            f"{role.value}.{name.value}": setting.value
            for (role, name), setting in manifest.labels.items()
        },
        "rosters": {name: source.content for name, source in manifest.sources.items()},
        "rules": sorted(_rule_content(rule) for rule in manifest.rules),
        "sections": {
            role.value: sorted(_entry_content(entry) for entry in section.entries)
            for role, section in manifest.sections.items()
        },
    }
    if manifest.moved:
        content["moved"] = sorted(
            (each.before.key, each.after.key, each.kind or "") for each in manifest.moved
        )
    text = json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _rule_content(rule: RosterRule) -> list[object]:
    of = [rule.of.kind, rule.of.class_type or "", sorted(rule.of.grades)]
    use = rule.use.key if rule.use else ""
    excepted = [_sorted_keys(rule.except_people), _sorted_keys(rule.except_units)]
    return [
        rule.name.key,
        rule.roster,
        rule.role,
        rule.who,
        of,
        rule.none,
        use,
        rule.several,
        rule.unknown,
        excepted,
    ]


def _policy_content(policy: Policy) -> dict[str, object]:
    return {
        PolicyKey.MAX_REMOVALS: str(policy.max_removals) if policy.max_removals else None,
        PolicyKey.MAX_ROSTER_SHRINK: str(policy.max_roster_shrink)
        if policy.max_roster_shrink
        else None,
        "numbers": dict(policy.numbers),
        "demands": sorted(policy.demands),
        PolicyKey.REQUIRE_REASON_FOR: policy.require_reason_for,
        PolicyKey.ALLOWED_PROFILES: {
            role: _sorted_keys(profiles) for role, profiles in policy.allowed_profiles.items()
        },
        PolicyKey.PROTECTED: [
            _sorted_keys(policy.protected_people),
            _sorted_keys(policy.protected_units),
        ],
        "levels": dict(policy.levels),
    }


def _sorted_keys(references: Sequence[Reference]) -> list[str]:
    return sorted({reference.key for reference in references})


def _entry_content(entry: Entry) -> list[object]:
    plain = sorted((listed.kind.value, sorted(listed.keys)) for listed in entry.plain)
    detailed = sorted(
        (
            item.kind.value,
            item.target.key,
            item.begins.isoformat() if item.begins else "",
            item.ends.isoformat() if item.ends else "",
            item.reason or "",
        )
        for item in entry.detailed
    )
    return [entry.person.key, plain, detailed]
