"""The file that lists the sites: what it says, and every mistake with its place."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.errors import InvalidInput
from reconciler.fleet.file import SCHEMA_NAME, read_fleet
from reconciler.manifest.mistakes import _MISSING_ADVICE, EXPLAINERS
from reconciler.resources import shipped

SCHEMA = json.loads(shipped("schemas", SCHEMA_NAME).read_text(encoding="utf-8"))


def written(directory: Path, text: str) -> Path:
    file = directory / "fleet.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_paths_are_relative_to_the_file_and_names_stand_for_environments(tmp_path: Path):
    fleet = read_fleet(
        written(
            tmp_path,
            "version: 1\n"
            "canary: 2\n"
            "max_failed_sites: 3\n"
            "sites:\n"
            "  nord: {manifest: nord/roles.yaml}\n"
            "  syd:\n"
            "    manifest: [common.yaml, syd]\n"
            "    environment: south\n"
            "    config: syd/reconciler.toml\n",
        )
    )
    nord, syd = fleet.sites
    assert (fleet.canary, fleet.max_failed_sites) == (2, 3)
    assert nord.manifest == (tmp_path / "nord/roles.yaml",)
    assert (nord.environment, nord.config) == ("nord", tmp_path / "reconciler.toml")
    assert syd.manifest == (tmp_path / "common.yaml", tmp_path / "syd")
    assert (syd.environment, syd.config) == ("south", tmp_path / "syd/reconciler.toml")
    assert str(syd.position) == f"{tmp_path}/fleet.yaml:6:3"


MISTAKES = {
    "a list": ("- nord\n", "1:1: error RR009: this is a list, not a fleet."),
    "nothing": ("", "error RR004: the file is empty. A fleet begins with"),
    "no sites": ("version: 1\n", "1:1: error RR102: the key 'sites' is missing here."),
    "none of them": ("version: 1\nsites: {}\n", "2:1: error RR701: the fleet has no sites."),
    "a name without an entry": ("version: 1\nsites:\n  a:\n", "3:5: error RR106: 'a' has no value"),
    "no manifest": (
        "version: 1\nsites:\n  a: {}\n",
        "3:6: error RR102: the key 'manifest' is missing here.",
    ),
    "an empty list": (
        "version: 1\nsites:\n  a: {manifest: []}\n",
        "3:7: error RR701: this site has an empty list of manifests.",
    ),
    "the same name twice": (
        "version: 1\nsites:\n  a: {manifest: x}\n  a: {manifest: y}\n",
        "4:3: error RR012",
    ),
    "another version": ("version: 2\nsites: {a: {manifest: x}}\n", "1:10: error RR109"),
    "a secret": (
        "version: 1\nsites:\n  a: {manifest: x, token: hunter2}\n",
        "3:20: error RR101: unknown key 'token'.",
    ),
    "no number": ("version: 1\ncanary: -1\nsites: {a: {manifest: x}}\n", "2:9: error RR120"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_with_its_place(case: str, tmp_path: Path):
    text, told = MISTAKES[case]
    with pytest.raises(InvalidInput) as raised:
        read_fleet(written(tmp_path, text))
    said = "\n".join(map(str, raised.value.diagnostics))
    assert told in said
    assert "hunter2" not in said


def test_what_cannot_be_read_is_told(tmp_path: Path):
    for path in (tmp_path, tmp_path / "gone.yaml"):
        with pytest.raises(InvalidInput):
            read_fleet(path)


def nodes(node: object):
    if isinstance(node, dict):
        if "title" in node:
            yield node
        for below in node.values():
            yield from nodes(below)


def test_the_schema_is_valid_explained_and_its_examples_are():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"].endswith(SCHEMA_NAME)
    for node in nodes(SCHEMA):
        assert node["description"]
        validator = Draft202012Validator({"$defs": SCHEMA["$defs"], **node})
        assert all(validator.is_valid(example) for example in node["examples"])
        for keyword in node:
            silent = {"title", "description", "examples", "properties", "items"}
            assert keyword in {*EXPLAINERS, *silent, "$schema", "$id", "$defs"}
        assert set(node.get("required", ())) <= set(_MISSING_ADVICE)
