"""The platform's guide, step by step, by hand; and the reconciler beside it."""

from consoles import Console
from sandboxes import ROOT, Desk, Sandbox

MENTOR, HEAD = "Marit Løken", "Per Ánde Bær"
TOOLS = {"Mentor": "تلاميذي", "Headteacher": "Min skole 🏫"}
ILP = "Individual learning plans"


def menu_of(console: Console, name: str) -> str:
    """See the site as somebody does, and return what their menu has."""
    console.follow("As a person")
    console.search(name)
    console.follow(name)
    return console.page.locator(".entries").inner_text()


def add_and_edit(console: Console, page: str, name: str) -> None:
    """Add somebody to a role by a search, and open the page on which they are edited."""
    console.follow(page)
    console.follow(f"Add {page.lower()}")
    console.search(name)
    console.press(f"Add: {name}")
    console.follow(f"Edit: {name}")


def test_the_platform_s_guide_from_the_first_step_to_the_last(console: Console):
    add_the_roles_to_profiles(console)
    add_a_mentor_with_learners_one_by_one_and_a_class(console)
    edit_the_mentor(console)
    set_up_a_headteacher(console)
    rename_both_labels(console)
    sign_in_as_the_mentor(console)
    give_both_roles(console)
    remove_the_role_from_the_profile(console)


def add_the_roles_to_profiles(console: Console) -> None:
    console.follow("Profiles")
    console.press("Enable: Mentor, Staff")
    console.press("Enable: Headteacher, Staff")


def add_a_mentor_with_learners_one_by_one_and_a_class(console: Console) -> None:
    add_and_edit(console, "Mentor", MENTOR)
    assert "Mentor" not in menu_of(console, MENTOR), "nobody is linked to her yet"
    console.follow("Mentor")
    console.follow(f"Edit: {MENTOR}")
    console.search("Oskar")
    console.press("Assign: Oskar Lie")
    assert console.says("1 learner")
    console.follow("Nordberg kommune")
    console.follow("Nordberg skole")
    console.press("Assign: 8A")
    assert console.says("class 8A")
    assert console.page.url.endswith("unit=u-10"), "still where it was in the hierarchy"


def edit_the_mentor(console: Console) -> None:
    console.follow("Mentor")
    assert console.says("learner Oskar Lie")
    console.follow(f"Edit: {MENTOR}")
    console.press("Remove: Oskar Lie")
    assert not console.says("learner Oskar Lie")


def set_up_a_headteacher(console: Console) -> None:
    console.follow("Headteacher")
    console.follow(f"Edit: {HEAD}")
    console.follow("Nordberg kommune")
    console.press("Assign: Nordberg skole")
    assert console.says("school Nordberg skole")
    assert "Headteacher" in menu_of(console, HEAD)


def rename_both_labels(console: Console) -> None:
    for page, tool in TOOLS.items():
        console.follow(page)
        console.page.get_by_label("More").click()
        console.follow("Settings")
        console.page.get_by_label("Tool name").fill(tool)
        console.page.get_by_label("Role name").fill(f"{tool}!")
        console.press("Save")
    assert TOOLS["Headteacher"] in menu_of(console, HEAD)


def sign_in_as_the_mentor(console: Console) -> None:
    menu = menu_of(console, MENTOR)
    assert TOOLS["Mentor"] in menu
    assert ILP in menu
    assert console.says(f"Learners as {TOOLS['Mentor']}!")
    console.follow("ILP templates")
    console.page.get_by_label("Published templates").fill("0")
    console.press("Save")
    assert ILP not in menu_of(console, MENTOR)
    console.follow("ILP templates")
    console.page.get_by_label("Published templates").fill("2")
    console.press("Save")
    assert ILP in menu_of(console, MENTOR)


def give_both_roles(console: Console) -> None:
    add_and_edit(console, "Headteacher", MENTOR)
    console.follow("Nordberg kommune")
    console.press("Assign: Nordberg skole")
    menu = menu_of(console, MENTOR)
    assert f"Supervisor: {TOOLS['Headteacher']}" in menu
    assert TOOLS["Mentor"] not in menu


def remove_the_role_from_the_profile(console: Console) -> None:
    console.follow("Profiles")
    console.press("Disable: Headteacher, Staff")
    menu = menu_of(console, MENTOR)
    assert TOOLS["Mentor"] in menu
    assert "Supervisor" not in menu
    console.follow("Profiles")
    console.press("Disable: Mentor, Staff")
    assert TOOLS["Mentor"] not in menu_of(console, MENTOR)
    console.follow("Mentor")
    assert console.says("class 8A"), "the assignments stay, without effect"


def test_what_the_platform_forbids_the_console_forbids_in_the_api_s_words(console: Console):
    console.follow("Mentor")
    console.follow("Add mentor")
    console.search("løken")
    assert console.says("The role is not enabled on this profile.")
    assert not console.page.get_by_role("button", name="Add: ").count()
    alert = console.page.get_by_role("alert")
    console.follow("Headteacher")
    console.press("Remove: Per Ánde Bær")
    assert "still has assignments as headteacher; remove those first" in alert.inner_text()
    assert HEAD in alert.inner_text()
    console.check()
    console.complaints.clear()  # Chromium notes the status of a refusal


def test_a_change_by_hand_is_drift_and_an_apply_shows_on_the_page(
    console: Console, desk: Desk, sandbox: Sandbox
):
    desk.run("apply", "--yes", desk.write((ROOT / "examples" / "roles.yaml").read_text()))
    console.follow("Mentor")
    assert console.says("class 8A"), "what was applied is on the page"
    console.follow("Edit: Marit Løken")
    console.press("Remove: 8A")
    drift = desk.run("drift", "roles.yaml", expect=2)
    assert "mentor/t-0412/class/8a" in drift.out
    assert "admin" in drift.out
    console.follow("Events")
    assert console.says("admin console")
    desk.run("apply", "--yes", "roles.yaml")
    console.follow("Mentor")
    console.follow("Edit: Marit Løken")
    assert console.says("class 8A")
    assert sandbox.events()[-1]["actor_kind"] == "api"
