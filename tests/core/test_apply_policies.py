"""By which policies an apply judges a saved plan, and that it takes none that is for reading."""

from dataclasses import replace
from datetime import timedelta

import pytest
from applying import answering
from doubles import MemoryJournal, MemorySite, apply_to
from small import STAFF, plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.roster import RosterSize
from reconciler.domain.vocabulary import (
    LabelField,
    MembershipRole,
    Role,
    TargetKind,
    UnitKind,
)
from reconciler.errors import ExitCode, GuardRefused, InvalidInput, PlanUnusable, WrongUse
from reconciler.manifest.model import Item, LabelSetting, Manifest, Move, Section
from reconciler.manifest.policies import Level, Limit, Policy, PolicyKey, ReasonFor
from reconciler.plan.document import from_document, to_document
from reconciler.plan.model import Plan
from reconciler.policy.model import InForce, Source
from reconciler.provider import ChangeResult
from reconciler.state import LiveState, Membership, Person, Profile, Unit

UNLIMITED = Limit(100, percentage=True)


def site_policy(**rules: object) -> Manifest:
    return wanting(policy=Policy(**rules), sections={})  # type: ignore[arg-type]


def refusal(made, site: MemorySite, policy: Manifest | None = None) -> str:
    before = site.state
    with pytest.raises(GuardRefused) as caught:
        apply_to(made, site, site_policy=policy)
    assert site.state == before
    return str(caught.value)


def test_a_saved_plan_is_judged_by_the_policy_that_the_site_has_now():
    """It may have been made where the file was not at hand, or before it became stricter."""
    site = MemorySite(small_site(("10", "u2")))
    made = plan(site.state, wanting(("t-1", "8a"), ("t-1", "8b")))
    limit = site_policy(numbers={PolicyKey.MAX_LEARNERS_PER_MENTOR: 3})
    assert refusal(made, site, limit) == (
        "Refused by a guard: RR511: a mentor would see more than 3 learners, against the site's "
        "policy max_learners_per_mentor: t-1 (4 learners)."
    )
    kept = site_policy(protected_people=(ref("t-0"),))
    assert "RR508: protected things would go" in refusal(made, site, kept)
    removals = site_policy(max_removals=Limit(0, percentage=False))
    assert "RR501: 1 mentor assignment would go" in refusal(made, site, removals)
    lifted = {"RR511": "for a week"}
    assert apply_to(made, site, site_policy=limit, overrides=lifted).verified


def test_what_breaks_a_policy_is_named_as_the_manifest_names_it():
    site = MemorySite(small_site())
    made = plan(site.state, wanting(("t-0", "8a")))
    demand = site_policy(demands=frozenset({PolicyKey.EVERY_CLASS_HAS_MENTOR}))
    assert refusal(made, site, demand).endswith("policy every_class_has_mentor: 8b.")


def test_a_policy_file_that_does_not_fit_the_site_is_refused():
    site = MemorySite(small_site())
    made = plan(site.state, wanting(("t-0", "8a")))
    with pytest.raises(InvalidInput) as caught:
        apply_to(made, site, site_policy=site_policy(protected_people=(ref("t-99"),)))
    assert [each.code for each in caught.value.diagnostics] == ["RR202"]
    assert site.state == small_site()


def test_a_plan_that_knew_the_policy_of_the_site_keeps_to_it_where_the_file_is_missing():
    site = MemorySite(small_site())
    strict, loose = (
        site_policy(numbers={PolicyKey.MAX_LEARNERS_PER_MENTOR: most}) for most in (1, 2)
    )
    made = plan(site.state, wanting(("t-0", "8a")), site_policy=strict)
    assert "RR511" in refusal(made, site)
    assert apply_to(made, site, site_policy=loose).verified, "the file says it, not the plan"


def test_the_policies_of_the_manifest_hold_beside_those_of_the_site():
    site = MemorySite(small_site())
    own = Policy(numbers={PolicyKey.MAX_LEARNERS_PER_MENTOR: 1})
    made = plan(site.state, wanting(("t-0", "8a"), policy=own))
    loose = site_policy(numbers={PolicyKey.MAX_LEARNERS_PER_MENTOR: 30})
    assert "against policy.max_learners_per_mentor" in refusal(made, site, loose)


def with_learner(reason: str | None) -> Manifest:
    item = Item(TargetKind.LEARNER, ref("s-0"), reason=reason)
    return wanting(
        sections={Role.MENTOR: Section((entry_of(Role.MENTOR, ref("t-0"), (item,)),), AT)}
    )


REASONS = site_policy(require_reason_for=(ReasonFor.INDIVIDUAL_LEARNERS,))


