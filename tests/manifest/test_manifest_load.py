"""Loading: files, directories, merging, the values and their digest."""

import os
import random
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.diagnostics import Position
from reconciler.domain.vocabulary import LabelField, Role, TargetKind
from reconciler.errors import InvalidInput
from reconciler.manifest import files as files_module
from reconciler.manifest.dump import dump_manifest
from reconciler.manifest.load import load_manifest
from reconciler.manifest.model import Settings, Unmanaged
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.manifest.policies import Limit, Policy

WHOLE = """\
# yaml-language-server: $schema=../schemas/manifest-v1.schema.json
version: 1
site: nordberg-kommune
settings: {people: username, units: path, timezone: Europe/Oslo, unmanaged: report}
roles:
  mentor: {profiles: [Staff, Администратор]}
  headteacher: {profiles: []}
labels:
  mentor: {tool_name: Mine elever, role_name: null}
  headteacher: {role_name: 校长}
mentors:
  - person: t-0412
    classes: [8a, no, "0412", "2026-08-17"]
    learners:
      - s-1001
      - {id: s-1002, from: 2026-08-17, until: "2026-12-20", reason: covers parental leave}
      - {id: s-1002, from: 2027-01-01}
headteachers:
  - person: t-0007
    schools: [Nordberg skole]
    organisations: []
  - person: t-0008
policy:
  max_removals: 2.5%
  protected: {people: [t-0007]}
"""


def test_a_whole_manifest_with_its_places(load):
    manifest = load({"roles.yaml": WHOLE})
    assert manifest.site.key == "nordberg-kommune"
    assert manifest.site.position == Position("roles.yaml", 3, 7)
    assert manifest.settings == Settings(
        PersonKey.USERNAME, UnitKey.PATH, "Europe/Oslo", Unmanaged.REPORT
    )
    assert manifest.within is None
    assert manifest.policy.max_removals == Limit(2.5, percentage=True)
    assert [person.key for person in manifest.policy.protected_people] == ["t-0007"]
    profiles = manifest.profiles
    assert [name.key for name in profiles[Role.MENTOR].profiles] == ["Staff", "Администратор"]
    assert profiles[Role.HEADTEACHER].profiles == ()
    assert {key: label.value for key, label in manifest.labels.items()} == {
        (Role.MENTOR, LabelField.TOOL_NAME): "Mine elever",
        (Role.MENTOR, LabelField.ROLE_NAME): None,
        (Role.HEADTEACHER, LabelField.ROLE_NAME): "校长",
    }
    (mentor,) = manifest.sections[Role.MENTOR].entries
    assert manifest.sections[Role.MENTOR].position == Position("roles.yaml", 11, 1)
    assert mentor.person.position == Position("roles.yaml", 12, 13)
    assert [(item.kind, item.target.key, item.begins, item.ends) for item in mentor.items] == [
        (TargetKind.CLASS, "8a", None, None),
        (TargetKind.CLASS, "no", None, None),
        (TargetKind.CLASS, "0412", None, None),
        (TargetKind.CLASS, "2026-08-17", None, None),
        (TargetKind.LEARNER, "s-1001", None, None),
        (TargetKind.LEARNER, "s-1002", date(2026, 8, 17), date(2026, 12, 20)),
        (TargetKind.LEARNER, "s-1002", date(2027, 1, 1), None),
    ]
    assert mentor.items[5].reason == "covers parental leave"
    assert mentor.items[5].target.position == Position("roles.yaml", 16, 14)
    head, bare = manifest.sections[Role.HEADTEACHER].entries
    assert [item.kind for item in head.items] == [TargetKind.SCHOOL]
    assert bare.items == ()
    assert manifest.warnings == ()


def test_absent_is_not_empty(load):
    manifest = load({"m.yaml": "version: 1\nsite: x\nmentors: []\nscope: {within: [a, b]}\n"})
    assert manifest.sections[Role.MENTOR].entries == ()
    assert Role.HEADTEACHER not in manifest.sections
    assert [unit.key for unit in manifest.within] == ["a", "b"]
    assert manifest.policy == Policy()
    assert manifest.settings == Settings()


