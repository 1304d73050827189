"""The exported manifest plans to nothing, whatever the site looks like."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import LEARNERS, STAFF, small_site
from strategies import TODAY, examples, sites

from reconciler.domain.vocabulary import Role
from reconciler.errors import ReconcilerError
from reconciler.export.whole import export_manifest, export_scope
from reconciler.manifest.dump import dump_manifest
from reconciler.manifest.load import load_manifest
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.plan.build import make_plan
from reconciler.plan.model import Plan
from reconciler.state import Labels, Profile

AWKWARD = st.sampled_from(
    ["no", "on", "0412", "0o17", "1e3", "2026-08-17", "null", "~", "true", "å", "8 a", "a: b", "#x",
     "- x", "'", '"', "08", "1_000", "12:30", "=", "<<", "[x]", "{x}", "*a", "&a", "!t", "%x", "@y"]
)  # fmt: skip


def planned(data, state, directory: Path) -> Plan:
    path = directory / "roles.yaml"
    path.write_text(dump_manifest(data), encoding="utf-8")
    return make_plan(load_manifest([path]), state, as_of=TODAY, plan_id="p")


def check(state, directory: Path) -> str:
    data = export_manifest(state)
    made = planned(data, state, directory)
    assert made.actions == ()
    assert not made.unmanaged
    return dump_manifest(data)


@given(sites(), st.lists(AWKWARD, unique=True, min_size=4, max_size=4))
@examples(150)
def test_an_exported_manifest_plans_to_nothing(tmp_path_factory, state, keys):
    people = [
        replace(person, sync_key=key) for person, key in zip(state.people, keys, strict=False)
    ]
    state = replace(state, people=(*people, *state.people[len(people) :]))
    check(state, tmp_path_factory.mktemp("export"))


def test_keys_are_chosen_so_that_everybody_is_named(tmp_path):
    state = small_site(("10", "u2"))
    assert "people: sync_key" in check(state, tmp_path)
    for broken in ({"sync_key": None}, {"sync_key": " t-0"}, {"sync_key": "t\n0"}):
        people = (replace(STAFF[0], **broken), *STAFF[1:], *LEARNERS)
        assert "people: username" in check(replace(state, people=people), tmp_path)
    units = tuple(replace(unit, sync_key=None) for unit in state.units)
    assert "units: sync_key" in check(replace(state, units=units), tmp_path), "paths stand in"
    text = dump_manifest(export_manifest(state, PersonKey.ID, UnitKey.PATH))
    assert re.search(r'person: "10"\n\s+classes:\n\s+- Skole/8A', text)


def test_a_kind_of_key_that_does_not_name_everybody_is_refused():
    state = small_site(("10", "u2"))
    with pytest.raises(ReconcilerError, match="email"):
        export_manifest(state, PersonKey.EMAIL)


ODD = (
    st.sampled_from(["", " ", "Staff ", " Staff", "Sta\tff", "Sta\nff", "Sta\x85ff", "\x9b", "p0",
                     "\u2028", "\xa0x", "x" * 64, "x" * 65, "x" * 256, "Staff\u200d", "\u202eab"])
    | st.text(max_size=4)
)  # fmt: skip


@given(sites(), st.lists(ODD, min_size=3), st.lists(ODD, min_size=4), ODD)
@examples(200)
def test_an_awkward_site_is_exported_or_refused_in_a_sentence(
    tmp_path_factory, state, names, labels, site
):
    odd = replace(
        state,
        site=replace(state.site, id=site),
        profiles=tuple(
            replace(profile, name=name)
            for profile, name in zip(state.profiles, names, strict=False)
        ),
        labels=tuple(
            replace(each, tool_name=labels.pop(), role_name=labels.pop()) for each in state.labels
        ),
    )
    if refusal := refusal_of(odd):
        assert refusal.startswith(("The site's id", "The label", "The profile"))
    else:
        check(odd, tmp_path_factory.mktemp("odd"))


def refusal_of(state) -> str | None:
    try:
        export_manifest(state)
    except ReconcilerError as refused:
        return str(refused)
    return None


@pytest.mark.parametrize("label", ["", " a", "a\x85b", "a\nb", "x" * 65])
def test_a_label_that_no_manifest_can_say_is_named(label):
    state = small_site(labels=(Labels(Role.MENTOR, None, label), small_site().labels[1]))
    with pytest.raises(ReconcilerError, match="label/mentor/role_name"):
        export_manifest(state)


def test_what_lies_outside_a_scope_hinders_nobody(tmp_path):
    """Labels that cannot stand in a manifest, and somebody elsewhere who has no sync key."""
    labels = (Labels(Role.MENTOR, None, " a"), small_site().labels[1])
    state = small_site(("10", "u2"), ("11", "u3"), labels=labels)
    people = (state.people[0], replace(state.people[1], sync_key=None), *state.people[2:])
    state = replace(state, people=people)
    data = export_scope(state, ["u2"], TODAY)
    assert data["mentors"] == [{"person": "t-0", "classes": ["8a"]}]
    assert planned(data, state, tmp_path).actions == ()
    with pytest.raises(ReconcilerError, match="The site's id"):
        export_scope(replace(state, site=replace(state.site, id=" ")), ["u2"], TODAY)


@pytest.mark.parametrize("name", ["", "Staff ", "Sta\tff", "x" * 256, "p1"])
def test_a_profile_whose_name_cannot_stand_is_named_by_its_id(tmp_path, name):
    state = small_site(("10", "u2"))
    state = replace(state, profiles=(replace(state.profiles[0], name=name), *state.profiles[1:]))
    assert re.search(r"profiles:\n\s+- p0\n", check(state, tmp_path))


def test_a_profile_that_nothing_names_is_refused():
    profiles = (Profile("p0", "p1", frozenset({Role.MENTOR})), Profile("p1", "p0", frozenset()))
    with pytest.raises(ReconcilerError, match="profile p0"):
        export_manifest(small_site(("10", "u2"), profiles=profiles))


@pytest.mark.parametrize("site", ["", "2026 ", "a\nb"])
def test_a_site_id_that_no_manifest_can_say_is_refused(site):
    state = small_site()
    with pytest.raises(ReconcilerError, match="site's id"):
        export_manifest(replace(state, site=replace(state.site, id=site)))
