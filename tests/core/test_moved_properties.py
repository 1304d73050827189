"""Moved units and people against a slow, obvious model: nobody sees more or less than declared."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
import small
from hypothesis import event, given
from hypothesis import strategies as st
from models import mentors_of, sight
from small import plan, small_site, wanting
from strategies import AT, NEAR, TODAY, below, entry_of, examples, in_scope, ref, subset, targets

from reconciler.directory import Directory
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import (
    TARGET_KINDS,
    MembershipRole,
    Role,
    TargetKind,
    UnitKind,
)
from reconciler.errors import InvalidInput
from reconciler.manifest.model import Accepted, Entry, Item, Manifest, Move, Section
from reconciler.manifest.policies import Policy
from reconciler.plan.basis import digests
from reconciler.plan.end_state import end_state
from reconciler.state import LiveState, Membership, Unit

pytestmark = pytest.mark.no_cover  # it would take half as long again


UNITS = (
    Unit("u0", "k-u0", UnitKind.ORGANISATION, "Site", None),
    Unit("u1", "k-u1", UnitKind.SCHOOL, "One", "u0"),
    Unit("u2", "k-u2", UnitKind.SCHOOL, "Two", "u0"),
    Unit("u3", "k-u3", UnitKind.CLASS, "A", "u1"),
    Unit("u4", "k-u4", UnitKind.CLASS, "B", "u1"),
    Unit("u5", "k-u5", UnitKind.GROUP, "C", "u3"),
    Unit("u6", "k-u6", UnitKind.CLASS, "D", "u2"),
)
STAFF, LEARNERS = small.STAFF[:2], small.LEARNERS[:3]
SITE = small_site(
    units=UNITS,
    people=(*STAFF, *LEARNERS),
    profiles=(replace(small.PROFILES[0], roles=frozenset(Role)), *small.PROFILES[1:]),
)
"""Two schools, in which whoever teaches may have both roles."""

KEYS = {each.id: each.sync_key or "" for each in (*UNITS, *STAFF, *LEARNERS)}
PARTS = {None: below(SITE, "u0"), "u1": below(SITE, "u1"), "u2": below(SITE, "u2")}
KINDS = {each.id: TargetKind(each.kind.value) for each in UNITS}
HOLDERS = [Holder(role, each.id) for role in Role for each in STAFF]


def without(manifest: Manifest) -> Manifest:
    return replace(manifest, moved=())


def targets_of(role: Role, part: set[str]) -> list[str]:
    units = [each for each in UNITS if each.id in part]
    return [each for kind in TARGET_KINDS[role] for each in targets(kind, units, LEARNERS)]


@st.composite
def cohorts(draw: st.DrawFn) -> list[tuple[str, date | None, date | None]]:
    """Who is in a unit, and when: units of one cohort have the same learners."""
    days = st.none() if draw(st.booleans()) else st.none() | NEAR
    some = draw(st.lists(st.sampled_from(LEARNERS), min_size=1, unique=True))
    return [(each.id, draw(days), draw(days)) for each in some]


@st.composite
def some_lines(draw: st.DrawFn) -> dict[str, str]:
    """Per id of a unit or person the id of the one that it is now."""
    alike = [["u3", "u4", "u5", "u6"], ["u1", "u2", "u0"], ["10", "11"], ["20", "21", "22"]]
    lines: dict[str, str] = {}
    for number in range(draw(st.integers(1, 4))):
        pool = draw(st.sampled_from(alike)) if number else alike[0]
        old, new = draw(st.permutations(pool))[:2]
        lines.setdefault(old, new)
    return lines


@st.composite
def moved_cases(draw: st.DrawFn) -> tuple[LiveState, Manifest]:
    """A site and a manifest with lines under `moved`, most of which match something."""
    sure = draw(st.booleans())
    known = [draw(cohorts()) for _ in range(2)]
    memberships = {
        Membership(unit, learner, MembershipRole.LEARNER, False, begin, end)
        for unit in ("u3", "u4", "u5", "u6")
        for learner, begin, end in draw(st.sampled_from([known[0]] if sure else [*known, []]))
    }
    within = draw(st.sampled_from(sorted(PARTS, key=str)))
    # Whoever is declared is a learner, and lies within it, whatever else they are in.
    memberships |= {
        Membership(within or "u0", each.id, MembershipRole.LEARNER, True, None, None)
        for each in LEARNERS
    }
    lines = draw(some_lines())
    entries: dict[Role, list[Entry]] = {}
    live: set[Assignment] = set()
    back = {new: old for old, new in lines.items()}
    moved = [new for new in lines.values() if new in PARTS[within]]
    for holder in draw(st.lists(st.sampled_from(HOLDERS), min_size=1, unique=True)):
        items = []
        possible = targets_of(holder.role, PARTS[within])
        wanted = subset(draw, possible, 2) + [each for each in moved if each in possible]
        for target in dict.fromkeys(wanted):
            kind = KINDS.get(target, TargetKind.LEARNER)
            begins, ends = (
                (None, None)
                if sure
                else draw(st.just((None, None)) | st.tuples(NEAR, NEAR).map(sorted))
            )
            items.append(Item(kind, ref(KEYS[target]), begins, ends))
            was = back.get(target, target)
            if not sure:
                was = draw(st.sampled_from([None, target, was]))
            was_kind = KINDS.get(was or target, TargetKind.LEARNER)
            if was is not None and was_kind in TARGET_KINDS[holder.role]:
                live.add(Assignment(*holder, was_kind, was))
        person = ref(KEYS[holder.person])
        entries.setdefault(holder.role, []).append(entry_of(holder.role, person, tuple(items)))
    for holder in subset(draw, HOLDERS, 2):
        for target in subset(draw, targets_of(holder.role, PARTS[None]), 2):
            live.add(Assignment(*holder, KINDS.get(target, TargetKind.LEARNER), target))
    holders = {each.holder for each in live} | set(subset(draw, HOLDERS, 2))
    accepted = ()
    if live and draw(st.integers(0, 4)) == 0:
        # What is accepted is left to that.
        name = address_of(draw(st.sampled_from(sorted(live))))
        accepted = (Accepted(ref(name), "owner", "reason", TODAY),)
    protected = subset(draw, ["k-u1", "k-u3", "k-u4"], 1) if draw(st.booleans()) else []
    state = replace(
        SITE,
        memberships=tuple(sorted(memberships, key=str)),
        holders=frozenset(holders),
        assignments=Assignments.of(live),
    )
    manifest = wanting(
        within=None if within is None else (ref(KEYS[within]),),
        policy=Policy(protected_units=tuple(map(ref, protected))),
        sections={role: Section(tuple(found), AT) for role, found in entries.items()},
        accepted=accepted,
        moved=tuple(Move(ref(KEYS[old]), ref(KEYS[new])) for old, new in lines.items()),
    )
    return state, manifest


def address_of(found: Assignment) -> str:
    return f"{found.role}/{KEYS[found.person]}/{found.kind}/{KEYS[found.target]}"


def learners_of(state: LiveState, unit: str, day: date = TODAY) -> set[str]:
    units = below(state, unit)
    return {
        each.person
        for each in state.memberships
        if each.unit in units and each.role is MembershipRole.LEARNER and each.holds_on(day)
    }


def may_count(state: LiveState, manifest: Manifest) -> set[tuple[Assignment, Assignment]]:
    """Each live assignment beside each declared one as which it may count, one by one."""
    ids = {key: each for each, key in KEYS.items()}
    within = None if manifest.within is None else [ids[each.key] for each in manifest.within]
    accepted = {each.address.key for each in manifest.accepted}
    pairs = set()
    for role, section in manifest.sections.items():
        for entry in section.entries:
            person = ids[entry.person.key]
            named = {(item.kind, ids[item.target.key]) for item in entry.items}
            for item in entry.items:
                target = ids[item.target.key]
                declared = Assignment(role, person, item.kind, target)
                if target not in KINDS or not item.holds_on(TODAY) or declared in state.assignments:
                    continue
                for move in manifest.moved:
                    old = ids[move.before.key]
                    if ids[move.after.key] != target or old not in KINDS:
                        continue
                    live = Assignment(role, person, KINDS[old], old)
                    learners = learners_of(state, old)
                    if (
                        live in state.assignments
                        and in_scope(state, within, live)
                        and (live.kind, old) not in named
                        and learners
                        and learners == learners_of(state, target)
                        and not accepted & {address_of(live), address_of(declared)}
                    ):
                        pairs.add((live, declared))
    return pairs


@given(moved_cases())
@examples(300)
def test_what_counts_is_over_the_same_learners_and_all_else_is_as_without_moved(case):
    state, manifest = case
    made, plain = plan(state, manifest), plan(state, without(manifest))
    pairs = may_count(state, manifest)
    counted = set(made.counted.items())
    event(f"counted: {len(counted)}")
    event(f"told: {min(len(made.moved) - len(counted), 3)}")
    assert counted <= pairs
    # Each that is declared is counted once, where anything may count as it.
    assert sorted(declared for _, declared in counted) == sorted({each for _, each in pairs})
    end, bare = end_state(state, made.actions), end_state(state, plain.actions)
    had = {live for live, _ in counted}
    wanted = {declared for _, declared in counted}
    # What is protected would stay without `moved` too, beside what is declared.
    assert end.assignments == bare.assignments - wanted | had
    assert end.holders == bare.holders
    assert sight(end) == sight(bare)
    assert mentors_of(end) == mentors_of(bare)


@given(moved_cases())
@examples(100)
def test_the_plan_after_it_is_empty_and_says_the_same_of_what_counts(case):
    state, manifest = case
    made = plan(state, manifest)
    again = plan(end_state(state, made.actions), manifest)
    assert again.actions == ()
    assert again.counted == made.counted


@given(moved_cases())
@examples(100)
def test_on_every_day_for_which_the_plan_holds_it_gives_what_is_declared_then(case):
    state, manifest = case
    made = plan(state, manifest)
    end = end_state(state, made.actions)
    last = made.holds_until or TODAY + timedelta(days=45)
    for number in range((min(last, TODAY + timedelta(days=45)) - TODAY).days + 1):
        day = TODAY + timedelta(days=number)
        for live, declared in made.counted.items():
            learners = learners_of(end, live.target, day)
            assert learners
            assert learners == learners_of(end, declared.target, day)


@given(moved_cases())
@examples(150)
def test_lines_that_match_nothing_change_nothing_but_a_warning(case):
    state, manifest = case
    nowhere = replace(manifest, moved=(Move(ref("8z"), ref("k-u1")), Move(ref("9z"), ref("k-u1"))))
    made, plain = plan(state, nowhere), plan(state, without(manifest))
    assert [each for each in made.warnings if each.code != "RR216"] == list(plain.warnings)
    assert len(made.warnings) == len(plain.warnings) + 1
    assert replace(made, warnings=plain.warnings) == plain


@given(moved_cases(), st.data())
@examples(200)
def test_a_plan_that_is_not_stale_still_counts_only_what_is_the_same(case, data):
    state, manifest = case
    made = plan(state, manifest)
    if not made.counted:
        return
    units = sorted({each.target for pair in made.counted.items() for each in pair})
    memberships = set(state.memberships)
    for each in subset(data.draw, sorted(memberships, key=str), 2):
        if data.draw(st.booleans()):
            memberships.discard(each)
    learners = [each.id for each in LEARNERS]
    for _ in range(data.draw(st.integers(0, 2))):
        memberships.add(
            Membership(
                data.draw(st.sampled_from(units)),
                data.draw(st.sampled_from(learners)),
                MembershipRole.LEARNER,
                False,
                data.draw(st.none() | NEAR),
                data.draw(st.none() | NEAR),
            )
        )
    after = replace(state, memberships=tuple(sorted(memberships, key=str)))
    if digests(Directory(after), made.basis, made.actions, TODAY) != made.basis.digests:
        event("stale")
        return
    event("not stale")
    try:
        again = plan(after, manifest)
    except InvalidInput:
        return
    assert again.counted == made.counted
    end = end_state(after, made.actions)
    last = min(made.holds_until or date.max, TODAY + timedelta(days=45))
    for number in range((last - TODAY).days + 1):
        day = TODAY + timedelta(days=number)
        for live, declared in made.counted.items():
            assert learners_of(end, live.target, day) == learners_of(end, declared.target, day)
