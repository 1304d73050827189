"""What is worth knowing of a sound roster: where primary teachers are, if not in homerooms."""

from pathlib import Path

import pytest

from reconciler.rosters.plain_csv import read_plain_csv
from reconciler.rosters.warnings import Elsewhere, primary_elsewhere

COLUMNS = {"unit": "u", "person": "p", "primary": "hoved", "class_type": "type"}


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["homeroom"], None),
        (["homeroom", "Homeroom*"], None),
        (["scheduled*"], None),
        (["homeroom", "b*", "b*", "a*"], Elsewhere("b", 2)),
        # Of as many the first by name, whatever the order of a set is in this run.
        (["homeroom", "d*", "c*", "b*", "a*"], Elsewhere("a", 1)),
        # In a rule, Mentor and mentor are the same.
        (["homeroom", "Mentor*", "mentor*", "a*"], Elsewhere("Mentor", 2)),
        (["homeroom", "Mentor", "mentor*", "a*"], Elsewhere("a", 1)),
    ],
)
def test_the_type_that_has_primary_teachers_is_the_same_every_time(
    tmp_path: Path, types: list[str], expected: Elsewhere | None
):
    """A star marks a class with a primary teacher."""
    rows = [
        f"u{n},p{n},{'ja' if each.endswith('*') else ''},{each.rstrip('*')}"
        for n, each in enumerate(types)
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["u,p,hoved,type", *rows, ""]), encoding="utf-8")
    assert primary_elsewhere(read_plain_csv(path, COLUMNS)) == expected
