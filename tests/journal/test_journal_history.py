"""What `history` tells of the runs: the truth, also of those that were killed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from stories import SITE, Opener, changes, plan_of, told

from reconciler.apply.journal import RunEnd
from reconciler.apply.outcome import Outcome
from reconciler.apply.settling import Writes
from reconciler.errors import WrongUse
from reconciler.journal.history import find_run, list_runs
from reconciler.journal.record import SqlJournal
from reconciler.plan.inverse import Effect
from reconciler.plan.model import Override
from reconciler.provider import Event
from reconciler.workflows.recalling import _effects

PLAN = replace(plan_of(people=4), commit="1f0c2ad")
START = datetime(2026, 8, 17, 6, 30, tzinfo=UTC)
SHORT = timedelta(seconds=30)


class Clock:
    """Tells whatever time a test wants."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


def ids() -> Iterator[str]:
    return (f"{'ab'[number % 2]}{number:03}" for number in count())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(location: str | Path, opener: Opener, clock: Clock) -> SqlJournal:
    return opener(location, now=clock, new_id=ids().__next__)


def test_an_empty_journal_has_no_runs(journal: SqlJournal) -> None:
    assert list_runs(journal) == []


def test_a_run_is_told_as_it_was(journal: SqlJournal, clock: Clock) -> None:
    first, second, third, fourth, fifth, sixth, *rest = PLAN.actions
    with journal.lease(SITE):
        run = journal.begin(PLAN, PLAN.actions, [Override("RR501", "a new year")])
        run.sending(changes([first, second, third, fourth]))
        run.settled(told([first], Outcome.SUCCEEDED, revision=6))
        run.settled(told([second], Outcome.FAILED, "409 not_a_holder"))
        run.settled(told([third], Outcome.UNKNOWN))
        run.settled(told([fifth, sixth], Outcome.SKIPPED))
        clock.time += timedelta(minutes=3)
        run.end(RunEnd.PARTIAL, "the site went away", used=False)
    (summary,) = list_runs(journal)
    assert (summary.id, summary.plan, summary.site) == (run.id, "plan-1", SITE)
    assert (summary.began_at, summary.ended_at) == (START, START + timedelta(minutes=3))
    assert (summary.who, summary.host) == ("anna", "ci-7")
    assert (summary.commit, summary.manifest) == ("1f0c2ad", "sha256:x")
    assert (summary.end, summary.note) == (RunEnd.PARTIAL, "the site went away")
    assert summary.overrides == (Override("RR501", "a new year"),)
    assert not summary.running
    assert list(summary.counts.items()) == [
        (Outcome.SUCCEEDED, 1),
        (Outcome.FAILED, 1),
        (Outcome.SKIPPED, 2),
        (Outcome.UNKNOWN, 2),  # the fourth has no word at all
    ]
    assert summary.open == len(rest)


def test_its_actions_are_whole(journal: SqlJournal) -> None:
    first, second, third = PLAN.actions[:3]
    with journal.lease(SITE):
        run = journal.begin(PLAN, PLAN.actions, [])
        run.sending(changes([first, second]))
        run.settled(told([first], Outcome.SUCCEEDED, revision=6))
        run.settled(told([third], Outcome.ALREADY, "an earlier run has done it"))
    details = find_run(journal, run.id)
    kept = tuple(replace(each, school=None) for each in PLAN.actions)
    assert tuple(each.action for each in details.actions) == kept
    facts = [(each.outcome, each.revision, each.sent) for each in details.actions[:4]]
    assert facts == [
        (Outcome.SUCCEEDED, 6, True),
        (Outcome.UNKNOWN, None, True),
        (Outcome.ALREADY, None, False),
        (None, None, False),
    ]
    assert details.actions[2].detail == "an earlier run has done it"


