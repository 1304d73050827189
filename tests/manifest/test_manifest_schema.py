"""The published schema: valid, explained for editors, and in step with the code."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.manifest.dump import dump_manifest
from reconciler.manifest.mistakes import EXPLAINERS
from reconciler.manifest.reader import read_document
from reconciler.manifest.shape import SCHEMA_NAME, _plainly_good, schema
from reconciler.manifest.words import ENTRY_LISTS, SECTION_NAMES
from reconciler.resources import shipped

SCHEMA = json.loads(shipped("schemas", SCHEMA_NAME).read_text(encoding="utf-8"))


def described(node):
    """Yield every subschema of a property, an item or a definition."""
    for name, child in (node.get("properties", {}) | node.get("$defs", {})).items():
        yield name, child
        yield from described(child)
    if "items" in node:
        yield "items", node["items"]
        yield from described(node["items"])


def resolved(node):
    return SCHEMA["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node


def test_it_is_valid_and_published_under_its_id():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"] == f"https://reconciler.example/schemas/{SCHEMA_NAME}"
    assert schema() == SCHEMA


def test_an_editor_can_explain_every_key():
    found = list(described(SCHEMA))
    assert len(found) > 50
    for name, child in [("the manifest", SCHEMA), *found]:
        explained = resolved(child)
        for keyword in ("title", "description", "examples"):
            assert explained.get(keyword), (name, keyword)


def test_every_example_is_valid():
    for name, child in described(SCHEMA):
        explained = resolved(child)
        validator = Draft202012Validator({**explained, "$defs": SCHEMA["$defs"]})
        for shown in explained["examples"]:
            assert validator.is_valid(shown), (name, shown)


def test_no_mapping_takes_unknown_keys():
    for name, child in [("the manifest", SCHEMA), *described(SCHEMA)]:
        if "properties" in child:
            assert child["additionalProperties"] is False, name


def test_every_keyword_that_can_fail_has_its_explanation():
    silent = {"title", "description", "examples", "default", "format", "properties", "items"}
    silent |= {"$schema", "$id", "$defs", "$ref"}
    nodes = [SCHEMA, *(child for _, child in described(SCHEMA))]
    assert {keyword for node in nodes for keyword in node} - silent == set(EXPLAINERS)


def test_the_schema_names_the_lists_that_the_domain_knows():
    for role, section in SECTION_NAMES.items():
        entry = resolved(SCHEMA["properties"][section]["items"])
        assert set(entry["properties"]) == {"person", *ENTRY_LISTS[role]}


# The short way past jsonschema must never let through what the schema refuses.
texts = st.sampled_from(
    ["8a", "", " x", "x ", "a\x07", "x" * 255, "x" * 256, "é\u00a0", "2026-01-01"]
)
odd = texts | st.none() | st.booleans() | st.integers(0, 9) | st.just([]) | st.just({})
item_like = odd | st.dictionaries(st.sampled_from(["id", "from", "until", "reason", "x"]), odd)
entry_like = st.dictionaries(
    st.sampled_from(["person", "classes", "groups", "learners", "schools", "x"]),
    odd | st.lists(item_like, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(entry_like)
def test_the_short_way_past_the_schema_is_never_laxer_than_the_schema(entry):
    document, found = read_document("m", dump_manifest({"mentors": [entry]}).encode())
    assert not found
    read = document.root["mentors"][0]
    valid = Draft202012Validator({"$ref": "#/$defs/mentor", "$defs": SCHEMA["$defs"]})
    if any(_plainly_good(read, lists) for lists in list(ENTRY_LISTS.values())[:1]):
        assert valid.is_valid(copy.deepcopy(entry))


@pytest.mark.parametrize("good", [{"person": "t"}, {"person": "t", "classes": ["a", {"id": "b"}]}])
def test_plain_entries_do_take_the_short_way(good):
    document, _ = read_document("m", dump_manifest({"mentors": [good]}).encode())
    assert _plainly_good(document.root["mentors"][0], next(iter(ENTRY_LISTS.values())))
