"""Each policy with a case that passes, one that fails, one at the boundary; who may set what."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from small import LEARNERS, PROFILES, STAFF, plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.access.coverage import Coverage
from reconciler.access.effective import Learners, in_effect
from reconciler.directory import Directory
from reconciler.domain.assignments import Assignment, Assignments
from reconciler.domain.vocabulary import Role, TargetKind, UnitKind
from reconciler.errors import InvalidInput
from reconciler.manifest.model import Accepted, Item, ProfileSetting, Section
from reconciler.manifest.policies import Level, Limit, Policy, PolicyKey, ReasonFor
from reconciler.plan.document import from_document, to_document
from reconciler.policy.guards import GUARDS
from reconciler.policy.model import Source
from reconciler.scope import Scope
from reconciler.state import Profile, Relation, Unit

UNLIMITED = Limit(100, percentage=False)


def demanding(**rules: object) -> Policy:
    return Policy(max_removals=UNLIMITED, **rules)  # type: ignore[arg-type]


def number(rule: PolicyKey, value: int) -> Policy:
    return demanding(numbers={rule: value})


def demand(rule: PolicyKey) -> Policy:
    return demanding(demands=frozenset({rule}))


def broken(state, manifest, **more) -> dict[str, list[str]]:
    """Per guard that refuses what it found, as people read it."""
    made = plan(state, manifest, **more)
    assert from_document(to_document(made)) == made
    return {
        each.code: [str(found) for found in each.found] for each in made.verdicts if each.refuses
    }


def learner(target: str, **days: object) -> Item:
    return Item(TargetKind.LEARNER, ref(target), **days)  # type: ignore[arg-type]


def mentor(*items: Item, policy: Policy, person: str = "t-0"):
    section = Section((entry_of(Role.MENTOR, ref(person), items),), AT)
    return wanting(policy=policy, sections={Role.MENTOR: section})


@pytest.mark.parametrize(("most", "found"), [(3, None), (2, None), (1, ["t-0 (2 learners)"])])
def test_max_access_gain_counts_what_one_person_gains(most, found):
    manifest = wanting(("t-0", "8a"), policy=number(PolicyKey.MAX_ACCESS_GAIN, most))
    assert broken(small_site(), manifest).get("RR510") == found


def test_max_access_gain_does_not_count_what_is_seen_already():
    manifest = wanting(("t-0", "8a"), ("t-0", "8b"), policy=number(PolicyKey.MAX_ACCESS_GAIN, 2))
    assert broken(small_site(("10", "u2")), manifest) == {}


@pytest.mark.parametrize(("most", "found"), [(5, None), (4, None), (3, ["t-0 (4 learners)"])])
def test_max_learners_per_mentor_counts_each_learner_once(most, found):
    policy = number(PolicyKey.MAX_LEARNERS_PER_MENTOR, most)
    manifest = mentor(
        Item(TargetKind.CLASS, ref("8a")),
        Item(TargetKind.CLASS, ref("8b")),
        learner("s-0"),
        policy=policy,
    )
    assert broken(small_site(), manifest).get("RR511") == found


@pytest.mark.parametrize(
    ("least", "found"), [(1, None), (2, None), (3, ["t-0 (2 learners)", "t-1 (2 learners)"])]
)
def test_min_learners_per_mentor_counts_every_mentor(least, found):
    manifest = wanting(
        ("t-0", "8a"), ("t-1", "8b"), policy=number(PolicyKey.MIN_LEARNERS_PER_MENTOR, least)
    )
    assert broken(small_site(), manifest).get("RR512") == found


def test_min_learners_per_mentor_sees_those_who_have_none():
    section = Section((entry_of(Role.MENTOR, ref("t-0"), ()),), AT)
    manifest = wanting(
        policy=number(PolicyKey.MIN_LEARNERS_PER_MENTOR, 1), sections={Role.MENTOR: section}
    )
    assert broken(small_site(), manifest) == {"RR512": ["t-0 (0 learners)"]}


def test_every_learner_has_a_mentor():
    policy = demand(PolicyKey.EVERY_LEARNER_HAS_MENTOR)
    whole = wanting(("t-0", "8a"), ("t-1", "8b"), policy=policy)
    assert broken(small_site(), whole) == {}
    half = wanting(("t-0", "8a"), policy=policy)
    assert broken(small_site(), half) == {"RR513": ["s-2", "s-3"]}
    but_one = mentor(Item(TargetKind.CLASS, ref("8a")), learner("s-2"), policy=policy)
    assert broken(small_site(), but_one) == {"RR513": ["s-3"]}


def test_every_learner_has_a_mentor_within_the_scope():
    policy = demand(PolicyKey.EVERY_LEARNER_HAS_MENTOR)
    manifest = wanting(("t-0", "8a"), policy=policy, within=(ref("8a"),))
    assert broken(small_site(), manifest) == {}
    other = wanting(("t-0", "8b"), policy=policy, within=(ref("skole"),))
    assert broken(small_site(), other) == {"RR513": ["s-0", "s-1"]}


def test_a_mentor_without_effect_is_none():
    policy = demand(PolicyKey.EVERY_LEARNER_HAS_MENTOR)
    state = small_site(("10", "u2"), ("11", "u3"))
    manifest = wanting(
        ("t-0", "8a"),
        ("t-1", "8b"),
        policy=policy,
        profiles={Role.MENTOR: ProfileSetting((), AT)},
    )
    assert broken(state, manifest)["RR513"] == ["s-0", "s-1", "s-2", "s-3"]


def test_every_class_has_a_mentor_of_its_own_or_for_each_of_its_learners():
    policy = demand(PolicyKey.EVERY_CLASS_HAS_MENTOR)
    one_by_one = mentor(
        Item(TargetKind.CLASS, ref("8a")), learner("s-2"), learner("s-3"), policy=policy
    )
    assert broken(small_site(), one_by_one) == {}
    but_one = mentor(Item(TargetKind.CLASS, ref("8a")), learner("s-2"), policy=policy)
    assert broken(small_site(), but_one) == {"RR514": ["8b"]}
    assert broken(small_site(), wanting(policy=policy)) == {"RR514": ["8a", "8b"]}


def test_a_class_without_learners_has_a_mentor_only_when_somebody_is_assigned_to_it():
    policy = demand(PolicyKey.EVERY_CLASS_HAS_MENTOR)
    state = small_site()
    state = replace(state, units=(*state.units, Unit("u7", "9a", UnitKind.CLASS, "9A", "u1")))
    both = [("t-0", "8a"), ("t-1", "8b")]
    assert broken(state, wanting(*both, policy=policy)) == {"RR514": ["9a"]}
    assert broken(state, wanting(*both, ("t-2", "9a"), policy=policy)) == {}


@pytest.mark.parametrize(
    ("kind", "target", "found"),
    [
        (TargetKind.SCHOOL, "skole", None),
        (TargetKind.ORGANISATION, "nord", None),
        (None, "", ["skole"]),
    ],
)
def test_every_school_has_a_headteacher_of_its_own_or_above(kind, target, found):
    state = small_site()
    profiles = (
        replace(state.profiles[0], roles=frozenset({Role.MENTOR, Role.HEADTEACHER})),
        *state.profiles[1:],
    )
    items = (Item(kind, ref(target)),) if kind else ()
    manifest = wanting(
        policy=demand(PolicyKey.EVERY_SCHOOL_HAS_HEADTEACHER),
        sections={Role.HEADTEACHER: Section((entry_of(Role.HEADTEACHER, ref("t-0"), items),), AT)},
    )
    assert broken(replace(state, profiles=profiles), manifest).get("RR515") == found


def test_nobody_mentors_a_child_of_their_own():
    policy = demand(PolicyKey.NO_SELF_MENTORING)
    state = small_site(relations=(Relation("10", "20", "guardian"),))
    own = wanting(("t-0", "8a"), policy=policy)
    assert broken(state, own) == {"RR516": ["t-0 (a child of theirs: s-0)"]}
    other = wanting(("t-0", "8b"), ("t-1", "8a"), policy=policy)
    assert broken(state, other) == {}


def test_nobody_mentors_themselves():
    state = small_site()
    staff = state.memberships[0]._replace(person="10")
    state = replace(state, memberships=(*state.memberships, staff))
    manifest = wanting(("t-0", "8a"), policy=demand(PolicyKey.NO_SELF_MENTORING))
    assert broken(state, manifest) == {"RR516": ["t-0 (themselves)"]}


UNTIL = TODAY + timedelta(days=9)


@pytest.mark.parametrize(
    ("reasons", "item", "found"),
    [
        (ReasonFor.INDIVIDUAL_LEARNERS, learner("s-0"), ["mentor/t-0/learner/s-0"]),
        (ReasonFor.INDIVIDUAL_LEARNERS, learner("s-0", reason="covers"), None),
        (ReasonFor.INDIVIDUAL_LEARNERS, Item(TargetKind.CLASS, ref("8a")), None),
        (ReasonFor.TEMPORARY_GRANTS, learner("s-0"), None),
        (ReasonFor.TEMPORARY_GRANTS, learner("s-0", ends=UNTIL), ["mentor/t-0/learner/s-0"]),
        (ReasonFor.TEMPORARY_GRANTS, learner("s-0", ends=UNTIL, reason="covers"), None),
        (ReasonFor.TEMPORARY_GRANTS, learner("s-0", begins=UNTIL), None),
        (
            ReasonFor.TEMPORARY_GRANTS,
            learner("s-0", begins=UNTIL, ends=UNTIL),
            ["mentor/t-0/learner/s-0"],
        ),
        (ReasonFor.INDIVIDUAL_LEARNERS, learner("s-0", ends=date(2020, 1, 1)), None),
    ],
)
def test_reasons_are_required_for_what_is_named(reasons, item, found):
    policy = demanding(require_reason_for=(reasons,))
    assert broken(small_site(), mentor(item, policy=policy)).get("RR517") == found


@pytest.mark.parametrize(("days", "found"), [(9, None), (10, None), (11, True)])
@pytest.mark.parametrize("begins", [None, TODAY, TODAY + timedelta(days=40)])
def test_a_grant_lasts_at_most_so_many_days_both_included(days, found, begins):
    ends = (begins or TODAY) + timedelta(days=days - 1)
    policy = number(PolicyKey.MAX_GRANT_DAYS, 10)
    manifest = mentor(learner("s-0", begins=begins, ends=ends), policy=policy)
    told = ["mentor/t-0/learner/s-0 (11 days)"] if found else None
    assert broken(small_site(), manifest).get("RR518") == told


def test_a_grant_without_an_end_is_not_temporary():
    manifest = mentor(learner("s-0", begins=TODAY), policy=number(PolicyKey.MAX_GRANT_DAYS, 1))
    assert broken(small_site(), manifest) == {}


def test_roles_are_on_allowed_profiles_only():
    allowed = {Role.MENTOR: (ref("Staff"),)}
    manifest = wanting(("t-0", "8a"), policy=demanding(allowed_profiles=allowed))
    assert broken(small_site(), manifest) == {}
    wider = replace(
        manifest, profiles={Role.MENTOR: ProfileSetting((ref("Staff"), ref("Student")), AT)}
    )
    assert broken(small_site(), wider) == {"RR519": ["Student"]}
    none = wanting(("t-0", "8a"), policy=demanding(allowed_profiles={Role.MENTOR: ()}))
    assert broken(small_site(), none) == {"RR519": ["Staff", "t-0 (Staff)"]}


def test_what_is_protected_stays_whatever_took_it_out():
    state = small_site(("10", "u2"), ("11", "u3"))
    people = wanting(policy=demanding(protected_people=(ref("t-0"),)))
    made = plan(state, people)
    assert {action.name.parts[1] for action in made.actions} == {"t-1"}
    assert [each.code for each in made.warnings] == ["RR503", "RR520"]
    units = wanting(policy=demanding(protected_units=(ref("8a"),)))
    made = plan(state, units)
    assert {action.name.parts[1] for action in made.actions} == {"t-1"}
    (warning,) = [each for each in made.warnings if each.code == "RR503"]
    assert str(warning) == (
        "warning RR503: mentor/t-0/class/8a is not declared, but policy.protected keeps it. "
        "Declare it again, or take the unit out of policy.protected to remove it."
    )
    all_below = wanting(policy=demanding(protected_units=(ref("skole"),)))
    assert plan(state, all_below).actions == ()


def test_a_protected_unit_keeps_what_an_entry_lost_but_not_what_expired():
    state = small_site(("10", "u2"))
    policy = demanding(protected_units=(ref("8a"),))
    lost = wanting(("t-0", "8b"), policy=policy)
    assert [str(each.name) for each in plan(state, lost).actions] == ["mentor/t-0/class/8b"]
    over = Item(TargetKind.CLASS, ref("8a"), ends=TODAY - timedelta(days=1))
    expired = plan(state, mentor(over, policy=policy))
    assert [(each.verb, str(each.cause)) for each in expired.actions] == [
        ("remove", f"expired {TODAY - timedelta(days=1)}")
    ]


def site_policy(**rules: object):
    return wanting(policy=Policy(**rules), sections={})  # type: ignore[arg-type]


def test_a_manifest_cannot_loosen_the_site_wide_policy():
    strict = site_policy(
        numbers={PolicyKey.MAX_LEARNERS_PER_MENTOR: 3}, max_removals=Limit(0, percentage=False)
    )
    state = small_site(("11", "u2"))
    manifest = wanting(
        ("t-0", "8a"), ("t-0", "8b"), policy=number(PolicyKey.MAX_LEARNERS_PER_MENTOR, 30)
    )
    assert broken(state, manifest) == {}
    made = plan(state, manifest, site_policy=strict)
    refused = [(each.code, each.source) for each in made.verdicts if each.refuses]
    assert refused == [("RR501", Source.SITE), ("RR511", Source.SITE)]
    tighter = replace(manifest, policy=number(PolicyKey.MAX_LEARNERS_PER_MENTOR, 1))
    loose = site_policy(numbers={PolicyKey.MAX_LEARNERS_PER_MENTOR: 30})
    assert broken(state, tighter, site_policy=loose) == {"RR511": ["t-0 (4 learners)"]}


def test_a_manifest_cannot_lower_the_level_of_the_site():
    rule = PolicyKey.EVERY_CLASS_HAS_MENTOR
    site = site_policy(demands=frozenset({rule}))
    manifest = wanting(
        ("t-0", "8a"),
        policy=demanding(demands=frozenset({rule}), levels={rule: Level.ADVISORY}),
    )
    made = plan(small_site(), manifest, site_policy=site)
    levels = [(each.level, each.refuses) for each in made.verdicts if each.code == "RR514"]
    assert levels == [(Level.ADVISORY, False), (Level.MANDATORY, True)]
    assert plan(small_site(), manifest).refused is False


def test_the_site_protects_people_whom_the_manifest_forgets():
    state = small_site(("10", "u2"))
    made = plan(state, wanting(), site_policy=site_policy(protected_people=(ref("t-0"),)))
    assert made.actions == ()
    assert not made.refused


def test_what_a_policy_file_names_has_to_exist_on_the_site():
    for policy, code in (
        (site_policy(protected_people=(ref("t-99"),)), "RR202"),
        (site_policy(protected_units=(ref("9z"),)), "RR203"),
        (site_policy(allowed_profiles={Role.MENTOR: (ref("Nobody"),)}), "RR204"),
        (replace(site_policy(), site=ref("elsewhere")), "RR201"),
    ):
        with pytest.raises(InvalidInput) as caught:
            plan(small_site(), wanting(), site_policy=policy)
        assert [each.code for each in caught.value.diagnostics] == [code]


def test_every_rule_of_a_manifest_has_a_guard():
    assert sorted(guard.rule for guard in GUARDS.values() if guard.rule) == sorted(PolicyKey)


def test_coverage_of_a_site_with_nothing_on_it_is_empty():
    state = small_site(memberships=())
    directory = Directory(state)
    coverage = Coverage(
        directory,
        Learners(directory, TODAY),
        in_effect(directory, state),
        Scope(None, frozenset()),
        TODAY,
    )
    assert coverage.without_mentor() == []
    assert coverage.classes_without_mentor() == ["u2", "u3"]
    assert coverage.own_mentors() == []


def test_grants_that_follow_each_other_last_as_long_as_they_do_together():
    """Each of them short, and no day between: that is one long grant."""
    half = timedelta(days=5)
    ended = learner("s-0", begins=TODAY - half, ends=TODAY - timedelta(days=1))
    goes_on = learner("s-0", begins=TODAY, ends=TODAY + half)
    later = learner("s-0", begins=TODAY + timedelta(days=1), ends=TODAY + half)
    policy = number(PolicyKey.MAX_GRANT_DAYS, 10)
    told = {"RR518": ["mentor/t-0/learner/s-0 (11 days)"]}
    assert broken(small_site(), mentor(ended, goes_on, policy=policy)) == told
    assert broken(small_site(), mentor(goes_on, ended, policy=policy)) == told
    assert broken(small_site(), mentor(ended, later, policy=policy)) == {}


def test_each_grant_of_the_same_thing_needs_its_reason():
    policy = demanding(require_reason_for=(ReasonFor.INDIVIDUAL_LEARNERS,))
    first = learner("s-0", ends=TODAY, reason="covers")
    second = learner("s-0", begins=TODAY + timedelta(days=1))
    for items in ((first, second), (second, first)):
        assert broken(small_site(), mentor(*items, policy=policy)) == {
            "RR517": ["mentor/t-0/learner/s-0"]
        }
    over = learner("s-0", ends=TODAY - timedelta(days=1))
    assert broken(small_site(), mentor(over, replace(second, reason="covers"), policy=policy)) == {}


def test_a_learner_and_a_unit_may_have_the_same_id():
    """What is protected are units, whatever the ids of people are."""
    state = small_site()
    people = tuple(replace(each, id="u3") if each.id == "20" else each for each in state.people)
    members = tuple(
        each._replace(person="u3") if each.person == "20" else each for each in state.memberships
    )
    mine = Assignment(Role.MENTOR, "10", TargetKind.LEARNER, "u3")
    state = replace(
        state, people=people, memberships=members, assignments=Assignments.of({mine}),
        holders=frozenset({mine.holder}),
    )  # fmt: skip
    protected = demanding(protected_units=(ref("8b"),))
    made = plan(state, wanting(("t-1", "8a"), policy=protected))
    assert "mentor/t-0/learner/s-0" in [str(each.name) for each in made.actions]
    assert made.warnings == ()


def test_an_advisory_limit_of_removals_leaves_the_built_in_one_in_force():
    state = small_site(*((person, unit) for person in ("10", "11") for unit in ("u2", "u3")))
    advisory = {PolicyKey.MAX_REMOVALS: Level.ADVISORY}
    made = plan(
        state,
        wanting(
            ("t-0", "8a"), policy=Policy(max_removals=Limit(50, percentage=True), levels=advisory)
        ),
    )
    told = [str(each) for each in made.verdicts if not each.passed]
    gone = "3 mentor assignments would go"
    assert told == [
        f"{gone}; 1 allowed (10% of 4), against the built-in limit max_removals",
        f"{gone}; 2 allowed (50% of 4), against policy.max_removals",
    ]


def test_the_limit_of_removals_says_how_many_have_expired():
    state = small_site(("10", "u2"), ("10", "u3"), ("11", "u2"))
    over = mentor(
        Item(TargetKind.CLASS, ref("8a"), ends=TODAY - timedelta(days=1)),
        Item(TargetKind.CLASS, ref("8b")),
        policy=Policy(),
    )
    verdict = next(each for each in plan(state, over).verdicts if each.code == "RR501")
    assert str(verdict).startswith(
        "2 mentor assignments would go, 1 of them past their last day; 1 allowed"
    )


def test_who_mentors_a_child_of_theirs_is_named_with_the_child():
    relation = Relation("10", "20", "guardian")
    policy = demand(PolicyKey.NO_SELF_MENTORING)
    made = broken(small_site(relations=(relation,)), wanting(("t-0", "8a"), policy=policy))
    assert made == {"RR516": ["t-0 (a child of theirs: s-0)"]}


def test_what_stays_because_it_is_accepted_is_a_grant_until_that_ends():
    """Else a grant went on for as long as one likes, once its item is deleted."""
    state = small_site(("10", "u2"))
    for days, found in ((10, None), (11, ["mentor/t-0/class/8a (11 days, accepted)"])):
        until = TODAY + timedelta(days=days - 1)
        accepted = (Accepted(ref("mentor/t-0/class/8a"), "o", "r", until),)
        manifest = wanting(policy=number(PolicyKey.MAX_GRANT_DAYS, 10), accepted=accepted)
        assert broken(state, manifest).get("RR518") == found


def test_a_grant_that_is_over_is_not_too_long_any_more():
    over = learner("s-0", begins=TODAY - timedelta(days=40), ends=TODAY - timedelta(days=2))
    manifest = mentor(over, learner("s-0"), policy=number(PolicyKey.MAX_GRANT_DAYS, 10))
    assert broken(small_site(), manifest) == {}


def test_learners_who_lose_their_last_mentor_are_named_once():
    state = small_site(("10", "u2"), ("11", "u3"))
    manifest = wanting(("t-0", "8a"), policy=demand(PolicyKey.EVERY_LEARNER_HAS_MENTOR))
    assert "RR520" not in [each.code for each in plan(state, manifest).warnings]


def test_who_has_left_school_needs_no_mentor():
    state = small_site(("10", "u2"))
    followed = Assignment(Role.MENTOR, "10", TargetKind.LEARNER, "20")
    state = replace(state, assignments=state.assignments | Assignments.of([followed]))
    manifest = wanting(("t-0", "8b"))
    assert "2 learners would lose" in str(plan(state, manifest).warnings[-1])
    memberships = tuple(
        each._replace(end=TODAY) if each.person == "20" else each for each in state.memberships
    )
    left = replace(state, memberships=memberships)
    warning = plan(left, manifest).warnings[-1]
    assert "1 learner would lose their last mentor: s-1." in str(warning)


def test_within_a_scope_profiles_are_nobody_s():
    allowed = {Role.MENTOR: (ref("Vikar"),)}
    people = (replace(STAFF[0], profile="p9"), *STAFF[1:], *LEARNERS)
    profiles = (*PROFILES, Profile("p9", "Vikar", frozenset({Role.MENTOR})))
    state = small_site(profiles=profiles, people=people)
    manifest = wanting(
        ("t-0", "8a"), policy=demanding(allowed_profiles=allowed), within=(ref("8a"),)
    )
    assert broken(state, manifest) == {}
    whole = wanting(("t-0", "8a"), policy=demanding(allowed_profiles=allowed))
    assert broken(state, whole) == {"RR519": ["Staff"]}


def test_protection_names_what_it_keeps_and_no_person_who_is_declared():
    section = Section((entry_of(Role.MENTOR, ref("t-0"), ()),), AT)
    policy = demanding(protected_people=(ref("t-0"),), protected_units=(ref("8b"),))
    manifest = wanting(policy=policy, sections={Role.MENTOR: section})
    (warning,) = plan(small_site(("10", "u3")), manifest).warnings
    assert warning.message.startswith("mentor/t-0/class/8b is not declared")
