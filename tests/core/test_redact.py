"""Pseudonyms: keyed, stable, and in the place of everybody wherever a person could be read."""

import json
import re
from dataclasses import replace

import pytest
from doubles import MemorySite, apply_to
from hypothesis import given
from small import LEARNERS, STAFF, plan, small_site, wanting
from strategies import AT, TODAY, cases, entry_of, examples, ref

from reconciler.diagnostics import Diagnostic
from reconciler.directory import Directory, find_person
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.drift import classify
from reconciler.errors import ReconcilerError
from reconciler.manifest.model import Item, Section, Settings, Unmanaged
from reconciler.plan.build import make_plan
from reconciler.plan.document import from_document, to_document
from reconciler.plan.model import Action
from reconciler.plan.parts import About, by_school
from reconciler.redact import LEFT_OUT, WITHHELD, Redaction, pseudonym
from reconciler.reports.documents import result_document
from reconciler.reports.view import access_rows
from reconciler.state import LiveState, Membership, Unit

KEY = b"a key of the tests"


def words_of(state: LiveState) -> set[str]:
    return {
        word
        for person in state.people
        for word in (person.id, person.sync_key, person.username, person.email, person.name)
        if word
    }


def told(document: object) -> set[str]:
    return set(re.split(r'[\s/",:\[\]{}()]+', json.dumps(document, ensure_ascii=False)))


def test_a_pseudonym_is_of_a_key_a_site_and_a_person():
    one = pseudonym(KEY, "nord", "20")
    assert re.fullmatch("p-[a-z2-7]{13}", one)
    assert one == pseudonym(KEY, "nord", "20")
    others = {
        pseudonym(b"another key", "nord", "20"),
        pseudonym(KEY, "syd", "20"),
        pseudonym(KEY, "nord", "21"),
    }
    assert len({one, *others}) == 4


@given(cases())
@examples(80)
def test_a_redacted_plan_says_the_same_of_nobody(case):
    state, manifest = case
    made = make_plan(manifest, state, as_of=TODAY, plan_id="plan-1")
    shown = Redaction(KEY).plan(made)
    assert shown.redacted
    document = to_document(shown)
    words = words_of(state)
    assert not {word for word in words if not word.isdigit()} & told(document)
    judged = {"policies", "verdicts"}  # they have limits, which may look like the ids of a site
    assert not words & told({name: document[name] for name in document.keys() - judged})
    assert from_document(to_document(shown)) == shown
    assert [(each.verb, each.address.kind) for each in shown.actions] == [
        (each.verb, each.address.kind) for each in made.actions
    ]
    sizes = [sorted((len(row.gained), len(row.lost)) for row in access_rows(each))
             for each in (made, shown)]  # fmt: skip
    assert sizes[0] == sizes[1]
    assert len({each.address for each in shown.actions}) == len(made.actions)


@given(cases())
@examples(60)
def test_a_redacted_state_has_the_same_shape(case):
    state, _manifest = case
    shown = Redaction(KEY).state(state)
    for name in ("people", "units", "memberships", "relations", "holders", "assignments"):
        assert len(getattr(shown, name)) == len(getattr(state, name)), name
    assert not words_of(state) & words_of(shown)
    assert {each.name for each in shown.people} <= {LEFT_OUT}
    assert Redaction().state(state) is state


def test_who_is_withheld_is_withheld_by_id_or_key_and_nobody_else_is():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8b")))
    for listed in ("t-0", "10"):
        shown = Redaction(withheld=frozenset({listed})).plan(made)
        text = told(to_document(shown))
        assert not {"t-0", "10"} & text
        assert {"t-1", "11", "s-0", WITHHELD} <= text
        assert all(each.requires != ("10",) for each in shown.actions)
    left = Redaction(withheld=frozenset({"s-0"})).state(state)
    assert "20" not in {each.id for each in left.people}
    assert len(left.memberships) == 3


def test_nothing_tells_at_which_school_a_learner_is_who_is_withheld():
    assigned = [
        Assignment(Role.MENTOR, f"1{number}", TargetKind.LEARNER, f"2{number}")
        for number in range(3)
    ]
    live = small_site(("10", "u2"))
    live = replace(
        live,
        holders=frozenset(Holder(Role.MENTOR, each.person) for each in assigned),
        assignments=Assignments.of(assigned),
    )
    removing = plan(live, wanting())
    reporting = plan(live, wanting(settings=Settings(unmanaged=Unmanaged.REPORT)))
    assert {each.school for each in (*removing.actions, *reporting.unmanaged)} == {"skole"}
    drifted = classify(replace(removing, actions=()), None, (), held_back=removing.actions)
    for key, withheld in ((None, "s-1"), (KEY, "21")):
        for items in (
            Redaction(key, frozenset({withheld})).plan(removing).actions,
            Redaction(key, frozenset({withheld})).plan(reporting).unmanaged,
            [each.item for each in Redaction(key, frozenset({withheld})).drift(drifted).drifted],
        ):
            assert len({each.name for each in items if each.school is None}) == 2
            assert {each.school for each in items} == {"skole", None}
            hidden = [each for each in items if WITHHELD in each.name.parts]
            assert hidden
            assert {each.school for each in hidden} == {None}
            if any(isinstance(each, Action) for each in items):
                parts = by_school([each for each in items if isinstance(each, Action)])
                told = {part.about: part.actions for part in parts}
                assert set(told) == {About.SCHOOL, About.ELSEWHERE}
                assert len(told[About.ELSEWHERE]) == 2
                assert not set(hidden).intersection(told[About.SCHOOL])


