"""What a key names: an empty one nobody, a profile's name before its id, and back."""

import json
from dataclasses import replace

import pytest
from small import LEARNERS, STAFF, plan, small_site, wanting
from strategies import AT, ref

from reconciler.directory import Directory, Keys
from reconciler.domain.vocabulary import Role
from reconciler.errors import InvalidInput
from reconciler.manifest.model import ProfileSetting, Settings
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.plan.document import from_document, to_text
from reconciler.state import LiveState, Profile


@pytest.mark.parametrize("kind", [PersonKey.SYNC_KEY, PersonKey.USERNAME, PersonKey.EMAIL])
def test_an_empty_key_is_no_key_and_the_plan_can_be_read_back(kind):
    people = [replace(each, email=f"{each.id}@x") for each in (*STAFF, *LEARNERS)]
    people[0] = replace(people[0], **{kind.value: ""})
    state = small_site(("10", "u2"), ("11", "u3"), people=tuple(people))
    keys = Keys(Directory(state), kind, UnitKey.SYNC_KEY)
    assert keys.person("10") == "10"
    assert keys.find_people("") == []
    made = plan(state, wanting((keys.person("11"), "8b"), settings=Settings(people=kind)))
    assert [str(each.name) for each in made.actions] == ["mentor/10/class/8a", "mentor/10"]
    assert from_document(json.loads(to_text(made))) == made


def test_a_unit_without_title_or_key_is_named_by_its_id():
    state = small_site()
    units = tuple(
        replace(each, sync_key="", title="" if each.id == "u1" else each.title)
        for each in state.units
    )
    for kind in (UnitKey.SYNC_KEY, UnitKey.PATH):
        keys = Keys(Directory(replace(state, units=units)), PersonKey.ID, kind)
        assert (keys.unit("u1"), keys.find_units("")) == ("u1", [])
        assert keys.find_units(keys.unit("u2")) == ["u2"]


def test_a_path_that_differs_in_the_encoding_of_an_accent_only_is_told_apart():
    units = tuple(
        replace(each, title="Sko\u0308le" if each.id == "u1" else each.title)
        for each in small_site().units
    )
    wanted = wanting(("t-0", "Sk\u00f6le/8A"), settings=Settings(units=UnitKey.PATH))
    with pytest.raises(InvalidInput) as refused:
        plan(small_site(units=units), wanted)
    (found,) = refused.value.diagnostics
    assert found.code == "RR203"
    assert "Did you mean 'Sko\u0308le/8A'?" in str(found.advice)
    assert "encoding of an accent" in str(found.advice)


def with_profiles(*names: tuple[str, str]) -> LiveState:
    profiles = [Profile(each, name, frozenset()) for each, name in names]
    return small_site(profiles=(*profiles, Profile("p0", "Rest", frozenset())))


def enabling(profile: str):
    setting = ProfileSetting((ref(profile),), AT)
    return replace(wanting(), sections={}, profiles={Role.MENTOR: setting})


def test_a_profile_without_a_name_is_named_by_its_id():
    made = plan(with_profiles(("p1", "")), enabling("p1"))
    assert [str(each.name) for each in made.actions] == ["profile/p1/mentor"]
    assert from_document(json.loads(to_text(made))) == made


def test_a_profile_whose_name_is_the_id_of_another_is_ambiguous():
    state = with_profiles(("p1", "Staff"), ("Staff", "Guests"))
    with pytest.raises(InvalidInput) as refused:
        plan(state, enabling("Staff"))
    assert [(each.code, each.position) for each in refused.value.diagnostics] == [("RR205", AT)]
    for key, profile in (("p1", "p1"), ("Guests", "Staff")):
        assert [each.address.parts[0] for each in plan(state, enabling(key)).actions] == [profile]
    keys = Keys(Directory(state), PersonKey.ID, UnitKey.ID)
    assert (keys.profile("p1"), keys.profile("Staff")) == ("p1", "Guests")


def test_a_profile_whose_name_is_its_own_id_is_itself():
    made = plan(with_profiles(("Staff", "Staff")), enabling("Staff"))
    assert [str(each.name) for each in made.actions] == ["profile/Staff/mentor"]
