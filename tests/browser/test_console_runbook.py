"""A whole runbook, carried out in the console by what its sentences say and nothing else."""

import json
import re

from consoles import Console
from sandboxes import Desk, example

SETTINGS = '[environments.town]\nprovider = "snapshot"\npath = "snapshot.json"\n'
SETTLED = ("profiles", "labels", "holders", "assignments")

NEXT_YEAR = {
    "labels": {"mentor": {"tool_name": None, "role_name": "Klasseforstander"}},
    "mentors": [
        {"person": "t-0401", "classes": ["8a"]},
        {"person": "t-0412", "classes": ["9a"], "learners": ["s-1040"]},
        {"person": "t-0407", "classes": ["1a", "1b"]},
        {"person": "t-0403", "classes": ["8b"], "groups": ["choir"]},
        {"person": "t-0408", "classes": ["no"]},
    ],
    "headteachers": [{"person": "t-0007", "schools": ["fjellvik-skole"]}],
    "policy": {"max_removals": 100},
}


class Administrator:
    """Somebody who does what a runbook says, without knowing more than it says."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.page = console.page
        self.last = ""

    def go(self, way: str) -> None:
        first, *rest = way.split(" → ")
        self.console.follow(first)
        for part in rest:
            if part == "⋯":
                self.page.locator("details.menu summary").click()
            else:
                self.console.follow(part)

    def do(self, line: str) -> None:
        for pattern, doing in self.DOES.items():
            found = re.fullmatch(pattern, line)
            if found:
                doing(self, *found.groups())
                return
        raise AssertionError(f"nobody would know what to do: {line}")

    def press(self, button: str, beside: str, within: str = "main") -> None:
        """Press a button or follow a link beside something that shows its key."""
        row = self.page.locator(f"{within} li, {within} .line").filter(
            has=self.page.get_by_text(beside, exact=True)
        )
        named = re.compile(rf"^{button}: ")
        either = row.get_by_role("button", name=named).or_(row.get_by_role("link", name=named))
        with self.page.expect_navigation():
            either.first.click()

    def find_and_press(self, key: str, button: str) -> None:
        self.console.search(key)
        self.press(button, key)
        self.last = key

    def press_beside_last(self, button: str) -> None:
        self.press(button, self.last)

    def enable(self, profile: str, role: str, button: str) -> None:
        self.console.press(f"{button}: {role}, {profile}")

    def write(self, field: str, text: str = "") -> None:
        self.page.get_by_label(field).fill(text)

    def take_away(self, _kind: str, target: str) -> None:
        self.press("Remove", _key(target), "section[aria-labelledby=assigned]")

    def give_learner(self, key: str) -> None:
        search = self.page.locator("section[aria-labelledby=learners]")
        search.locator("[name=q]").fill(key)
        with self.page.expect_navigation():
            search.get_by_role("button", name="Search").click()
        self.press("Assign", key, "section[aria-labelledby=learners]")

    def give_unit(self, _part: str, way: str, _kind: str, target: str) -> None:
        tree = self.page.locator("section[aria-labelledby=tree]")
        top = tree.get_by_role("link", name="Top", exact=True)
        if top.count():
            top.click()
        for title in way.split(" → "):
            with self.page.expect_navigation():
                tree.locator("ul").get_by_role("link", name=title, exact=True).click()
        self.press("Assign", _key(target), "section[aria-labelledby=tree]")

    def back_and_press(self, page: str, button: str, key: str) -> None:
        self.console.follow(page)
        self.press(button, key)

    DOES = {  # noqa: RUF012 - a table of what the sentences mean
        r"At the profile (.+), beside “(.+)”, press “(.+)”\.": enable,
        r"Write into the field “(.+)”: (.+)": write,
        r"Empty the field “(.+)”\.": write,
        r"Press “(Save)”\.": lambda self, button: self.console.press(button),
        r"Search for (.+) and press “(.+)”\.": find_and_press,
        r"Press “(.+)” beside the person\.": press_beside_last,
        r"Under “Assigned”, press “Remove” beside the (\w+) (.+)\.": take_away,
        r"Under “Assign learners one by one”, search for (.+) and press “Assign”\.": give_learner,
        r"Under “(Assign .+)”, go to (.+), and press “Assign” beside the (\w+) (.+)\.": give_unit,
        r"Back on the page “(.+)”, press “(.+)” beside (.+)\.": back_and_press,
    }


def _key(target: str) -> str:
    found = re.fullmatch(r".+ \((.+)\)", target)
    return found[1] if found else target


def settled(desk: Desk, name: str) -> dict[str, object]:
    document = json.loads((desk.directory / name).read_text())
    return {part: sorted(map(json.dumps, document[part])) for part in SETTLED}


def test_after_the_last_step_the_site_is_what_the_snapshot_says(console, desk):
    desk.write(SETTINGS, "reconciler.toml")
    desk.run("export", "--state", "snapshot.json")
    administrator = Administrator(console)
    for manifest in (example(), example(**NEXT_YEAR)):
        desk.write(manifest)
        desk.run("apply", "roles.yaml", "-e", "town")
        shown = desk.run("runbook", "show", "-e", "town", "--format", "json").json("runbook")
        assert shown["steps"]
        for step in shown["steps"]:
            administrator.go(step["page"])
            for line in step["lines"]:
                administrator.do(line)
            desk.run("runbook", "done", str(step["number"]), "-e", "town")
        desk.run("export", "--state", "live.json")
        assert settled(desk, "live.json") == settled(desk, "snapshot.json")
        assert "Nothing to change" in desk.run("plan", "roles.yaml").out