def test_what_a_manifest_says_is_judged_when_it_is_planned_and_counts_to_the_end():
    """A saved plan holds what it adds, and not all that its manifest says."""
    site = MemorySite(small_site())
    asked = Policy(max_removals=UNLIMITED, require_reason_for=(ReasonFor.INDIVIDUAL_LEARNERS,))
    without = replace(with_learner(None), policy=asked)
    apply_to(plan(site.state, with_learner(None)), site)
    labels = {(Role.MENTOR, LabelField.TOOL_NAME): LabelSetting("Mine", AT)}
    made = plan(site.state, replace(without, labels=labels))
    assert [str(each.name) for each in made.actions] == ["label/mentor/tool_name"]
    assert "RR517: a reason is missing" in refusal(made, site)
    lifted = plan(site.state, replace(without, labels=labels), overrides={"RR517": "known"})
    result = apply_to(lifted, site)
    assert result.verified
    assert [(each.code, each.override) for each in result.verdicts if each.override] == [
        ("RR517", "known")
    ]


def test_a_plan_that_does_not_know_what_the_site_asks_of_manifests_is_made_again():
    site = MemorySite(small_site())
    made = plan(site.state, with_learner("covers"))
    with pytest.raises(PlanUnusable) as caught:
        apply_to(made, site, site_policy=REASONS)
    assert str(caught.value) == (
        "The plan was made without the site's policy require_reason_for as it is now."
    )
    assert caught.value.advice == "Make a new plan and review it."
    again = plan(site.state, with_learner("covers"), site_policy=REASONS)
    assert apply_to(again, site, site_policy=REASONS).verified
    gone = plan(site.state, wanting(), site_policy=REASONS)
    assert apply_to(gone, site, site_policy=REASONS, overrides={"RR502": "over"}).verified


def test_a_plan_is_judged_by_who_is_in_which_unit_on_the_day_it_is_applied():
    """One made with --as-of last year, say, counted the learners of then."""
    state = small_site()
    moved = tuple(
        each._replace(begin=TODAY) if each.unit == "u2" else each for each in state.memberships
    )
    site = MemorySite(replace(state, memberships=moved))
    limit = site_policy(numbers={PolicyKey.MAX_ACCESS_GAIN: 1})
    before = TODAY - timedelta(days=1)
    made = plan(site.state, wanting(("t-0", "8a")), as_of=before, site_policy=limit)
    assert not made.refused
    assert "RR510" in refusal(made, site, limit)


def test_without_the_file_and_a_limit_of_its_own_a_plan_keeps_to_the_built_in_one():
    site = MemorySite(
        small_site(*((person, unit) for person in ("10", "11") for unit in ("u2", "u3")))
    )
    loose = site_policy(max_removals=UNLIMITED)
    own = replace(wanting(("t-0", "8a")), policy=Policy())
    made = plan(site.state, own, site_policy=loose)
    assert not made.refused
    silent = site_policy(demands=frozenset({PolicyKey.NO_SELF_MENTORING}))
    assert "RR501: 3 mentor assignments would go" in refusal(made, site, silent)


def test_an_override_in_a_plan_lifts_what_was_seen_and_nothing_else():
    """Somebody agreed to one mentor with too many learners: not to others, nor to more."""
    site = MemorySite(small_site())
    limit = site_policy(numbers={PolicyKey.MAX_LEARNERS_PER_MENTOR: 1})
    meant = {"RR511": "for a week"}
    made = plan(site.state, wanting(("t-0", "8a")), site_policy=limit, overrides=meant)
    joins = Membership("u2", "23", MembershipRole.LEARNER, True, TODAY, None)
    grown = MemorySite(replace(site.state, memberships=(*site.state.memberships, joins)))
    assert "RR511" in refusal(made, grown, limit)
    own = Policy(max_removals=UNLIMITED, numbers={PolicyKey.MAX_LEARNERS_PER_MENTOR: 1})
    of_manifest = plan(site.state, wanting(("t-0", "8a"), policy=own), overrides=meant)
    assert "against the site's policy" in refusal(of_manifest, site, limit)
    assert apply_to(made, site, site_policy=limit).verified


def test_a_redacted_plan_is_for_reading_only():
    site = MemorySite(small_site())
    made = replace(plan(site.state, wanting(("t-0", "8a"))), redacted=True)
    with pytest.raises(PlanUnusable) as caught:
        apply_to(made, site)
    assert str(caught.value) == (
        "The plan is redacted: pseudonyms stand for people, and it is for reading only."
    )
    assert caught.value.advice == "Apply the plan as it was made, without --redact."


