"""What a refusal says: why, who moved what the plan rests on, and what to do."""

from dataclasses import replace
from datetime import timedelta

import pytest
from applying import (
    CLASS,
    HOLDER,
    LATER,
    MADE,
    NEW_PLAN,
    STATE,
    answering,
    recorded,
    without_events,
)
from doubles import MemoryJournal, MemorySite, apply_to
from small import plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.apply.preflight import check_guards
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.errors import (
    ExitCode,
    GuardRefused,
    PlanUnusable,
    ReconcilerError,
    SiteError,
    WrongUse,
)
from reconciler.manifest.model import Item, Section, Settings
from reconciler.manifest.naming import UnitKey
from reconciler.manifest.policies import Limit, Policy, PolicyKey
from reconciler.plan.model import Override, Plan
from reconciler.provider import ChangeResult, Verb

ADDRESSES = "The plan's addresses stand in `reconciler show PLAN --format json`."


def refusal(made, site: MemorySite, journal=None, **more) -> tuple[type, str, str | None]:
    with pytest.raises(ReconcilerError) as caught:
        apply_to(made, site, journal, **more)
    return type(caught.value), str(caught.value), caught.value.advice


def test_a_refusal_says_what_is_the_matter_and_what_to_do():
    state = small_site()
    dated = Item(TargetKind.CLASS, ref("8b"), begins=TODAY + timedelta(days=10))
    entry = entry_of(Role.MENTOR, ref("t-0"), (Item(TargetKind.CLASS, ref("8a")), dated))
    made = plan(state, wanting(sections={Role.MENTOR: Section((entry,), AT)}))
    other = replace(state, site=replace(state.site, id="sør"))
    changes = "2026-12-03, when a date in the manifest changes it"
    site, journal = MemorySite(state), MemoryJournal()
    apply_to(made, MemorySite(state), journal)
    assert refusal(made, site, today=TODAY - timedelta(days=1)) == (
        PlanUnusable,
        "The plan is for 2026-11-24 and later; today is 2026-11-23.",
        "Apply it then, or make a plan for today.",
    )
    assert refusal(made, site, today=TODAY + timedelta(days=10)) == (
        PlanUnusable,
        f"The plan held until {changes}; today is 2026-12-04.",
        NEW_PLAN,
    )
    assert refusal(made, MemorySite(other)) == (
        PlanUnusable,
        "The plan is for the site nord, but this is sør.",
        "Check the environment.",
    )
    assert refusal(made, site, journal) == (PlanUnusable, "The plan was used before.", NEW_PLAN)
    assert refusal(made, site, only=["mentor/x"]) == (
        WrongUse,
        "--only mentor/x matches no action of the plan.",
        f"Did you mean 'mentor/*'? There is mentor/* (2). {ADDRESSES}",
    )
    assert refusal(made, site, excepted=["*"]) == (
        WrongUse,
        "--only and --except leave nothing of the plan.",
        "Choose patterns that leave something.",
    )
    assert refusal(replace(made, basis=replace(made.basis, digests={})), site) == (
        PlanUnusable,
        "The plan is the inverse of another one, for reading only.",
        "`reconciler rollback RUN` makes one that can be applied.",
    )


def test_a_site_in_constant_change_is_told_to_be_tried_later():
    site = MemorySite(STATE)
    plain = site.site

    def busy():
        site.write(Address.label("headteacher", "tool_name"), Verb.CHANGE, after="x")
        return plain()

    site.site = busy
    assert refusal(MADE, site) == (
        SiteError,
        "The site is being changed too quickly to check the plan against it.",
        "Try again later.",
    )
    assert site.sent == []


def test_a_guard_names_every_refusal_and_how_to_lift_them():
    state = small_site(("11", "u2"))
    made = plan(state, wanting(policy=Policy(max_removals=Limit(0, percentage=False))))
    removals = "1 mentor assignment would go; 0 allowed, against policy.max_removals"
    assert refusal(made, MemorySite(state)) == (
        GuardRefused,
        f"Refused by a guard: RR501: {removals}; RR502: no mentor would be left.",
        'If it is meant, run again with --override RR501 --override RR502 --reason "why".',
    )


def test_what_the_plan_lifts_needs_no_override_once_more():
    state = small_site(("11", "u2"))
    none = Policy(max_removals=Limit(0, percentage=False))
    made = plan(state, wanting(policy=none), overrides={"RR501": "approved"})
    assert refusal(made, MemorySite(state)) == (
        GuardRefused,
        "Refused by a guard: RR502: no mentor would be left.",
        'If it is meant, run again with --override RR502 --reason "why".',
    )


def test_where_a_run_takes_no_overrides_the_plan_is_made_anew_with_all_of_them():
    state = small_site(("11", "u2"))
    none = Policy(max_removals=Limit(0, percentage=False))
    made = plan(state, wanting(policy=none), overrides={"RR501": "approved"})
    with pytest.raises(GuardRefused) as caught:
        check_guards(made, state, made.actions, TODAY, None, None, {})
    both = 'with --override RR501 --override RR502 --reason "why".'
    assert caught.value.advice == f"If it is meant, run plan {both}"
    assert caught.value.site == "nord"


