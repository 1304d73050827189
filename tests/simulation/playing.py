"""Plays one schedule: a plan is applied, again and again, until the site is as the manifest wants.

What is checked on the way and at the end is written once, here:

1. the desired state is reached, and the next plan is empty;
2. no write of ours leaves a learner without a mentor who has one before and in the plan's end;
3. every write of ours stands on a plan that was approved, and none takes effect twice;
4. the journal says of every write of ours that it took effect, and of nothing else.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from models import mentors_of
from schedule import Killed, Schedule
from simulated_site import CLIENT, ELSEWHERE, FAULTS, SECRET, URL, Server, Wire, Written
from strategies import TODAY
from worlds import random_manifest, random_site, random_write

from reconciler.apply.engine import Order, apply_plan
from reconciler.connection import Connection
from reconciler.credentials import Secret
from reconciler.domain.address import Address
from reconciler.domain.roster import RosterSize
from reconciler.errors import (
    ExitCode,
    JournalError,
    PlanUnusable,
    SiteError,
)
from reconciler.http.call import Limits
from reconciler.journal.history import find_run, last_rosters, list_runs
from reconciler.journal.open import open_journal
from reconciler.journal.record import SqlJournal
from reconciler.plan import document
from reconciler.plan.build import make_plan
from reconciler.plan.end_state import end_state
from reconciler.plan.model import Plan
from reconciler.plan.select import Selection
from reconciler.provider import Change, ChangeResult, Verb
from reconciler.providers.rest.writer import RestWriter
from reconciler.state import LiveState

DISK = "the journal's disk is full"
STOP = "it is asked to stop"
EVERY_FAULT = (*(fault.name for fault in FAULTS), *ELSEWHERE, DISK, STOP)
LIFTED = {"RR501": "a simulation", "RR502": "a simulation"}
SHARDS = 6
"""In so many parts schedules are played, so that several processors have something to do."""
ROUNDS = 30
CALM_AFTER = 15


class SeededCourier:
    """Sends and delivers what was posted in an order that the schedule draws."""

    def __init__(self, send: Callable[[Sequence[Change]], list[ChangeResult]], schedule: Schedule):
        self.capacity = schedule.random.randint(1, 3)
        self.batch_limit = schedule.random.randint(1, 4)
        self._send = send
        self._schedule = schedule
        self._posted: list[tuple[int, Sequence[Change]]] = []
        self._ready: list[tuple[int, list[ChangeResult] | SiteError]] = []

    def post(self, number: int, changes: Sequence[Change]) -> None:
        self._posted.append((number, changes))
        self._schedule.step("a request was posted")

    def collect(self) -> tuple[int, list[ChangeResult] | SiteError]:
        while self._posted and (not self._ready or self._schedule.flip()):
            number, changes = self._posted.pop(self._schedule.random.randrange(len(self._posted)))
            try:
                self._ready.append((number, self._send(changes)))
            except SiteError as lost:
                self._ready.append((number, lost))
        return self._ready.pop(self._schedule.random.randrange(len(self._ready)))


class Recorder:
    """A journal, or a run of one, whose disk may be full and whose process may be killed."""

    def __init__(self, inner: Any, schedule: Schedule) -> None:
        self._inner = inner
        self._schedule = schedule

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def guarded(*arguments: Any, **more: Any) -> Any:
            self._schedule.step(f"{name} is about to be recorded")
            if self._schedule.happens(DISK):
                raise JournalError("The disk is full.")
            done = found(*arguments, **more)
            self._schedule.step(f"{name} was recorded")
            return Recorder(done, self._schedule) if name == "begin" else done

        return guarded


@dataclass
class Story:
    """One schedule being played.

    Attributes:
        day: the day on which it happens, and for which plans are made.
        lifted: the guards that refuse nothing, with a reason.
        selection: what plans are narrowed to.
    """

    seed: int
    journal_file: Path
    day: date = TODAY
    lifted: Mapping[str, str] = field(default_factory=lambda: LIFTED)
    selection: Selection = field(default_factory=Selection)
    schedule: Schedule = field(init=False)
    server: Server = field(init=False)
    plan: Plan = field(init=False)
    approved: set[tuple[Address, Verb]] = field(default_factory=set)
    keep: set[str] = field(default_factory=set)
    others_took_away: bool = False
    done_by_plan: set[Address] = field(default_factory=set)
    minutes: int = 0
    runs: int = 0

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.seed, EVERY_FAULT)
        self.begin()

    def begin(self) -> None:
        """Make the site and what is wanted of it."""
        state = random_site(self.schedule.random)
        self.manifest = random_manifest(self.schedule.random, state)
        self.server = Server(state, self.schedule, [self.observe])
        self.schedule.visit = self.others_write
        self.approve()

    def play(self) -> None:
        """Apply until the site is as the manifest wants, and check everything."""
        for number in range(ROUNDS):
            if number == CALM_AFTER:
                self.schedule.calm()
            if self.attempt() is ExitCode.DONE and not self.wanted().actions:
                break
        else:
            raise AssertionError("it never came to an end")
        self.check_journal()

    def attempt(self) -> ExitCode | None:
        """Run `apply` once with the plan that is approved; approve anew where it cannot be used."""
        self.server.arrive()
        self.others_took_away = False  # what they took before a run begins, it must notice
        self.runs += 1
        try:
            return self.run()
        except Killed:
            self.minutes += 120
        except PlanUnusable as unusable:
            self.schedule.tell(f"a new plan is needed: {unusable}")
            self.approve()
        except (SiteError, JournalError) as failed:
            self.schedule.tell(f"apply failed: {failed}")
        return None

    def run(self) -> ExitCode:
        journal = self.journal(lease_seconds=3600)
        lease = journal.lease(self.server.state.site.id)
        lease.__enter__()
        writer = self.writer()
        stop = [False]

        def stopping() -> bool:
            stop[0] = stop[0] or self.schedule.happens(STOP)
            return stop[0]

        try:
            result = apply_plan(
                self.plan,
                writer,
                SeededCourier(writer.send, self.schedule),
                Recorder(journal, self.schedule),
                Order(
                    self.day,
                    overrides=self.lifted,
                    rosters_before=last_rosters(journal, self.server.state.site.id),
                ),
                stopping=stopping,
            )
        except Killed:
            lease.abandon()
            raise
        finally:
            if lease.taken:
                lease.__exit__(None, None, None)
            journal.close()
        counts = {outcome.value: number for outcome, number in result.counts.items()}
        self.schedule.tell(f"run: {counts} {result.note}")
        return result.exit_code

    def journal(self, **more: float) -> SqlJournal:
        return open_journal(self.journal_file, now=self.now, who="sim", host="sim", **more)  # type: ignore[arg-type]

    def writer(self) -> RestWriter:
        """The real client, on a wire to the server of this story."""
        clock = _Clock()
        connection = Connection(URL, f"{URL}/oauth/token", client_id=CLIENT,
                                client_secret=Secret(SECRET))  # fmt: skip
        writer = RestWriter(connection, Limits(at_once=1, sleep=clock.sleep, clock=clock.now))
        for transport in (writer._transport, writer._authorisation._transport):  # type: ignore[union-attr]
            transport._session.mount("http://", Wire(self.server))
        return writer

    def now(self) -> datetime:
        return datetime.combine(self.day, time(3), UTC) + timedelta(minutes=self.minutes)

    def wanted(self) -> Plan:
        return make_plan(
            self.manifest,
            self.server.state,
            as_of=self.day,
            plan_id=f"plan-{self.seed}-{self.runs}",
            overrides=self.lifted,
            selection=self.selection,
            rosters_before=self.rosters_before(),
        )

    def rosters_before(self) -> Mapping[str, RosterSize]:
        """How much there was in the rosters when they were last applied; here are none."""
        return {}

    def approve(self) -> None:
        """Make a plan of what is."""
        self.take(self.wanted())

    def take(self, plan: Plan) -> None:
        """Let a plan be the one that is approved: save it and read it back."""
        self.plan = document.from_document(json.loads(document.to_text(plan)))
        self.approved |= {(action.address, action.verb) for action in self.plan.actions}
        end = end_state(self.server.state, self.plan.actions)
        self.keep = set(mentors_of(self.server.state, self.day)) & set(mentors_of(end, self.day))
        self.done_by_plan = set()

    def others_write(self) -> None:
        drawn = random_write(self.schedule.random, self.server.state, self.manifest)
        if drawn is not None:
            self.schedule.tell(f"somebody else: {drawn[1]} {drawn[0]}")
            self.server.write(*drawn, actor="admin")

    def observe(self, before: LiveState, after: LiveState, written: Written) -> None:
        """Judge every write at the moment it takes effect."""
        if written.actor != CLIENT:
            self.others_took_away |= written.verb is Verb.REMOVE
            return
        self.schedule.tell(f"we: {written.verb} {written.address} at {written.revision}")
        assert (written.address, written.verb) in self.approved, "a write outside every plan"
        assert written.address not in self.done_by_plan, "a write took effect twice"
        self.done_by_plan.add(written.address)
        if not self.others_took_away:
            uncovered = set(mentors_of(before, self.day)) - set(mentors_of(after, self.day))
            assert not uncovered & self.keep, "a learner was left without a mentor"

    def check_journal(self) -> None:
        """Hold the journal against the site's own event log."""
        recorded: dict[int, tuple[Address, Verb]] = {}
        journal = self.journal()
        for summary in list_runs(journal):
            for found in find_run(journal, summary.id).actions:
                if found.revision is not None:
                    assert found.revision not in recorded, f"two runs claim effect {found}"
                    recorded[found.revision] = (found.action.address, found.action.verb)
                else:
                    assert found.outcome != "succeeded", "a success without an effect"
        journal.close()
        happened = {
            each.revision: (each.address, each.verb)
            for each in self.server.written
            if each.actor == CLIENT
        }
        assert recorded == happened, (
            "the journal and the event log differ: "
            f"{sorted(set(recorded.items()) ^ set(happened.items()))}"
        )


class _Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


def play(seed: int, template: Path, folder: Path) -> Story:
    """Play a schedule; where a check fails, say which seed and what happened.

    Args:
        seed: of the schedule.
        template: an empty journal, copied so that its tables need not be made each time.
        folder: where the copy is put.
    """
    file = folder / f"{seed}.db"
    shutil.copyfile(template, file)
    story = Story(seed, file)
    try:
        story.play()
    except (AssertionError, Exception) as error:
        told = "\n".join(story.schedule.told[-60:])
        raise AssertionError(f"seed {seed}: {error!r}\nwhat happened:\n{told}") from error
    finally:
        file.unlink()
    return story


def seeds(shard: int, schedules: range, shards: int = SHARDS) -> list[int]:
    """Choose the schedules of a shard; SIMULATION_SEED names the only one to be played."""
    chosen = os.environ.get("SIMULATION_SEED")
    if chosen is not None:
        return [int(chosen)] if shard == 0 else []
    return list(schedules[shard::shards])
