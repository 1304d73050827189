"""A manifest over a roster in which two mistakes are told by ids of learners."""

import shutil

from sandboxes import ROOT, Desk

GHOST = "s-9999"


def break_the_roster(desk: Desk) -> str:
    """Put the example with a roster on a desk, and break the roster.

    Returns:
        The id of the learner who has two rows; `GHOST`, who is enrolled, has none.
    """
    shutil.copytree(ROOT / "examples" / "roster", desk.directory / "roster")
    desk.write((ROOT / "examples" / "rules.yaml").read_text(encoding="utf-8"))
    desk.run("fmt", "roles.yaml")
    users = desk.directory / "roster" / "users.csv"
    twice = users.read_text(encoding="utf-8").splitlines()[-1]
    with users.open("a", encoding="utf-8") as file:
        file.write(f"{twice}\n")
    enrollments = desk.directory / "roster" / "enrollments.csv"
    lines = enrollments.read_text(encoding="utf-8").splitlines()
    user = lines[0].split(",").index("userSourcedId")
    cells = lines[-1].split(",")
    cells[0], cells[user] = "e-9999", GHOST
    with enrollments.open("a", encoding="utf-8") as file:
        file.write(",".join(cells) + "\n")
    return twice.split(",")[0]
