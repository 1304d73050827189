"""Which way a site went, in words: what each kind of drift says, wholly and in brief."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from small import plan, small_site, wanting

from reconciler.cause import Cause, CauseKind
from reconciler.domain.address import Address
from reconciler.drift import Drifted, DriftKind, OnSite, classify
from reconciler.plan.model import Action, Unmanaged
from reconciler.provider import Event, Verb
from reconciler.reports import view
from reconciler.reports.differing import differs, direction

AT = datetime(2026, 11, 24, 3, 3, 3, tzinfo=UTC)
DAY = date(2026, 1, 1)
CLASS = Address.assignment("mentor", "t-1", "class", "8a")
LABEL = Address.parse("label/mentor/tool_name")
WANTED = Cause(CauseKind.DECLARED)
STRAY = Cause(CauseKind.NOT_IN_ENTRY)


def drifted(verb: Verb, cause: Cause, kind: DriftKind = DriftKind.CHANGED) -> Drifted:
    name = LABEL if verb is Verb.CHANGE else CLASS
    before, after = ("B", "A") if verb is Verb.CHANGE else (verb is Verb.REMOVE, verb is Verb.ADD)
    return Drifted(Action(name, name, verb, before, after, cause), None, kind)


EXPIRED = Cause(CauseKind.EXPIRED, day=DAY)
LAPSED = DriftKind.LAPSED
SAYS = [
    (drifted(Verb.ADD, WANTED), OnSite.MISSING, "missing on the site", "missing on the site"),
    (
        drifted(Verb.REMOVE, STRAY),
        OnSite.SURPLUS,
        "on the site though not in the entry",
        "on the site, not declared",
    ),
    (
        drifted(Verb.REMOVE, WANTED),
        OnSite.SURPLUS,
        "on the site though not in the list declared",
        "on the site, not declared",
    ),
    (
        drifted(Verb.CHANGE, WANTED),
        OnSite.DIFFERENT,
        "“B” instead of “A”",
        "another value on the site",
    ),
    (
        drifted(Verb.REMOVE, EXPIRED, DriftKind.EXPIRED),
        OnSite.SURPLUS,
        "on the site though expired 2026-01-01",
        "on the site past its last day",
    ),
    (
        drifted(Verb.ADD, replace(WANTED, accepted_until=DAY), LAPSED),
        OnSite.MISSING,
        "missing on the site; accepted until 2026-01-01",
        "missing on the site; accepted until 2026-01-01",
    ),
    (
        drifted(Verb.REMOVE, replace(STRAY, accepted_until=DAY), LAPSED),
        OnSite.SURPLUS,
        "on the site though not in the entry; accepted until 2026-01-01",
        "on the site, not declared; accepted until 2026-01-01",
    ),
    (
        Drifted(Unmanaged(CLASS, CLASS), None, DriftKind.UNMANAGED),
        OnSite.SURPLUS,
        "on the site, not declared (reported only)",
        "on the site, not declared (reported only)",
    ),
    (
        replace(drifted(Verb.ADD, WANTED), held_back=True),
        OnSite.MISSING,
        "missing on the site; held back (RR521)",
        "missing on the site; held back (RR521)",
    ),
]


@pytest.mark.parametrize(("found", "on_site", "wholly", "briefly"), SAYS)
def test_each_kind_says_which_way_it_went(found, on_site, wholly, briefly):
    assert found.on_site is on_site
    assert differs(found) == direction(found) == wholly
    assert differs(found, brief=True) == briefly


@pytest.mark.parametrize(
    ("verb", "word"),
    [("add", "added"), ("remove", "removed"), ("change", "changed"), ("`@all`", "written")],
)
def test_who_did_it_is_told_with_what_they_did(verb: str, word: str):
    event = Event(AT, "admin", "console", str(CLASS), verb, 7)
    found = replace(drifted(Verb.ADD, WANTED), event=event)
    assert direction(found) == (
        f"missing on the site; {word} by admin (console) at 2026-11-24 03:03:03+00:00"
    )


def test_a_holder_who_is_missing_is_no_holder_who_was_added():
    report = classify(plan(small_site(), wanting(("t-1", "8a"))), None, ())
    told = {view.thing(each.name): differs(each) for each in report.drifted}
    assert told == {
        "the role itself": "missing on the site",
        "class 8a": "missing on the site",
    }
