"""What holds for every plan, whatever fails, dies or is chosen on the way."""

from applying import Killed
from doubles import MemoryJournal, MemorySite, apply_to
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from models import mentors_of
from strategies import TODAY, cases

from reconciler.apply.outcome import Outcome
from reconciler.errors import (
    ExitCode,
    GuardRefused,
)
from reconciler.plan.build import make_plan
from reconciler.plan.end_state import end_state
from reconciler.provider import ChangeResult


@given(cases())
@settings(max_examples=150, deadline=None)
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
@settings(max_examples=150, deadline=None)
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
@settings(max_examples=150, deadline=None)
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
