"""References, scope and dates: each diagnostic that only the site can give, at its place."""

from dataclasses import replace
from datetime import timedelta

import pytest
from small import LEARNERS, STAFF, plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.diagnostics import Position
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.errors import InvalidInput
from reconciler.manifest.model import Item, Manifest, ProfileSetting, Section, Settings, Unmanaged
from reconciler.manifest.naming import PersonKey, Reference, UnitKey
from reconciler.manifest.policies import Policy
from reconciler.state import LiveState, Membership, Profile, Unit


def with_items(*items: Item, person: str = "t-0", **changes: object) -> Manifest:
    entry = entry_of(Role.MENTOR, ref(person), items)
    return wanting(sections={Role.MENTOR: Section((entry,), AT)}, **changes)


def item(kind: str, key: str, **dates: object) -> Item:
    return Item(TargetKind(kind), ref(key), **dates)  # type: ignore[arg-type]


def codes(state: LiveState, manifest: Manifest) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        plan(state, manifest)
    return [found.code for found in caught.value.diagnostics]


def names(state: LiveState, manifest: Manifest) -> list[str]:
    return [f"{each.verb} {each.name}" for each in plan(state, manifest).actions]


@pytest.mark.parametrize(
    ("manifest", "code", "words"),
    [
        (wanting(site=ref("sør")), "RR201", "for the site sør, but this is nord"),
        (wanting(("t-00", "8a")), "RR202", "Did you mean 't-0'?"),
        (wanting(("t-0", "8aa")), "RR203", "Did you mean '8a'"),
        (wanting(profiles={Role.MENTOR: ProfileSetting((ref("Staf"),), AT)}), "RR204", "'Staff'"),
        (with_items(item("class", "skole")), "RR206", "skole is of the kind school, not class"),
        (with_items(item("group", "8a")), "RR206", "List it under classes"),
        (with_items(item("learner", "t-1")), "RR207", "not a learner"),
        (with_items(item("learner", "nobody")), "RR202", "nobody"),
        (wanting(within=(ref("8b"),), policy=Policy(), sections=wanting(("t-0", "8a")).sections),
         "RR208", "outside this manifest's scope"),
        (wanting(within=(ref("nowhere"),)), "RR203", "nowhere"),
        (wanting(policy=Policy(protected_people=(ref("t-99"),))), "RR202", "t-99"),
        (wanting(profiles={Role.MENTOR: ProfileSetting((), AT)},
                 sections=wanting(("t-0", "8a")).sections), "RR210", "Staff must stand"),
    ],
)  # fmt: skip
def test_what_only_the_site_can_tell(manifest, code, words):
    with pytest.raises(InvalidInput) as caught:
        plan(small_site(), manifest)
    assert [found.code for found in caught.value.diagnostics] == [code]
    assert words in str(caught.value.diagnostics[0])


def test_all_mistakes_are_told_together_and_in_order_of_place():
    entries = tuple(
        entry_of(Role.MENTOR, Reference(key, Position("a.yaml", line, 3)), ())
        for line, key in ((9, "x-9"), (2, "x-2"), (5, "x-5"))
    )
    manifest = wanting(sections={Role.MENTOR: Section(entries, AT)})
    with pytest.raises(InvalidInput) as caught:
        plan(small_site(), manifest)
    assert [found.position.line for found in caught.value.diagnostics] == [2, 5, 9]


def test_a_key_that_two_share_is_refused_and_never_guessed():
    twins = [replace(STAFF[0], email="a@b"), replace(STAFF[1], email="a@b"), *STAFF[2:]]
    state = small_site(people=(*twins, *LEARNERS))
    manifest = wanting(("a@b", "8a"), settings=Settings(people=PersonKey.EMAIL))
    assert codes(state, manifest) == ["RR205"]


def test_two_entries_that_turn_out_to_be_one_person_are_refused():
    state = small_site(
        people=(replace(STAFF[0], sync_key="same"), *STAFF[1:], *LEARNERS),
    )
    entries = tuple(entry_of(Role.MENTOR, ref("same"), ()) for _ in range(2))
    manifest = wanting(sections={Role.MENTOR: Section(entries, AT)})
    assert codes(state, manifest) == ["RR209"]
    twice = with_items(item("class", "8a"), item("class", "8a"))
    assert codes(small_site(), twice) == ["RR209"]


