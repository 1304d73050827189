"""The exported manifest plans to nothing, whatever the site looks like."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import LEARNERS, STAFF, small_site
from strategies import TODAY, sites

from reconciler.errors import ReconcilerError
from reconciler.export import export_manifest
from reconciler.manifest.dump import dump_manifest
from reconciler.manifest.load import load_manifest
from reconciler.manifest.model import PersonKey, UnitKey
from reconciler.plan.build import make_plan

AWKWARD = st.sampled_from(
    ["no", "on", "0412", "0o17", "1e3", "2026-08-17", "null", "~", "true", "å", "8 a", "a: b", "#x",
     "- x", "'", '"', "08", "1_000", "12:30", "=", "<<", "[x]", "{x}", "*a", "&a", "!t", "%x", "@y"]
)  # fmt: skip


def check(state, directory: Path) -> str:
    text = dump_manifest(export_manifest(state))
    path = directory / "roles.yaml"
    path.write_text(text, encoding="utf-8")
    manifest = load_manifest([path])
    made = make_plan(manifest, state, as_of=TODAY, plan_id="p")
    assert made.actions == ()
    assert not made.unmanaged
    return text


@given(sites(), st.lists(AWKWARD, unique=True, min_size=4, max_size=4))
@settings(max_examples=150, deadline=None)
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
