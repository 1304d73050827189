"""The page about pipelines: its tables name the inputs there are; the first comes first."""

import re
from typing import Any

import pytest
import yaml
from pages import DOCS, ROOT, prose, section, table_cells

PAGE = DOCS / "pipelines.md"


def inputs(name: str) -> dict[str, Any]:
    text = (ROOT / name).read_text(encoding="utf-8")
    found = yaml.safe_load(text.split("\n---\n")[0])
    return dict(found["spec"]["inputs"] if "spec" in found else found["inputs"])


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Inputs of the action", "action.yml"),
        ("Inputs of the component", "templates/roles.yml"),
    ],
)
def test_every_input_is_described_with_its_default_and_no_other(title: str, name: str):
    declared = inputs(name)
    text = section(PAGE, title)
    assert [cell.strip("`") for cell in table_cells(text)] == list(declared)
    for each, default in zip(declared.values(), table_cells(text, 1), strict=True):
        if "default" not in each:
            assert default == "must be given"
        else:
            usual = str(each["default"]).partition("@")[0]
            assert default.startswith(f"`{usual}`" if usual else "nothing")
    assert table_cells(text, 2) == [each["description"] for each in declared.values()]


def test_every_way_is_told_with_whom_it_is_for_and_the_gate_comes_first():
    ways = section(PAGE, "Pipelines").split("\n## ")[0]
    assert len(table_cells(ways, 2)) == 7
    assert all(table_cells(ways, 2))
    assert section(PAGE, "From the plan to the merge").lstrip().startswith("**The gate is")


def test_what_may_write_is_protected_and_masked_wherever_it_is_told():
    texts = [prose(PAGE)]
    texts += [
        (ROOT / "reconciler" / "starter" / name).read_text(encoding="utf-8")
        for name in ("gitlab.yaml", "gitlab-action.yaml")
    ]
    for text in texts:
        words = re.sub(r"[\s#]+", " ", text)
        assert re.search(
            r"three (protected and masked variables|variables of the same names, prot)", words
        )
