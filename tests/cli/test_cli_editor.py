"""Manifests in an editor: where they say their schema is, and what is shown of every key there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from editors import Editor, editor
from sandboxes import ROOT, Desk

NAME = "manifest-v1.schema.json"
SCHEMA = json.loads((ROOT / "schemas" / NAME).read_text(encoding="utf-8"))
LINE = "# yaml-language-server: $schema="


def line_of(path: Path) -> str:
    """The path of the schema that a file names."""
    (found,) = re.findall(f"^{re.escape(LINE)}(.*)$", path.read_text(), re.MULTILINE)
    return str(found)


def init(desk: Desk, folder: str) -> Path:
    desk.run("init", folder, "--site", "nordberg", "--url", "https://roles.example", "--yes")
    return desk.directory / folder


@pytest.fixture
def offline(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_init_brings_the_schema_and_names_it(offline: Desk):
    folder = init(offline, "roles")
    assert line_of(folder / "roles.yaml") == NAME
    assert (folder / NAME).read_bytes() == (ROOT / "schemas" / NAME).read_bytes()
    assert (folder / "roles.yaml").read_text().startswith(LINE)


@pytest.mark.parametrize("above", [NAME, f"schemas/{NAME}"])
def test_init_names_the_schema_that_is_there_already(offline: Desk, above: str):
    (offline.directory / ".git").mkdir()
    (offline.directory / "schemas").mkdir()
    (offline.directory / above).write_text("{}")
    folder = init(offline, "towns/nordberg")
    assert line_of(folder / "roles.yaml") == f"../../{above}"
    assert not (folder / NAME).exists()


def test_a_schema_beyond_the_repository_is_somebody_elses(offline: Desk):
    (offline.directory / NAME).write_text("{}")
    (offline.directory / "work" / ".git").mkdir(parents=True)
    assert line_of(init(offline, "work/roles") / "roles.yaml") == NAME


def test_export_names_the_schema_from_where_it_writes(settled_desk: Desk):
    desk = settled_desk
    (desk.directory / ".git").mkdir()
    assert f"\n{LINE}{NAME}\n" in desk.run("export").out, "where none is, one at the top is meant"
    (desk.directory / "one").mkdir()
    desk.run("export", "--out", "one/roles.yaml")
    assert line_of(desk.directory / "one/roles.yaml") == f"../{NAME}"
    (desk.directory / "one" / NAME).write_text("{}")
    desk.run("export", "--out", "one/roles.yaml")
    assert line_of(desk.directory / "one/roles.yaml") == NAME, "the nearest"
    desk.run("export", "--per-school", "many")
    written = {path: line_of(path) for path in (desk.directory / "many").rglob("*.yaml")}
    assert set(written.values()) == {f"../{NAME}", f"../../{NAME}"}
    desk.run("export", "--per-school", "many")


def test_fmt_keeps_the_line_where_it_is(offline: Desk):
    text = f"{LINE}x.json\n# About it.\nsite: nord\nversion: 1\n"
    offline.write(text)
    offline.run("fmt", "roles.yaml")
    assert line_of(offline.directory / "roles.yaml") == "x.json"
    made = (offline.directory / "roles.yaml").read_text()
    assert made.index(LINE) < made.index("version: 1")


# In the language server that editors run


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    return SCHEMA["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node


def sample(node: dict[str, Any]) -> Any:
    """A value with every key that there may be."""
    node = resolved(node)
    if "properties" in node:
        return {key: sample(below) for key, below in node["properties"].items()}
    if "items" in node:
        return [sample(node["items"])]
    if isinstance(node.get("additionalProperties"), dict):
        return {"name": sample(node["additionalProperties"])}
    return node["examples"][0]


def keys(node: dict[str, Any], above: yaml.Node) -> Iterator[tuple[yaml.Mark, dict[str, Any]]]:
    """Yield the place of each key in a sample, with what the schema says of it."""
    node = resolved(node)
    if isinstance(above, yaml.MappingNode):
        for key, value in above.value:
            known = node.get("properties", {}).get(key.value)
            if known is not None:
                yield key.start_mark, resolved(known)
            yield from keys(known or node["additionalProperties"], value)
    elif isinstance(above, yaml.SequenceNode) and "items" in node:
        yield from keys(node["items"], above.value[0])


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Editor]:
    with editor(tmp_path) as found:
        yield found


def write(folder: Path, text: str) -> Path:
    (folder / NAME).write_bytes((ROOT / "schemas" / NAME).read_bytes())
    path = folder / "roles.yaml"
    path.write_text(f"{LINE}{NAME}\n{text}", encoding="utf-8")
    return path


def words(text: str) -> str:
    """A text without what Markdown escapes and how it is broken into lines."""
    return " ".join(re.sub(r"[\\`*]|&nbsp;", "", text).split())


def test_the_language_server_explains_every_key(opened: Editor, tmp_path: Path):
    path = write(tmp_path, yaml.safe_dump(sample(SCHEMA), sort_keys=False, allow_unicode=True))
    opened.open(path)
    node = yaml.compose(path.read_text())
    assert node
    found = list(keys(SCHEMA, node))
    assert len(found) > 60
    for place, known in found:
        shown = words(opened.hover(place.line, place.column + 1))
        assert words(known["title"]) in shown, place
        assert words(known["description"]) in shown, place
        assert "Example" in shown, place


def test_the_language_server_completes_keys_and_values(opened: Editor, tmp_path: Path):
    path = write(tmp_path, "version: 1\nsite: nord\nsettings:\n  unmanaged: \n\n")
    opened.open(path)
    assert set(SCHEMA["properties"]) - {"version", "site", "settings"} <= opened.completes(5, 0)
    assert {"remove", "report", "ignore"} <= opened.completes(4, 13)


def test_the_language_server_marks_mistakes_as_the_program_does(opened: Editor, tmp_path: Path):
    opened.open(write(tmp_path, "version: 1\nsite: nord\nmentor: []\n"))
    assert any("mentor" in told for told in opened.mistakes())


def test_the_language_server_finds_the_schema_of_what_is_written(settled_desk: Desk):
    desk = settled_desk
    folder = init(desk, "roles")
    desk.run("export", "--out", "roles/kept.yaml")
    desk.run("export", "--per-school", "roles/many")
    desk.run("fmt", "roles/kept.yaml")
    for path in sorted(folder.rglob("*.yaml")):
        with editor(desk.directory) as opened:
            opened.open(path)
            lines = path.read_text().splitlines()
            version = lines.index("version: 1")
            assert "version of the manifest format" in opened.hover(version, 2), path
            assert opened.mistakes() == [], path