def test_a_guard_tells_its_reasons_one_by_one():
    state = small_site(("11", "u2"))
    made = plan(state, wanting(policy=Policy(max_removals=Limit(0, percentage=False))))
    with pytest.raises(GuardRefused) as caught:
        apply_to(made, MemorySite(state))
    assert [code for code, _ in caught.value.reasons] == ["RR501", "RR502"]
    assert caught.value.reasons[1][1] == "no mentor would be left"


def test_overrides_are_recorded_once_each_and_in_order():
    state = small_site(("11", "u2"))
    made = plan(state, wanting(policy=Policy(max_removals=Limit(0, percentage=False))))
    for codes in (("RR501", "RR502"), ("RR502", "RR501")):
        journal = MemoryJournal()
        lifted = {code: f"why {code}" for code in codes}
        apply_to(made, MemorySite(state), journal, overrides=lifted)
        overrides = [Override("RR501", "why RR501"), Override("RR502", "why RR502")]
        assert recorded(journal, "begin") == [("plan-1", overrides)]


def test_a_guard_judges_the_part_of_the_site_that_the_plan_is_for():
    state = small_site(("11", "u2"), ("12", "u3"))
    made = plan(state, replace(wanting(), within=(ref("8a"),)))
    assert len(made.actions) == 2
    assert refusal(made, MemorySite(state))[1] == (
        "Refused by a guard: RR502: no mentor would be left."
    )


def test_the_site_is_judged_as_on_the_day_of_the_plan():
    state = small_site(("11", "u2"))
    begin, end = TODAY - timedelta(days=9), TODAY + timedelta(days=9)
    state = replace(
        state,
        memberships=tuple(each._replace(begin=begin, end=end) for each in state.memberships),
    )
    learner = Item(TargetKind.LEARNER, ref("s-0"))
    section = Section((entry_of(Role.MENTOR, ref("t-1"), (learner,)),), AT)
    manifest = replace(wanting(sections={Role.MENTOR: section}), within=(ref("8a"),))
    made = plan(state, manifest)
    assert apply_to(made, MemorySite(state)).exit_code is ExitCode.DONE
    moved = replace(state, memberships=tuple(
        each._replace(end=TODAY) if each.person == "20" else each for each in state.memberships
    ))  # fmt: skip
    assert refusal(made, MemorySite(moved))[0] is PlanUnusable


def test_the_plan_s_limit_is_a_number_whatever_is_left_of_the_assignments():
    state = small_site(("11", "u2"), ("12", "u2"), ("13", "u2"))
    manifest = wanting(("t-1", "8a"), policy=Policy(max_removals=Limit(2, percentage=False)))
    assert apply_to(plan(state, manifest), MemorySite(state)).exit_code is ExitCode.DONE


# Who moved what a plan rests on


MOVED = "The plan is stale: since it was made, the site's holders changed within its scope."


def others(site: MemorySite, *people: str, **who: str) -> None:
    for person in people:
        site.write(Address.holder("mentor", person), Verb.ADD, after=True, **who)


@pytest.mark.parametrize("many", [1, 2, 3, 4])
def test_a_stale_plan_says_what_moved_and_who_moved_it(many):
    site = MemorySite(STATE)
    site.write(Address.label("headteacher", "tool_name"), Verb.CHANGE, after="x")
    others(site, *["11", "12", "13", "10"][:many])
    moves = [f"mentor/t-{n}: add by admin (console) at {LATER}" for n in (1, 2, 3)[:many]]
    more = " and 1 more" if many == 4 else ""
    assert refusal(MADE, site) == (PlanUnusable, f"{MOVED} {'; '.join(moves)}{more}.", NEW_PLAN)


@pytest.mark.parametrize(("units", "key"), [(UnitKey.SYNC_KEY, "8b"), (UnitKey.ID, "u3")])
def test_what_moved_is_named_as_the_manifest_names_it(units, key):
    state = small_site(("11", "u2"))
    target = "8a" if units is UnitKey.SYNC_KEY else "u2"
    made = plan(state, wanting(("t-1", target), ("t-0", target), settings=Settings(units=units)))
    site = MemorySite(state)
    site.write(Address.assignment("mentor", "11", "class", "u3"), Verb.ADD, after=True)
    told = f"mentor/t-1/class/{key}: add by admin (console) at {LATER}."
    assert refusal(made, site)[1].endswith(f" {told}")


def test_what_our_own_account_did_outside_the_plan_is_told_too():
    site = MemorySite(STATE)
    others(site, "11", actor="pipeline", kind="api")
    told = f"mentor/t-1: add by pipeline (api) at {LATER}."
    assert refusal(MADE, site)[1] == f"{MOVED} {told}"


