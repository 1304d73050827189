"""The page about faults: every example is run, every key is described."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import DOCS, ROOT, blocks, parts, section, table_cells
from sandboxes import running

from reconciler.sandbox.faults.model import KINDS, Matcher, Occurrence
from reconciler.sandbox.faults.reading import read_faults

PAGE = DOCS / "sandbox-faults.md"
SCHEMA = json.loads((ROOT / "schemas" / "sandbox-faults-v1.schema.json").read_text())


def examples() -> Iterator[tuple[str, str, str]]:
    """Yield each file with the script that follows it; the last script has the header's file."""
    faults = ""
    beginning = ""
    for part in parts(PAGE.read_text(encoding="utf-8")):
        if part.kind == "yaml":
            faults = part.text
        elif part.kind == "python" and not beginning:
            beginning = part.text
        elif part.kind == "python":
            yield faults, beginning, part.text
            faults = "version: 1\nfaults: []\n"


def kind_of(value: str) -> str:
    found = re.search(r"kind: (\w+)", value)
    return found[1] if found else ""


@pytest.mark.parametrize(("faults", "beginning", "script"), [*examples()], ids=kind_of)
def test_every_example_is_true(faults, beginning, script, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("faults.yaml").write_text(faults, encoding="utf-8")
    with running(tmp_path, "--faults", "faults.yaml", "--faults-by-header") as site:
        Path("ready.json").write_text(json.dumps(site.ready))
        names: dict[str, object] = {}
        try:
            exec(compile(beginning + script, PAGE.name, "exec"), names)  # noqa: S102 - our own page
        finally:
            names["session"].close()


def test_every_file_that_is_shown_can_be_read(tmp_path: Path):
    for part in blocks(PAGE, "yaml"):
        path = tmp_path / "faults.yaml"
        path.write_text(part.text, encoding="utf-8")
        assert read_faults(path, clients=())


def test_every_kind_has_an_example():
    shown = [faults for faults, _, _ in examples()]
    assert len(shown) == len(KINDS) + 1
    for kind in KINDS:
        assert any(f"kind: {kind}," in faults for faults in shown)


def test_every_key_is_described_and_no_other():
    common = table_cells(section(PAGE, "What every fault has"))
    assert common == [f"`{key}`" for key in ("kind", *Matcher.__slots__, *Occurrence.__slots__)]
    for kind in KINDS:
        keys = {f"`{key}`" for key in SCHEMA["$defs"][kind]["properties"]} - set(common)
        own = table_cells(section(PAGE, kind))
        assert own == [f"`{key}`" for key in KINDS[kind].__slots__]
        assert set(own) == keys


def test_every_choice_of_a_key_is_named():
    for kind in KINDS:
        text = section(PAGE, kind)
        for key in KINDS[kind].__slots__:
            node = SCHEMA["$defs"][kind]["properties"][key]
            found = SCHEMA["$defs"]["when"] if "$ref" in node else node
            assert all(str(choice) in text for choice in found.get("enum", []))
