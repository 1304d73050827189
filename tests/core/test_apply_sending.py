"""What is sent and what waits, what fails or is lost, and how the next run goes on."""

from dataclasses import replace

import pytest
from applying import BOTH, VIKAR, Killed, outcomes, without
from doubles import MemoryJournal, MemorySite, OneByOne, apply_to
from small import LEARNERS, STAFF, plan, small_site, wanting
from strategies import AT, TODAY, ref

from reconciler.apply.engine import Order, apply_plan
from reconciler.apply.outcome import Outcome
from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment
from reconciler.domain.vocabulary import (
    Capability,
    LabelField,
    Role,
    TargetKind,
    UnitKind,
)
from reconciler.errors import (
    ExitCode,
    RequestRefused,
    Undelivered,
    Unreachable,
)
from reconciler.manifest.model import LabelSetting, ProfileSetting
from reconciler.plan.model import Plan
from reconciler.provider import ChangeResult, Verb
from reconciler.state import Labels, LiveState, Unit


def test_a_failed_addition_keeps_the_old_mentor_and_the_rest_goes_on():
    state = small_site(("11", "u2"), ("12", "u3"))
    made = plan(state, wanting(("t-0", "8a"), ("t-3", "8b")))
    site = MemorySite(state)
    plain = site._answer

    def failing(change):
        if str(change.address) == "mentor/10/class/u2":
            return replace(plain(replace(change, verb=Verb.REMOVE)), status=409, code="no")
        return plain(change)

    site._answer = failing
    result = apply_to(made, site, MemoryJournal(), today=TODAY)
    told = outcomes(result)
    assert told["mentor/t-0/class/8a"] == "failed"
    assert told["mentor/t-1/class/8a"] == "skipped"
    assert told["mentor/t-1"] == "skipped"
    assert told["mentor/t-3/class/8b"] == "succeeded"
    assert told["mentor/t-2/class/8b"] == "succeeded"
    assert result.exit_code is ExitCode.PARTIAL
    assert Assignment(Role.MENTOR, "11", TargetKind.CLASS, "u2") in site.state.assignments


def test_a_failure_is_tried_again_by_the_same_plan_with_a_new_key():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site, journal = MemorySite(state), MemoryJournal()
    healthy = state.profiles
    site.state = replace(state, profiles=state.profiles)
    plain = site._answer
    broken = True

    def sometimes(change):
        if broken and change.address.parts[-1] == "u2":
            answer = replace(plain(replace(change, verb=Verb.REMOVE)), status=500, code="down")
            site.answers[change.key] = answer
            return answer
        return plain(change)

    site._answer = sometimes
    assert apply_to(made, site, journal, today=TODAY).exit_code is ExitCode.PARTIAL
    broken = False
    assert apply_to(made, site, journal, today=TODAY).exit_code is ExitCode.DONE
    assert site.state.profiles == healthy


@pytest.mark.parametrize(("committed", "outcome"), [(True, "succeeded"), (False, "unknown")])
@pytest.mark.parametrize("events", [True, False])
def test_a_lost_answer_is_asked_for_once_more_and_then_looked_up(committed, outcome, events):
    state = small_site() if events else without(small_site(), Capability.EVENTS)
    made = plan(state, wanting(("t-0", "8a")), only=["mentor/t-0"])
    site = MemorySite(state)
    plain = site.send
    keys = []

    def lost(changes):
        keys.extend(change.key for change in changes)
        if committed:
            plain(changes)
        raise Unreachable("The connection broke.")

    site.send = lost
    result = apply_to(made, site)
    assert outcomes(result) == {"mentor/t-0": outcome}
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert site.state.site.revision == state.site.revision + committed
    assert result.exit_code is (ExitCode.DONE if committed else ExitCode.PARTIAL)


