"""What holds for every plan, whatever fails, dies or is chosen on the way."""

from dataclasses import replace

import pytest
from applying import Killed
from doubles import MemoryJournal, MemorySite, apply_to
from hypothesis import assume, given
from hypothesis import strategies as st
from models import mentors_of
from strategies import TODAY, cases, examples, ref

from reconciler.access.effective import Learners, in_effect
from reconciler.apply.outcome import Outcome
from reconciler.cause import CauseKind
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Role
from reconciler.errors import (
    ExitCode,
    GuardRefused,
)
from reconciler.manifest.model import Accepted
from reconciler.plan.build import make_plan
from reconciler.plan.end_state import end_state
from reconciler.provider import ChangeResult, Verb
from reconciler.state import LiveState

pytestmark = pytest.mark.no_cover  # it would take half as long again


@given(cases())
@examples(150)
def test_an_apply_reaches_the_end_state_and_the_next_plan_is_empty(case):
    state, manifest = case
    made = make_plan(manifest, state, as_of=TODAY, plan_id="p")
    assume(not made.refused)
    site = MemorySite(state)
    result = apply_to(made, site, MemoryJournal(), today=TODAY)
    assert result.exit_code is ExitCode.DONE
    assert {each.outcome for each in result.outcomes} <= {Outcome.SUCCEEDED}
    assert make_plan(manifest, site.state, as_of=TODAY, plan_id="q").actions == ()


@given(cases(), st.data())
@examples(150)
def test_a_run_that_dies_anywhere_is_finished_by_the_same_plan(case, data):
    """The connection breaks before or after any request; the second run does only the rest."""
    state, manifest = case
    made = make_plan(manifest, state, as_of=TODAY, plan_id="p")
    assume(made.actions and not made.refused)
    site, journal = MemorySite(state), MemoryJournal()
    dies_at, after = data.draw(st.integers(1, 7)), data.draw(st.booleans())

    calls = 0
    plain_send = site.send

    def dying_send(changes):
        nonlocal calls
        calls += 1
        if calls == dies_at:
            if after:
                plain_send(changes)
            raise Killed
        return plain_send(changes)

    site.send = dying_send
    try:
        apply_to(made, site, journal, today=TODAY)
    except Killed:
        site.send = plain_send
        result = apply_to(made, site, journal, today=TODAY)
        assert result.exit_code is ExitCode.DONE
    effects = site.state.site.revision - state.site.revision
    assert effects == len(made.actions)
    assert make_plan(manifest, site.state, as_of=TODAY, plan_id="q").actions == ()


@given(cases(), st.data())
@examples(150)
def test_whatever_fails_and_whatever_is_chosen_nobody_who_keeps_a_mentor_loses_the_last(case, data):
    state, manifest = case
    made = make_plan(manifest, state, as_of=TODAY, plan_id="p")
    assume(made.actions and not made.refused)
    names = [str(action.address) for action in made.actions]
    only = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    failing = data.draw(st.sets(st.sampled_from(names)))
    end = end_state(state, made.actions)
    keep = {learner for learner in mentors_of(state) if learner in mentors_of(end)}
    site = MemorySite(state)
    plain = site._answer

    def sometimes(change):
        if str(change.address) in failing:
            return ChangeResult(500, changed=False, code="down")
        return plain(change)

    site._answer = sometimes
    try:
        apply_to(made, site, MemoryJournal(), today=TODAY, only=only)
    except GuardRefused:
        assert site.sent == []
    assert keep <= set(mentors_of(site.state))


@given(cases(), st.data())
@examples(150)
def test_what_is_accepted_or_protected_never_makes_a_plan_that_the_site_refuses(case, data):
    """Whatever stays or is missing, what is left can be applied, and leaves nothing to do."""
    state, manifest = case
    made = make_plan(manifest, state, as_of=TODAY, plan_id="p")
    assume(made.actions)
    names = [str(action.name) for action in made.actions]
    whole = end_state(state, made.actions)
    chosen = data.draw(st.sets(st.sampled_from(names)))
    units = data.draw(st.sets(st.sampled_from([unit.id for unit in state.units]), max_size=2))
    keys = Keys(Directory(state), manifest.settings.people, manifest.settings.units)
    assume(all(keys.find_units(keys.unit(unit)) == [unit] for unit in units))
    manifest = replace(
        manifest,
        accepted=tuple(Accepted(ref(name), "owner", "reason", TODAY) for name in sorted(chosen)),
        policy=replace(
            manifest.policy, protected_units=tuple(ref(keys.unit(unit)) for unit in units)
        ),
    )
    lifted = dict.fromkeys(("RR501", "RR502"), "meant")
    made = make_plan(manifest, state, as_of=TODAY, plan_id="p", overrides=lifted)
    expired = {str(each.name) for each in made.actions if each.cause.kind is CauseKind.EXPIRED}
    assert not {str(each.name) for each in made.actions} & chosen - expired
    below = Directory(state).subtree(units)
    for action in made.actions:
        dated = action.cause.kind in (CauseKind.EXPIRED, CauseKind.NOT_STARTED)
        if action.verb is Verb.REMOVE and not dated:
            assert action.address.parts[-1] not in below
    site = MemorySite(state)
    result = apply_to(made, site, MemoryJournal(), today=TODAY)
    assert result.exit_code is ExitCode.DONE
    assert make_plan(manifest, site.state, as_of=TODAY, plan_id="q").actions == ()
    learners = Learners(Directory(state), TODAY)
    lost = seen(learners, state) - seen(learners, site.state)
    given = seen(learners, whole) - seen(learners, site.state)
    for assignment in in_effect(Directory(state), state) - in_effect(Directory(state), site.state):
        address = str(keys.name(Address.assignment(*assignment)))
        if assignment.role is Role.MENTOR and address not in expired:
            assert not learners.of(assignment) & lost & given, "their successor is accepted to miss"


def seen(learners: Learners, state: LiveState) -> frozenset[str]:
    """The learners whom a mentor sees."""
    effective = in_effect(Directory(state), state)
    mentors = [found for found in effective if found.role is Role.MENTOR]
    return frozenset().union(*map(learners.of, mentors))
