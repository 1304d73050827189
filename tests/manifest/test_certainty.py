"""What is certain without jsonschema is so with it, and good manifests are certain."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.manifest.certainty import certainly_follows
from reconciler.manifest.shape import schema

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
VALIDATOR = Draft202012Validator(dict(schema()))
RICH = """
version: 1
site: nord
settings: {people: username, units: path, timezone: Europe/Oslo, unmanaged: report}
roles: {mentor: {profiles: [Staff]}}
labels: {mentor: {tool_name: Mine elever, role_name: null}}
scope: {within: [skole]}
mentors:
  - person: t-1
    classes: [8a, {id: 8b, from: 2026-08-17, until: 2026-12-20, reason: leave}]
headteachers: []
policy:
  max_removals: 10%
  max_learners_per_mentor: 30
  every_learner_has_mentor: true
  protected: {people: [t-1], units: [skole]}
  levels: {max_learners_per_mentor: advisory}
accepted:
  - {address: mentor/t-1/class/8a, until: 2026-12-01, reason: agreed, owner: t-9}
"""


def _texts(value: Any) -> Any:
    """Dates as the text that they are in a manifest."""
    if isinstance(value, dict):
        return {key: _texts(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


GOOD = _texts(yaml.safe_load(RICH))


def test_examples_are_certain():
    assert EXAMPLES
    for path in EXAMPLES:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        if "version" in document:
            data = _texts(document)
            assert certainly_follows(data, schema(), schema()), path


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2_000_000_000),
    st.floats(allow_nan=False),
    st.sampled_from(["", " a", "a ", "a\n", "a\u2028b", "10%", "200%", "sync_key", "x" * 300]),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.sampled_from(["id", "from", "profiles", "odd"]), st.text(max_size=3)),
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container, with each key or index in it."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else range(len(value))
    return [each for key in keys for each in ((value, key), *_places(value[key]))]


@given(st.data())
def test_what_is_certain_is_valid(data: st.DataObject):
    document = copy.deepcopy(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(_places(document)))
        action = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "replace":
            container[key] = data.draw(ODD)
        elif action == "remove":
            del container[key]
        elif isinstance(container, dict):
            container[data.draw(st.text(max_size=3))] = data.draw(ODD)
        if not _places(document):
            break
    if certainly_follows(document, schema(), schema()):
        assert VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    "unknown",
    [{"not": {}}, {"allOf": [{}]}, {"$ref": "https://elsewhere.example/x"}, {"type": "number"}],
)
def test_what_is_not_understood_is_in_doubt(unknown: dict[str, Any]):
    assert not certainly_follows("a", unknown, {"$defs": {}})


def test_a_rich_manifest_is_certain_until_something_is_odd():
    assert VALIDATOR.is_valid(GOOD), next(VALIDATOR.iter_errors(GOOD))
    assert certainly_follows(GOOD, schema(), schema())
    assert not certainly_follows(GOOD | {"odd": 1}, schema(), schema())
    assert not certainly_follows(GOOD | {"version": True}, schema(), schema())