def test_what_waits_for_a_lost_answer_goes_on_when_the_site_confirms_it():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site = MemorySite(state)
    plain = site.send

    def lost_at_first(changes):
        results = plain(changes)
        if changes[0].address == Address.holder("mentor", "10"):
            raise Unreachable("The connection broke.")
        return results

    site.send = lost_at_first
    result = apply_to(made, site)
    assert outcomes(result) == {"mentor/t-0": "succeeded", "mentor/t-0/class/8a": "succeeded"}
    assert [found.revision for found in result.outcomes] == [6, 7]


def test_a_request_that_is_never_answered_does_not_keep_the_others_from_going():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8b")))
    site = MemorySite(state)
    plain = site.send

    def poisoned(changes):
        if any(change.address.parts[:2] == ("mentor", "10") for change in changes):
            raise Unreachable("500")
        return plain(changes)

    site.send = poisoned
    result = apply_plan(
        made, site, OneByOne(site, batch_limit=1, capacity=2), MemoryJournal(), Order(TODAY)
    )
    told = outcomes(result)
    assert told["mentor/t-0"] == "unknown"
    assert told["mentor/t-0/class/8a"] == "skipped"
    assert told["mentor/t-1/class/8b"] == "succeeded"
    assert result.exit_code is ExitCode.PARTIAL


def test_what_was_never_delivered_has_failed_and_stops_the_run():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site = MemorySite(state)

    def refused(_changes):
        raise Undelivered("Connection refused.")

    site.send = refused
    result = apply_to(made, site)
    assert outcomes(result) == {"mentor/t-0": "failed", "mentor/t-0/class/8a": "skipped"}
    assert result.note == "Connection refused."


def test_a_site_that_says_yes_and_does_no_is_found_out():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site = MemorySite(state)
    site.write = lambda *_args, **_kwargs: None
    result = apply_to(made, site, MemoryJournal(), today=TODAY)
    assert outcomes(result)["mentor/t-0"] == "failed"
    assert result.exit_code is ExitCode.FAILED


def test_a_read_back_that_fails_is_no_proof():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site = MemorySite(state)

    def broken():
        if site.sent:
            raise Unreachable("Nobody answers.")

    site.before_fetch = broken
    result = apply_to(made, site, MemoryJournal(), today=TODAY)
    assert not result.verified
    assert result.exit_code is ExitCode.PARTIAL


def test_a_refused_request_stops_the_run_and_says_why():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site = MemorySite(state)

    def refuse(_changes):
        raise RequestRefused("The token may not write.", status=403)

    site.before_send = refuse
    result = apply_to(made, site, MemoryJournal(), today=TODAY)
    assert outcomes(result) == {"mentor/t-0": "failed", "mentor/t-0/class/8a": "skipped"}
    assert "may not write" in result.note


def test_what_the_site_cannot_do_is_manual_and_never_dropped():
    site_without = replace(
        small_site().site, capabilities=frozenset(Capability) - {Capability.LABELS}
    )
    state = small_site(site=site_without)
    manifest = wanting(
        ("t-0", "8a"),
        labels={(Role.MENTOR, LabelField.TOOL_NAME): LabelSetting("Elever", AT)},
    )
    result = apply_to(plan(state, manifest), MemorySite(state), MemoryJournal(), today=TODAY)
    assert outcomes(result)["label/mentor/tool_name"] == "manual"
    assert outcomes(result)["mentor/t-0/class/8a"] == "succeeded"
    assert result.exit_code is ExitCode.PARTIAL


def test_more_than_a_batch_goes_in_several_requests():
    classes = tuple(Unit(f"c{n}", f"class-{n}", UnitKind.CLASS, f"C{n}", "u1") for n in range(1201))
    state = small_site()
    state = replace(state, units=(*state.units, *classes))
    manifest = wanting(*(("t-0", f"class-{n}") for n in range(1201)))
    told: list[tuple[int, int]] = []
    site = MemorySite(state)

    def watch(report):
        told.append((report.settled, report.total))

    result = apply_to(plan(state, manifest), site, watcher=watch)
    assert result.exit_code is ExitCode.DONE
    assert [len(batch) for batch in site.sent] == [1, 500, 500, 201]
    assert told[0] == (0, 1202)
    assert told[-1] == (1202, 1202)


