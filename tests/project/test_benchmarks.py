"""The benchmarks' pure parts, and that a command is measured as it is."""

import json
import re
import sys
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from figures import (  # noqa: E402 - found by the line above
    Figure,
    Judged,
    Target,
    judge,
    line,
    load_targets,
    markdown,
    number,
    record,
    to_json,
)
from generated import Size, write  # noqa: E402 - as above
from growth import curves, exponent, svg  # noqa: E402 - as above
from measure import BARE, PYTHON, Failed, Used, in_turn, once  # noqa: E402 - as above


def figure(value: float, name: str = "plan") -> Figure:
    return Figure(name, value, 2.0, "yaml.load", "s", "plan", 10_000)


JUDGED = {
    "no target": (9.0, Target(), None, False),
    "met": (2.0, Target(1.0, 0.9), True, False),
    "not met and nothing recorded": (2.1, Target(1.0), False, True),
    "not met yet, near what is recorded": (9.9, Target(1.0, 4.0), False, False),
    "slipped from what is recorded": (10.1, Target(1.0, 4.0), False, True),
    "met, though worse than recorded": (1.9, Target(1.0, 0.5), True, True),
    "recorded alone": (9.9, Target(None, 4.0), None, False),
    "recorded alone, and slipped": (10.1, Target(None, 4.0), None, True),
}


@pytest.mark.parametrize("case", JUDGED)
def test_a_ratio_is_judged_by_its_target_and_by_what_is_recorded(case):
    value, wanted, met, slipped = JUDGED[case]
    judged = Judged(figure(value), wanted)
    assert (judged.met, judged.slipped) == (met, slipped)


def test_ratios_are_recorded_in_the_lines_that_are_there(tmp_path):
    path = tmp_path / "targets.toml"
    path.write_text('# Why.\n\n"plan" = {target = 1.0, recorded = 3.0}\n"old" = {target = 2.0}\n')
    record([figure(3.0), figure(1.0, "of today")], path)
    assert path.read_text().splitlines()[2:] == [
        '"plan" = {target = 1.0, recorded = 1.5}',
        '"old" = {target = 2.0}',
    ]
    assert load_targets(path)["plan"] == Target(1.0, 1.5)


def test_figures_become_a_table_and_a_document():
    found = judge(
        [figure(3.0), figure(0.5, "start")], {"plan": Target(1.0, 1.4), "old": Target(1.0)}
    )
    assert markdown(found).splitlines()[2:] == [
        "| plan | 3.00 s | yaml.load: 2.00 s | 1.50 | 1.00 | 1.40 | **no** |",
        "| start | 0.500 s | yaml.load: 2.00 s | 0.250 | - | - | - |",
    ]
    assert line(found[0]) == "plan: 3.00 s, 1.50 times yaml.load (2.00 s), at most 1.00 (not met)"
    document = json.loads(to_json(found, {"day": "2026-11-27"}))
    assert document["facts"] == {"day": "2026-11-27"}
    assert [(each["name"], each["ratio"], each["met"]) for each in document["figures"]] == [
        ("plan", 1.5, False),
        ("start", 0.25, None),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0123, "0.012"), (1.234, "1.23"), (12.34, "12.3"), (12345.6, "12,346")],
)
def test_numbers_have_three_figures_that_count(value, text):
    assert number(value) == text


def test_the_targets_can_be_read():
    assert load_targets()["plan, 1,000,000, memory"].target == 1.0


def test_growth_is_the_exponent():
    assert exponent({100: 1.0, 10_000: 100.0}) == pytest.approx(1.0)
    assert exponent({100: 1.0, 1_000: 100.0}) == pytest.approx(2.0)


def test_the_plot_has_a_curve_for_each_series_and_its_reference():
    points = [
        Figure("a", 1.0, 0.5, "yaml.load", "s", "plan", 10_000),
        Figure("b", 10.0, 5.0, "yaml.load", "s", "plan", 100_000),
        Figure("b, memory", 10.0, 5.0, "yaml.load", "MB", "plan", 100_000),
        Figure("c", 1.0, 1.0, "bare", "s"),
    ]
    drawn = curves(points)
    assert drawn == {
        "plan": {10_000: 1.0, 100_000: 10.0},
        "yaml.load": {10_000: 0.5, 100_000: 5.0},
    }
    plot = fromstring(svg(drawn))
    assert len(plot.findall("{*}circle")) == 4
    said = [each.text for each in plot.findall("{*}text")]
    assert {"plan", "yaml.load", "10,000", "100,000", "assignments"} <= set(said)


