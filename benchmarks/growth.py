"""How the time grows with the site: its exponent, and a plot as SVG."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from figures import Figure

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 20, 50
GRID: Final = "#ddd"
COLOURS: Final = ("#1b6ca8", "#c8553d", "#4d7c3a", "#7b4b94", "#8a6d1d", "#444444")


def exponent(times: Mapping[int, float]) -> float:
    """Return e in N^e, by which time grows from the least to the largest size."""
    least, largest = min(times), max(times)
    return math.log(times[largest] / times[least]) / math.log(largest / least)


def curves(found: Iterable[Figure]) -> dict[str, dict[int, float]]:
    """Return seconds by size, per curve: what was measured, and its references."""
    drawn: dict[str, dict[int, float]] = defaultdict(dict)
    for each in found:
        if each.series and each.unit == "s":
            drawn[each.series].setdefault(each.size, each.value)
            drawn[each.of].setdefault(each.size, each.reference)
    return {name: dict(sorted(points.items())) for name, points in drawn.items()}


def svg(drawn: Mapping[str, Mapping[int, float]]) -> str:
    """Draw curves on logarithmic scales: a straight line of slope 1 is linear growth."""
    sizes = sorted({size for points in drawn.values() for size in points})
    times = [time for points in drawn.values() for time in points.values()]
    powers = range(math.floor(math.log10(min(times))), math.ceil(math.log10(max(times))) + 1)

    def x(size: float) -> float:
        share = math.log(size / sizes[0]) / (math.log(sizes[-1] / sizes[0]) or 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(seconds: float) -> float:
        share = (math.log10(seconds) - powers[0]) / (len(powers) - 1)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for power in powers:
        at = y(10.0**power)
        parts.append(_path(f"M{LEFT} {at:.1f}H{WIDTH - RIGHT}", GRID, 1))
        parts.append(_text(LEFT - 8, at + 4, f"{10.0**power:g} s", "end"))
    for size in sizes:
        parts.append(_path(f"M{x(size):.1f} {TOP}V{HEIGHT - BOTTOM}", GRID, 1))
        parts.append(_text(x(size), HEIGHT - BOTTOM + 20, f"{size:,}", "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "assignments", "middle"))
    for number, (name, points) in enumerate(drawn.items()):
        colour, legend = COLOURS[number % len(COLOURS)], TOP + 14 + number * 20
        places = [(x(size), y(seconds)) for size, seconds in points.items()]
        parts.append(_path("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in places), colour, 2))
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>' for a, b in places]
        parts.append(_path(f"M{WIDTH - RIGHT + 12} {legend - 4}h18", colour, 3))
        parts.append(_text(WIDTH - RIGHT + 36, legend, name, "start"))
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
    font = 'font-family="sans-serif" font-size="13"'
    return "\n".join([f"{opening} {font}>", *parts, "</svg>"]) + "\n"


def _path(drawn: str, colour: str, width: int) -> str:
    return f'<path d="{drawn}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
