"""Addresses, suggestions, exit codes, drift, plan files."""

import gc
import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from deepdiff import DeepDiff
from hypothesis import given
from hypothesis import strategies as st
from small import plan, small_site, wanting

from reconciler import json_text
from reconciler.diff import FieldChange, changed_fields
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import TARGET_KINDS, LabelField, Role
from reconciler.drift import classify
from reconciler.errors import ExitCode, PlanUnusable, worst
from reconciler.gc_pause import collector_paused
from reconciler.manifest.model import Settings, Unmanaged
from reconciler.plan.document import from_document, to_document
from reconciler.provider import Event
from reconciler.suggest import did_you_mean

KEY = st.text(min_size=1)
PAIRS = [(role, kind) for role, kinds in TARGET_KINDS.items() for kind in kinds]
ADDRESSES = st.one_of(
    st.builds(Address.profile, KEY, st.sampled_from(Role)),
    st.builds(Address.label, st.sampled_from(Role), st.sampled_from(LabelField)),
    st.builds(Address.holder, st.sampled_from(Role), KEY),
    st.tuples(st.sampled_from(PAIRS), KEY, KEY).map(
        lambda drawn: Address.assignment(drawn[0][0], drawn[1], drawn[0][1], drawn[2])
    ),
)  # fmt: skip


@given(ADDRESSES)
def test_an_address_survives_its_text(address):
    text = str(address)
    assert text.isascii()
    assert Address.parse(text) == address


@pytest.mark.parametrize(
    "text",
    ["", "mentor", "mentor/", "mentor/t/school/x", "headteacher/t/class/x", "label/mentor/title",
     "profile/Staff/teacher", "mentor/t/class", "mentor/t/class/", "a/b/c/d/e", "mentor/%ff"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the text itself
        Address.parse(text)


def test_the_worst_exit_code_wins():
    order = [1, 6, 5, 4, 2, 3, 0]
    for position, code in enumerate(order):
        assert worst([ExitCode(each) for each in order[position:]]) == code
    assert worst([]) is ExitCode.DONE


def test_a_near_miss_is_found_whatever_the_case_and_however_many_there_are():
    many = [f"t-{number:05}" for number in range(5000)]
    assert did_you_mean("T-00412", many) == "Did you mean 't-00412'?"
    assert did_you_mean("rektor", ["Rektor", "Lærer"]) == "Did you mean 'Rektor'?"
    assert did_you_mean("zzz", many) is None


@given(
    st.dictionaries(st.sampled_from("abc"), st.none() | st.text(), min_size=3),
    st.dictionaries(st.sampled_from("abc"), st.none() | st.text(), min_size=3),
    st.frozensets(st.text(max_size=3)),
    st.frozensets(st.text(max_size=3)),
)
def test_each_changed_field_and_member_is_found_once_as_deepdiff_finds_it(before, after, old, new):
    before, after = {**before, "set": old}, {**after, "set": new}
    expected = []
    for kind, levels in DeepDiff(before, after, view="tree").items():
        for level in levels:
            field = level.path(output_format="list")[0]
            if kind == "set_item_added":
                expected.append(FieldChange(field, before=False, after=True, member=level.t2))
            elif kind == "set_item_removed":
                expected.append(FieldChange(field, before=True, after=False, member=level.t1))
            else:
                expected.append(FieldChange(field, before=level.t1, after=level.t2))
    expected.sort(key=lambda change: (change.field, change.member or ""))
    assert changed_fields(before, after) == expected


def event(address: str, actor: str, kind: str = "api") -> Event:
    return Event(datetime(2026, 11, 1, tzinfo=UTC), actor, kind, address, "add", 7)


def test_drift_is_what_somebody_else_wrote_last_and_pending_all_else():
    state = small_site(("11", "u2"), ("11", "u3"))
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8b")))
    removal = Address.assignment("mentor", "11", "class", "u2")
    assert removal in {action.address for action in made.actions}
    for actor, drifted in (("admin", 1), ("me", 0), ("sister", 0)):
        report = classify(made, {removal: event(str(removal), actor)}, {"me", "sister"})
        assert len(report.drifted) == drifted
        assert len(report.pending) == len(made.actions) - drifted
        assert report.exit_code == (2 if drifted else 3)
    namesake = event(str(removal), "me", "console")
    assert len(classify(made, {removal: namesake}, {"me"}).drifted) == 1
    blind = classify(made, None, {"me"})
    assert (len(blind.drifted), blind.pending, blind.exit_code) == (len(made.actions), (), 2)
    in_sync = plan(state, wanting(("t-1", "8a"), ("t-1", "8b")))
    assert classify(in_sync, {}, {"me"}).exit_code == 0


def test_what_is_reported_only_counts_as_drift():
    made = plan(small_site(("11", "u2")), wanting(settings=Settings(unmanaged=Unmanaged.REPORT)))
    report = classify(made, {}, {"me"})
    assert len(report.drifted) == 2
    assert report.exit_code == 2


def document():
    made = plan(small_site(("11", "u2")), wanting(("t-0", "8a")), overrides={"RR501": "x"})
    return json.loads(json.dumps(to_document(made)))


@pytest.mark.parametrize("key", sorted(document()))
def test_a_plan_that_was_edited_anywhere_is_refused(key):
    edited = document()
    edited[key] = {"str": "x", "int": 99, "bool": True}.get(type(edited[key]).__name__, ["x"])
    with pytest.raises(PlanUnusable):
        from_document(edited)


def test_a_plan_that_was_saved_before_actions_told_their_schools_is_still_read():
    made = plan(small_site(("11", "u2")), wanting(("t-0", "8a")))
    older = json.loads(json.dumps(to_document(made)))
    assert {each.pop("school") for each in older["actions"]} == {"skole"}
    covered = {name: value for name, value in older.items() if name != "digest"}
    older["digest"] = json_text.digest(covered.items())
    read = from_document(older)
    assert read == replace(made, actions=tuple(replace(each, school=None) for each in made.actions))


def test_a_plan_whose_digest_fits_but_whose_content_does_not_is_refused():
    broken = document()
    broken["actions"][0]["verb"] = "explode"
    covered = {name: value for name, value in broken.items() if name != "digest"}
    broken["digest"] = json_text.digest(covered.items())
    with pytest.raises(PlanUnusable, match="malformed"):
        from_document(broken)


@given(
    st.lists(
        st.text(min_size=1) | st.sampled_from(["a/b", "%41", "æ", "~.-_"]), min_size=2, max_size=2
    )
)
def test_an_address_is_its_percent_encoded_segments_and_reads_back(parts):
    person, target = parts
    address = Address.assignment("mentor", person, "class", target)
    assert str(address) == "/".join(quote(each, safe="") for each in address.parts)
    assert Address.parse(str(address)) == address


def test_the_garbage_collector_rests_until_the_last_who_paused_it_is_done():
    """In a fleet on threads, one site is read while another ends."""
    first, second = ExitStack(), ExitStack()
    first.enter_context(collector_paused())
    second.enter_context(collector_paused())
    first.close()
    assert not gc.isenabled()
    second.close()
    assert gc.isenabled()
