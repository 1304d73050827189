"""One apply per site at a time, and a killed one frees itself."""

import sqlite3
import threading
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, event
from stories import SITE, Opener, changes, plan_of, rows

from reconciler.errors import JournalError, LeaseHeld, LeaseLost
from reconciler.journal import tables
from reconciler.journal.lease import Lease
from reconciler.journal.record import SqlJournal

PLAN = plan_of()
SHORT = 1.5


def hold(journal: SqlJournal) -> str | None:
    """Try to take the lease; tell who has it instead."""
    try:
        with journal.lease(SITE):
            return None
    except LeaseHeld as held:
        return str(held)


def test_a_second_apply_is_told_who_writes(
    journal: SqlJournal, location: str | Path, opener: Opener
) -> None:
    other = opener(location, who="bob", host="laptop")
    with journal.lease(SITE), pytest.raises(LeaseHeld) as held, other.lease(SITE):
        pass
    (lease,) = rows(journal, tables.leases) or [None]
    assert lease is None  # given back
    assert "site nord: anna@ci-7, pid " in str(held.value)
    assert f"since {datetime.now(UTC):%Y-%m-%d}" in str(held.value)
    assert "its lease ends at " in str(held.value)
    assert held.value.advice is not None
    assert "--wait SECONDS" in held.value.advice


def test_it_is_told_at_once_while_another_process_writes(tmp_path: Path, opener: Opener) -> None:
    path = tmp_path / "journal.db"
    with opener(path).lease(SITE) as lease:
        other = opener(path)
        with lease._database.writing():  # as long as a very large plan is recorded
            assert hold(other) is not None


def test_each_site_has_a_lease_of_its_own(
    journal: SqlJournal, location: str | Path, opener: Opener
) -> None:
    with journal.lease(SITE), opener(location).lease("another"):
        assert len(rows(journal, tables.leases)) == 2


def test_it_is_given_back_also_after_an_error(
    journal: SqlJournal, location: str | Path, opener: Opener
) -> None:
    with pytest.raises(JournalError), journal.lease(SITE):
        raise JournalError("The disk is full.")
    assert hold(opener(location)) is None


@pytest.mark.parametrize("end", [KeyboardInterrupt, ZeroDivisionError])
def test_who_leaves_in_the_middle_keeps_it_until_it_runs_out(
    journal: SqlJournal, location: str | Path, opener: Opener, end: type[BaseException]
) -> None:
    """Requests may still be under way: nobody else may write before they have arrived."""
    with pytest.raises(end), journal.lease(SITE):
        raise end
    assert hold(opener(location)) is not None


def test_a_process_that_was_suspended_finds_its_lease_gone(tmp_path: Path, opener: Opener) -> None:
    """Its own clock went on without it; it need not ask the database."""
    asleep = [timedelta()]
    journal = opener(
        tmp_path / "journal.db", now=lambda: datetime.now(UTC) + asleep[0], lease_seconds=30
    )
    lease = journal.lease(SITE)
    assert not lease.is_alive()
    with lease:
        assert lease.is_alive()
        asleep[0] = timedelta(seconds=31)
        assert not lease.is_alive()
        with journal.database.writing() as connection:
            assert lease.renew(connection)
        assert lease.is_alive()
    assert not lease.is_alive()


