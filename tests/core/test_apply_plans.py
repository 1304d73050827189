"""Which plans may be applied, how often, and which part of them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from applying import BOTH, VIKAR, outcomes, without
from doubles import MemoryJournal, MemorySite, apply_to
from small import LEARNERS, STAFF, plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.vocabulary import (
    Capability,
    Role,
    TargetKind,
    UnitKind,
)
from reconciler.errors import (
    ExitCode,
    GuardRefused,
    PlanUnusable,
    WrongUse,
)
from reconciler.manifest.model import Item, Section
from reconciler.manifest.policies import Limit, Policy
from reconciler.plan.inverse import inverted
from reconciler.plan.model import Override
from reconciler.provider import ChangeResult, Verb
from reconciler.state import LiveState


def test_a_plan_is_used_once():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site, journal = MemorySite(state), MemoryJournal()
    assert apply_to(made, site, journal, today=TODAY).exit_code is ExitCode.DONE
    site.state = state  # somebody took it all back
    with pytest.raises(PlanUnusable, match="used before"):
        apply_to(made, site, journal, today=TODAY)


def test_a_plan_for_another_site_is_refused():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    other = replace(state, site=replace(state.site, id="sør"))
    with pytest.raises(PlanUnusable, match="for the site nord, but this is sør"):
        apply_to(made, MemorySite(other), MemoryJournal(), today=TODAY)


@pytest.mark.parametrize(
    ("address", "verb", "stale"),
    [
        (Address.assignment("mentor", "11", "class", "u3"), Verb.REMOVE, True),
        (Address.assignment("mentor", "11", "class", "u2"), Verb.ADD, True),
        (Address.holder("mentor", "13"), Verb.ADD, True),
        (Address.profile("p0", "mentor"), Verb.REMOVE, True),
        (Address.profile("p1", "mentor"), Verb.ADD, False),
        (Address.profile("p1", "headteacher"), Verb.ADD, False),
        (Address.label("mentor", "tool_name"), Verb.CHANGE, False),
        (Address.holder("headteacher", "13"), Verb.ADD, False),
    ],
)
def test_stale_is_what_the_plan_rests_on_and_nothing_else(address, verb, stale):
    state = small_site(("11", "u3"))
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8b")))
    site = MemorySite(state)
    site.write(address, verb, after="New" if verb is Verb.CHANGE else verb is Verb.ADD)
    if stale:
        with pytest.raises(PlanUnusable, match="stale"):
            apply_to(made, site, MemoryJournal(), today=TODAY)
        assert site.sent == []
    else:
        assert apply_to(made, site, MemoryJournal(), today=TODAY).exit_code is ExitCode.DONE


def test_a_key_that_moved_to_somebody_else_makes_the_plan_stale():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    swapped = [replace(STAFF[0], sync_key="t-1"), replace(STAFF[1], sync_key="t-0"), *STAFF[2:]]
    site = MemorySite(replace(state, people=(*swapped, *LEARNERS)))
    with pytest.raises(PlanUnusable, match="people"):
        apply_to(made, site, MemoryJournal(), today=TODAY)


def test_a_change_between_the_check_and_the_first_write_is_seen():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site = MemorySite(state)
    reads = 0

    def interfere():
        nonlocal reads
        reads += 1

    site.before_fetch = interfere
    plain_site = site.site

    def moved_site():
        if reads == 1:
            site.write(Address.holder("mentor", "12"), Verb.ADD, after=True)
        return plain_site()

    site.site = moved_site
    with pytest.raises(PlanUnusable, match="holders"):
        apply_to(made, site, MemoryJournal(), today=TODAY)
    assert site.sent == []


def test_a_plan_holds_from_its_day_until_a_date_changes_it():
    dated = Item(TargetKind.CLASS, ref("8b"), begins=TODAY + timedelta(days=10))
    entry = entry_of(Role.MENTOR, ref("t-0"), (Item(TargetKind.CLASS, ref("8a")), dated))
    manifest = wanting(sections={Role.MENTOR: Section((entry,), AT)})
    state = small_site()
    made = plan(state, manifest)
    assert made.holds_until == TODAY + timedelta(days=9)
    for day in (TODAY - timedelta(days=1), TODAY + timedelta(days=10)):
        with pytest.raises(PlanUnusable):
            apply_to(made, MemorySite(state), MemoryJournal(), today=day)
    day = TODAY + timedelta(days=9)
    assert apply_to(made, MemorySite(state), MemoryJournal(), today=day).exit_code == 0


def test_a_refused_plan_sends_nothing_and_an_override_with_a_reason_lifts_it():
    state = small_site(("11", "u2"), ("12", "u3"))
    manifest = wanting(("t-1", "8a"), policy=Policy(max_removals=Limit(0, percentage=False)))
    made = plan(state, manifest)
    assert made.refused
    site, journal = MemorySite(state), MemoryJournal()
    with pytest.raises(GuardRefused, match="RR501"):
        apply_to(made, site, journal, today=TODAY)
    assert site.sent == []
    assert journal.events == []
    result = apply_to(made, site, journal, today=TODAY, overrides={"RR501": "she has left"})
    assert result.exit_code is ExitCode.DONE
    assert journal.events[0] == ("begin", ("plan-1", [Override("RR501", "she has left")]))


def test_narrowing_brings_what_must_come_first_and_judges_what_is_left():
    state = small_site(("11", "u2"))
    manifest = wanting(("t-0", "8a"))
    made = plan(state, manifest)
    site = MemorySite(state)
    result = apply_to(made, site, MemoryJournal(), today=TODAY, only=["mentor/t-1/class/8a"])
    assert list(outcomes(result)) == ["mentor/t-0", "mentor/t-0/class/8a", "mentor/t-1/class/8a"]
    with pytest.raises(WrongUse, match="matches no action"):
        apply_to(made, MemorySite(state), MemoryJournal(), today=TODAY, only=["mentor/t-9*"])


def test_what_somebody_took_back_between_two_runs_makes_the_plan_stale():
    state = small_site(("10", "u2"))
    made = plan(state, wanting(("t-1", "8a")))
    site, journal = MemorySite(state), MemoryJournal()
    plain = site._answer

    def refusing(change):
        if change.verb is Verb.REMOVE:
            return ChangeResult(500, changed=False, code="down")
        return plain(change)

    site._answer = refusing
    assert apply_to(made, site, journal, today=TODAY).exit_code is ExitCode.PARTIAL
    site.write(Address.assignment("mentor", "11", "class", "u2"), Verb.REMOVE, after=False)
    site._answer = plain
    with pytest.raises(PlanUnusable, match="took that back"):
        apply_to(made, site, journal, today=TODAY)
    assert Assignment(Role.MENTOR, "10", TargetKind.CLASS, "u2") in site.state.assignments


def changed_people(state: LiveState, **changes: object) -> LiveState:
    return replace(state, people=(replace(STAFF[0], **changes), *state.people[1:]))  # type: ignore[arg-type]


ROLES_ONLY = wanting(profiles=BOTH, sections={})


@pytest.mark.parametrize(
    ("manifest", "move"),
    [
        (ROLES_ONLY, lambda s: replace(s, holders=frozenset({Holder(Role.MENTOR, "13")}))),
        (ROLES_ONLY, lambda s: changed_people(s, profile="p9")),
        (ROLES_ONLY, lambda s: replace(s, profiles=(
            VIKAR[0], replace(VIKAR[1], name="Vikar"), replace(VIKAR[2], name="x")))),
        (ROLES_ONLY, lambda s: replace(s, profiles=VIKAR[:2], people=tuple(
            replace(each, profile="p0") for each in s.people))),
        (wanting(("t-0", "8a"), ("t-1", "8a")), lambda s: replace(s, units=(
            *s.units[:3], replace(s.units[3], parent="u2", kind=UnitKind.GROUP)))),
        (wanting(("t-0", "8a"), ("t-1", "8a")), lambda s: replace(s, units=(
            *s.units[:3], replace(s.units[3], sync_key="8a")))),
        (wanting(("t-0", "8a"), ("t-1", "8a")), lambda s: replace(s, people=(
            *s.people[:2], replace(s.people[2], sync_key="t-1"), *s.people[3:]))),
    ],
    ids=["holder", "profile", "renamed", "deleted", "hierarchy", "unit-key", "person-key"],
)  # fmt: skip
def test_a_plan_is_stale_when_it_would_mean_something_else(manifest, move):
    state = small_site(("10", "u2"), profiles=VIKAR)
    made = plan(state, manifest)
    assert made.actions
    site = MemorySite(move(state))
    with pytest.raises(PlanUnusable, match="stale"):
        apply_to(made, site, MemoryJournal(), today=TODAY)
    assert site.sent == []


def test_a_plan_goes_on_once_its_manual_steps_were_done_by_hand():
    state = without(small_site(), Capability.HOLDERS)
    made = plan(state, wanting(("t-0", "8a")))
    site, journal = MemorySite(state), MemoryJournal()
    for _ in range(2):
        result = apply_to(made, site, journal, today=TODAY)
        assert outcomes(result) == {"mentor/t-0": "manual", "mentor/t-0/class/8a": "skipped"}
        assert result.exit_code is ExitCode.PARTIAL
    site.write(Address.holder("mentor", "10"), Verb.ADD, after=True)
    result = apply_to(made, site, journal, today=TODAY)
    assert outcomes(result) == {"mentor/t-0": "already", "mentor/t-0/class/8a": "succeeded"}
    assert result.exit_code is ExitCode.DONE
    with pytest.raises(PlanUnusable, match="used before"):
        apply_to(made, site, journal, today=TODAY)


def test_a_plan_with_something_open_from_another_selection_is_not_used_up():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8b")))
    site, journal = MemorySite(state), MemoryJournal()
    plain = site._answer

    def refusing(change):
        if change.address.parts[:2] == ("mentor", "10"):
            return ChangeResult(500, changed=False, code="down")
        return plain(change)

    site._answer = refusing
    only_first, only_second = ["mentor/t-0*"], ["mentor/t-1*"]
    assert apply_to(made, site, journal, today=TODAY, only=only_first).exit_code == 1
    site._answer = plain
    assert apply_to(made, site, journal, today=TODAY, only=only_second).exit_code == 0
    assert apply_to(made, site, journal, today=TODAY, only=only_first).exit_code == 0


def test_a_plan_file_without_policies_is_judged_by_the_built_in_one():
    state = small_site(("10", "u2"), ("10", "u3"), ("11", "u2"))
    made = replace(plan(state, wanting(("t-0", "8a"))), policies=())
    with pytest.raises(GuardRefused, match="RR501"):
        apply_to(made, MemorySite(state), MemoryJournal(), today=TODAY)


def test_a_plan_is_not_used_up_while_something_that_was_ever_selected_is_open():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8b")))
    site, journal = MemorySite(state), MemoryJournal()
    first = apply_to(made, site, journal, stopping=lambda: bool(site.sent))
    assert first.interrupted
    assert apply_to(made, site, journal, only=["mentor/t-0*"]).exit_code is ExitCode.DONE
    rest = apply_to(made, site, journal)
    assert rest.exit_code is ExitCode.DONE
    assert Assignment(Role.MENTOR, "11", TargetKind.CLASS, "u3") in site.state.assignments
    with pytest.raises(PlanUnusable, match="used before"):
        apply_to(made, site, journal)


@pytest.mark.parametrize("asked", [{"excepted": ["*"]}, {"only": ["mentor/t-0"],
                                                        "excepted": ["mentor/*"]}])  # fmt: skip
def test_a_selection_that_leaves_nothing_is_refused(asked):
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    with pytest.raises(WrongUse, match="leave nothing"):
        apply_to(made, MemorySite(state), **asked)


def test_a_pattern_means_the_names_that_people_read_before_any_id():
    """Somebody's key may be another one's id."""
    people = (replace(STAFF[0], sync_key="11"), *STAFF[1:], *LEARNERS)
    state = small_site(people=people)
    made = plan(state, wanting(("11", "8a"), ("t-1", "8b")))
    result = apply_to(made, MemorySite(state), only=["mentor/11/*"])
    assert list(outcomes(result)) == ["mentor/11", "mentor/11/class/8a"]
    by_id = apply_to(made, MemorySite(state), only=["mentor/10/*"])
    assert list(outcomes(by_id)) == ["mentor/11", "mentor/11/class/8a"]


def test_an_inverse_is_for_reading():
    state = small_site(("10", "u2"))
    made = plan(state, wanting(("t-1", "8a")))
    with pytest.raises(PlanUnusable, match="inverse of another one"):
        apply_to(inverted(made), MemorySite(state))