def test_profiles_and_labels_are_applied_and_reset():
    labels = (Labels(Role.MENTOR, "Alt", "Gammel"), Labels(Role.HEADTEACHER, None, None))
    state = small_site(labels=labels)
    manifest = wanting(
        profiles={Role.MENTOR: ProfileSetting((ref("Student"),), AT)},
        labels={
            (Role.MENTOR, LabelField.TOOL_NAME): LabelSetting(None, AT),
            (Role.HEADTEACHER, LabelField.ROLE_NAME): LabelSetting("校長", AT),
        },
        sections={},
    )
    site = MemorySite(state)
    assert apply_to(plan(state, manifest), site, MemoryJournal(), today=TODAY).exit_code == 0
    assert site.state.labels == (
        Labels(Role.MENTOR, None, "Gammel"),
        Labels(Role.HEADTEACHER, None, "校長"),
    )
    assert [profile.roles for profile in site.state.profiles] == [set(), {Role.MENTOR}]


# What a review found; each of these once ended with a learner unseen or a history untrue.


def substitute_waiting(*mentors: tuple[str, str]) -> LiveState:
    """As `small_site`, with t-1 on a profile on which the role is not enabled yet."""
    people = (STAFF[0], replace(STAFF[1], profile="p9"), *STAFF[2:], *LEARNERS)
    return small_site(*mentors, people=people, profiles=VIKAR)


@pytest.mark.parametrize("live", [(("10", "u2"), ("11", "u2")), (("10", "u2"),)])
def test_a_removal_waits_for_the_role_that_gives_its_successor_effect(live):
    state = substitute_waiting(*live)
    made = plan(state, wanting(("t-1", "8a"), profiles=BOTH))
    removal = next(each for each in made.actions if str(each.name) == "mentor/t-0/class/8a")
    enabling = Address.profile("p9", "mentor")
    addition = next((each for each in made.actions if each.verb is Verb.ADD
                     and str(each.name) == "mentor/t-1/class/8a"), None)  # fmt: skip
    assert enabling in (removal.requires if addition is None else addition.requires)
    site = MemorySite(state)
    plain = site._answer

    def refusing(change):
        if change.address == enabling:
            return replace(plain(replace(change, verb=Verb.REMOVE)), status=500, code="down")
        return plain(change)

    site._answer = refusing
    apply_to(made, site, MemoryJournal(), today=TODAY)
    assert Assignment(Role.MENTOR, "10", TargetKind.CLASS, "u2") in site.state.assignments
    narrowed = MemorySite(state)
    apply_to(made, narrowed, MemoryJournal(), today=TODAY, only=["mentor/t-0*"])
    assert Role.MENTOR in narrowed.state.profiles[2].roles


def test_what_somebody_did_in_the_meantime_is_seen_and_what_waits_for_it_goes_on():
    """A 412 for what stands by now is what the plan wanted."""
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site, journal = MemorySite(state), MemoryJournal()

    def somebody_else(changes):
        if not site.sent:
            site.write(changes[0].address, Verb.ADD, after=True)

    site.before_send = somebody_else
    result = apply_to(made, site, journal)
    assert outcomes(result) == {"mentor/t-0": "already", "mentor/t-0/class/8a": "succeeded"}
    assert result.exit_code is ExitCode.DONE


def test_nothing_applied_is_a_failure_and_not_a_part():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site = MemorySite(state)

    def refuse(_changes):
        raise RequestRefused("The token may not write.", status=403)

    site.before_send = refuse
    assert apply_to(made, site, MemoryJournal(), today=TODAY).exit_code is ExitCode.FAILED


# What a second review found; each of these once misled somebody about who may read a child's file.