def test_what_another_run_has_recorded_is_no_effect_of_a_run_in_doubt(journal: SqlJournal) -> None:
    """A rollback of the killed run would take back what the other one did, of a plan of its own."""
    action = PLAN.actions[0]
    with journal.lease(SITE):
        killed = journal.begin(PLAN, [action], [])
        killed.sending(changes([action]))
        other = journal.begin(replace(PLAN, id="plan-2"), [action], [])
        other.sending(changes([action]))
        other.settled(told([action], Outcome.SUCCEEDED, revision=7))
    details = find_run(journal, killed.id)
    address = str(action.address)
    assert details.claimed == {(address, 7)}
    for revision, effects in ((7, []), (8, [Effect(action, 8)])):
        event = Event(START, "pipeline", "api", address, action.verb.value, revision)
        writes = Writes({"pipeline"}, {address: [event]})
        assert _effects(details, [action], writes, since=5) == (effects, [])


def test_its_plan_is_there_as_far_as_it_is_read_back(journal: SqlJournal) -> None:
    run = journal.begin(PLAN, PLAN.actions, [])
    header = find_run(journal, run.id).header
    assert header["revision"] == PLAN.revision
    assert header["summary"]["add"] == len(PLAN.actions)
    assert header["basis"]["digests"] == {}
    left_out = {"actions", "access", "people", "unmanaged", "moved", "warnings", "digest"}
    assert header.keys() & (left_out | {"verdicts"}) == set()


def test_runs_are_listed_newest_first_whatever_the_clocks_say(
    journal: SqlJournal, clock: Clock
) -> None:
    begun = []
    for number in range(4):
        site = SITE if number % 2 else "another"
        begun.append(journal.begin(replace(PLAN, id=f"plan-{number}", site=site), (), []).id)
        clock.time -= timedelta(hours=1)
    begun.reverse()
    assert [run.id for run in list_runs(journal)] == begun
    assert [run.id for run in list_runs(journal, limit=2)] == begun[:2]
    assert [run.id for run in list_runs(journal, SITE, 5)] == [begun[0], begun[2]]
    assert list_runs(journal, "nowhere") == []


def test_a_run_is_running_while_its_lease_lives(
    location: str | Path, opener: Opener, clock: Clock
) -> None:
    journal = opener(location, now=clock, lease_seconds=4)
    with journal.lease(SITE) as lease:
        run = journal.begin(PLAN, PLAN.actions, [])
        other = journal.begin(replace(PLAN, id="plan-2"), PLAN.actions, [])
        other.end(RunEnd.DONE, "", used=True)
        assert [each.running for each in list_runs(journal)] == [False, True]
        assert find_run(journal, run.id).summary.running
        lease.abandon()  # killed
        clock.time += SHORT
        _until(lambda: not find_run(journal, run.id).summary.running)
        with opener(location, now=clock).lease(SITE):
            assert not find_run(journal, run.id).summary.running
    assert find_run(journal, run.id).summary.end is None


def _until(holds) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=30)
    while not holds():
        assert datetime.now(UTC) < deadline


def test_the_beginning_of_an_id_is_enough(journal: SqlJournal) -> None:
    first, second = (journal.begin(PLAN, (), []).id for _ in range(2))
    assert (first, second) == ("a000", "b001")
    assert find_run(journal, "a").summary.id == first
    assert find_run(journal, "b00").summary.id == second


@pytest.mark.parametrize("unknown", ["c", "%", "_", "a0000"])
def test_an_unknown_run_is_wrong_use(journal: SqlJournal, unknown: str) -> None:
    journal.begin(PLAN, (), [])
    with pytest.raises(WrongUse, match="There is no run") as refused:
        find_run(journal, unknown)
    assert refused.value.advice == "`reconciler history` lists the runs."


@pytest.mark.parametrize("beginning", ["a", ""])
def test_an_ambiguous_run_is_wrong_use(journal: SqlJournal, beginning: str) -> None:
    for _ in range(3):
        journal.begin(PLAN, (), [])
    with pytest.raises(WrongUse, match=r"a002.*a000") as refused:
        find_run(journal, beginning)
    assert "Give more of the id" in str(refused.value.advice)


def test_an_exact_id_is_never_ambiguous(location: str | Path, opener: Opener) -> None:
    journal = opener(location, new_id=iter(["a", "ab"]).__next__)
    journal.begin(PLAN, (), [])
    journal.begin(PLAN, (), [])
    assert find_run(journal, "a").summary.id == "a"