def test_a_command_is_measured_by_itself(tmp_path: Path):
    ballast = bytearray(100_000_000)
    bare = once(BARE)
    large = once([PYTHON, "-I", "-c", "held = bytearray(60_000_000)"])
    assert bare.peak < 40_000_000 < large.peak < len(ballast)
    busy = once([PYTHON, "-c", "import time\nwhile time.process_time() < 0.3: pass"], cwd=tmp_path)
    assert 0.3 <= busy.processor < 3
    assert Used(1, 5, 9).least(Used(2, 4, 8)) == Used(1, 4, 8)


def test_commands_take_turns_and_may_not_fail(tmp_path: Path):
    note = "import sys; open('order', 'a').write(sys.argv[1])"
    commands = {name: [PYTHON, "-I", "-c", note, name] for name in "ab"}
    assert set(in_turn(commands, 60, cwd=tmp_path)) == {"a", "b"}
    assert (tmp_path / "order").read_text() == "ab" * 5
    in_turn(commands, 0, cwd=tmp_path)
    assert (tmp_path / "order").read_text() == "ab" * 6
    with pytest.raises(Failed, match="here it is"):
        once([PYTHON, "-c", "import sys; sys.exit('here it is')"])
    once([PYTHON, "-c", "import sys; sys.exit(4)"], codes=(4,))


def test_a_generated_site_is_what_its_manifest_declares(tmp_path: Path):
    write(tmp_path, Size(400))
    manifest = (tmp_path / "roles.yaml").read_text()
    assert len(re.findall("person: ", manifest)) == 20
    assert len(json.loads((tmp_path / "state.json").read_text())["assignments"]) == 400
    write(tmp_path, Size(400), skipped=7)
    assert len((tmp_path / "roles.yaml").read_text().splitlines()) == (
        len(manifest.splitlines()) - 7
    )


def test_the_page_has_the_figures_of_a_run():
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    measured = page.partition("<!-- measured: begin -->")[2].partition("<!-- measured: end -->")[0]
    assert re.search(r"^- day: \d{4}-\d\d-\d\d$", measured, flags=re.MULTILINE)
    assert "| what | measured | reference |" in measured


MEASURED = re.compile(
    r"^\| (?P<what>[^|]+) \| (?P<figure>[\d.,]+) \S+ \|.* \| (?P<met>[-\w*]+) \|$", re.MULTILINE
)


def measured() -> dict[str, re.Match[str]]:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    table = page.partition("<!-- measured: begin -->")[2].partition("<!-- measured: end -->")[0]
    return {found["what"]: found for found in MEASURED.finditer(table)}


def test_every_target_of_the_design_has_its_row_and_says_whether_it_is_met():
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    asked = page.partition("## What the design asks for")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| (yes|no) \|$", asked, re.MULTILINE)
    found = measured()
    known = {what: met for what, met in rows if what in found}
    assert len(known) == 7
    assert known == {what: found[what]["met"].strip("*") for what in known}


def test_what_a_country_takes_is_reckoned_from_what_was_measured():
    """A site of 50,000 lies between those of 10,000 and of 100,000, in proportion."""
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")

    def of(what: str) -> float:
        return float(measured()[what]["figure"].replace(",", ""))

    def between(what: str) -> float:
        least, most = of(what.format("10,000")), of(what.format("100,000"))
        return least + (most - least) * 4 / 9

    for start, what in {
        "| nothing has changed since": "unchanged over HTTP, {}",
        "| everything is read |": "plan over HTTP, {}",
        "| every mentor loses": "plan, {}, many changes",
    }.items():
        (row,) = [each for each in page.splitlines() if each.startswith(start)]
        told = f"| {between(what):.1f} s | {between(what + ', memory'):.0f} MB |"
        assert row.endswith(told), (row, told)
    growth = of("growth of plan, 10,000 to 1,000,000")
    between_two = of("growth of plan, 100,000 to 1,000,000, without start-up")
    said = " ".join(page.split())
    for words in (
        f"takes {of('apply of 10,000, sending'):.1f} s where",
        f"and {of('apply of 10,000, with reading'):.1f} s with reading",
        f"exponent {growth:.2f} from 10,000 to 1,000,000",
        f"{between_two:.2f} between the two largest",
        (
            f"{of('plan over HTTP, 1,000,000, memory'):.0f} MB and "
            f"{of('plan over HTTP, 1,000,000'):.0f} s."
        ),
    ):
        assert words in said, words