def moving() -> tuple[Plan, LiveState, LiveState]:
    """A plan that gives t-1 8b and takes 8a from t-0, and two days.

    On the plan's day 8a is empty; later its learners are in 8a and in 8b.
    """
    stays = Assignment(Role.MENTOR, "13", TargetKind.LEARNER, "22")
    state = small_site(("10", "u2"))
    state = replace(
        state,
        holders=state.holders | {stays.holder},
        assignments=state.assignments | {stays},
    )
    in_both = tuple(
        Membership("u3", f"2{n}", MembershipRole.LEARNER, False, None, None) for n in range(2)
    )
    empty = tuple(each for each in state.memberships if each.unit != "u2")
    entries = tuple(
        entry_of(Role.MENTOR, ref(person), (item,))
        for person, item in (
            ("t-1", Item(TargetKind.CLASS, ref("8b"))),
            ("t-3", Item(TargetKind.LEARNER, ref("s-2"))),
        )
    )
    manifest = wanting(sections={Role.MENTOR: Section(entries, AT)})
    early = replace(state, memberships=empty)
    late = replace(state, memberships=(*state.memberships, *in_both))
    return plan(early, manifest), early, late


REFUSED = ChangeResult(409, changed=False, code="x", detail="no")


def test_a_removal_waits_for_who_sees_its_learners_on_the_day_of_the_apply():
    made, _, late = moving()
    failing = MemorySite(late)
    answering(failing, {Address.assignment("mentor", "11", "class", "u3"): REFUSED})
    told = {str(each.action.name): each.outcome.value for each in apply_to(made, failing).outcomes}
    assert told["mentor/t-1/class/8b"] == "failed"
    assert told["mentor/t-0/class/8a"] == "skipped"
    narrowed = apply_to(made, MemorySite(late), only=["mentor/t-0/class/8a"])
    assert "mentor/t-1/class/8b" in [str(each.action.name) for each in narrowed.outcomes]
    with pytest.raises(WrongUse, match="must wait for mentor/t-1/class/8b") as caught:
        apply_to(made, MemorySite(late), only=["mentor/t-0*"], excepted=["mentor/t-1*"])
    assert caught.value.site == "nord"
    assert set(caught.value.people) == {("10", "t-0"), ("11", "t-1")}


def test_what_is_done_waits_for_nothing_any_more():
    """The removal was made on the first day; the same command finishes the run on the second."""
    made, early, late = moving()
    site, journal = MemorySite(early), MemoryJournal()
    asked = {"only": ["mentor/t-0*"], "excepted": ["mentor/t-1*"]}
    plain = site._answer
    answering(site, {Address.holder("mentor", "10"): REFUSED})
    apply_to(made, site, journal, **asked)
    site._answer = plain
    site.state = replace(site.state, memberships=late.memberships)
    assert apply_to(made, site, journal, **asked).exit_code is ExitCode.DONE


def test_a_run_that_has_nothing_to_do_tells_what_lifts_nothing():
    state = small_site(("10", "u2"))
    result = apply_to(
        plan(state, wanting(("t-0", "8a"))), MemorySite(state), overrides={"RR510": "x"}
    )
    assert result.outcomes == ()
    assert [each.code for each in result.warnings] == ["RR505"]


def test_an_apply_tells_who_loses_their_last_mentor_and_which_override_lifts_nothing():
    site = MemorySite(small_site(("10", "u2"), ("11", "u3")))
    empty = tuple(each for each in site.state.memberships if each.unit != "u2")
    made = plan(replace(site.state, memberships=empty), wanting(("t-1", "8b")))
    assert made.warnings == ()
    result = apply_to(made, site, overrides={"RR513": "meant"})
    assert [each.code for each in result.warnings] == ["RR505", "RR520"]


def test_an_override_of_more_than_are_listed_lifts_exactly_these():
    many = [
        Person(f"3{n:03}", f"x-{n:03}", f"x{n}", None, "X", "p1", active=True) for n in range(240)
    ]

    def site(first: int, last: int) -> MemorySite:
        """Some learners are in 8b, which has no mentor; the others in 8a."""
        members = tuple(
            Membership(
                "u3" if first <= n < last else "u2",
                each.id,
                MembershipRole.LEARNER,
                True,
                None,
                None,
            )
            for n, each in enumerate(many)
        )
        return MemorySite(
            replace(small_site(("10", "u2")), people=(*STAFF, *many), memberships=members)
        )

    demand = site_policy(demands=frozenset({PolicyKey.EVERY_LEARNER_HAS_MENTOR}))
    meant = {"RR513": "those in 8b"}
    manifest = wanting(("t-0", "8a"), ("t-1", "8a"))
    made = plan(site(0, 101).state, manifest, site_policy=demand, overrides=meant)
    assert from_document(to_document(made)) == made
    assert "RR513" in refusal(made, site(120, 221), demand)
    assert "RR513" in refusal(made, site(0, 102), demand)
    assert apply_to(made, site(0, 101), site_policy=demand).verified