def test_a_renewal_that_was_not_committed_does_not_count(tmp_path: Path, opener: Opener) -> None:
    """The database knows nothing of it: for all others the lease runs out as before."""
    asleep = [timedelta()]
    journal = opener(
        tmp_path / "journal.db", now=lambda: datetime.now(UTC) + asleep[0], lease_seconds=30
    )

    def broken(_connection: Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with journal.lease(SITE) as lease:
        run = journal.begin(PLAN, PLAN.actions, [])
        asleep[0] = timedelta(seconds=20)
        event.listen(journal.database.engine, "commit", broken)
        with pytest.raises(JournalError):
            run.sending(changes(PLAN.actions))
        event.remove(journal.database.engine, "commit", broken)
        assert lease.is_alive()
        asleep[0] = timedelta(seconds=31)
        assert not lease.is_alive()


def test_a_renewal_counts_from_before_its_transaction(tmp_path: Path, opener: Opener) -> None:
    asleep = [timedelta()]
    journal = opener(
        tmp_path / "journal.db", now=lambda: datetime.now(UTC) + asleep[0], lease_seconds=30
    )
    with journal.lease(SITE) as lease:
        with journal.database.writing() as connection:
            asleep[0] = timedelta(seconds=20)
            assert lease.renew(connection)
        asleep[0] = timedelta(seconds=31)
        assert not lease.is_alive()


def test_a_renewal_that_had_to_wait_does_not_undo_a_later_one(
    postgres_url: str, opener: Opener
) -> None:
    """A heartbeat that a long transaction held up must not stop the run that has gone on since."""
    asleep = [timedelta()]
    journal = opener(postgres_url, now=lambda: datetime.now(UTC) + asleep[0], lease_seconds=30)
    with journal.lease(SITE) as lease:
        with journal.database.writing() as slow:
            asleep[0] = timedelta(seconds=20)
            with journal.database.writing() as quick:
                assert lease.renew(quick)
            assert lease.renew(slow)
        asleep[0] = timedelta(seconds=40)
        assert lease.is_alive()


def test_who_waits_is_told_once_and_gets_it(
    journal: SqlJournal, location: str | Path, opener: Opener
) -> None:
    first = journal.lease(SITE)
    first.__enter__()
    slept: list[float] = []
    told: list[LeaseHeld] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            first.__exit__(None, None, None)

    with opener(location).lease(SITE, wait_seconds=60, sleep=sleep, waiting=told.append):
        assert slept == [0.5, 0.5, 0.5]
        assert len(told) == 1
        assert "anna@ci-7" in str(told[0])
        assert told[0].people == (("actor:anna", "anna@ci-7"),)


def test_waiting_has_an_end(journal: SqlJournal, location: str | Path, opener: Opener) -> None:
    slept: list[float] = []
    waiting = opener(location).lease(SITE, wait_seconds=1.2, sleep=slept.append)
    with journal.lease(SITE), pytest.raises(LeaseHeld), waiting:
        pass
    assert slept == pytest.approx([0.5, 0.5, 0.2])


def test_a_killed_holder_loses_it_and_may_not_go_on(location: str | Path, opener: Opener) -> None:
    killed = opener(location, lease_seconds=SHORT)
    other = opener(location)
    dead = killed.lease(SITE)
    dead.__enter__()
    run = killed.begin(PLAN, PLAN.actions, [])
    dead._stop.set()  # the heart stops, as in a frozen process
    assert hold(other) is not None
    time.sleep(SHORT)

    with other.lease(SITE):
        # It wakes up again: it may neither send nor give back what is another's now.
        with pytest.raises(LeaseLost) as lost:
            run.sending(changes(PLAN.actions))
        assert lost.value.advice is not None
        with pytest.raises(LeaseLost):
            killed.begin(PLAN, PLAN.actions, [])
        dead.__exit__(None, None, None)
        assert len(rows(other, tables.leases)) == 1
        assert rows(other, tables.requests) == []
        other.begin(PLAN, PLAN.actions, []).sending(changes(PLAN.actions))


def test_a_lease_that_ran_out_sends_nothing_even_if_nobody_took_it(
    location: str | Path, opener: Opener
) -> None:
    journal = opener(location, lease_seconds=SHORT)
    with journal.lease(SITE) as lease:
        run = journal.begin(PLAN, PLAN.actions, [])
        lease._stop.set()
        time.sleep(SHORT)
        with pytest.raises(LeaseLost):
            run.sending(changes(PLAN.actions))


def test_the_heart_keeps_it_alive(location: str | Path, opener: Opener) -> None:
    journal, other = opener(location, lease_seconds=SHORT), opener(location)
    with journal.lease(SITE):
        run = journal.begin(PLAN, PLAN.actions, [])
        for _ in range(5):
            time.sleep(SHORT / 2)
            assert hold(other) is not None
        run.sending(changes(PLAN.actions))
    names = [thread.name for thread in threading.enumerate()]
    assert f"lease of {SITE}" not in names


def test_the_heart_bears_an_error(
    location: str | Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opener(location, lease_seconds=SHORT)
    writing = journal.database.writing
    failed = threading.Event()

    def flaky() -> AbstractContextManager[Connection]:
        if not failed.is_set():
            failed.set()
            raise JournalError("The journal cannot be written.")
        return writing()

    with journal.lease(SITE):
        monkeypatch.setattr(journal.database, "writing", flaky)
        assert failed.wait(30)
        time.sleep(SHORT)
        assert hold(opener(location)) is not None


def test_the_heart_stops_for_a_lease_that_is_gone(location: str | Path, opener: Opener) -> None:
    journal = opener(location, lease_seconds=SHORT)
    with journal.lease(SITE) as lease:
        with journal.database.writing() as connection:
            connection.execute(delete(tables.leases))
        lease._heart.join(30)
        assert not lease._heart.is_alive()
        assert rows(journal, tables.leases) == []


def test_a_lease_that_is_lost_while_a_run_begins_undoes_it(
    journal: SqlJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lease, "renew", lambda *_: False)
    with journal.lease(SITE), pytest.raises(LeaseLost):
        journal.begin(PLAN, PLAN.actions, [])
    assert rows(journal, tables.runs) == []


def test_a_request_renews_it(location: str | Path, opener: Opener) -> None:
    journal = opener(location)
    with journal.lease(SITE):
        run = journal.begin(PLAN, PLAN.actions, [])
        before = rows(journal, tables.leases)[0].expires
        time.sleep(0.01)
        run.sending(changes(PLAN.actions))
        assert rows(journal, tables.leases)[0].expires > before


def test_one_of_many_gets_it(location: str | Path, opener: Opener) -> None:
    journals = [opener(location, who=f"u{n}") for n in range(8)]
    start = threading.Barrier(len(journals))
    release = threading.Event()
    winners: list[SqlJournal] = []
    losers: list[str] = []

    def race(journal: SqlJournal) -> None:
        start.wait()
        try:
            with journal.lease(SITE):
                winners.append(journal)
                release.wait(30)
        except LeaseHeld as held:
            losers.append(str(held))

    threads = [threading.Thread(target=race, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    while len(winners) + len(losers) < len(journals):
        time.sleep(0.01)
    release.set()
    for thread in threads:
        thread.join()
    assert (len(winners), len(losers)) == (1, len(journals) - 1)


def test_a_machine_whose_clock_is_wrong_steals_nothing(postgres_url: str, opener: Opener) -> None:
    ahead = opener(postgres_url, now=lambda: datetime.now(UTC) + timedelta(hours=9))
    with opener(postgres_url).lease(SITE):
        assert hold(ahead) is not None


def test_a_database_that_went_away_lets_it_run_out(
    tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise OSError(5, "Input/output error")

    journal = opener(tmp_path / "journal.db", lease_seconds=SHORT)
    with journal.lease(SITE):
        journal.close()
        monkeypatch.setattr(journal.database.engine, "begin", gone)
    monkeypatch.undo()
    assert len(rows(journal, tables.leases)) == 1
    time.sleep(SHORT)
    assert hold(opener(tmp_path / "journal.db")) is None
