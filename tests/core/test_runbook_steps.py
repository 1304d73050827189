"""The steps of a runbook: complete, in order, few, and in words of every language."""

import re
import shutil
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import assume, given
from small import plan, small_site, wanting
from strategies import TODAY, cases, examples

import reconciler.runbook
import reconciler.sandbox.console
from reconciler.directory import Directory
from reconciler.errors import InvalidInput
from reconciler.plan.build import make_plan
from reconciler.reports import formats
from reconciler.runbook import render
from reconciler.runbook.steps import steps_of

FOLDER = Path(reconciler.runbook.__file__).parent
CONSOLE = Path(reconciler.sandbox.console.__file__).parent / "words"


def shown(state, found, language="en", output_format="text"):
    steps = steps_of(found, Directory(state))
    runbook = render.Runbook("p0p0-1", found.site, TODAY, steps, len(steps), frozenset(), language)
    if output_format == "text":
        return "".join(render.as_text(runbook))
    return "".join(formats.render("runbook", output_format, runbook, ""))


@examples(60)
@given(cases())
def test_every_action_is_in_one_step_after_all_that_it_waits_for(case):
    state, manifest = case
    try:
        found = make_plan(manifest, state, as_of=TODAY, plan_id="p")
    except InvalidInput:
        assume(False)
        raise
    steps = steps_of(found, Directory(state))
    made = [action.address for step in steps for action in step.actions]
    assert sorted(made) == sorted(action.address for action in found.actions)
    for action in found.actions:
        assert all(made.index(other) < made.index(action.address) for other in action.requires)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert all(each < step.number for step in steps for each in step.waits_for)
    assert "%(" not in shown(state, found, "nb")


def test_who_hands_one_class_over_and_takes_another_is_visited_once():
    state = small_site(("10", "u2"), ("11", "u3"))
    found = plan(state, wanting(("t-0", "8b"), ("t-1", "8a")))
    first, second, third = steps_of(found, Directory(state))
    assert [step.actions[0].address.parts[1] for step in (first, second, third)] == [
        "10",
        "11",
        "10",
    ], "8a must have its new mentor before the old one goes: the first page is opened twice"
    assert len(second.actions) == 2
    assert third.waits_for == (2,)


def test_who_leaves_is_removed_in_the_visit_in_which_the_class_is_taken():
    state = small_site(("10", "u2"))
    text = shown(state, plan(state, wanting(("t-1", "8a"))))
    assert text == (
        f"Runbook of nord\nMark p0p0, for {TODAY}.\n0 of 2 steps are done.\n"
        "\n1. Mentor → Add mentor\n"
        "   - Search for t-1 and press “Add”.\n"
        "   - Press “Edit” beside the person.\n"
        "   - Under “Assign a class or group”, go to Nord → Skole, "
        "and press “Assign” beside the class 8A (8a).\n"
        "\n2. Mentor\n"
        "   After step 1.\n"
        "   - Search for t-0 and press “Edit”.\n"
        "   - Under “Assigned”, press “Remove” beside the class 8A (8a).\n"
        "   - Back on the page “Mentor”, press “Remove” beside t-0.\n"
    )


def test_names_are_given_only_when_asked_for():
    state = small_site()
    found = plan(state, wanting(("t-1", "8a")))
    assert "T 1" not in shown(state, found)
    (step,) = steps_of(found, Directory(state), names=True)
    assert step.lines[0].values["person"] == "T 1 (t-1)"


def test_what_a_site_calls_itself_is_shown_as_it_is_in_every_format():
    state = small_site()
    units = tuple(
        each
        if each.id != "u2"
        else type(each)(
            "u2", "8a", each.kind, "<b>*8A*</b> @nord https://nord.example", each.parent
        )
        for each in state.units
    )
    state = small_site(units=units)
    found = plan(state, wanting(("t-1", "8a")))
    assert "&lt;b&gt;*8A*&lt;/b&gt; @nord" in shown(state, found, output_format="html")
    markdown = shown(state, found, output_format="markdown")
    assert "&#60;b&#62;&#42;8A&#42;&#60;/b&#62; &#64;&#8288;nord https&#58;//" in markdown


def messages_of(path):
    with path.open("rb") as file:
        return {each.id: each for each in read_po(file) if each.id}


@pytest.mark.parametrize(
    "file", sorted((FOLDER / "words").glob("*.po")), ids=lambda file: file.stem
)
def test_every_phrase_is_there_in_every_language(file):
    said = {
        message
        for _, _, message, _, _ in extract_from_dir(
            FOLDER, [("**.py", "python")], keywords={"N_": None}
        )
    }
    known = messages_of(file)
    assert set(known) == said
    places = re.compile(r"%\(\w+\)s")
    for text, message in known.items():
        assert message.string, text
        assert sorted(places.findall(text)) == sorted(places.findall(message.string)), text
        assert not list(message.check()), text
    platform = messages_of(CONSOLE / file.name) if (CONSOLE / file.name).exists() else {}
    for text in set(known) & set(platform):
        assert known[text].string == platform[text].string, "pages are called as they are there"


def test_a_language_is_a_file(tmp_path, monkeypatch):
    shutil.copytree(FOLDER / "words", tmp_path / "words")
    (tmp_path / "words" / "nn.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Runbook of %(site)s"\nmsgstr "Arbeidsliste for %(site)s"\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(render, "WORDS", tmp_path / "words")
    render.languages.cache_clear()
    try:
        assert {"en", "nb", "nn"} == set(render.languages())
        state = small_site()
        assert shown(state, plan(state, wanting()), "nn").startswith("Arbeidsliste for nord\n")
    finally:
        render.languages.cache_clear()