def test_what_somebody_else_did_of_the_plan_itself_makes_it_stale_and_is_told():
    site = MemorySite(STATE)
    others(site, "10")
    told = f"mentor/t-0: add by admin (console) at {LATER}."
    assert refusal(MADE, site)[1] == f"{MOVED} {told}"


def test_another_run_of_ours_that_did_the_same_makes_a_plan_stale_and_is_told():
    site = MemorySite(STATE)
    others(site, "10", actor="pipeline", kind="api")
    told = f"mentor/t-0: add by pipeline (api) at {LATER}."
    assert refusal(MADE, site)[1] == f"{MOVED} {told}"


def half_done() -> tuple[Plan, MemorySite, MemoryJournal]:
    """A run that made the holder, and was refused the assignment."""
    site, journal = MemorySite(STATE), MemoryJournal()
    answering(site, {CLASS: ChangeResult(500, changed=False)})
    apply_to(MADE, site, journal)
    return MADE, site, journal


@pytest.mark.parametrize("actor", ["pipeline", None])
def test_what_the_plan_s_own_run_did_is_not_told_as_a_move(actor):
    made, site, journal = half_done()
    others(site, "11")
    site.state = replace(site.state, site=replace(site.state.site, actor=actor))
    ours = f"mentor/t-0: add by pipeline (api) at {LATER}; " if actor is None else ""
    told = f"{ours}mentor/t-1: add by admin (console) at {LATER}."
    assert refusal(made, site, journal)[1] == f"{MOVED} {told}"


def test_what_was_taken_back_says_by_whom_and_nothing_else():
    made, site, journal = half_done()
    others(site, "11")
    site.write(HOLDER, Verb.REMOVE, after=False)
    stale = "The plan is stale: an earlier run of it did mentor/t-0"
    who = f"mentor/t-0: remove by admin (console) at {LATER}"
    assert refusal(made, site, journal) == (
        PlanUnusable,
        f"{stale}, and somebody took that back since. {who}.",
        NEW_PLAN,
    )


@pytest.mark.parametrize("reason", ["no-events", "unreadable", "strange", "silent"])
def test_a_stale_plan_is_refused_also_where_nobody_can_tell_who_moved_it(reason):
    state = without_events(small_site()) if reason == "no-events" else small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site = MemorySite(state)
    others(site, "11")

    def broken(_revision):
        raise SiteError("The log cannot be read.")

    if reason == "unreadable":
        site.events_since = broken
    elif reason == "strange":
        site.events = [replace(each, address="x/y") for each in site.events]
    elif reason == "silent":
        site.events = []
    assert refusal(made, site)[1] == MOVED


def test_two_parts_that_moved_are_both_named():
    site = MemorySite(without_events(STATE))
    others(site, "11")
    site.write(Address.profile("p0", "mentor"), Verb.REMOVE, after=False)
    assert refusal(MADE, site)[1] == MOVED.replace("holders", "profiles, holders")


def named(made, site: MemorySite, journal=None, **more) -> set[tuple[str, str]]:
    """Whom a refusal names, each by id and key; the site is the plan's."""
    with pytest.raises(ReconcilerError) as caught:
        apply_to(made, site, journal, **more)
    assert caught.value.site == "nord"
    return set(caught.value.people)


def test_a_refusal_notes_whom_it_names():
    state = small_site(("10", "u2"), ("11", "u3"))
    made = plan(state, wanting(("t-0", "8a"), ("t-2", "8b")))
    demand = Policy(numbers={PolicyKey.MAX_LEARNERS_PER_MENTOR: 1})
    strict = wanting(policy=demand, sections={})
    assert named(made, MemorySite(state), site_policy=strict) == {("10", "t-0"), ("12", "t-2")}
    everybody = {("11", "t-1"), ("12", "t-2")}
    assert named(made, MemorySite(state), only=["mentor/x"]) == everybody
    moved = MemorySite(state)
    moved.write(Address.holder("mentor", "13"), Verb.ADD, after=True)
    assert named(made, moved) == {("13", "t-3"), ("actor:admin", "admin")}
    by_client = MemorySite(state)
    by_client.write(Address.holder("mentor", "13"), Verb.ADD, after=True, kind="api")
    assert named(made, by_client) == {("13", "t-3")}
    taken, journal = MemorySite(state), MemoryJournal()
    refused = ChangeResult(409, changed=False, code="x", detail="no")
    answering(taken, {Address.assignment("mentor", "12", "class", "u3"): refused})
    apply_to(made, taken, journal)
    taken.write(Address.holder("mentor", "12"), Verb.REMOVE, after=False)
    assert ("12", "t-2") in named(made, taken, journal)
    needs = {"only": ["mentor/t-2*"], "excepted": ["mentor/t-2"]}
    assert named(made, MemorySite(state), **needs) == {("12", "t-2")}
