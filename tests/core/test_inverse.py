"""Taking a run back: all of it, or what nobody has changed since, and never anything else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from doubles import MemorySite, apply_to, broken_rule
from hypothesis import assume, given
from hypothesis import strategies as st
from small import plan, small_site, wanting
from strategies import AT, TODAY, cases, entry_of, examples, ref

from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import NO_ASSIGNMENTS, Assignment, Assignments
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.errors import ExitCode, PlanUnusable
from reconciler.manifest.model import Item, Manifest, Section
from reconciler.manifest.policies import Policy
from reconciler.plan.build import make_plan
from reconciler.plan.document import from_document, to_document
from reconciler.plan.end_state import value_at
from reconciler.plan.inverse import Done, Effect, inverted, plan_rollback
from reconciler.plan.order import stage
from reconciler.plan.select import Selection
from reconciler.provider import Event, Verb
from reconciler.state import LiveState

LIFTED = {"RR501": "taken back", "RR502": "taken back"}


def last_events(site: MemorySite) -> dict[Address, Event]:
    return {Address.parse(event.address): event for event in site.events}


def done(made, result, site: MemorySite, *, events: bool = True) -> Done:
    effects = [
        Effect(found.action, found.revision)
        for found in result.outcomes
        if found.revision is not None
    ]
    return Done("run-1", made.manifest, made.timezone, made.basis, effects,
                last_events(site) if events else None, made.revision, made.policies)  # fmt: skip


def rollback(run: Done, state: LiveState, **more: Selection):
    return plan_rollback(run, state, as_of=TODAY, plan_id="back", overrides=LIFTED, **more)


@pytest.mark.no_cover  # it would take half as long again
@given(cases())
@examples(150)
def test_a_run_that_is_taken_back_leaves_the_site_as_it_was(case):
    state, manifest = case
    made = make_plan(manifest, state, as_of=TODAY, plan_id="p", overrides=LIFTED)
    assume(made.actions)
    site = MemorySite(state)
    result = apply_to(made, site)
    assert result.exit_code is ExitCode.DONE
    back = rollback(done(made, result, site), site.state)
    # A holder whose profile never had the role could be taken out, but cannot be added again.
    lost = {name for name, why in kept(back).items() if "the role is not enabled" in why}
    without_holder = {name for name, why in kept(back).items() if "does not have the role" in why}
    dated = {
        name for name, why in kept(back).items() if why.startswith(("it expired", "it starts"))
    }
    assert set(kept(back)) == lost | without_holder | dated
    assert apply_to(back, site).exit_code is ExitCode.DONE
    if not lost and not dated:
        assert replace(site.state, site=state.site) == state


@pytest.mark.no_cover  # it would take half as long again
@given(cases(), st.data())
@examples(200)
def test_a_rollback_never_undoes_what_somebody_changed_since_and_is_never_refused(case, data):
    state, manifest = case
    made = make_plan(manifest, state, as_of=TODAY, plan_id="p", overrides=LIFTED)
    assume(made.actions)
    site = MemorySite(state)
    result = apply_to(made, site)
    run = done(made, result, site)
    touched: set[Address] = set()
    places = [action.address for action in made.actions] + [
        Address.assignment(*found) for found in sorted(state.assignments)
    ]
    for _ in range(data.draw(st.integers(0, 4))):
        address = data.draw(st.sampled_from(places))
        standing = value_at(site.state, address)
        if address.kind is AddressKind.LABEL:
            site.write(address, Verb.CHANGE, data.draw(st.sampled_from(["Annet", None])))
        else:
            verb = Verb.REMOVE if standing else Verb.ADD
            if broken_rule(site.state, address, verb):
                continue
            site.write(address, verb, verb is Verb.ADD)
        touched.add(address)
    run = replace(run, events=last_events(site))
    back = rollback(run, site.state)
    planned = {action.address for action in back.actions}
    assert not planned & touched
    assert planned <= {effect.action.address for effect in run.effects}
    told = " ".join(each.message for each in back.warnings)
    for effect in run.effects:
        if effect.action.address not in planned:
            assert f"{effect.action.name} is not rolled back" in told
    assert apply_to(back, site).exit_code is ExitCode.DONE
    for effect in run.effects:
        if effect.action.address in planned:
            assert value_at(site.state, effect.action.address) == effect.action.before


def applied():
    state = small_site(("11", "u2"))
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8b")))
    site = MemorySite(state)
    return made, apply_to(made, site), site


def kept(back) -> dict[str, str]:
    return dict(
        each.message.split(" is not rolled back: ", 1)
        for each in back.warnings
        if each.code == "RR506"
    )


def test_what_was_taken_back_and_made_again_is_somebody_elses():
    made, result, site = applied()
    address = Address.assignment("mentor", "10", "class", "u2")
    site.write(address, Verb.REMOVE, after=False)
    site.write(address, Verb.ADD, after=True)
    back = rollback(done(made, result, site), site.state)
    told = kept(back)
    assert told["mentor/t-0/class/8a"].startswith("admin (console) has changed it since")
    assert told["mentor/t-0"] == "the person has assignments that stay."
    without_log = rollback(done(made, result, site, events=False), site.state)
    assert kept(without_log) == {}
    assert "RR507" in {each.code for each in without_log.warnings}


def test_nobody_is_given_back_what_the_site_would_refuse():
    made, result, site = applied()
    left = tuple(replace(profile, roles=frozenset()) for profile in site.state.profiles)
    site.state = replace(
        site.state,
        profiles=left,
        assignments=Assignments.of(a for a in site.state.assignments if a.person != "11"),
        holders=frozenset(h for h in site.state.holders if h.person != "11"),
    )
    told = kept(rollback(done(made, result, site, events=False), site.state))
    assert told["mentor/t-1/class/8a"] == "the person does not have the role any more."
    gone = replace(
        site.state,
        people=tuple(each for each in site.state.people if each.id != "10"),
        assignments=NO_ASSIGNMENTS,
        holders=frozenset(),
    )
    told = kept(rollback(done(made, result, site, events=False), gone))
    assert told["mentor/t-0"] == "what it is about is not on the site any more."


def test_a_learner_is_given_back_only_where_the_site_knows_a_learner():
    assigned = Assignment(Role.MENTOR, "11", TargetKind.LEARNER, "20")
    state = small_site(("11", "u2"))
    state = replace(state, assignments=state.assignments | {assigned})
    made = plan(state, wanting(("t-1", "8a")))
    site = MemorySite(state)
    result = apply_to(made, site)
    site.state = replace(
        site.state, memberships=tuple(m for m in site.state.memberships if m.person != "20")
    )
    told = kept(rollback(done(made, result, site), site.state))
    assert told == {"mentor/t-1/learner/s-0": "its target is no learner any more."}


def test_what_left_the_scope_stays():
    state = small_site(("11", "u2"))
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8a")))
    made = replace(made, basis=replace(made.basis, scope=("u1",)))
    site = MemorySite(state)
    result = apply_to(replace(made, basis=replace(made.basis, scope=None)), site)
    moved = replace(
        site.state, units=tuple(replace(u, parent="u0") if u.id == "u2" else u
                                for u in site.state.units)
    )  # fmt: skip
    run = replace(done(made, result, site), basis=made.basis)
    told = kept(rollback(run, moved))
    assert told["mentor/t-0/class/8a"] == "it lies outside the scope of that run's manifest by now."


def test_the_guards_judge_a_rollback_too():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site = MemorySite(state)
    run = done(made, apply_to(made, site), site)
    back = plan_rollback(run, site.state, as_of=TODAY, plan_id="back")
    assert back.refused
    assert {each.code for each in back.verdicts if each.refuses} == {"RR502"}


@pytest.mark.no_cover  # it would take half as long again
@given(cases())
@examples(100)
def test_an_inverted_plan_turns_every_action_and_its_order_round(case):
    state, manifest = case
    made = make_plan(manifest, state, as_of=TODAY, plan_id="p")
    back = inverted(made)
    opposite = {Verb.ADD: Verb.REMOVE, Verb.REMOVE: Verb.ADD, Verb.CHANGE: Verb.CHANGE}
    assert {(a.address, opposite[a.verb], a.after, a.before) for a in made.actions} == {
        (a.address, a.verb, a.before, a.after) for a in back.actions
    }
    assert [stage(a) for a in back.actions] == sorted(stage(a) for a in back.actions)
    waits = {(a.address, needed) for a in made.actions for needed in a.requires}
    assert {(needed, a.address) for a in back.actions for needed in a.requires} == waits
    assert [(c.gained, c.lost) for c in back.access] == [(c.lost, c.gained) for c in made.access]


def test_an_effect_without_a_revision_is_taken_back_only_where_the_events_tell_that_it_is_ours():
    made, result, site = applied()
    run = done(made, result, site)
    unnumbered = replace(run, effects=[replace(each, revision=None) for each in run.effects])
    assert kept(rollback(unnumbered, site.state)) == {}
    address = Address.assignment("mentor", "10", "class", "u2")
    site.write(address, Verb.REMOVE, after=False)
    site.write(address, Verb.ADD, after=True)
    again = replace(unnumbered, events=last_events(site))
    told = kept(rollback(again, site.state))
    assert told["mentor/t-0/class/8a"] == (
        "the site's events do not tell whether it is still the run's."
    )


def test_what_a_run_left_in_doubt_is_named():
    made, result, site = applied()
    run = replace(done(made, result, site), unsettled=(made.actions[0],))
    (told,) = [
        each for each in rollback(run, site.state).warnings if "nobody knows" in each.message
    ]
    assert str(made.actions[0].name) in told.message


def test_a_rollback_warns_of_what_a_policy_protects_and_takes_it_away():
    site = MemorySite(small_site())
    policy = Policy(protected_people=(ref("t-0"),), protected_units=(ref("8b"),))
    made = plan(site.state, wanting(("t-0", "8a"), ("t-1", "8b"), policy=policy))
    run = done(made, apply_to(made, site), site)
    back = rollback(run, site.state)
    protected = [each for each in back.warnings if each.code == "RR509"]
    assert [str(each).partition(" is under")[0] for each in protected] == [
        "warning RR509: mentor/t-0",
        "warning RR509: mentor/t-0/class/8a",
        "warning RR509: mentor/t-1/class/8b",
    ]
    assert not back.refused
    assert len(back.actions) == 4
    fewer = rollback(run, site.state, selection=Selection(excepted=("mentor/t-0*",)))
    protected = [str(each) for each in fewer.warnings if each.code == "RR509"]
    assert [each.partition(" is under")[0] for each in protected] == [
        "warning RR509: mentor/t-1/class/8b"
    ]
    assert protected[0].endswith(
        "leave it out: --except 'mentor/t-1/class/8b' --except 'mentor/t-1'."
    )
    kept = Selection(excepted=("mentor/t-0*", "mentor/t-1/class/8b", "mentor/t-1"))
    assert not rollback(run, site.state, selection=kept).actions


def test_what_a_run_ended_by_its_dates_is_not_given_back():
    """Somebody would see learners again whom the manifest says they see no more."""
    yesterday = TODAY - timedelta(days=1)
    tomorrow = TODAY + timedelta(days=1)
    entry = entry_of(
        Role.MENTOR,
        ref("t-0"),
        (
            Item(TargetKind.CLASS, ref("8a"), ends=yesterday),
            Item(TargetKind.CLASS, ref("8b"), begins=tomorrow),
        ),
    )
    manifest = wanting(sections={Role.MENTOR: Section((entry,), AT)})
    state = small_site(("10", "u2"), ("10", "u3"))
    made = make_plan(manifest, state, as_of=TODAY, plan_id="p", overrides=LIFTED)
    site = MemorySite(state)
    run = done(made, apply_to(made, site), site)
    back = rollback(run, site.state)
    assert back.actions == ()
    assert kept(back) == {
        "mentor/t-0/class/8a": f"it expired {yesterday}.",
        "mentor/t-0/class/8b": f"it starts on {tomorrow}.",
    }
    later = plan_rollback(run, site.state, as_of=tomorrow, plan_id="back", overrides=LIFTED)
    assert [str(each.name) for each in later.actions] == ["mentor/t-0/class/8b"]


def dated(begins=None, ends=None) -> Manifest:
    item = Item(TargetKind.CLASS, ref("8a"), begins=begins, ends=ends)
    entries = (
        entry_of(Role.MENTOR, ref("t-0"), (item,)),
        entry_of(Role.MENTOR, ref("t-1"), (Item(TargetKind.CLASS, ref("8b")),)),
    )
    return wanting(sections={Role.MENTOR: Section(entries, AT)})


def test_what_ended_before_it_could_begin_again_is_not_given_back():
    begins, ends = TODAY + timedelta(days=10), TODAY + timedelta(days=20)
    site = MemorySite(small_site(("10", "u2"), ("11", "u3")))
    made = plan(site.state, dated(begins, ends))
    run = done(made, apply_to(made, site), site)
    for days, names in ((9, []), (10, ["mentor/t-0/class/8a"]), (21, [])):
        day = TODAY + timedelta(days=days)
        back = plan_rollback(run, site.state, as_of=day, plan_id="b", overrides=LIFTED)
        assert [str(each.name) for each in back.actions] == names


def test_a_rollback_that_is_rolled_back_gives_nothing_back_that_has_expired():
    ends = TODAY + timedelta(days=20)
    site = MemorySite(small_site(("11", "u3")))
    made = plan(site.state, dated(ends=ends))
    back = rollback(done(made, apply_to(made, site), site), site.state)
    again = done(back, apply_to(back, site), site)
    assert from_document(to_document(back)) == back
    for day, back_again in ((ends, True), (ends + timedelta(days=1), False)):
        forth = plan_rollback(again, site.state, as_of=day, plan_id="c", overrides=LIFTED)
        names = [str(each.name) for each in forth.actions]
        assert ("mentor/t-0/class/8a" in names) is back_again


def test_a_rollback_holds_until_what_it_gives_back_ends():
    begins, ends = TODAY + timedelta(days=2), TODAY + timedelta(days=3)
    site = MemorySite(small_site(("10", "u2"), ("11", "u3")))
    made = plan(site.state, dated(begins, ends))
    run = done(made, apply_to(made, site), site)
    back = plan_rollback(run, site.state, as_of=begins, plan_id="b", overrides=LIFTED)
    assert back.holds_until == ends
    with pytest.raises(PlanUnusable, match="held until"):
        apply_to(back, site, today=ends + timedelta(days=1))
