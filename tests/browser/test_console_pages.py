"""What every page of the console owes: to everybody, in every language, on a telephone, by keys."""

from collections.abc import Iterator

import pytest
from consoles import Console
from playwright.sync_api import Browser
from sandboxes import Sandbox

HOSTILE = "<script>document.title='x'</script>\"'&"
PAGES = {
    "first": "",
    "profiles": "/profiles",
    "role": "/headteacher",
    "role, nobody": "/mentor",
    "add": "/mentor/add?q=ma",
    "edit": "/headteacher/edit?person={head}",
    "edit, in the hierarchy": "/mentor/edit?person={head}&unit=u-10&q=an",
    "settings": "/headteacher/settings",
    "ilp": "/ilp",
    "people": "/people?q=an",
    "seen": "/people/seen?person={head}",
    "seen, a learner": "/people/seen?person={learner}",
    "events": "/events",
    "no such page": "/nothing",
}


@pytest.fixture(params=["en", "nb"])
def reader(
    request: pytest.FixtureRequest, chromium: Browser, sandbox: Sandbox
) -> Iterator[Console]:
    found = Console(chromium, sandbox, request.param)
    yield found
    found.close()


def test_every_page_is_accessible_sound_and_fits(reader: Console, sandbox: Sandbox):
    reader.page.goto(f"{sandbox.url}/console/sign-in")
    reader.check()
    reader.sign_in()
    ids = sandbox.ids("people")
    sandbox.call(
        "PATCH", "labels", "headteacher", json={"tool_name": HOSTILE, "role_name": "مدير 👩‍🏫"}
    )
    for path in PAGES.values():
        reader.open(path.format(head=ids["t-0008"], learner=ids["s-1040"]))
        reader.check()
        assert reader.page.title() != "x"
        assert reader.page.locator("html").get_attribute("lang") == reader.language
    reader.complaints.clear()  # the page that is not there


def test_a_mentor_is_set_up_without_a_mouse(console: Console, sandbox: Sandbox):
    sandbox.call("PUT", "profiles", "p-3", "roles", "mentor")
    console.open("/mentor/add")
    console.reach("searchbox", "Name, user name, key or e-mail")
    console.page.keyboard.type("løken")
    console.hit("Enter")
    console.reach("button", "Add: Marit Løken")
    console.hit("Enter")
    console.reach("link", "Edit: Marit Løken")
    console.hit("Enter")
    for name in ("Nordberg kommune", "Nordberg skole"):
        console.reach("link", name)
        console.hit("Enter")
    console.reach("button", "Assign: 8A")
    console.hit("Enter")
    assert "mentor/t-0412/class/8a" in sandbox.assignments()


def test_the_language_is_chosen_on_the_page(console: Console):
    console.follow("Profiles")
    console.press("Norsk bokmål")
    assert console.page.url.endswith("/profiles")
    assert console.page.title().startswith("Profiler")
    console.press("English")
    assert console.page.title().startswith("Profiles")
