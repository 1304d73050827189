"""What a journal remembers of the runs of a plan, whatever they died of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stories import SITE, Opener, changes, plan_of, rows, told

from reconciler.apply.journal import Earlier, RunEnd
from reconciler.apply.outcome import Outcome
from reconciler.errors import JournalError, LeaseLost
from reconciler.journal import tables
from reconciler.journal.record import SqlJournal
from reconciler.plan.model import Override

PLAN = plan_of()
HOLDER, SECOND, *OTHERS = PLAN.actions


def addresses(*actions):
    return frozenset(action.address for action in actions)


def test_a_new_plan_has_no_past(journal: SqlJournal) -> None:
    assert journal.earlier(PLAN) == Earlier()


def test_a_closed_journal_left_its_record(location: str | Path, opener: Opener) -> None:
    with opener(location) as journal, journal.lease(SITE):
        journal.begin(PLAN, PLAN.actions, []).end(RunEnd.DONE, "", used=True)
    assert opener(location).earlier(PLAN).used


def test_a_time_without_a_zone_is_never_stored(location: str | Path, opener: Opener) -> None:
    journal = opener(location, now=lambda: datetime(2026, 8, 17))  # noqa: DTZ001 - the point
    with pytest.raises(JournalError):
        journal.begin(PLAN, PLAN.actions, [])


def test_a_run_is_recorded_before_its_first_request(
    journal: SqlJournal, location: str | Path, opener: Opener
) -> None:
    run = journal.begin(PLAN, PLAN.actions, [Override("RR501", "a new year")])
    journal.close()  # killed

    (recorded,) = rows(opener(location), tables.runs)
    assert (recorded.id, recorded.plan, recorded.who) == (run.id, PLAN.id, "anna")
    assert recorded.overrides == [{"code": "RR501", "reason": "a new year"}]
    assert recorded.began_at.tzinfo is UTC
    assert recorded.end is None
    assert len(rows(opener(location), tables.actions)) == len(PLAN.actions)
    selected = frozenset(action.address for action in PLAN.actions)
    assert opener(location).earlier(PLAN) == Earlier(selected=selected)


def test_what_was_sent_and_never_answered_is_in_doubt(
    journal: SqlJournal, location: str | Path, opener: Opener
) -> None:
    with journal.lease(SITE):
        run = journal.begin(PLAN, PLAN.actions, [])
        run.sending(changes([HOLDER, SECOND]))
        run.settled(told([SECOND], Outcome.SUCCEEDED, revision=6))
        journal.close()  # killed

    after = opener(location).earlier(PLAN)
    assert after.sent == addresses(HOLDER, SECOND)
    assert after.doubtful == addresses(HOLDER)
    assert after.held == addresses(SECOND)
    assert not after.used


def test_unknown_stays_in_doubt_until_a_word_settles_it(journal: SqlJournal) -> None:
    with journal.lease(SITE):
        run = journal.begin(PLAN, PLAN.actions, [])
        run.sending(changes([HOLDER, SECOND]))
        run.settled(told([HOLDER, SECOND], Outcome.UNKNOWN, "no answer"))
        assert journal.earlier(PLAN).doubtful == addresses(HOLDER, SECOND)

        run.settled(told([HOLDER], Outcome.FAILED, "it did not take effect"))
        assert journal.earlier(PLAN).doubtful == addresses(SECOND)
        # Nobody answered: the same key may be sent again.
        assert journal.earlier(PLAN).refused == {}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_a_later_run_finds_ends_no_doubt_until_it_clears_it(
    journal: SqlJournal, outcome: Outcome
) -> None:
    with journal.lease(SITE):
        journal.begin(PLAN, PLAN.actions, []).sending(changes([HOLDER]))
        later = journal.begin(PLAN, PLAN.actions, [])
        later.settled(told([HOLDER], outcome))
        assert journal.earlier(PLAN).doubtful == addresses(HOLDER)
        later.cleared(told([HOLDER], Outcome.FAILED, "its request never took effect"))
    own = addresses(HOLDER) if outcome is Outcome.UNKNOWN else frozenset()
    assert journal.earlier(PLAN).doubtful == own


def test_a_later_run_can_leave_the_doubt_anew(journal: SqlJournal) -> None:
    with journal.lease(SITE):
        first = journal.begin(PLAN, PLAN.actions, [])
        first.sending(changes([HOLDER]))
        first.settled(told([HOLDER], Outcome.FAILED, "409"))
        journal.begin(PLAN, PLAN.actions, []).sending(changes([HOLDER]))
    after = journal.earlier(PLAN)
    assert after.doubtful == addresses(HOLDER)
    assert after.refused == {HOLDER.address: 1}


def test_refusals_are_counted_over_all_runs(journal: SqlJournal) -> None:
    with journal.lease(SITE):
        for _ in range(3):
            run = journal.begin(PLAN, PLAN.actions, [])
            run.sending(changes([HOLDER]))
            run.settled(told([HOLDER], Outcome.FAILED, "409"))
            run.settled(told([SECOND], Outcome.FAILED, "never sent"))
    assert journal.earlier(PLAN).refused == {HOLDER.address: 3}


def test_an_effect_is_never_forgotten(journal: SqlJournal) -> None:
    with journal.lease(SITE):
        run = journal.begin(PLAN, PLAN.actions, [])
        run.sending(changes([HOLDER]))
        run.settled(told([HOLDER], Outcome.SUCCEEDED, revision=9))
        run.settled(told([HOLDER], Outcome.FAILED, "somebody undid it"))
    assert journal.earlier(PLAN).held == addresses(HOLDER)
    recorded = rows(journal, tables.actions)[0]
    assert (recorded.outcome, recorded.detail) == ("failed", "somebody undid it")
    assert recorded.revision == 9


def test_a_request_is_answered_once_all_of_it_is(journal: SqlJournal) -> None:
    with journal.lease(SITE):
        run = journal.begin(PLAN, PLAN.actions, [])
        run.sending(changes([HOLDER, SECOND], "a"))
        run.sending(changes(OTHERS, "b"))
        run.settled(told([HOLDER], Outcome.SUCCEEDED))
        assert [each.answered_at for each in rows(journal, tables.requests)] == [None, None]
        run.settled(told([SECOND], Outcome.FAILED))
        first, second = rows(journal, tables.requests)
        assert first.answered_at >= first.sent_at
        assert second.answered_at is None

        run.settled(told(OTHERS, Outcome.UNKNOWN))
        run.settled(told(OTHERS, Outcome.ALREADY))
        assert rows(journal, tables.requests)[1].answered_at is None
    keys = {each.address: (each.request, each.key) for each in rows(journal, tables.actions)}
    assert keys[str(SECOND.address)] == (1, "a-1")
    assert keys[str(OTHERS[0].address)] == (2, "b-0")


def test_a_second_attempt_in_one_run_is_in_doubt_again(journal: SqlJournal) -> None:
    with journal.lease(SITE):
        run = journal.begin(PLAN, PLAN.actions, [])
        run.sending(changes([HOLDER]))
        run.settled(told([HOLDER], Outcome.UNKNOWN))
        run.sending(changes([HOLDER]))
        assert journal.earlier(PLAN).doubtful == addresses(HOLDER)
        run.settled(told([HOLDER], Outcome.FAILED, "409"))
    assert journal.earlier(PLAN).refused == {HOLDER.address: 1}


def test_a_later_run_clears_what_earlier_ones_left(journal: SqlJournal) -> None:
    other = replace(PLAN, id="plan-2")
    with journal.lease(SITE):
        journal.begin(other, PLAN.actions, []).sending(changes([HOLDER]))
        first = journal.begin(PLAN, PLAN.actions, [])
        first.sending(changes([HOLDER, SECOND]))
        first.settled(told([SECOND], Outcome.FAILED, "409"))
        second = journal.begin(PLAN, PLAN.actions, [])
        second.sending(changes([HOLDER]))

        second.cleared(told([HOLDER, SECOND], Outcome.SUCCEEDED, "by its key", revision=8))
        # The second run's own request is still on its way, and settled words are not replaced.
        assert journal.earlier(PLAN).doubtful == addresses(HOLDER)
        second.settled(told([HOLDER], Outcome.ALREADY))

    found = {(each.run, each.address): each for each in rows(journal, tables.actions)}
    assert found[2, str(HOLDER.address)].outcome == "succeeded"
    assert found[2, str(HOLDER.address)].revision == 8
    assert found[2, str(SECOND.address)].outcome == "failed"
    assert journal.earlier(PLAN).doubtful == frozenset()
    assert journal.earlier(PLAN).refused == {SECOND.address: 1}
    assert journal.earlier(other).doubtful == addresses(HOLDER)


def test_a_used_plan_stays_used(journal: SqlJournal, location: str | Path, opener: Opener) -> None:
    journal.begin(PLAN, PLAN.actions, []).end(RunEnd.DONE, "", used=True)
    journal.begin(PLAN, PLAN.actions, []).end(RunEnd.FAILED, "no", used=False)
    assert opener(location).earlier(PLAN).used
    assert not opener(location).earlier(replace(PLAN, id="plan-2")).used
    assert [each.end for each in rows(journal, tables.runs)] == ["done", "failed"]


def test_nothing_is_sent_without_a_lease(journal: SqlJournal) -> None:
    run = journal.begin(PLAN, PLAN.actions, [])
    with pytest.raises(LeaseLost, match="the site nord"):
        run.sending(changes([HOLDER]))
    with journal.lease("another"), pytest.raises(LeaseLost):
        journal.begin(PLAN, PLAN.actions, []).sending(changes([HOLDER]))
    assert rows(journal, tables.requests) == []


def test_nothing_is_sent_after_the_lease_was_given_back(journal: SqlJournal) -> None:
    with journal.lease(SITE):
        run = journal.begin(PLAN, PLAN.actions, [])
    with pytest.raises(LeaseLost):
        run.sending(changes([HOLDER]))
    assert rows(journal, tables.requests) == []
    assert journal.earlier(PLAN).sent == frozenset()


def test_a_run_begins_wholly_or_not_at_all(journal: SqlJournal) -> None:
    with pytest.raises(JournalError, match="cannot be written"):
        journal.begin(PLAN, [*PLAN.actions, HOLDER], [])
    assert [rows(journal, each) for each in (tables.plans, tables.runs, tables.actions)] == [[]] * 3


def test_any_text_of_a_server_can_be_recorded(journal: SqlJournal) -> None:
    with journal.lease(SITE):
        run = journal.begin(PLAN, PLAN.actions, [Override("RR501", "half \ud800 a pair")])
        run.sending(changes([HOLDER]))
        run.settled(told([HOLDER], Outcome.FAILED, "a \0 and \udfff, but Ærøskøbing 學校"))
        run.end(RunEnd.FAILED, "a \0", used=False)
    assert rows(journal, tables.actions)[0].detail == "a � and ?, but Ærøskøbing 學校"
    assert rows(journal, tables.runs)[0].note == "a �"


def test_a_large_plan_is_recorded_in_bulk(journal: SqlJournal) -> None:
    template = PLAN.actions[-1]
    many = [
        replace(
            template, address=template.address._replace(parts=("mentor", "1", "learner", f"{n}"))
        )
        for n in range(12_000)
    ]
    with journal.lease(SITE):
        run = journal.begin(PLAN, many, [])
        run.sending(changes(many[:500]))
        run.settled(told(many, Outcome.ALREADY))
    assert len(journal.earlier(PLAN).held) == len(many)


def test_an_effect_is_that_of_one_run(
    journal: SqlJournal, location: str | Path, opener: Opener
) -> None:
    """Two runs sent it and were killed; the third one learns that it took effect once."""
    (action,) = PLAN.actions[:1]
    for _ in range(2):
        with journal.lease(SITE):
            journal.begin(PLAN, [action], []).sending(changes([action]))
    with journal.lease(SITE):
        run = journal.begin(PLAN, [action], [])
        run.cleared(told([action], Outcome.SUCCEEDED, "", 7))
    recorded = [(row.outcome, row.revision) for row in rows(journal, tables.actions)]
    assert recorded == [("succeeded", 7), ("already", None), (None, None)]


def test_an_effect_that_a_later_run_has_recorded_is_not_the_earlier_ones(
    journal: SqlJournal,
) -> None:
    (action,) = PLAN.actions[:1]
    with journal.lease(SITE):
        journal.begin(PLAN, [action], []).sending(changes([action]))
        second = journal.begin(PLAN, [action], [])
        second.sending(changes([action]))
        second.settled(told([action], Outcome.SUCCEEDED, "", 7))
        third = journal.begin(PLAN, [action], [])
        third.cleared(told([action], Outcome.SUCCEEDED, "", 7))
    recorded = [(row.outcome, row.revision) for row in rows(journal, tables.actions)]
    assert recorded == [("already", None), ("succeeded", 7), (None, None)]


def test_an_effect_is_that_of_one_run_also_where_another_plan_s_run_finds_it(
    journal: SqlJournal,
) -> None:
    """As when the disk is full between the record of the second run and that of the first."""
    (action,) = PLAN.actions[:1]
    with journal.lease(SITE):
        for _ in range(2):
            journal.begin(PLAN, [action], []).sending(changes([action]))
        third = journal.begin(PLAN, [action], [])
        third.sending(changes([action]))
        third.settled(told([action], Outcome.SUCCEEDED, "", 7))
    doubts = journal.doubts(SITE, but="another plan")
    journal.clear(
        SITE,
        zip(
            doubts,
            (
                *told([action], Outcome.SUCCEEDED, "", 7),  # the third run's
                *told([action], Outcome.SUCCEEDED, "", 8),
            ),
            strict=True,
        ),
    )
    recorded = [(row.outcome, row.revision) for row in rows(journal, tables.actions)]
    assert recorded == [("already", None), ("succeeded", 8), ("succeeded", 7)]


def test_a_request_may_arrive_for_a_while_after_it_was_sent(
    location: str | Path, opener: Opener
) -> None:
    later = [timedelta()]
    journal = opener(location, now=lambda: datetime.now(UTC) + later[0])
    (action,) = PLAN.actions[:1]
    with journal.lease(SITE):
        journal.begin(PLAN, [action], []).sending(changes([action]))
    assert journal.earlier(PLAN).arriving == {action.address}
    (doubt,) = journal.doubts(SITE, but="another plan")
    assert (doubt.action.address, doubt.arriving) == (action.address, True)
    assert journal.doubts(SITE, but=PLAN.id) == []
    assert journal.doubts("another site", but="another plan") == []
    later[0] = timedelta(minutes=16)
    assert journal.earlier(PLAN).arriving == frozenset()
    assert journal.earlier(PLAN).doubtful == {action.address}
    (doubt,) = journal.doubts(SITE, but="another plan")
    assert not doubt.arriving
    journal.clear(SITE, [(doubt, told([action], Outcome.FAILED, "never")[0])])
    assert journal.doubts(SITE, but="another plan") == []
    assert [row.outcome for row in rows(journal, tables.actions)] == ["failed"]
