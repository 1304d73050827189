"""A school year of four schools with random events and faults, after each of which all is checked.

It is the year of `docs/tutorials/a-school-year.md` in another order, with other people, and with
everything that `playing.py` lets happen to an apply. After every event are checked: who sees which
child, against the story; the journal, against the site's events; that the next plan is empty.
"""

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml
from municipal_year import SEED, SUMMER, Duty, Grant, Member, Town
from playing import EVERY_FAULT, URL, Story
from schedule import Killed, Schedule
from sight_model import who_sees
from simulated_site import CLIENT, Server

from reconciler.connection import Connection
from reconciler.domain.address import Address
from reconciler.domain.assignments import Holder
from reconciler.domain.roster import RosterSize
from reconciler.domain.vocabulary import Capability, Role, TargetKind
from reconciler.errors import ExitCode, GuardRefused, PlanUnusable, SiteError
from reconciler.journal.forget import find_traces, forget
from reconciler.journal.history import find_run, last_rosters, list_runs
from reconciler.plan.model import Plan
from reconciler.plan.select import Selection
from reconciler.provider import Verb
from reconciler.providers.codec import COLLECTIONS, build_state, decode, decode_site
from reconciler.state import LiveState
from reconciler.workflows import recalling
from reconciler.workflows.loading import load_manifest

HAPPENING = (
    *("cover", "support", "child_without_mentor", "half_a_file", "hands_at_work", "wrong_merge"),
    *("somebody_leaves", "school_splits", "another_language"),
)
"""What may happen in a year, any number of times, by the name of its method."""

EFFECTS = (
    *(*EVERY_FAULT, "killed", "somebody else wrote", "taken over", "rolled back", "forgotten"),
    *("refused RR513", "refused RR521", "refused before its day"),
    *("a school has split", "a plan for next year applied"),
)
"""What has to come of so many years, or they would show little."""

TRIES = 60
"""So often is something tried until nothing goes wrong any more."""