def test_warnings_do_not_stop_a_manifest(load):
    text = "\ufeffversion: 1\nsite: x\nroles: {mentor: {profiles: [A, A]}}\n"
    manifest = load({"m.yaml": text})
    assert [(one.code, str(one.position)) for one in manifest.warnings] == [
        ("RR007", "m.yaml:1:1"),
        ("RR119", "m.yaml:3:32"),
    ]


def test_a_directory_is_its_visible_yaml_files_in_order(write):
    write(
        {
            "site/b.yml": "version: 1\nmentors: [{person: b}]\n",
            "site/a.yaml": "version: 1\nsite: x\nmentors: [{person: a}]\n",
            "site/a/c.yaml": "version: 1\nmentors: [{person: c}]\n",
            "site/notes.txt": "not a manifest",
            "site/.hidden.yaml": "nor: this",
            "site/.git/x.yaml": "nor: this",
        }
    )
    manifest = load_manifest([Path("site"), Path("site/b.yml")])
    assert [entry.person.position.file for entry in manifest.sections[Role.MENTOR].entries] == [
        str(Path("site/a/c.yaml")),
        str(Path("site/a.yaml")),
        str(Path("site/b.yml")),
    ]


def test_a_directory_without_a_manifest_is_an_error(write, tmp_path):
    write({"empty/readme.txt": "x", "empty/.a.yaml": "version: 1"})
    with pytest.raises(InvalidInput) as caught:
        load_manifest([Path("empty")])
    (found,) = caught.value.diagnostics
    assert (found.code, str(found.position)) == ("RR002", "empty")


def test_no_path_at_all_is_an_error():
    with pytest.raises(InvalidInput, match="1 error found"):
        load_manifest([])


def test_what_cannot_be_read_is_named_with_everything_else(write):
    write({"bad.yaml": "version: 1\nsite: 0412\n"})
    with pytest.raises(InvalidInput) as caught:
        load_manifest([Path("missing.yaml"), Path("bad.yaml")])
    found = caught.value.diagnostics
    assert [(one.code, one.position.file) for one in found] == [
        ("RR105", "bad.yaml"),
        ("RR001", "missing.yaml"),
    ]
    assert "no such file" in found[1].message


@pytest.mark.parametrize("tells_its_size", [True, False])
def test_a_file_beyond_the_limit_is_refused(write, monkeypatch, tells_its_size):
    monkeypatch.setattr(files_module, "SIZE_LIMIT", 100)
    if not tells_its_size:  # as a pipe
        monkeypatch.setattr(os, "fstat", lambda _: os.stat_result([0] * 10))
    head = "version: 1\nsite: x\n"
    write({"at.yaml": head.ljust(100, "#"), "beyond.yaml": head.ljust(101, "#")})
    assert load_manifest([Path("at.yaml")]).site.key == "x"
    with pytest.raises(InvalidInput) as caught:
        load_manifest([Path("beyond.yaml")])
    assert [one.code for one in caught.value.diagnostics] == ["RR003"]


names = st.text("abcæ0", min_size=1, max_size=3).map(lambda text: f"k{text}")
items = st.lists(
    names
    | st.builds(
        lambda name, reason: {"id": name, "until": "2026-12-20", "reason": reason}, names, names
    ),
    max_size=4,
    unique_by=lambda item: item if isinstance(item, str) else item["id"],
)
entries = st.lists(
    st.fixed_dictionaries({"person": names}, optional={"classes": items, "groups": items}),
    max_size=6,
    unique_by=lambda entry: entry["person"],
)
wholes = st.fixed_dictionaries(
    {"version": st.just(1), "site": names},
    optional={
        "mentors": entries,
        "labels": st.just({"mentor": {"tool_name": "Mine elever"}, "headteacher": {}}),
        "settings": st.just({"people": "email"}),
        "policy": st.just({"max_removals": 5}),
    },
)


