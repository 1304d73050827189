"""Who is meant, and what names them: the cases that a real site makes seldom."""

import json
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select, update
from stories import SITE, changes, plan_of, told

from reconciler.apply.journal import RunEnd
from reconciler.apply.outcome import Outcome
from reconciler.cause import Cause, CauseKind
from reconciler.diagnostics import Position
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import TargetKind
from reconciler.errors import WrongUse
from reconciler.journal.forget import find_traces, forget
from reconciler.journal.history import find_run
from reconciler.journal.record import SqlJournal
from reconciler.journal.tables import plans
from reconciler.plan.model import Action, Moved, Plan
from reconciler.provider import Verb

DECLARED = Cause(CauseKind.DECLARED, Position("roles.yaml", 3, 5))


def add(ids: str, names: str, *requires: str, cause: Cause = DECLARED) -> Action:
    needed = tuple(map(Address.parse, requires))
    return Action(
        Address.parse(ids), Address.parse(names), Verb.ADD, False, True, cause, requires=needed
    )


def record(journal: SqlJournal, *actions: Action, site: str = SITE, detail: str = "") -> str:
    """Record a run that did all its actions; each has a plan of its own."""
    plan: Plan = replace(plan_of(plan_id=f"plan of {site} {actions[0].name}"), site=site)
    with journal.lease(site):
        run = journal.begin(replace(plan, actions=actions), actions, [])
        run.sending(changes(actions))
        run.settled(told(actions, Outcome.SUCCEEDED, detail, revision=7))
        run.end(RunEnd.DONE, detail, used=True)
    return run.id


def forgotten(journal: SqlJournal, person: str, site: str | None = None) -> None:
    traces = find_traces(journal, person, site)
    assert traces
    assert forget(journal, person, traces) == traces
    assert find_traces(journal, person, site) is None


def names(journal: SqlJournal, run: str) -> list[str]:
    return [str(found.action.name) for found in find_run(journal, run).actions]


def test_every_key_of_a_person_goes_with_the_id(journal: SqlJournal):
    first = record(journal, add("mentor/10", "mentor/t-1"), detail="mentor/t-1: told")
    second = record(journal, add("mentor/10", "mentor/ann%40x.example"), detail="for ann@x.example")
    third = record(journal, add("mentor/11", "mentor/t-2"), detail="after mentor/ann%40x.example.")
    forgotten(journal, "ann@x.example")
    for run, expected in ((first, "forgotten-1"), (second, "forgotten-1"), (third, "t-2")):
        assert names(journal, run) == [f"mentor/{expected}"]
        details = find_run(journal, run)
        assert details.summary.note.startswith("(erased")
        assert details.actions[0].detail.startswith("(erased")


def test_only_people_are_meant_and_only_whole_words(journal: SqlJournal):
    """Here a class has the id and the key of the person, and others' begin like them."""
    text = "t-10, 100 and x10"
    run = record(
        journal,
        add("mentor/10", "mentor/t-1"),
        add("mentor/10/class/10", "mentor/t-1/class/t-1", "mentor/10"),
        add("mentor/100/learner/10", "mentor/t-10/learner/t-1", "mentor/10", "mentor/100"),
        detail=text,
    )
    forgotten(journal, "10")
    assert names(journal, run) == [
        "mentor/forgotten-1",
        "mentor/forgotten-1/class/t-1",
        "mentor/t-10/learner/forgotten-1",
    ]
    details = find_run(journal, run)
    assert [str(found.action.address) for found in details.actions] == [
        "mentor/forgotten-1",
        "mentor/forgotten-1/class/10",
        "mentor/100/learner/forgotten-1",
    ]
    assert [str(each) for each in details.actions[2].action.requires] == [
        "mentor/forgotten-1",
        "mentor/100",
    ]
    assert details.summary.note == text
    assert all(found.forgotten for found in details.actions)


def test_who_is_meant_must_be_clear(journal: SqlJournal):
    record(journal, add("mentor/10", "mentor/t-1"))
    record(journal, add("mentor/11", "mentor/10"))
    with pytest.raises(WrongUse, match="may mean more than one person on nord; their ids: 10, 11"):
        find_traces(journal, "10")
    forgotten(journal, "t-1")
    forgotten(journal, "10")