@pytest.mark.parametrize(
    ("people", "units", "person", "unit"),
    [
        (PersonKey.SYNC_KEY, UnitKey.SYNC_KEY, "t-0", "8a"),
        (PersonKey.USERNAME, UnitKey.PATH, "t0", "Skole/8A"),
        (PersonKey.ID, UnitKey.ID, "10", "u2"),
    ],
)
def test_people_and_units_go_by_the_keys_of_the_settings(people, units, person, unit):
    manifest = wanting((person, unit), settings=Settings(people=people, units=units))
    made = plan(small_site(), manifest)
    assert [str(each.address) for each in made.actions] == ["mentor/10", "mentor/10/class/u2"]
    assert made.actions[1].name.parts == ("mentor", person, "class", unit)


def test_a_unit_made_by_hand_answers_to_its_path():
    state = small_site()
    unit = Unit("u9", None, UnitKind.GROUP, "Kor", "u1")
    state = replace(state, units=(*state.units, unit))
    made = plan(state, with_items(item("group", "Skole/Kor")))
    assert str(made.actions[1].name) == "mentor/t-0/group/Skole%2FKor"


@pytest.mark.parametrize(
    ("begins", "ends", "live", "actions", "cause"),
    [
        (0, 0, False, ["add mentor/t-0/class/8a"], "declared at roles.yaml:1:1"),
        (-1, None, False, ["add mentor/t-0/class/8a"], "declared at roles.yaml:1:1"),
        (None, -1, True, ["remove mentor/t-0/class/8a"], f"expired {TODAY - timedelta(1)}"),
        (1, None, True, ["remove mentor/t-0/class/8a"], f"starts on {TODAY + timedelta(1)}"),
        (1, 5, False, [], ""),
        (-5, -1, False, [], ""),
    ],
)
def test_dates_are_inclusive_at_both_ends_and_name_themselves(begins, ends, live, actions, cause):
    dates = {
        key: TODAY + timedelta(days)
        for key, days in (("begins", begins), ("ends", ends))
        if days is not None
    }
    state = (
        small_site(("10", "u2"))
        if live
        else small_site(holders=frozenset({Holder(Role.MENTOR, "10")}))
    )
    made = plan(state, with_items(item("class", "8a", **dates)))
    assert [f"{each.verb} {each.name}" for each in made.actions] == actions
    assert [str(each.cause) for each in made.actions] == ([cause] if actions else [])


def test_the_plan_holds_until_the_next_date_that_changes_it():
    day = timedelta(1)
    made = plan(
        small_site(),
        with_items(
            item("class", "8a", ends=TODAY + 9 * day),
            item("class", "8b", begins=TODAY + 6 * day, ends=TODAY + 20 * day),
            item("learner", "s-0", ends=TODAY - day),
        ),
    )
    assert made.holds_until == TODAY + 5 * day
    assert plan(small_site(), wanting(("t-0", "8a"))).holds_until is None


def test_what_is_over_may_name_those_who_have_left():
    over = {"ends": TODAY - timedelta(1)}
    manifest = with_items(item("learner", "gone", **over), item("class", "closed", **over))
    assert names(small_site(), manifest) == ["add mentor/t-0"]


def test_a_scoped_manifest_reaches_its_own_part_and_nothing_else():
    state = small_site(("10", "u2"), ("11", "u3"), ("12", "u2"), ("12", "u3"))
    manifest = wanting(("t-0", "8a"), within=(ref("8a"),))
    assert names(state, manifest) == ["remove mentor/t-2/class/8a"]


def test_a_holder_leaves_with_the_last_assignment_that_a_scoped_run_removes():
    state = small_site(("10", "u2"), ("11", "u2"))
    idle = Holder(Role.MENTOR, "13")
    state = replace(state, holders=state.holders | {idle})
    scoped = wanting(("t-0", "8a"), within=(ref("8a"),))
    assert names(state, scoped) == ["remove mentor/t-1/class/8a", "remove mentor/t-1"]
    everywhere = wanting(("t-0", "8a"))
    assert "remove mentor/t-3" in names(state, everywhere)


