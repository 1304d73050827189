"""Plans, drift, reviews, runs and access as pages, opened as a file in a real Chromium."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from justhtml import JustHTML
from playwright.sync_api import Browser, Locator, Page
from sandboxes import Desk, example
from small import plan, small_site, wanting

from reconciler.domain.vocabulary import UnitKind
from reconciler.plan.model import Plan
from reconciler.reports.pages import plan_html
from reconciler.state import Person, Unit

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "</script><script>alert(1)</script>",
    "{{ 7*7 }}'\" onmouseover=alert(1)",
    "https://example.org/x.js",
)


@contextmanager
def opened(browser: Browser, path: Path, **how: Any) -> Iterator[Page]:
    """Open a page of which the browser has nothing to complain about, and that asks for nothing."""
    JustHTML(path.read_text(encoding="utf-8"), strict=True)
    complaints: list[str] = []
    context = browser.new_context(**how)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: complaints.append(request.url))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert complaints == [path.as_uri()]


def accessible(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.fixture
def pages(desk: Desk) -> Callable[[str], Path]:
    """Make the pages of a site on which something has drifted."""
    desk.write(example())
    desk.run("plan", "roles.yaml", "--format", "html=plan.html")
    desk.run("review", "roles.yaml", "--format", "html=review.html")
    desk.run("apply", "roles.yaml", "--yes", "--format", "html=run.html")
    desk.run("access", "--unit", "8a", "--format", "html=access.html")
    mentors = example()["mentors"]
    mentors[0]["classes"] = [{"id": mentors[0]["classes"][0], "until": "2026-01-01"}]
    desk.write(example(mentors=mentors), "past.yaml")
    desk.run("drift", "past.yaml", "--format", "html=drift.html", expect=2)
    return lambda name: desk.directory / f"{name}.html"


def test_each_page_is_accessible_in_light_and_dark(chromium: Browser, pages):
    for name in ("plan", "drift", "review", "run", "access"):
        for scheme in ("light", "dark"):
            with opened(chromium, pages(name), color_scheme=scheme) as page:
                # axe is a script from elsewhere, which the page's own policy keeps out.
                ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
                assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(26, 26, 26)")
            with axe_opened(chromium, pages(name), scheme) as page:
                accessible(page)


@pytest.mark.parametrize("language", ["en", "nb"])
def test_a_runbook_is_accessible_and_its_steps_are_ticked(
    chromium: Browser, desk: Desk, language: str
):
    desk.run("export", "--state", "site.json")
    desk.write(
        '[environments.town]\nprovider = "snapshot"\npath = "site.json"\n', "reconciler.toml"
    )
    desk.run("apply", desk.write(example()), "-e", "town")
    show = ("runbook", "show", "-e", "town", "--language", language)
    desk.run("runbook", "done", "1", "-e", "town")
    desk.run(*show, "--format", "html=runbook.html")
    path = desk.directory / "runbook.html"
    with opened(chromium, path, offline=True) as page:
        assert page.locator("html").get_attribute("lang") == language
        ticks = page.get_by_role("checkbox")
        assert ticks.first.is_checked()
        ticks.last.check()
    for scheme in ("light", "dark"):
        with axe_opened(chromium, path, scheme) as page:
            accessible(page)


@contextmanager
def axe_opened(browser: Browser, path: Path, scheme: str) -> Iterator[Page]:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(path.as_uri())
    yield page
    context.close()


def chooser(page: Page, name: str) -> Locator:
    return page.get_by_role("combobox", name=name, exact=True)


def test_rows_are_chosen_by_person_school_and_kind(chromium: Browser, pages):
    with opened(chromium, pages("plan"), offline=True) as page:
        rows = page.locator("#changes tbody tr:visible")
        every = rows.count()
        chooser(page, "School").select_option("fjellvik-skole")
        at_school = rows.count()
        assert 0 < at_school < every
        assert page.get_by_role("status").inner_text() == f"Shown: {at_school} of {every}."
        schools = rows.locator("td:nth-child(5)")
        assert set(schools.all_inner_texts()) == {"fjellvik-skole"}
        page.get_by_label("Person").fill("t-0412")
        assert rows.count() == 1
        chooser(page, "Kind").select_option("class")
        assert rows.count() == 0
        chooser(page, "School").select_option("nordberg-skole")
        assert rows.count() == 1
        chooser(page, "School").select_option("all")
        chooser(page, "Kind").select_option("all")
        page.get_by_label("Person").fill("T-0412")
        assert rows.count() == 5
        chooser(page, "Kind").select_option("learner")
        assert rows.count() == 2
        assert page.get_by_role("status").inner_text() == f"Shown: 2 of {every}."
        page.get_by_label("Person").fill("")
        chooser(page, "Kind").select_option("all")
        assert rows.count() == every


def test_what_became_of_whose_actions_is_chosen(chromium: Browser, pages):
    with opened(chromium, pages("run"), offline=True) as page:
        rows = page.locator("#changes tbody tr:visible")
        assert rows.count() == 21
        page.get_by_label("Person").fill("t-0412")
        page.get_by_label("Kind").select_option("class")
        assert rows.count() == 1
        assert "add: succeeded" in rows.all_inner_texts()[0]


def test_schools_are_offered_where_there_are_several_and_whatever_they_are_called(
    chromium: Browser, tmp_path: Path
):
    path = tmp_path / "plan.html"
    path.write_text("".join(plan_html(plan(small_site(), wanting(("t-0", "8a"))))), "utf-8")
    with opened(chromium, path) as page:
        assert page.locator("#filters select").count() == 1
        assert "School" not in page.locator("#changes thead").inner_text()
    names = (HOSTILE[1], "two  blanks ")
    units = (*small_site().units[:1], *small_site().units[2:])
    schools = [
        Unit(f"s{number}", name, UnitKind.SCHOOL, "S", "u0") for number, name in enumerate(names)
    ]
    below = [replace(each, parent=f"s{number}") for number, each in enumerate(units[1:])]
    site = small_site(units=(units[0], *schools, *below))
    made = plan(site, wanting(("t-0", "8a"), ("t-1", "8b")))
    path.write_text("".join(plan_html(made)), "utf-8")
    with opened(chromium, path) as page:
        rows = page.locator("#changes tbody tr:visible")
        assert rows.count() == 4
        for number, who in ((1, "mentor t-0"), (2, "mentor t-1")):
            chooser(page, "School").select_option(index=number)
            assert set(rows.locator("td:first-child").all_inner_texts()) == {who}


def test_a_page_is_read_without_a_script(chromium: Browser, pages):
    with opened(chromium, pages("plan"), java_script_enabled=False) as page:
        assert page.locator("#changes tbody tr").count() > 10
        assert not page.locator("#filters").is_visible()


def hostile_plan() -> Plan:
    people = tuple(
        Person(f"1{n}", key, f"t{n}", None, "T", "p0", active=True) for n, key in enumerate(HOSTILE)
    )
    site = small_site(people=people, memberships=())
    return plan(site, wanting(*((key, "8a") for key in HOSTILE)))


def test_what_a_key_says_has_no_effect(chromium: Browser, tmp_path: Path):
    path = tmp_path / "plan.html"
    path.write_text("".join(plan_html(hostile_plan())), encoding="utf-8")
    with opened(chromium, path) as page:
        cells = page.locator("#changes tbody td:first-child").all_inner_texts()
        assert {f"mentor {key}" for key in HOSTILE} == set(cells)
        assert page.locator("script").count() == 1