def test_a_site_s_people_are_its_own(journal: SqlJournal):
    north = record(journal, add("mentor/10", "mentor/t-1"))
    south = record(journal, add("mentor/10", "mentor/t-9"), site="sør")
    with pytest.raises(WrongUse, match="on more than one site: nord, sør") as raised:
        find_traces(journal, "10")
    assert "--site" in str(raised.value.advice)
    forgotten(journal, "10", "sør")
    assert names(journal, north) == ["mentor/t-1"]
    assert names(journal, south) == ["mentor/forgotten-1"]
    forgotten(journal, "10")
    assert names(journal, north) == ["mentor/forgotten-1"], "sites count for themselves"


def test_each_person_becomes_another(journal: SqlJournal):
    run = record(journal, add("mentor/10", "mentor/t-1"), add("mentor/11", "mentor/t-2"))
    forgotten(journal, "10")
    forgotten(journal, "t-2")
    assert names(journal, run) == ["mentor/forgotten-1", "mentor/forgotten-2"]
    assert find_traces(journal, "forgotten-1") is None


def test_a_cause_keeps_what_names_nobody(journal: SqlJournal):
    day = date(2026, 11, 24)
    file = Position("people/t-1.yaml", 3, 5)
    run = record(
        journal,
        add("mentor/10", "mentor/t-1", cause=Cause(CauseKind.EXPIRED, file, day)),
        add("mentor/11", "mentor/t-2", cause=Cause(CauseKind.DECLARED, file)),
        add("mentor/12", "mentor/t-3"),
    )
    forgotten(journal, "t-1")
    assert [found.action.cause for found in find_run(journal, run).actions] == [
        Cause(CauseKind.EXPIRED, None, day),
        Cause(CauseKind.DECLARED),
        DECLARED,
    ]


def test_a_label_s_text_is_free_text(journal: SqlJournal):
    label = Action(
        Address.label("mentor", "tool_name"),
        Address.label("mentor", "tool_name"),
        Verb.CHANGE,
        None,
        "Ask t-1",
        DECLARED,
    )
    run = record(journal, label, add("mentor/10", "mentor/t-1"))
    forgotten(journal, "t-1")
    found = find_run(journal, run).actions[0].action
    assert found.before is None
    assert str(found.after).startswith("(erased")


def test_a_learner_is_found_in_the_last_place_only(journal: SqlJournal):
    kind = TargetKind.LEARNER.value
    run = record(journal, add(f"mentor/10/{kind}/20", f"mentor/t-1/{kind}/s-1"))
    forgotten(journal, "s-1")
    assert names(journal, run) == ["mentor/t-1/learner/forgotten-1"]


MOVED = Moved(
    Address.parse("mentor/10/class/u-1"),
    Address.parse("mentor/t-1/class/8a"),
    Address.parse("mentor/10/class/u-2"),
    Address.parse("mentor/t-1/class/9a"),
    counts=True,
)


def plans_of(journal: SqlJournal) -> str:
    with journal.database.reading() as connection:
        return json.dumps([*connection.execute(select(plans.c.header)).scalars()])


def test_what_counts_as_moved_is_kept_nowhere(journal: SqlJournal):
    """It names people of whom the plan has no action, and is needed no more after the run."""
    plan = replace(plan_of(), moved=(MOVED,))
    with journal.lease(SITE):
        journal.begin(plan, plan.actions, []).end(RunEnd.DONE, "", used=True)
    assert "t-1" not in plans_of(journal)


def test_what_an_older_version_kept_as_moved_goes_with_the_person(journal: SqlJournal):
    record(journal, add("mentor/11", "mentor/t-2"))
    moved = {"address": str(MOVED.address), "name": str(MOVED.name), "to": str(MOVED.to),
             "to_name": str(MOVED.to_name), "counts": True}  # fmt: skip
    other = {**moved, "address": "mentor/11/class/u-1", "name": "mentor/t-2/class/8a"}
    other |= {"to": "mentor/11/class/u-2", "to_name": "mentor/t-2/class/9a"}
    with journal.database.writing() as connection:
        header = connection.execute(select(plans.c.header)).scalar_one()
        connection.execute(update(plans).values(header={**header, "moved": [moved, other]}))
    forgotten(journal, "t-1")
    told = plans_of(journal)
    assert "t-1" not in told
    assert "t-2" in told
    forgotten(journal, "t-2")
    assert "mentor/t-2/class" not in plans_of(journal)