def test_a_scope_that_is_the_root_is_the_whole_site():
    state = small_site(holders=frozenset({Holder(Role.MENTOR, "13")}))
    assert names(state, wanting(within=(ref("nord"),))) == ["remove mentor/t-3"]


def learner_of(unit: str, *, primary: bool, begin: int = -9, end: int | None = None) -> Membership:
    return Membership(
        unit, "20", MembershipRole.LEARNER, primary, TODAY + timedelta(begin),
        None if end is None else TODAY + timedelta(end),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("memberships", "scope"),
    [
        ([learner_of("u3", primary=True), learner_of("u2", primary=False)], "8b"),
        ([learner_of("u3", primary=False), learner_of("u2", primary=False)], "8a"),
        ([learner_of("u2", primary=True, end=0), learner_of("u3", primary=False)], "8b"),
        ([learner_of("u2", primary=True, begin=1), learner_of("u3", primary=False)], "8b"),
        ([learner_of("u2", primary=True, end=1), learner_of("u3", primary=False)], "8a"),
        ([learner_of("u2", primary=True, end=0)], None),
    ],
)
def test_a_learners_primary_membership_on_the_day_places_their_assignments(memberships, scope):
    state = small_site(memberships=tuple(memberships))
    for unit in ("8a", "8b"):
        manifest = with_items(item("learner", "s-0"), within=(ref(unit),))
        if unit == scope:
            assert names(state, manifest)[-1] == "add mentor/t-0/learner/s-0"
        else:
            assert codes(state, manifest) == ["RR208"]
    assert names(state, with_items(item("learner", "s-0")))[-1] == "add mentor/t-0/learner/s-0"


def test_a_learners_move_ends_the_days_of_a_scoped_plan():
    moving = (learner_of("u2", primary=True, end=4), learner_of("u3", primary=True, begin=4))
    state = small_site(memberships=moving)
    scoped = with_items(item("learner", "s-0"), within=(ref("8a"),))
    assert plan(state, scoped).holds_until == TODAY + timedelta(3)
    assert plan(state, with_items(item("learner", "s-0"))).holds_until is None


@pytest.mark.parametrize(
    ("unmanaged", "actions", "reported"),
    [
        (Unmanaged.REMOVE, ["remove mentor/t-1/class/8b", "remove mentor/t-1"], []),
        (Unmanaged.REPORT, [], ["mentor/t-1", "mentor/t-1/class/8b"]),
        (Unmanaged.IGNORE, [], []),
    ],
)
def test_unmanaged_governs_undeclared_holders(unmanaged, actions, reported):
    state = small_site(("10", "u2"), ("11", "u3"))
    made = plan(state, wanting(("t-0", "8a"), settings=Settings(unmanaged=unmanaged)))
    assert [f"{each.verb} {each.name}" for each in made.actions] == actions
    assert [str(each.name) for each in made.unmanaged] == reported


@pytest.mark.parametrize("unmanaged", list(Unmanaged))
def test_extras_of_a_declared_person_always_go(unmanaged):
    state = small_site(("10", "u2"), ("10", "u3"))
    made = plan(state, wanting(("t-0", "8a"), settings=Settings(unmanaged=unmanaged)))
    assert [str(each.cause) for each in made.actions] == ["not in the entry at roles.yaml:1:1"]


def test_a_protected_person_stays_when_their_entry_is_gone_and_a_warning_says_so():
    state = small_site(("10", "u2"), ("11", "u3"))
    policy = replace(wanting().policy, protected_people=(ref("t-1"),))
    made = plan(state, wanting(("t-0", "8a"), policy=policy))
    assert made.actions == ()
    assert [each.code for each in made.warnings] == ["RR503"]
    assert "mentor/t-1" in made.warnings[0].message
    assert not made.refused


def test_an_edit_in_a_protected_persons_entry_is_carried_out():
    state = small_site(("10", "u2"), ("10", "u3"))
    policy = replace(wanting().policy, protected_people=(ref("t-0"),))
    assert names(state, wanting(("t-0", "8a"), policy=policy)) == ["remove mentor/t-0/class/8b"]


