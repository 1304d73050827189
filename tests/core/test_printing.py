"""What is printed where nobody looks at a terminal is what rich would print, without its work."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, Group
from rich.text import Text
from strategies import examples

from reconciler.plain import plain
from reconciler.reports import printing
from reconciler.reports.printing import Grid, indented, one_line

# What has no width at all, a mark without its letter, rich leaves out.
texts = st.text(max_size=12).filter(lambda text: not text or cell_len(text)) | st.sampled_from(
    ["校长", "Å\u0308", "👩\u200d🏫", "  two", "x" * 60, ""]
)


def by_rich(part, width):
    stream = io.StringIO()
    plain_console(stream, width).print(part)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def plain_console(stream, width):
    return Console(
        file=stream, no_color=True, width=width, highlight=False, markup=False, emoji=False
    )


def quickly(part, width):
    return [line.rstrip() for line in printing._lines(part, plain_console(io.StringIO(), width))]


@given(st.integers(1, 3), st.booleans(), st.data(), st.sampled_from([40, 80, 400]))
@examples(200)
def test_a_grid_is_printed_as_rich_prints_it(columns, signed, data, width):
    grid = Grid(columns, signed=signed)
    for _ in range(data.draw(st.integers(0, 4))):
        row = [data.draw(texts) for _ in range(columns)]
        grid.add_row(*([("  +", "green")] if signed else []), *row)
    assert quickly(grid, width) == by_rich(grid, width)


def test_an_empty_last_column_takes_a_cell_as_in_rich():
    grid = Grid(3, signed=True)
    grid.add_row(("  +", "green"), "x" * 10, "y" * 21, "")
    assert quickly(grid, 40) == by_rich(grid, 40)
    assert len(quickly(grid, 40)) == 2


@given(texts, st.sampled_from([10, 400]))
@examples(100)
def test_lines_are_printed_as_rich_prints_them(text, width):
    part = Group(
        one_line(text, "bold"), indented(text), Text(), Text.assemble(plain(text), ("!", "red"))
    )
    assert quickly(part, width) == by_rich(part, width)


@pytest.mark.parametrize("parts", [1, 3])
def test_parts_are_printed_one_by_one(parts, capsys):
    printing.show(one_line(str(number)) for number in range(parts))
    assert capsys.readouterr().out == "".join(f"{number}\n" for number in range(parts))