@dataclass
class Year(Story):
    """One year; its seed says what happens in it.

    Attributes:
        folder: where the manifest and the roster are.
        town: the municipality as the story has it.
        events: what was to happen, in order.
        effects: what came of it, and how often: faults, kills, and what else `EFFECTS` names.
    """

    folder: Path = Path()
    town: Town = field(init=False)
    events: list[str] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        """Begin with the adopted site, and the one mentor that nobody added."""
        self.lifted = {}
        self.day = date(2026, 8, 17)
        self.chance = self.schedule.random
        self.town = Town.at_first()
        self.server = Server(self._seeded(), self.schedule, [self.observe])
        self.record = self.journal()

    def _seeded(self) -> LiveState:
        seed = self.town.set_up(json.loads(SEED.read_text(encoding="utf-8")))
        capabilities = [each.value for each in Capability]
        site = seed["site"] | {"revision": 1, "actor": CLIENT, "capabilities": capabilities}
        shapes = {each.name: decode(each, seed[each.name], "the seed") for each in COLLECTIONS}
        return build_state(decode_site(site, "the seed"), shapes)

    # What happens.

    def live(self) -> None:
        """From the adoption to the next August."""
        self.settle("the first apply")
        for what in self.chance.choices(HAPPENING, k=self.chance.randint(4, 9)):
            self.day += timedelta(days=self.chance.randint(1, 25))
            if self.day >= date(2027, 6, 1):
                break
            self.again("the days pass")
            self.settle("the days pass")
            self.again(what)
            getattr(self, what)()
            self.settle(what)
        self.again("the new year")
        self.new_year()
        self.settle("the new year")
        self.effects += self.schedule.counts

    def again(self, what: str) -> None:
        """Let faults, kills and others begin anew."""
        told = self.schedule.told
        self.effects += self.schedule.counts
        self.schedule = Schedule(self.seed * 100 + len(self.events), EVERY_FAULT)
        self.schedule.told = told
        self.schedule.tell(f"--- {what}, on {self.day}")
        self.schedule.visit = self.others_write
        self.server.schedule = self.schedule
        self.events.append(what)

    def cover(self) -> None:
        """Somebody stands in for a while."""
        self._grant("class", self.chance.choice(sorted(self._classes())))

    def support(self) -> None:
        """A learner gets somebody for a while, or for good."""
        here = sorted(each.learner for each in self.town.members if each.holds_on(self.day))
        self._grant("learner", self.chance.choice(here))

    def _grant(self, kind: str, target: str) -> Grant:
        until = self.day + timedelta(days=self.chance.randint(0, 90))
        person = self.chance.choice(["t-10", "t-20", "t-30", "t-40", "t-18", "t-29"])
        found = Grant(person, kind, target, self.chance.choice((None, until)))
        # What somebody has twice is a mistake of the manifest.
        self.town.grants = [
            each for each in self.town.grants
            if (each.person, each.kind, each.target) != (person, kind, target)
        ]  # fmt: skip
        if person not in self.town.gone:
            self.town.grants.append(found)
        return found

    def _take_over(self, person: str, unit: str) -> None:
        """The manifest follows what somebody gave by hand."""
        has = {(each.person, each.target) for each in self.town.grants}
        ruled = {(each.person, each.unit) for each in self.town.duties if each.holds_on(self.day)}
        if (person, unit) not in has | ruled and unit in self._classes():
            self.town.grants.append(Grant(person, "class", unit, None))
            self.effects["taken over"] += 1

    def _classes(self) -> dict[str, Duty]:
        """The classes, with who has them now."""
        return {
            each.unit: each
            for each in self.town.duties
            if each.role == "teacher" and each.holds_on(self.day)
        }

    def child_without_mentor(self) -> None:
        """Whoever is alone with a class is taken out, and that is refused."""
        duty = self.chance.choice([*self._classes().values()])
        others = self.town.sees(self.day)
        alone = self.town.learners(duty.unit, self.day).difference(
            *(whom for person, whom in others.items() if person[0] == "t" and person != duty.person)
        )
        self.town.excepted.append(duty.person)
        if alone and not any(each.person == duty.person for each in self.town.grants):
            self.refused("RR513")
        self.town.excepted.pop()

    def half_a_file(self) -> None:
        """The roster stops somewhere, and nothing is taken away by it."""
        lines = self.town.roster().splitlines(keepends=True)
        left = self.chance.randint(6, len(lines) * 2 // 3)
        self.write("".join(lines[:left]))
        self.refused("RR521")

    def hands_at_work(self) -> None:
        """Administrators edit in the console, and some of it is taken over."""
        for _ in range(self.chance.randint(1, 3)):
            added = self.others_write()
            if added and self.chance.random() < 0.5:
                self._take_over(*added)

    def wrong_merge(self) -> None:
        """Something is applied, and taken back at once; then the manifest follows."""
        before = {each.id for each in list_runs(self.record)}
        grants = list(self.town.grants)
        # What others take meanwhile is given anew, and to take that back is refused.
        self.schedule.visit = lambda: None
        self._grant("class", self.chance.choice(sorted(self._classes())))
        self.settle("a wrong merge")
        for run in list_runs(self.record):
            if run.id not in before:
                self.effects["rolled back"] += self.roll_back(run.id)
        self.town.grants = grants
        self.check_sight("rolled back")

    def somebody_leaves(self) -> None:
        """Another takes the class; the one who left is forgotten."""
        duties = [*self._classes().values()]
        duty = self.chance.choice(duties)
        gone = duty.person
        new = f"t-new-{len(self.events):03}"  # a part of no other key
        self.town.people[new] = "Staff"
        self.town.duties = [
            replace(each, person=new) if each.person == gone else each for each in self.town.duties
        ]
        self.town.grants = [each for each in self.town.grants if each.person != gone]
        self.town.gone.add(gone)
        self.renew_directory()
        self.settle("somebody leaves")
        traces = find_traces(self.record, gone)
        if traces is not None:
            forget(self.record, gone, traces)
            assert find_traces(self.record, gone) is None
            self.effects["forgotten"] += 1
        self.record.database.scrub()  # always, as the command does
        kept = self.journal_file.read_bytes()
        at = kept.find(gone.encode())
        assert at < 0, f"{gone} is in the journal: {kept[max(at - 200, 0) : at + 60]!r}"

    def school_splits(self) -> None:
        """A class becomes a school; for a month the learners are in both."""
        unit = self.chance.choice(sorted(self._classes()))
        new, school, head = f"{unit}x", f"{unit}-school", f"h-{unit}"
        if new in self.town.schools or unit in self.town.moved or unit.endswith("x"):
            return
        self.town.people[head] = "Administrator"
        self.town.schools[new] = school
        self.town.duties.append(Duty(school, head, "principal", self.day))
        self.town.duties = [
            replace(each, unit=new) if each.unit == unit else each for each in self.town.duties
        ]
        over = self.day + timedelta(days=30)
        for each in [each for each in self.town.members if each.unit == unit]:
            if each.end == SUMMER and each.holds_on(self.day):
                self.town.members.append(Member(each.learner, new, self.day, SUMMER))
                self.town.members.remove(each)
                self.town.members.append(replace(each, end=min(over, SUMMER)))
        self.town.grants = [
            replace(each, target=new) if each.target == unit else each for each in self.town.grants
        ]
        self.town.moved[unit] = new
        self.renew_directory()
        self.settle("a school splits")
        self.day = over + timedelta(days=1)
        self.settle("the old class is empty")
        del self.town.moved[unit]
        self.effects["a school has split"] += 1

    def another_language(self) -> None:
        texts = ("Mu oahppit", "Мої учні", "担任の生徒", "Mine elever", "تلاميذي")
        self.town.labels = self.chance.choice(texts), self.chance.choice(texts)

    def new_year(self) -> None:
        """Planned in June school by school, applied in August in any order."""
        self.day = max(self.day, date(2027, 6, 21))
        self._plan_next_year()
        self.settle("June")
        schools = sorted(set(self.town.schools.values()))
        august = date(2027, 8, 2)
        today, self.day = self.day, august
        plans: list[tuple[str, Plan]] = []
        for school in schools:
            self.selection = Selection((f"within:{school}",))
            plans.append((school, self.wanted()))
        self.day = today
        self.chance.shuffle(plans)
        self.selection = Selection()
        with pytest.raises(PlanUnusable, match="is for 2027-08-02"):
            self.try_out(plans[0][1])
        self.effects["refused before its day"] += 1
        self.day = august
        for school, plan in plans:
            self.selection = Selection((f"within:{school}",))
            self.take(plan)
            self.play()
            as_reviewed = bool(plan.actions) and self.plan.id == plan.id
            self.effects["a plan for next year applied"] += as_reviewed
        self.selection = Selection()

    def _plan_next_year(self) -> None:
        self.town.grants = [each for each in self.town.grants if each.holds_on(SUMMER)]
        classes = {
            unit: duty
            for unit, duty in self._classes().items()
            if self.town.learners(unit, self.day)
        }
        teachers = [duty.person for duty in classes.values()]
        self.chance.shuffle(teachers)
        for number, (unit, teacher) in enumerate(zip(sorted(classes), teachers, strict=True)):
            self.town.duties.append(Duty(unit, teacher, "teacher", SUMMER, date(2028, 7, 31)))
            for each in range(3):
                learner = f"s-7{number}{each}"
                self.town.people[learner] = "Student"
                self.town.members.append(Member(learner, unit, SUMMER, None))
        self.renew_directory()

    # How it is played.

    def others_write(self) -> tuple[str, str] | None:  # type: ignore[override] # a schedule ignores it
        """An administrator adds or removes an assignment in the console.

        Returns:
            Who was given which class, by their keys; None where nobody was.
        """
        state = self.server.state
        if self.chance.random() < 0.5 and state.assignments:
            found = self.chance.choice(sorted(state.assignments))
            address, verb = Address.assignment(*found), Verb.REMOVE
        else:
            holder = self.chance.choice(
                sorted(each for each in state.holders if each.role is Role.MENTOR)
            )
            unit = self.chance.choice([each for each in state.units if each.kind == "class"])
            address = Address.assignment(*Holder(*holder), TargetKind.CLASS, unit.id)
            verb = Verb.ADD
            if any(str(Address.assignment(*each)) == str(address) for each in state.assignments):
                return None
        self.schedule.tell(f"somebody else: {verb} {address}")
        self.server.write(address, verb, verb is Verb.ADD, actor="admin")
        self.effects["somebody else wrote"] += 1
        if verb is Verb.REMOVE:
            return None
        key = next(each.sync_key for each in state.people if each.id == holder.person)
        assert key
        assert unit.sync_key
        return key, unit.sync_key

    def renew_directory(self) -> None:
        """The site takes from the school system what it has now; roles stay."""
        state = self.server.state
        found = {
            shape.name: decode(shape, items, "the directory")
            for shape in COLLECTIONS
            for items in [self.town.directory().get(shape.name)]
            if items is not None
        }
        site = replace(state.site, revision=state.site.revision + 1)
        self.server.state = replace(
            state, site=site, **{name: tuple(items) for name, items in found.items()}
        )

    def write(self, roster: str | None = None) -> None:
        """Put the manifest and the roster into their files, and read them."""
        (self.folder / "sis.csv").write_text(roster or self.town.roster(), encoding="utf-8")
        path = self.folder / "roles.yaml"
        path.write_text(yaml.safe_dump(self.town.manifest(), allow_unicode=True), encoding="utf-8")
        self.manifest = load_manifest([path])

    def rosters_before(self) -> Mapping[str, RosterSize]:
        return last_rosters(self.record, "havnes")

    def settle(self, what: str) -> None:
        """Apply until the site is as the manifest has it, and check everything."""
        self.schedule.tell(f"settle: {what}, on {self.day}")
        self.write()
        self.approve()
        self.play()
        self.check_sight(what)
        left = self.wanted()
        assert not left.refused, [each.message for each in left.verdicts if each.refuses]
        assert not left.actions

    def refused(self, code: str) -> None:
        """What the manifest wants now is refused, and nothing is done."""
        if code == "RR513":
            self.write()
        before = len([each for each in self.server.written if each.actor == CLIENT])
        plan = self.wanted()
        if code == "RR521" and not plan.refused:
            return  # nothing that was to go was in the half that is missing
        assert code in {each.code for each in plan.verdicts if each.refuses}
        with pytest.raises(GuardRefused):
            self.try_out(plan)
        self.effects[f"refused {code}"] += 1
        ours = [each for each in self.server.written if each.actor == CLIENT]
        assert len(ours) == before

    def try_out(self, plan: Plan) -> None:
        """Apply once, until nothing fails but the apply itself."""
        self.take(plan)
        self.schedule.calm()
        self.run()

    def roll_back(self, run: str) -> bool:
        """Take a run back, whatever goes wrong; say whether there was something to take back."""
        some = False
        connection = Connection(URL, f"{URL}/oauth/token")
        for number in range(TRIES):
            if number == TRIES // 2:
                self.schedule.calm()
            details = find_run(self.record, run)
            try:
                with patch.object(recalling, "open_reader", lambda _source: self.writer()):
                    plan = recalling.make_rollback(details, connection, today=self.day)
            except (Killed, SiteError):
                continue
            if not plan.actions:
                return some
            some = True
            self.take(plan)
            self.attempt()
        raise AssertionError("a run was never taken back")

    def attempt(self) -> ExitCode | None:
        try:
            return super().attempt()
        except GuardRefused as refused:
            # Somebody else took what the plan rests on; the next one makes it good.
            self.schedule.tell(f"refused: {refused}")
            self.approve()
            return None

    # What is checked.

    def check_sight(self, what: str) -> None:
        found = who_sees(self.server.document(), str(self.day))
        assert found == self.town.sees(self.day), what

    def check_journal(self) -> None:
        """Each of our effects is claimed by one run, and nothing else is."""
        claimed: list[tuple[int, Verb, str]] = []
        for summary in list_runs(self.record):
            for found in find_run(self.record, summary.id).actions:
                if found.revision is not None:
                    action = found.action
                    address = "" if found.forgotten else str(action.address)
                    claimed.append((found.revision, action.verb, address))
                else:
                    assert found.outcome != "succeeded", "a success without an effect"
        ours = [
            (each.revision, each.verb, str(each.address))
            for each in self.server.written
            if each.actor == CLIENT
        ]
        assert len(claimed) == len(ours)
        for mine, its in zip(sorted(claimed), ours, strict=True):
            assert mine == its or mine == (*its[:2], ""), (mine, its)  # of who is forgotten


def live_a_year(seed: int, template: Path, folder: Path) -> Year:
    """Live a year; where a check fails, say which seed and what happened."""
    folder.mkdir()
    file = folder / "journal.db"
    shutil.copyfile(template, file)
    year = Year(seed, file, folder=folder)
    try:
        year.live()
    except (AssertionError, Exception) as error:
        told = "\n".join(year.schedule.told[-60:])
        raise AssertionError(f"seed {seed}: {error!r}\nwhat happened:\n{told}") from error
    finally:
        year.record.close()
        shutil.rmtree(folder)
    return year
