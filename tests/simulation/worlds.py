"""Small sites and manifests at random, out of a schedule's own chance."""

from dataclasses import replace
from random import Random

from doubles import broken_rule
from small import LEARNERS, STAFF, small_site
from strategies import AT, entry_of, ref

from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import (
    TARGET_KINDS,
    LabelField,
    MembershipRole,
    Role,
    TargetKind,
    UnitKind,
)
from reconciler.manifest.model import (
    Item,
    LabelSetting,
    Manifest,
    ProfileSetting,
    Section,
    Settings,
    Unmanaged,
)
from reconciler.manifest.policies import Limit, Policy
from reconciler.plan.end_state import value_at
from reconciler.provider import Verb
from reconciler.state import Labels, LiveState, Membership, Profile, Unit

UNITS = (
    Unit("u0", "nord", UnitKind.ORGANISATION, "Nord", None),
    Unit("u1", "skole", UnitKind.SCHOOL, "Skole", "u0"),
    Unit("u2", "8a", UnitKind.CLASS, "8A", "u1"),
    Unit("u3", "8b", UnitKind.CLASS, "8B", "u1"),
    Unit("u4", "kor", UnitKind.GROUP, "Kor", "u2"),
    Unit("u5", "sør", UnitKind.SCHOOL, "Sør", "u0"),
    Unit("u6", "9a", UnitKind.CLASS, "9A", "u5"),
)
KEYS = {unit.id: unit.sync_key or "" for unit in UNITS} | {
    person.id: person.sync_key or "" for person in (*STAFF, *LEARNERS)
}
PROFILES = ("p0", "p2")


def random_site(random: Random) -> LiveState:
    """A site whose holders and assignments keep the platform's rules."""
    enabled = {
        profile: frozenset(role for role in Role if random.random() < 0.8) for profile in PROFILES
    }
    staff = [replace(person, profile=random.choice(PROFILES)) for person in STAFF]
    memberships = {
        (random.choice(("u2", "u3", "u4", "u6")), learner.id)
        for learner in LEARNERS
        for _ in range(random.randint(1, 2))
    }
    holders = {
        Holder(role, person.id)
        for role in Role
        for person in staff
        if role in enabled[person.profile] and random.random() < 0.6
    }
    assignments = {
        found for holder in sorted(holders) for found in candidates(holder) if random.random() < 0.3
    }
    return small_site(
        profiles=(
            Profile("p0", "Staff", enabled["p0"]),
            Profile("p1", "Student", frozenset()),
            Profile("p2", "Vikar", enabled["p2"]),
        ),
        labels=tuple(
            Labels(role, random.choice((None, "Før")), random.choice((None, "Gammel")))
            for role in Role
        ),
        people=(*staff, *LEARNERS),
        units=UNITS,
        memberships=tuple(
            Membership(unit, person, MembershipRole.LEARNER, False, None, None)
            for unit, person in sorted(memberships)
        ),
        holders=frozenset(holders),
        assignments=Assignments.of(assignments),
    )


def candidates(holder: Holder) -> list[Assignment]:
    """Everything that a holder may be assigned."""
    learners = [learner.id for learner in LEARNERS]
    return [
        Assignment(*holder, kind, target)
        for kind in TARGET_KINDS[holder.role]
        for target in (
            learners
            if kind is TargetKind.LEARNER
            else [unit.id for unit in UNITS if unit.kind.value == kind.value]
        )
    ]


def random_manifest(random: Random, state: LiveState) -> Manifest:
    """A manifest that fits the site, with limits that refuse nothing."""
    profiles: dict[Role, list[str]] = {
        role: [profile for profile in PROFILES if random.random() < 0.7]
        for role in Role
        if random.random() < 0.5
    }
    live = {profile.id: profile.roles for profile in state.profiles}
    sections = {}
    for role in Role:
        if random.random() < 0.15:
            continue
        enabled = profiles.get(role, [each for each in PROFILES if role in live[each]])
        entries = [
            entry_of(role, ref(KEYS[person.id]), tuple(_items(random, Holder(role, person.id))))
            for person in state.people
            if person.id.startswith("1") and person.profile in enabled and random.random() < 0.7
        ]
        sections[role] = Section(tuple(entries), AT)
    return Manifest(
        site=ref(state.site.id),
        settings=Settings(unmanaged=random.choice(list(Unmanaged))),
        within=None,
        policy=Policy(max_removals=Limit(1000, percentage=False)),
        digest="sha256:simulation",
        profiles={
            role: ProfileSetting(tuple(ref(profile) for profile in chosen), AT)
            for role, chosen in profiles.items()
        },
        labels={
            (role, field): LabelSetting(random.choice((None, "Nå", "Ny")), AT)
            for role in Role
            for field in LabelField
            if random.random() < 0.3
        },
        sections=sections,
    )


def _items(random: Random, holder: Holder) -> list[Item]:
    return [
        Item(found.kind, ref(KEYS[found.target]))
        for found in candidates(holder)
        if random.random() < 0.3
    ]


def random_write(
    random: Random, state: LiveState, manifest: Manifest
) -> tuple[Address, Verb, object] | None:
    """A write that another client might make, within the rules; None where the draw has none.

    It takes no role off a profile that the manifest counts on without saying so.
    """
    role = random.choice(list(Role))
    person = random.choice(STAFF).id
    address = random.choice(
        (
            Address.label(role, random.choice(list(LabelField))),
            Address.profile(random.choice(PROFILES), role),
            Address.holder(role, person),
            Address.assignment(*random.choice(candidates(Holder(role, person)))),
        )
    )
    standing = value_at(state, address)
    if address.kind.value == "label":
        return address, Verb.CHANGE, random.choice(("Annet", "Ny", None))
    verb = Verb.REMOVE if standing else Verb.ADD
    if address.kind.value == "profile" and standing and role not in manifest.profiles:
        return None
    return None if broken_rule(state, address, verb) else (address, verb, verb is Verb.ADD)
