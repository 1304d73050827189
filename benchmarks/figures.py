"""Figures: what was measured, beside its reference of the same run, and what it is to be.

A ratio is what counts, and less is better. Each may have a target, and what was recorded;
`targets.toml` keeps both. A target that is not met yet is told and fails no check, as long as the
ratio stays near what is recorded.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

TARGETS: Final = Path(__file__).with_name("targets.toml")

TOLERANCE: Final = 1.25
"""How much worse than the recorded ratio is still the machine's doing."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured.

    Attributes:
        name: by which `targets.toml` knows it.
        value: what it took, in `unit`.
        reference: what the reference took in the same run, in the same unit; or a bound.
        of: what the reference is.
        unit: s (processor time unless the name says otherwise), MB, or what is counted.
        series: the curve that it is a point of, at `size` assignments.
    """

    name: str
    value: float
    reference: float
    of: str
    unit: str
    series: str = ""
    size: int = 0

    @property
    def ratio(self) -> float:
        """How many times the reference it is."""
        return self.value / self.reference


@dataclass(frozen=True, slots=True)
class Target:
    """What a ratio is to be at most, and what it was when all was measured."""

    target: float | None = None
    recorded: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A figure beside its target."""

    figure: Figure
    wanted: Target

    @property
    def met(self) -> bool | None:
        """Whether the target is met, where there is one."""
        return None if self.wanted.target is None else self.figure.ratio <= self.wanted.target

    @property
    def slipped(self) -> bool:
        """Whether the ratio is worse than what is recorded; than its target, where nothing is."""
        if self.wanted.recorded is not None:
            return self.figure.ratio > self.wanted.recorded * TOLERANCE
        return self.met is False


def load_targets(path: Path = TARGETS) -> dict[str, Target]:
    """Read what each figure is to be."""
    with path.open("rb") as file:
        return {name: Target(**each) for name, each in tomllib.load(file).items()}


def record(found: Iterable[Figure], path: Path = TARGETS) -> None:
    """Write down the ratios of the figures that have a line there."""
    lines = path.read_text(encoding="utf-8").splitlines()
    ratios = {json.dumps(each.name, ensure_ascii=False): each.ratio for each in found}
    for number, line in enumerate(lines):
        name, is_one, _ = line.partition(" = {")
        if is_one and name in ratios:
            target = tomllib.loads(line)[json.loads(name)].get("target")
            stated = [f"target = {target}"] if target is not None else []
            stated.append(f"recorded = {ratios[name]:.3g}")
            lines[number] = f"{name} = {{{', '.join(stated)}}}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def judge(found: Iterable[Figure], targets: Mapping[str, Target]) -> list[Judged]:
    """Put each figure beside its target."""
    return [Judged(each, targets.get(each.name, Target())) for each in found]


def number(value: float | None) -> str:
    """Write a number with three figures that count, or a dash."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    digits = 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}"


_WORDS: Final = {True: "yes", False: "**no**", None: "-"}


def line(judged: Judged) -> str:
    """Say a figure in one line, for a terminal."""
    figure, wanted = judged.figure, judged.wanted
    target = "" if wanted.target is None else f", at most {number(wanted.target)}"
    verdict = " SLIPPED" if judged.slipped else " (not met)" if judged.met is False else ""
    return (
        f"{figure.name}: {number(figure.value)} {figure.unit}, {number(figure.ratio)} times "
        f"{figure.of} ({number(figure.reference)} {figure.unit}){target}{verdict}"
    )


def markdown(found: Sequence[Judged]) -> str:
    """Return the table of all figures."""
    rows = [
        "| what | measured | reference | ratio | target | recorded | met |",
        "| ---- | -------: | --------- | ----: | -----: | -------: | --- |",
    ]
    for each in found:
        figure, wanted = each.figure, each.wanted
        cells = (
            figure.name,
            f"{number(figure.value)} {figure.unit}",
            f"{figure.of}: {number(figure.reference)} {figure.unit}",
            number(figure.ratio),
            number(wanted.target),
            number(wanted.recorded),
            _WORDS[each.met],
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def to_json(found: Sequence[Judged], facts: Mapping[str, str]) -> str:
    """Return all figures for programs."""
    figures: list[dict[str, Any]] = [
        {
            **asdict(each.figure),
            "ratio": each.figure.ratio,
            **asdict(each.wanted),
            "met": each.met,
            "slipped": each.slipped,
        }
        for each in found
    ]
    return json.dumps({"facts": dict(facts), "figures": figures}, indent=2) + "\n"


def tell(found: Iterable[Figure]) -> int:
    """Judge figures, print each as it comes, and return the exit code of a check."""
    targets = load_targets()
    code = 0
    for each in found:
        (judged,) = judge([each], targets)
        print(line(judged), flush=True)
        code = code or int(judged.slipped)
    return code