def test_schools_are_not_counted_where_one_of_those_counted_is_withheld():
    other = Unit("u4", "annen", UnitKind.SCHOOL, "Annen", "u0")
    live = small_site(units=(*small_site().units, other))
    at_other = Membership("u4", "23", MembershipRole.LEARNER, True, None, None)
    kept = [each for each in live.memberships if each.person != "23"]
    live = replace(live, memberships=(*kept, at_other))
    items = {f"s-{n}": Item(TargetKind.LEARNER, ref(f"s-{n}")) for n in (0, 3)}
    entries = tuple(
        entry_of(Role.MENTOR, ref(f"t-{number}"), (item,))
        for number, item in enumerate(items.values())
    )
    made = plan(live, wanting(sections={Role.MENTOR: Section(entries, AT)}))
    assert [each.name for each in made.schools] == ["annen", "skole"]
    for key in (None, KEY):
        assert Redaction(key, frozenset({"s-3"})).plan(made).schools == ()
    assert Redaction(KEY, frozenset({"t-0"})).plan(made).schools == made.schools
    assert Redaction(None, frozenset({"s-3"})).saved(made).schools == made.schools


def test_outcomes_are_told_without_people_but_with_what_the_site_said():
    site = MemorySite(small_site())
    made = plan(site.state, wanting(("t-0", "8a")))
    result = apply_to(made, site)
    detail = "409: t-0 has mentor/10/class/u2"
    outcomes = tuple(replace(each, detail=detail) for each in result.outcomes)
    result = replace(result, outcomes=outcomes, note="10 is gone")
    shown = Redaction(KEY).result(result)
    name = pseudonym(KEY, "nord", "10")
    document = result_document(shown)
    assert not {"t-0"} & told(document)
    assert f"409: {name} has mentor/" in document["outcomes"][0]["detail"]
    assert document["counts"] == result_document(result)["counts"]


def test_a_sentence_that_quotes_is_left_out_and_its_place_stays():
    found = Diagnostic("RR202", "the site has no person with the sync_key t-99.", None, "Did you…?")
    (shown,) = Redaction(KEY).diagnostics([found])
    assert (shown.code, shown.message, shown.advice) == ("RR202", "Unknown person.", None)
    (shown,) = Redaction(withheld=frozenset({"t-99"})).diagnostics([found])
    assert shown.message == "the site has no person with the sync_key withheld."
    assert Redaction().diagnostics([found, found]) == (found, found)


def test_free_texts_are_left_out_with_a_key_and_searched_without():
    assert Redaction(KEY).free_text("covers for Kari") == LEFT_OUT
    assert Redaction(KEY).free_text(None) is None
    assert Redaction(withheld=frozenset({"t-1"})).free_text("covers for t-1.") == (
        "covers for withheld."
    )


@pytest.mark.parametrize("key", ["urn:feide:1001", "o'brien", "a,b", "Per Olsen", "ab", "x(1)"])
def test_a_key_is_found_in_a_text_whatever_marks_it_has(key):
    hidden = Redaction(b"k" * 16)
    shown = hidden.who("nord", "20", key)
    for text in (f"RR513: nobody mentors {key}, t-9.", f"{key} is stale", f"'{key}' (class 8a)"):
        assert key not in hidden.text(text)
        assert str(shown) in hidden.text(text)
    withheld = Redaction(None, frozenset({key}))
    assert withheld.text(f"mentor {key}: gone") == "mentor withheld: gone"


def test_a_count_is_no_id():
    hidden = Redaction(b"k" * 16)
    hidden.who("nord", "20", "s-20")
    assert (
        hidden.text("20 learners, s-20 and 200")
        == f"20 learners, {hidden.who('nord', '20')} and 200"
    )


def test_who_shares_a_key_is_not_told_by_id():
    one = replace(STAFF[0], id="7001")
    twin = replace(STAFF[1], id="7002", username=one.username)
    state = small_site(people=(one, twin, *STAFF[2:], *LEARNERS))
    with pytest.raises(ReconcilerError) as caught:
        find_person(Directory(state), one.username)
    assert caught.value.advice == "Name one by id: 7001, 7002."
    told = Redaction(KEY).error(caught.value)
    assert "700" not in f"{told} {told.advice}"
    assert str(told.advice).count("p-") == 2