@settings(max_examples=60, deadline=None)
@given(wholes, st.randoms(use_true_random=False))
def test_split_into_files_is_the_same_as_one_file(tmp_path_factory, whole, chance):
    folder = tmp_path_factory.mktemp("split")
    one = folder / "one.yaml"
    one.write_text(dump_manifest(whole), encoding="utf-8")
    parts = folder / "parts"
    parts.mkdir()
    for number, part in enumerate(split(whole, chance)):
        text = "# a comment\n" + dump_manifest(part)
        (parts / f"{number}.yaml").write_text(text, encoding="utf-8")
    joined, single = load_manifest([parts]), load_manifest([one])
    assert joined.digest == single.digest
    assert content(joined) == content(single)


def split(whole: dict, chance: random.Random) -> list[dict]:
    """Deal the declarations out to three files, each entry and section key on its own."""
    parts: list[dict] = [{"version": 1} for _ in range(3)]
    for key, value in whole.items():
        if key == "mentors":
            chance.choice(parts)[key] = []
            for entry in chance.sample(value, len(value)):
                chance.choice(parts).setdefault(key, []).append(dict(reversed(entry.items())))
        elif isinstance(value, dict):
            for name, below in value.items():
                chance.choice(parts).setdefault(key, {})[name] = below
        elif key != "version":
            chance.choice(parts)[key] = value
    return parts


def content(manifest):
    return {
        role: {
            entry.person.key: {(item.kind, item.target.key, item.ends) for item in entry.items}
            for entry in section.entries
        }
        for role, section in manifest.sections.items()
    }


CHANGES = [
    ("site: nordberg-kommune", "site: other"),
    ("unmanaged: report", "unmanaged: ignore"),
    ("role_name: null", "role_name: x"),
    ("{tool_name: Mine elever, role_name: null}", "{tool_name: Mine elever}"),
    ("from: 2026-08-17", "from: 2026-08-18"),
    ("covers parental leave", "covers"),
    ("2.5%", "2.6%"),
    ("people: [t-0007]", "people: []"),
    ("8a, no", "8a"),
    ("  - person: t-0008\n", ""),
    ("profiles: []", "profiles: [x]"),
]


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_the_digest_tells_every_change_of_content(load, before, after):
    assert before in WHOLE
    changed = WHOLE.replace(before, after)
    assert load({"m.yaml": WHOLE}).digest != load({"m.yaml": changed}).digest


def test_the_digest_does_not_see_layout(load):
    laid_out = WHOLE.replace(
        "    classes: [8a, no,", "    # moved\n    classes: [no, {id: 8a},"
    ).replace("[Staff, Администратор]", "[Администратор, Staff]")
    assert laid_out != WHOLE
    assert load({"a.yaml": WHOLE}).digest == load({"b.yaml": laid_out}).digest


def test_a_default_that_is_stated_has_the_digest_of_one_left_out(load):
    bare = "version: 1\nsite: x\n"
    stated = bare + (
        "settings: {people: sync_key, units: sync_key, timezone: UTC, unmanaged: remove}\n"
        "policy: {every_class_has_mentor: false, protected: {people: []}}\naccepted: []\n"
    )
    assert load({"a.yaml": bare}).digest == load({"b.yaml": stated}).digest


def test_a_level_needs_its_rule(load):
    """Alone it does nothing, and its author means it to do something."""
    text = (
        "version: 1\nsite: x\npolicy:\n  max_grant_days: 9\n  allowed_profiles: {mentor: [A]}\n"
        "  levels:\n    max_grant_days: advisory\n    allowed_profiles: advisory\n"
        "    max_removals: advisory\n"
    )
    (found,) = load({"m.yaml": text}).warnings
    assert (found.code, found.position.line) == ("RR125", 9)
    two = {"a.yaml": text, "b.yaml": "version: 1\nsite: x\npolicy: {max_removals: 5}\n"}
    assert load(two).warnings == ()


def test_a_roster_is_declared_alike_in_all_files(mistakes, load):
    """Else it depended on the order of the files by which key its people are found."""
    head = "version: 1\nsite: x\nrosters: {s: {type: oneroster-csv, path: p%s}}\n"
    same = load({"a.yaml": head % "", "b.yaml": head % ""})
    assert list(same.sources) == ["s"]
    (found,) = mistakes({"a.yaml": head % "", "b.yaml": head % ", people: username"})
    assert (found.code, str(found.position)) == ("RR114", "b.yaml:3:11")