def killed_after_sending(site: MemorySite, made: Plan, journal: MemoryJournal, address: Address):
    """Run a plan until the request with an address was sent, and took effect, unanswered."""
    plain = site.send

    def dying(changes):
        results = plain(changes)
        if any(change.address == address for change in changes):
            raise Killed
        return results

    site.send = dying
    with pytest.raises(Killed):
        apply_to(made, site, journal)
    site.send = plain


def test_what_somebody_took_back_after_a_crash_keeps_the_old_mentor():
    """The key's old answer says that it was done; the site says that it does not stand."""
    state = small_site(("10", "u2"))
    made = plan(state, wanting(("t-1", "8a")))
    site, journal = MemorySite(state), MemoryJournal()
    addition = Address.assignment("mentor", "11", "class", "u2")
    killed_after_sending(site, made, journal, addition)
    site.write(addition, Verb.REMOVE, after=False)
    result = apply_to(made, site, journal)
    told = outcomes(result)
    assert told["mentor/t-1/class/8a"] == "failed"
    assert told["mentor/t-0/class/8a"] == told["mentor/t-0"] == "skipped"
    detail = next(each.detail for each in result.outcomes if each.action.address == addition)
    assert "admin (console) has changed it since" in detail
    assert Assignment(Role.MENTOR, "10", TargetKind.CLASS, "u2") in site.state.assignments


def test_after_a_crash_the_effect_is_the_first_runs_and_the_plan_goes_on():
    state = small_site(("10", "u2"))
    made = plan(state, wanting(("t-1", "8a")))
    site, journal = MemorySite(state), MemoryJournal()
    addition = Address.assignment("mentor", "11", "class", "u2")
    killed_after_sending(site, made, journal, addition)
    result = apply_to(made, site, journal)
    assert outcomes(result)["mentor/t-1/class/8a"] == "already"
    assert outcomes(result)["mentor/t-0/class/8a"] == "succeeded"
    (cleared,) = [told for event, told in journal.events if event == "cleared"]
    assert [(each.action.address, each.outcome, each.revision) for each in cleared] == [
        (addition, Outcome.SUCCEEDED, 7)
    ]


def test_a_refusal_proves_nothing_while_the_lost_request_may_still_arrive():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")), only=["mentor/t-0"])
    site, journal = MemorySite(state), MemoryJournal()
    keys = []

    def lost(changes):
        keys.extend(change.key for change in changes)
        raise Unreachable("The connection broke.")

    plain = site.send
    site.send = lost
    assert outcomes(apply_to(made, site, journal)) == {"mentor/t-0": "unknown"}

    def refusing(changes):
        keys.extend(change.key for change in changes)
        return [ChangeResult(500, changed=False, code="down") for _ in changes]

    site.send = refusing
    journal.arriving = {Address.holder("mentor", "10")}
    assert outcomes(apply_to(made, site, journal)) == {"mentor/t-0": "unknown"}
    journal.arriving = set()
    assert outcomes(apply_to(made, site, journal)) == {"mentor/t-0": "failed"}
    assert len(set(keys)) == 1, "the key stays until it is refused for good"
    site.send = plain
    assert apply_to(made, site, journal).exit_code is ExitCode.DONE


def test_what_was_refused_and_then_done_by_somebody_else_is_not_called_ours():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")), only=["mentor/t-0"])
    site, journal = MemorySite(state), MemoryJournal()

    def refuse(_changes):
        raise RequestRefused("The token may not write.", status=403)

    site.before_send = refuse
    apply_to(made, site, journal)
    site.write(Address.holder("mentor", "10"), Verb.ADD, after=True)
    (found,) = apply_to(made, site, journal).outcomes
    assert (found.outcome, found.detail) == (Outcome.ALREADY, "it was so already")


def test_a_site_that_asks_for_a_long_pause_is_left_alone():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site = MemorySite(state)
    calls = []

    def busy(changes):
        calls.append(changes)
        error = Unreachable("503")
        error.retry_after = 600.0
        raise error

    site.send = busy
    result = apply_to(made, site)
    assert len(calls) == 1
    assert result.note == "503"
