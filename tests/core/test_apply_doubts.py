"""What earlier runs left in doubt, of the same plan and of others."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from applying import (
    CLASS,
    DOUBT,
    FOUND,
    HOLDER,
    MADE,
    NEVER,
    STATE,
    TAKEN_BACK,
    Killed,
    answering,
    losing,
    reasons,
    recorded,
    without_events,
)
from doubles import MemoryJournal, MemorySite, apply_to
from small import plan, small_site, wanting

from reconciler.apply.journal import Doubt
from reconciler.apply.outcome import ActionOutcome
from reconciler.domain.address import Address
from reconciler.domain.assignments import Holder
from reconciler.domain.vocabulary import Role
from reconciler.errors import JournalError, PlanUnusable, SiteError
from reconciler.plan.model import Plan
from reconciler.provider import ChangeResult, Verb
from reconciler.state import LiveState


def in_doubt(state: LiveState, *, arrives: bool) -> tuple[Plan, MemorySite, MemoryJournal]:
    """A run that was killed in the middle of its first request."""
    made = plan(state, wanting(("t-0", "8a")), only=["mentor/t-0"])
    site, journal = MemorySite(state), MemoryJournal()
    plain = site.send

    def killed(changes):
        if arrives:
            plain(changes)
        raise Killed

    site.send = killed
    with pytest.raises(Killed):
        apply_to(made, site, journal)
    site.send = plain
    return made, site, journal


def cleared(journal: MemoryJournal) -> list[tuple[str, str, str, int | None]]:
    return [
        (str(each.action.name), each.outcome.value, each.detail, each.revision)
        for batch in recorded(journal, "cleared")
        for each in batch
    ]


def test_the_answer_to_an_old_key_tells_that_the_earlier_run_did_it():
    made, site, journal = in_doubt(small_site(), arrives=True)
    result = apply_to(made, site, journal)
    assert reasons(result) == [("already", "an earlier run has done it")]
    assert cleared(journal) == [("mentor/t-0", "succeeded", "", 6)]
    assert site.state.site.revision == 6


def test_a_change_of_this_run_tells_that_the_earlier_one_never_arrived():
    made, site, journal = in_doubt(small_site(), arrives=False)
    result = apply_to(made, site, journal)
    assert reasons(result) == [("succeeded", "")]
    assert cleared(journal) == [("mentor/t-0", "failed", NEVER, None)]


@pytest.mark.parametrize(("arrives", "history"), [
    (True, [("mentor/t-0", "succeeded", FOUND, 6)]),
    (False, [("mentor/t-0", "failed", NEVER, None)]),
])  # fmt: skip
def test_where_the_key_is_forgotten_the_events_tell(arrives, history):
    made, site, journal = in_doubt(small_site(), arrives=arrives)
    site.answers.clear()
    if not arrives:
        site.before_send = lambda _changes: site.write(HOLDER, Verb.ADD, after=True)
    result = apply_to(made, site, journal)
    assert reasons(result) == [("already", "it was so when read back")]
    assert cleared(journal) == history


def test_without_events_the_doubt_stays():
    made, site, journal = in_doubt(without_events(small_site()), arrives=True)
    site.answers.clear()
    result = apply_to(made, site, journal)
    assert reasons(result) == [("already", "it was so when read back")]
    assert cleared(journal) == []


def test_a_refusal_settles_nothing_while_the_earlier_request_may_still_arrive():
    made, site, journal = in_doubt(STATE, arrives=False)
    journal.arriving.add(HOLDER)
    answering(site, {HOLDER: ChangeResult(500, changed=False)})
    result = apply_to(made, site, journal)
    assert reasons(result) == [("unknown", DOUBT)]
    assert cleared(journal) == []


@pytest.mark.parametrize(("arrives", "history"), [
    (True, [("mentor/t-0", "succeeded", FOUND, 6)]),
    (False, []),
])  # fmt: skip
def test_what_may_still_arrive_is_cleared_only_once_it_is_seen(arrives, history):
    made, site, journal = in_doubt(STATE, arrives=arrives)
    journal.arriving.add(HOLDER)

    def no_change(_change):
        if not arrives:
            site.write(HOLDER, Verb.ADD, after=True)
        return ChangeResult(200, changed=False)

    site._answer = no_change
    result = apply_to(made, site, journal)
    assert reasons(result) == [("already", "it was so already")]
    assert cleared(journal) == history


def test_what_the_earlier_run_did_and_somebody_took_back_has_failed():
    made, site, journal = in_doubt(STATE, arrives=True)
    site.write(HOLDER, Verb.REMOVE, after=False)
    result = apply_to(made, site, journal)
    assert reasons(result) == [("failed", TAKEN_BACK)]
    assert cleared(journal) == [("mentor/t-0", "succeeded", "", 6)]
    assert site.state.site.revision == 7


def test_what_is_still_open_or_not_sent_again_clears_nothing():
    made, site, journal = in_doubt(small_site(), arrives=False)
    losing(site, arrives=False)
    apply_to(made, site, journal)
    assert cleared(journal) == []
    made, site, journal = in_doubt(small_site(), arrives=False)
    apply_to(made, site, journal, stopping=lambda: True)
    assert cleared(journal) == []


def test_each_doubt_of_a_run_is_cleared_in_its_own_way():
    state = small_site()
    made = plan(state, wanting(*((f"t-{n}", "8a") for n in range(3))),
                only=[f"mentor/t-{n}" for n in range(3)])  # fmt: skip
    site, journal = MemorySite(state), MemoryJournal()
    plain = site.send

    def killed(changes):
        plain(changes[:2])
        raise Killed

    site.send = killed
    with pytest.raises(Killed):
        apply_to(made, site, journal)
    site.send = plain
    del site.answers[site.sent[0][1].key]
    apply_to(made, site, journal)
    assert cleared(journal) == [
        ("mentor/t-0", "succeeded", "", 6),
        ("mentor/t-2", "failed", NEVER, None),
        ("mentor/t-1", "succeeded", FOUND, 7),
    ]


def test_what_an_earlier_run_did_is_not_sent_again_and_nothing_is_cleared():
    site, journal = MemorySite(STATE), MemoryJournal()
    answering(site, {CLASS: ChangeResult(500, changed=False)})
    plain = MemorySite._answer
    apply_to(MADE, site, journal)
    site._answer = lambda change: plain(site, change)
    result = apply_to(MADE, site, journal)
    assert reasons(result) == [("already", "an earlier run has done it"), ("succeeded", "")]
    assert cleared(journal) == []


def test_a_disk_that_is_full_when_a_doubt_is_cleared_is_told():
    made, site, journal = in_doubt(small_site(), arrives=True)

    def full(_outcomes):
        raise JournalError("The disk is full.")

    journal.cleared = full
    result = apply_to(made, site, journal)
    assert result.note == "The disk is full."


# What runs of other plans left in doubt


class Doubtful(MemoryJournal):
    """A journal in which runs of other plans left doubts on some sites."""

    def __init__(self, doubts: Sequence[Doubt]) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str, int | None]] = []
        self._doubts = doubts

    def doubts(self, site: str, *, but: str) -> list[Doubt]:
        assert (site, but) == ("nord", "plan-1")
        return list(self._doubts)

    def clear(self, site: str, found: Iterable[tuple[Doubt, ActionOutcome]]) -> None:
        assert site == "nord"
        self.found += [
            (doubt.run, each.outcome.value, each.detail, each.revision)
            for doubt, each in found
            if each.action is doubt.action
        ]


def other_runs(state: LiveState) -> list[Doubt]:
    """Who took effect, whose like was there before, who tried the same, and what others did."""
    made = plan(state, wanting(("t-1", "8a"), ("t-2", "8a"), ("t-3", "8a")))
    first, second, third = made.actions[:3]
    return [
        Doubt("late", first, 6, arriving=True),
        Doubt("early", second, 7, arriving=False),
        Doubt("again", first, 6, arriving=False),
        Doubt("young", third, 5, arriving=True),
        Doubt("others", third, 5, arriving=False),
    ]


def after_other_runs(state: LiveState) -> MemorySite:
    site = MemorySite(state)
    ours = {"actor": "pipeline", "kind": "api"}
    site.write(Address.holder("mentor", "13"), Verb.ADD, after=True)
    site.write(Address.holder("mentor", "12"), Verb.ADD, after=True, **ours)
    site.write(Address.holder("mentor", "11"), Verb.ADD, after=True, **ours)
    return site


def test_the_events_tell_what_became_of_what_other_plans_left_in_doubt():
    state = small_site()
    site, journal = after_other_runs(state), Doubtful(other_runs(state))
    apply_to(plan(site.state, wanting(("t-0", "8a"))), site, journal)
    assert journal.found == [
        ("late", "succeeded", FOUND, 8),
        ("early", "failed", NEVER, None),
        ("again", "succeeded", FOUND, 8),  # the journal sees to it that one of the two has it
        ("others", "failed", NEVER, None),
    ]


def test_where_all_may_still_arrive_nothing_is_cleared():
    site = MemorySite(STATE)
    journal = Doubtful([Doubt("young", MADE.actions[0], 5, arriving=True)])
    journal.clear = lambda _site, found: pytest.fail(f"cleared was {found}")
    apply_to(MADE, site, journal)


@pytest.mark.parametrize("known", [False, True])
def test_a_doubt_stays_where_the_site_cannot_tell(known):
    state = without_events(small_site()) if not known else small_site()
    site, journal = after_other_runs(state), Doubtful(other_runs(small_site()))
    made = plan(site.state, wanting(("t-0", "8a")))
    if known:

        def broken(_revision):
            raise SiteError("The log cannot be read.")

        site.events_since = broken
    apply_to(made, site, journal)
    assert journal.found == []


def test_another_site_tells_nothing_of_the_doubts_of_this_one():
    state = small_site()
    site, journal = after_other_runs(state), Doubtful(other_runs(state))
    made = plan(site.state, wanting(("t-0", "8a")))
    site.state = replace(site.state, site=replace(site.state.site, id="sør"))
    with pytest.raises(PlanUnusable):
        apply_to(made, site, journal)
    assert journal.found == []


def test_a_site_without_doubts_is_not_asked_about_them():
    site, asked = MemorySite(STATE), []
    plain = site.site
    site.site = lambda: asked.append("site") or plain()
    apply_to(MADE, site)
    assert asked == ["site"]


def test_what_was_left_in_doubt_is_found_out_also_where_it_is_not_asked_for():
    """Else the plan counted as used, and nobody could find out any more."""
    site, journal = MemorySite(without_events(STATE)), MemoryJournal()
    plain = site.send
    losing(site, arrives=False)
    made = plan(site.state, wanting(("t-0", "8a"), ("t-1", "8b")))
    apply_to(made, site, journal, only=["mentor/t-1"])
    doubtful = journal.earlier(made).doubtful
    assert doubtful == {Address.holder("mentor", "11")}
    site.send = plain
    result = apply_to(made, site, journal, only=["mentor/t-0"])
    assert doubtful < {each.action.address for each in result.outcomes}
    assert Holder(Role.MENTOR, "11") in site.state.holders