def test_warnings_for_the_inactive_and_for_those_whose_profile_lacks_the_role():
    inactive = replace(STAFF[0], active=False)
    state = small_site(people=(inactive, *STAFF[1:], *LEARNERS))
    assert [each.code for each in plan(state, wanting(("t-0", "8a"))).warnings] == ["RR212"]
    disabled = (Profile("p0", "Staff", frozenset()), Profile("p1", "Student", frozenset()))
    state = small_site(("10", "u2"), profiles=disabled)
    assert [each.code for each in plan(state, wanting(("t-0", "8a"))).warnings] == ["RR211"]


def test_sections_that_are_absent_are_untouched():
    state = small_site(("10", "u2"))
    head = Assignment(Role.HEADTEACHER, "11", TargetKind.SCHOOL, "u1")
    state = replace(
        state,
        holders=state.holders | {head.holder},
        assignments=state.assignments | {head},
    )
    assert names(state, wanting(sections={})) == []
    assert all("headteacher" not in name for name in names(state, wanting()))


def test_a_profile_goes_by_id_or_by_a_name_that_only_one_has():
    profiles = (
        Profile("p0", "Staff", frozenset({Role.MENTOR})),
        Profile("p1", "Same", frozenset()),
        Profile("p2", "Same", frozenset()),
    )
    state = small_site(profiles=profiles)

    def on(*keys: str) -> Manifest:
        setting = ProfileSetting(tuple(ref(key) for key in keys), AT)
        return wanting(profiles={Role.MENTOR: setting}, sections={})

    assert names(state, on("Staff", "p2")) == ["add profile/p2/mentor"]
    assert codes(state, on("Staff", "Same")) == ["RR205"]


def test_a_live_assignment_to_somebody_who_left_every_unit_may_stay_declared():
    found = Assignment(Role.MENTOR, "10", TargetKind.LEARNER, "20")
    state = small_site(
        holders=frozenset({found.holder}), assignments=Assignments.of({found}), memberships=()
    )
    assert plan(state, with_items(item("learner", "s-0"))).actions == ()
    assert codes(state, with_items(item("learner", "s-1"))) == ["RR207"]


def test_every_diagnostic_of_the_site_says_what_to_do():
    for key in ("nothing like it", "t-00"):
        with pytest.raises(InvalidInput) as caught:
            plan(small_site(), wanting((key, "zz")))
        assert all(found.advice for found in caught.value.diagnostics)


def test_what_ended_and_begins_again_has_expired_and_is_told_for_later():
    """Whichever of the two stands first."""
    past = item("class", "8a", ends=TODAY - timedelta(days=3))
    last = item("class", "8a", begins=TODAY - timedelta(days=2), ends=TODAY - timedelta(days=1))
    soon = item("class", "8a", begins=TODAY + timedelta(days=2), ends=TODAY + timedelta(days=3))
    later = item("class", "8a", begins=TODAY + timedelta(days=9))
    for items in ((past, last, soon, later), (later, soon, last, past)):
        made = plan(small_site(("10", "u2")), with_items(*items))
        assert [str(each.cause) for each in made.actions] == [
            f"expired {TODAY - timedelta(days=1)}"
        ]
        assert [each.begins for each in made.upcoming] == [TODAY + timedelta(days=2)]
        early = plan(small_site(("10", "u2")), with_items(*items[-2:]))
        assert len(early.actions) == 1


def test_an_action_tells_of_the_item_that_holds_on_the_day():
    now = item("class", "8a", ends=TODAY, reason="now")
    then = item("class", "8a", begins=TODAY + timedelta(days=1), reason="then")
    for items in ((now, then), (then, now)):
        grant = plan(small_site(), with_items(*items)).actions[-1].grant
        assert grant is not None
        assert (grant.ends, grant.reason) == (TODAY, "now")


def test_an_action_tells_of_the_day_s_own_item_and_not_of_one_that_is_over():
    over = item("class", "8a", ends=TODAY - timedelta(days=1), reason="over")
    now = item("class", "8a", begins=TODAY, reason="now")
    open_ = item("class", "8b", ends=TODAY - timedelta(days=5), reason="first")
    grant = plan(small_site(), with_items(over, now, open_)).actions[-1].grant
    assert grant is not None
    assert grant.reason == "now"