def test_the_verdict_about_a_manifest_is_that_of_the_same_source():
    """The site asks for less than the manifest: what one allows the other may refuse."""
    limit = {PolicyKey.MAX_GRANT_DAYS: 3}
    item = Item(TargetKind.CLASS, ref("8a"), ends=TODAY + timedelta(days=9))
    section = Section((entry_of(Role.MENTOR, ref("t-0"), (item,)),), AT)
    manifest = wanting(
        policy=Policy(max_removals=UNLIMITED, numbers=limit), sections={Role.MENTOR: section}
    )
    loose = site_policy(numbers={PolicyKey.MAX_GRANT_DAYS: 30})
    site = MemorySite(small_site())
    made = plan(site.state, manifest, site_policy=loose)
    told = refusal(made, site, loose)
    assert told.count("RR518") == 1
    assert "against policy.max_grant_days" in told


@pytest.mark.parametrize(("limit", "kept"), [("10%", False), ("50%", True)])
def test_a_plan_that_did_not_know_of_a_roster_that_was_cut_off_is_refused(limit, kept):
    """Who planned against a saved state, or with the library, may not have asked the journal."""
    had, has = RosterSize(10, 2, 8, 4, 4), RosterSize(10, 2, 8, 2, 4)
    by = InForce(PolicyKey.MAX_ROSTER_SHRINK, limit, Level.MANDATORY, Source.DEFAULT)
    made = replace(plan(small_site(), wanting(("t-0", "8a"))), rosters={"sis": has, "hr": had})
    made = replace(made, policies=(*made.policies, by))
    site, before = MemorySite(small_site()), {"sis": had, "hr": had}
    if kept:
        assert apply_to(made, site, rosters_before=before).verified
        return
    with pytest.raises(PlanUnusable) as caught:
        apply_to(made, site, rosters_before=before)
    assert site.sent == []
    assert str(caught.value) == (
        "The plan was made without knowing what its rosters had when they were last applied, and "
        "they have lost too much since (sis: from 4 to 2 teachers)."
    )
    assert caught.value.advice == "Look whether they are whole, and plan against the site itself."
    both = replace(made, rosters={"sis": has, "hr": has})
    with pytest.raises(PlanUnusable, match="hr: from 4 to 2 teachers; sis: from 4 to 2 teachers"):
        apply_to(both, site, rosters_before=before)
    knowing = replace(made, basis=replace(made.basis, rosters=before))
    assert from_document(to_document(knowing)) == knowing
    assert apply_to(knowing, MemorySite(small_site()), rosters_before=before).verified
    earlier = replace(made, basis=replace(made.basis, rosters={"sis": has, "hr": had}))
    with pytest.raises(PlanUnusable):
        apply_to(earlier, MemorySite(small_site()), rosters_before=before)


def test_what_counts_as_being_over_another_school_does_so_when_it_is_applied_too():
    """A school has another unit on the site now, with the same learners: who led it leads that."""
    own = small_site()
    people = ("20", "21")
    state = replace(
        own,
        profiles=(Profile("p0", "Staff", frozenset(Role)), own.profiles[1]),
        units=(*own.units[:2], Unit("u4", "ny", UnitKind.SCHOOL, "Ny", "u0")),
        memberships=tuple(
            Membership(unit, learner, MembershipRole.LEARNER, True, None, None)
            for unit in ("u1", "u4")
            for learner in people
        ),
        holders=frozenset({Holder(Role.HEADTEACHER, "10")}),
        assignments=Assignments.of(
            [Assignment(Role.HEADTEACHER, "10", TargetKind.SCHOOL, "u1")],
        ),
    )
    entry = entry_of(Role.HEADTEACHER, ref("t-0"), (Item(TargetKind.SCHOOL, ref("ny")),))
    manifest = wanting(
        sections={Role.HEADTEACHER: Section((entry,), AT)},
        labels={(Role.MENTOR, LabelField.TOOL_NAME): LabelSetting("Mine", AT)},
        moved=(Move(ref("skole"), ref("ny"), None),),
    )
    demand = site_policy(demands=frozenset({PolicyKey.EVERY_SCHOOL_HAS_HEADTEACHER}))
    made = plan(state, manifest, site_policy=demand)
    assert [str(each.name) for each in made.actions] == ["label/mentor/tool_name"]
    assert made.counted
    assert apply_to(made, MemorySite(state), site_policy=demand).verified
    assert "RR515: " in refusal(replace(made, moved=()), MemorySite(state), demand)


def test_a_limit_of_the_site_takes_the_place_of_the_built_in_one():
    site = MemorySite(small_site(("10", "u2"), ("10", "u3"), ("11", "u2")))
    made = plan(site.state, replace(wanting(("t-0", "8a")), policy=Policy()))
    assert made.refused
    assert apply_to(made, site, site_policy=site_policy(max_removals=UNLIMITED)).verified
