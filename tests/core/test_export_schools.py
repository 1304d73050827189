"""The files of a manifest, one per school: together the whole, and alone never a removal."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import small_site
from strategies import TODAY, below, examples, in_scope, sites
from test_export import AWKWARD

from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.errors import InvalidInput
from reconciler.export.schools import OTHERS_FILE, SCHOOLS, SITE_FILE, Part, export_schools
from reconciler.export.whole import export_manifest, export_scope
from reconciler.manifest.dump import dump_manifest
from reconciler.manifest.files import is_part
from reconciler.manifest.load import load_manifest
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.plan.build import make_plan
from reconciler.state import LiveState, Membership, Unit

ODD = (
    st.sampled_from([None, "", ".", "..", "../../x", "/etc/passwd", "a/b", "a\\b", ".hidden", "CON",
                     "con", "lpt1", "A", "a", "skole", "Skole", "skole.yaml", "site", "others", "å",
                     "e\u0301", "é", "\n", "\0", "-rf", "~", "x" * 64, "x" * 65, "x" * 255, "\x9b",
                     "a.0123456789abcdef", "x" * 300])
    | AWKWARD
    | st.text(max_size=5)
)  # fmt: skip


def write(folder: Path, parts: tuple[Part, ...]) -> None:
    for part in parts:
        path = folder / part.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {part.about}\n{dump_manifest(part.data)}", encoding="utf-8")


def untouched(state: LiveState, *paths: Path) -> bool:
    made = make_plan(load_manifest(paths), state, as_of=TODAY, plan_id="p")
    return not made.actions and not made.unmanaged


@st.composite
def odd_sites(draw: st.DrawFn) -> LiveState:
    """A site whose schools may have any key, or share one."""
    state = draw(sites())
    if draw(st.booleans()):
        return state
    units = [
        replace(unit, sync_key=draw(ODD)) if unit.kind is UnitKind.SCHOOL else unit
        for unit in state.units
    ]
    return replace(state, units=tuple(units))


@given(odd_sites())
@examples(200)
def test_the_files_plan_to_nothing_together_and_none_alone_removes_anything(
    tmp_path_factory, state
):
    folder = tmp_path_factory.mktemp("roles")
    parts = export_schools(state)
    write(folder, parts)
    assert untouched(state, folder)
    single = tmp_path_factory.mktemp("one") / "roles.yaml"
    single.write_text(dump_manifest(export_manifest(state)), encoding="utf-8")
    assert load_manifest([folder]).digest == load_manifest([single]).digest
    for part in parts:
        if part.path == SITE_FILE:
            assert untouched(state, folder / part.path)
        else:
            with pytest.raises(InvalidInput) as refused:
                load_manifest([folder / part.path])
            assert [each.code for each in refused.value.diagnostics] == ["RR118"]


@given(odd_sites(), st.randoms(use_true_random=False))
@examples(100)
def test_the_same_site_in_another_order_gives_the_same_files(state, shuffled):
    def mixed(values):
        return tuple(shuffled.sample(values, len(values)))

    other = replace(
        state,
        profiles=mixed(state.profiles),
        labels=mixed(state.labels),
        people=mixed(state.people),
        units=mixed(state.units),
        memberships=mixed(state.memberships),
    )
    assert export_schools(other) == export_schools(state)


@given(odd_sites())
@examples(200)
def test_every_school_has_a_file_of_its_own_that_stays_in_its_folder(state):
    paths = [part.path for part in export_schools(state)]
    schools = [unit for unit in state.units if unit.kind is UnitKind.SCHOOL]
    assert paths[-2:] == [OTHERS_FILE, SITE_FILE], "what makes it a manifest is written last"
    assert len(paths[:-2]) == len(schools)
    assert len({str(path).casefold() for path in paths}) == len(paths)
    for path in paths[:-2]:
        assert path.parent == SCHOOLS
        assert path.name.isascii()
        assert path.name.isprintable()
        assert not set(path.name) & set('/\\:*?"<>| ')
        assert path.name == path.name.lower()
        assert len(path.name) < 100
        assert path.name.split(".")[0] not in ("con", "lpt1", "")
        assert is_part(str(path))


@given(sites())
@examples(200)
def test_a_school_has_those_whose_role_ends_at_its_walls(state):
    """Against an obvious model: where may all that somebody is assigned lie?"""
    schools = {unit.sync_key: unit.id for unit in state.units if unit.kind is UnitKind.SCHOOL}
    names = {person.sync_key: person.id for person in state.people}
    found: dict[Holder, str | None] = {}
    for part in export_schools(state, PersonKey.SYNC_KEY, UnitKey.SYNC_KEY):
        for section, role in (("mentors", Role.MENTOR), ("headteachers", Role.HEADTEACHER)):
            for entry in part.data.get(section, ()):
                holder = Holder(role, names[entry["person"]])
                assert holder not in found
                found[holder] = schools[part.path.stem] if part.path.parent == SCHOOLS else None
    wanted = {holder: model(state, holder, list(schools.values())) for holder in state.holders}
    assert found == wanted


def model(state: LiveState, holder: Holder, schools: list[str]) -> str | None:
    own = [each for each in state.assignments if each.holder == holder]
    fitting = []
    for school in schools:
        inside = below(state, school)
        learners = {
            each.person
            for each in state.memberships
            if each.role is MembershipRole.LEARNER and each.unit in inside
        }
        if all(
            each.target in (learners if each.kind is TargetKind.LEARNER else inside) for each in own
        ):
            fitting.append(school)
    return fitting[0] if own and len(fitting) == 1 else None


def test_who_is_of_several_schools_of_none_or_above_stands_with_the_others():
    other = Unit("u4", "andre", UnitKind.SCHOOL, "Andre", "u0")
    class_there = Unit("u5", "1a", UnitKind.CLASS, "1A", "u4")
    state = small_site(("10", "u2"), ("11", "u2"), ("11", "u5"))
    state = replace(
        state,
        units=(*state.units, other, class_there),
        memberships=(
            *state.memberships,
            Membership("u5", "20", MembershipRole.LEARNER, False, None, TODAY),
        ),
        holders=state.holders
        | {Holder(Role.MENTOR, "12"), Holder(Role.MENTOR, "13"), Holder(Role.HEADTEACHER, "10")},
        assignments=state.assignments
        | {
            Assignment(Role.MENTOR, "13", TargetKind.LEARNER, "20"),
            Assignment(Role.HEADTEACHER, "10", TargetKind.ORGANISATION, "u0"),
        },
    )
    data = {part.path: part.data for part in export_schools(state)}
    assert data[SCHOOLS / "skole.yaml"]["mentors"] == [{"person": "t-0", "classes": ["8a"]}]
    assert data[SCHOOLS / "andre.yaml"] == {"version": 1}, "a school without anybody has a file"
    assert data[OTHERS_FILE]["mentors"] == [
        {"person": "t-1", "classes": ["1a", "8a"]},
        {"person": "t-2"},
        {"person": "t-3", "learners": ["s-0"]},
    ]
    assert data[OTHERS_FILE]["headteachers"] == [{"person": "t-0", "organisations": ["nord"]}]
    assert set(data) == {
        SITE_FILE,
        OTHERS_FILE,
        PurePosixPath("schools/skole.yaml"),
        PurePosixPath("schools/andre.yaml"),
    }


def test_a_role_that_nobody_has_is_authoritative_all_the_same():
    (others,) = [part for part in export_schools(small_site()) if part.path == OTHERS_FILE]
    assert others.data == {"version": 1, "mentors": [], "headteachers": []}


# A manifest for a part of the site


@given(odd_sites(), st.data())
@examples(200)
def test_a_manifest_for_a_part_of_the_site_plans_to_nothing_by_itself(
    tmp_path_factory, state, data
):
    below_site = [unit.id for unit in state.units if unit.parent is not None]
    tops = data.draw(st.lists(st.sampled_from(below_site), min_size=1, max_size=2, unique=True))
    made = export_scope(state, tops, TODAY)
    path = tmp_path_factory.mktemp("part") / "roles.yaml"
    path.write_text(dump_manifest(made), encoding="utf-8")
    assert untouched(state, path)
    declared = sum(
        len(targets)
        for section in ("mentors", "headteachers")
        for entry in made[section]
        for name, targets in entry.items()
        if name != "person"
    )
    assert declared == sum(in_scope(state, tops, each) for each in state.assignments)
    assert all(len(entry) > 1 for section in ("mentors", "headteachers") for entry in made[section])


@given(odd_sites())
@examples(100)
def test_the_manifests_of_all_schools_plan_to_nothing_one_by_one_and_share_nothing(
    tmp_path_factory, state
):
    folder = tmp_path_factory.mktemp("parts")
    seen = 0
    for unit in state.units:
        if unit.kind is UnitKind.SCHOOL:
            path = folder / f"{unit.id}.yaml"
            path.write_text(dump_manifest(export_scope(state, [unit.id], TODAY)), encoding="utf-8")
            assert untouched(state, path)
            sections = load_manifest([path]).sections.values()
            seen += sum(len(entry.items) for section in sections for entry in section.entries)
    schools = [unit.id for unit in state.units if unit.kind is UnitKind.SCHOOL]
    assert seen == sum(in_scope(state, schools, each) for each in state.assignments)
