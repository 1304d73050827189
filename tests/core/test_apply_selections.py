"""What an apply takes of a plan when told where, and what it records when there is nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from applying import CLASS, HOLDER, STATE, answering, outcomes, recorded
from doubles import MemoryJournal, MemorySite, apply_to
from small import plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.apply.journal import RunEnd
from reconciler.apply.outcome import ApplyResult
from reconciler.domain.roster import RosterSize
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind
from reconciler.errors import WrongUse
from reconciler.manifest.model import Item, Manifest, Section, Settings
from reconciler.manifest.naming import UnitKey
from reconciler.provider import ChangeResult
from reconciler.state import Membership

BOTH = wanting(("t-0", "8a"), ("t-1", "8b"))
"""A mentor for each of the two classes."""


def learners_of(person: str, learner: str) -> Manifest:
    """A manifest in which somebody is a mentor of one learner."""
    entry = entry_of(Role.MENTOR, ref(person), (Item(TargetKind.LEARNER, ref(learner)),))
    return wanting(sections={Role.MENTOR: Section((entry,), AT)})


@pytest.mark.parametrize(("asked", "done"), [
    ({"only": ["within:8b"]}, ["mentor/t-1", "mentor/t-1/class/8b"]),
    ({"excepted": ["within:8b"]}, ["mentor/t-0", "mentor/t-0/class/8a"]),
    ({"only": ["within:skole"], "excepted": ["within:8a"]}, ["mentor/t-1", "mentor/t-1/class/8b"]),
])  # fmt: skip
def test_what_lies_in_a_place_is_found_on_the_site(asked, done):
    result = apply_to(plan(STATE, BOTH), MemorySite(STATE), **asked)
    assert list(outcomes(result)) == done


def test_a_place_is_named_as_the_plan_names_units():
    """Its basis says by what: the manifest is not at hand any more."""
    made = plan(STATE, wanting(("t-0", "u2"), ("t-1", "u3"), settings=Settings(units=UnitKey.ID)))
    result = apply_to(made, MemorySite(STATE), only=["within:u2"])
    assert [str(each.action.address) for each in result.outcomes] == [str(HOLDER), str(CLASS)]


def test_a_learner_lies_where_they_are_on_the_day_of_the_run():
    """They change classes between the day of the plan and the day on which it is applied."""
    tomorrow = TODAY + timedelta(days=1)
    stays = tuple(each for each in STATE.memberships if each.person != "20")
    first = Membership("u2", "20", MembershipRole.LEARNER, True, None, tomorrow)
    then = Membership("u3", "20", MembershipRole.LEARNER, True, tomorrow, None)
    state = replace(STATE, memberships=(*stays, first, then))
    made = plan(state, learners_of("t-0", "s-0"))
    assert outcomes(apply_to(made, MemorySite(state), only=["within:8a"]))
    later = MemorySite(state)
    result = apply_to(made, later, today=tomorrow, only=["within:8b"])
    assert list(outcomes(result)) == ["mentor/t-0", "mentor/t-0/learner/s-0"]


def test_what_an_earlier_run_did_is_left_as_it_was_when_the_place_is_sought():
    """Half of it stands: it is still the same plan, and the other half is what is asked for."""
    made = plan(STATE, BOTH)
    site, journal = MemorySite(STATE), MemoryJournal()
    answering(site, {CLASS: ChangeResult(500, changed=False)})
    apply_to(made, site, journal, only=["within:8a"])
    site.answers.clear()
    del site._answer
    result = apply_to(made, site, journal, only=["within:8a"])
    assert outcomes(result) == {
        "mentor/t-0": "already",
        "mentor/t-0/class/8a": "succeeded",
    }


@pytest.mark.parametrize(("asked", "sentence", "advice"), [
    (
        {"only": ["within:skolle"]},
        "--only within:skolle: the site has no unit with the sync_key skolle.",
        "Did you mean 'skole'?",
    ),
    (
        {"only": ["within:8b"]},
        "--only and --except leave nothing of the plan.",
        "Choose patterns that leave something.",
    ),
])  # fmt: skip
def test_a_place_in_which_nothing_changes_is_refused(asked, sentence, advice):
    site, journal = MemorySite(STATE), MemoryJournal()
    with pytest.raises(WrongUse) as caught:
        apply_to(plan(STATE, wanting(("t-0", "8a"))), site, journal, **asked)
    assert (str(caught.value), caught.value.advice) == (sentence, advice)
    assert (site.sent, journal.events) == ([], [])


def test_who_cannot_be_left_out_is_told_by_key_and_noted():
    made = plan(STATE, wanting(("t-0", "8a")))
    with pytest.raises(WrongUse) as caught:
        apply_to(made, MemorySite(STATE), only=["within:8a"], excepted=["mentor/t-0"])
    assert str(caught.value).startswith("mentor/t-0/class/8a must wait for mentor/t-0, which")
    assert (caught.value.site, set(caught.value.people)) == ("nord", {("10", "t-0")})


SIZE = RosterSize(9, 1, 2, 2, 2)
OTHER = SIZE._replace(people=8)


def nothing_to_do(
    rosters: dict[str, RosterSize], before: dict[str, RosterSize], *only: str
) -> tuple[ApplyResult, MemoryJournal, MemorySite]:
    """Apply a plan that changes nothing, by such rosters, after an apply with others."""
    state = small_site(("10", "u2"))
    made = replace(plan(state, wanting(("t-0", "8a")), only=only), rosters=rosters)
    assert made.actions == ()
    site, journal = MemorySite(state), MemoryJournal()
    return apply_to(made, site, journal, rosters_before=before), journal, site


@pytest.mark.parametrize("before", [{}, {"sis": OTHER}, {"hr": SIZE}])
def test_rosters_unlike_those_before_are_recorded_though_there_is_nothing_to_do(before):
    result, journal, site = nothing_to_do({"sis": SIZE}, before)
    assert recorded(journal, "begin") == [("plan-1", [])]
    assert recorded(journal, "end") == [(RunEnd.DONE, "")]
    assert journal.earlier(plan(STATE, BOTH)).used
    assert (result.run, result.plan, result.site) == ("run-1", "plan-1", "nord")
    assert (result.outcomes, result.verified, result.note) == ((), True, "")
    assert site.sent == []


@pytest.mark.parametrize(("rosters", "before", "only"), [
    ({}, {}, ()),
    ({}, {"sis": SIZE}, ()),
    ({"sis": SIZE}, {"sis": SIZE, "hr": SIZE}, ()),
    ({"sis": SIZE}, {}, ("mentor/t-0",)),
])  # fmt: skip
def test_any_other_run_with_nothing_to_do_is_not_recorded(rosters, before, only):
    result, journal, site = nothing_to_do(rosters, before, *only)
    assert journal.events == []
    assert (result.run, result.plan, result.site) == ("", "plan-1", "nord")
    assert (result.outcomes, result.verified, result.note) == ((), True, "")
    assert {each.code for each in result.verdicts} == {"RR501", "RR502"}
    assert site.sent == []
