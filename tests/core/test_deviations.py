"""Accepted deviations, protected and dated things: what a plan and a drift report make of them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from doubles import MemorySite, apply_to
from small import LEARNERS, PROFILES, STAFF, plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.codes import Severity
from reconciler.directory import Directory
from reconciler.domain.vocabulary import LabelField, Role, TargetKind
from reconciler.drift import DriftKind, classify
from reconciler.ending import ending
from reconciler.errors import ExitCode, InvalidInput
from reconciler.manifest.model import (
    Accepted,
    Item,
    LabelSetting,
    ProfileSetting,
    Section,
    Settings,
    Unmanaged,
)
from reconciler.plan.document import from_document, to_document
from reconciler.provider import Event, Verb
from reconciler.review import Check
from reconciler.state import Profile
from reconciler.workflows.reading import StateOn, review_state

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def accepting(manifest, *addresses: str, until=TODAY):
    return replace(
        manifest,
        accepted=tuple(Accepted(ref(each), "owner", "reason", until) for each in addresses),
    )


def actions(made) -> list[str]:
    assert from_document(to_document(made)) == made
    return [f"{each.verb} {each.name}" for each in made.actions]


def accepted(made) -> list[str]:
    return [f"{each.verb} {each.name}" for each in made.accepted]


def test_an_accepted_surplus_stays_with_its_holder_and_the_rest_goes():
    state = small_site(("10", "u2"), ("10", "u3"))
    made = plan(state, accepting(wanting(), "mentor/t-0/class/8a"))
    assert actions(made) == ["remove mentor/t-0/class/8b"]
    assert accepted(made) == ["remove mentor/t-0", "remove mentor/t-0/class/8a"]
    assert made.holds_until == TODAY


def test_an_accepted_gap_is_not_filled():
    made = plan(small_site(), accepting(wanting(("t-0", "8a")), "mentor/t-0/class/8a"))
    assert actions(made) == ["add mentor/t-0"]
    whole = plan(small_site(), accepting(wanting(("t-0", "8a")), "mentor/t-0"))
    assert actions(whole) == []
    assert accepted(whole) == ["add mentor/t-0", "add mentor/t-0/class/8a"]


def test_where_a_role_may_be_missing_from_a_profile_nobody_is_added():
    bare = (replace(PROFILES[0], roles=frozenset()), PROFILES[1])
    enabling = {Role.MENTOR: ProfileSetting((ref("Staff"),), AT)}
    manifest = wanting(("t-0", "8a"), profiles=enabling)
    made = plan(small_site(profiles=bare), accepting(manifest, "profile/Staff/mentor"))
    assert actions(made) == []
    assert accepted(made) == [
        "add mentor/t-0",
        "add mentor/t-0/class/8a",
        "add profile/Staff/mentor",
    ]


def test_an_accepted_label_or_profile_role_is_left_alone():
    labels = {(Role.MENTOR, LabelField.TOOL_NAME): LabelSetting("Mine", AT)}
    manifest = wanting(sections={}, labels=labels)
    assert actions(plan(small_site(), manifest)) == ["change label/mentor/tool_name"]
    assert actions(plan(small_site(), accepting(manifest, "label/mentor/tool_name"))) == []


def test_it_comes_back_when_its_last_day_has_passed():
    state = small_site(("10", "u2"))
    made = plan(state, accepting(wanting(), "mentor/t-0/class/8a", until=YESTERDAY))
    assert actions(made) == ["remove mentor/t-0/class/8a", "remove mentor/t-0"]
    assert [str(each.cause) for each in made.actions] == [
        f"not declared; accepted until {YESTERDAY}",
        "not declared",
    ]
    report = classify(made, by("pipeline", made), {"pipeline"})
    assert [(str(each.item.name), each.kind) for each in report.drifted] == [
        ("mentor/t-0/class/8a", DriftKind.LAPSED)
    ]
    assert [str(each.name) for each in report.pending] == ["mentor/t-0"]


def test_a_holder_without_assignments_is_left_to_the_manifest_of_the_whole_site():
    """Also where a scoped manifest accepted them until lately: they may be another one's."""
    site = MemorySite(small_site(("10", "u2")))
    manifest = wanting(("t-1", "8a"), within=(ref("skole"),))
    apply_to(plan(site.state, accepting(manifest, "mentor/t-0")), site)
    lapsed = accepting(manifest, "mentor/t-0", until=YESTERDAY)
    assert actions(plan(site.state, lapsed)) == []
    assert actions(plan(site.state, wanting(("t-1", "8a")))) == ["remove mentor/t-0"]


def test_what_has_expired_cannot_be_accepted():
    state = small_site(("10", "u2"))
    item = Item(TargetKind.CLASS, ref("8a"), ends=YESTERDAY)
    made = plan(state, accepting(with_item(item), "mentor/t-0/class/8a", until=TOMORROW))
    assert [str(each.cause) for each in made.actions] == [f"expired {YESTERDAY}"]
    assert [each.code for each in made.warnings] == ["RR520", "RR214"]


@pytest.mark.parametrize("address", ["mentor/t-1/class/8a", "mentor/t-1"])
def test_a_mentor_stays_while_it_is_accepted_that_their_successor_is_missing(address):
    """Else the class had nobody: additions come before removals."""
    state = small_site(("10", "u2"))
    made = plan(state, accepting(wanting(("t-1", "8a")), address))
    assert [str(each.name) for each in made.actions if each.verb is Verb.REMOVE] == []
    assert accepted(made)[:2] == ["remove mentor/t-0", "remove mentor/t-0/class/8a"]
    assert {each.owner for each in made.accepted} == {"owner"}
    over = plan(state, accepting(wanting(("t-1", "8a")), address, until=YESTERDAY))
    assert "remove mentor/t-0/class/8a" in actions(over)


def test_a_role_stays_on_a_profile_while_the_one_that_follows_it_is_accepted_to_lack_it():
    vikar = Profile("p9", "Vikar", frozenset())
    people = (*STAFF[:1], replace(STAFF[1], profile="p9"), *STAFF[2:], *LEARNERS)
    state = small_site(("10", "u2"), profiles=(*PROFILES, vikar), people=people)
    moved = {Role.MENTOR: ProfileSetting((ref("Vikar"),), AT)}
    both = wanting(("t-0", "8a"), ("t-1", "8a"), profiles=moved)
    made = plan(state, accepting(both, "profile/Vikar/mentor"))
    assert actions(made) == []
    assert "remove profile/Staff/mentor" in accepted(made)


def test_a_holder_stays_as_long_as_the_last_of_what_is_accepted_of_theirs():
    state = small_site(("10", "u2"), ("10", "u3"))
    manifest = accepting(wanting(), "mentor/t-0/class/8a", "mentor/t-0/class/8b")
    first, second = manifest.accepted
    for pair in (
        (replace(first, until=TOMORROW), second),
        (second, replace(first, until=TOMORROW)),
    ):
        made = plan(state, replace(manifest, accepted=pair))
        assert (str(made.accepted[0].name), made.accepted[0].until) == ("mentor/t-0", TOMORROW)


def test_the_same_deviation_in_two_spellings_is_a_mistake():
    bare = (replace(PROFILES[0], roles=frozenset()), PROFILES[1])
    with pytest.raises(InvalidInput) as caught:
        plan(
            small_site(profiles=bare),
            accepting(wanting(), "profile/Staff/mentor", "profile/p0/mentor"),
        )
    assert [each.code for each in caught.value.diagnostics] == ["RR209"]


def test_a_person_without_a_key_is_accepted_by_their_id():
    people = (replace(STAFF[0], sync_key=None), *STAFF[1:], *LEARNERS)
    made = plan(small_site(("10", "u2"), people=people), wanting())
    names = [str(each.name) for each in made.actions]
    assert names == ["mentor/10/class/8a", "mentor/10"]
    assert (
        actions(plan(small_site(("10", "u2"), people=people), accepting(wanting(), *names))) == []
    )


@pytest.mark.parametrize(
    "address",
    ["mentor/t-0/class/8a", "mentor/t-9/class/8a", "mentor/t-0/class/9z", "profile/X/mentor"],
)
def test_what_does_not_deviate_is_a_warning(address):
    made = plan(small_site(), accepting(wanting(), address, until=TOMORROW))
    assert [each.code for each in made.warnings] == ["RR213"]


def test_the_plan_of_an_accepted_deviation_can_be_applied():
    site = MemorySite(small_site(("10", "u2"), ("11", "u3")))
    made = plan(site.state, accepting(wanting(("t-2", "8b")), "mentor/t-0/class/8a"))
    assert apply_to(made, site).verified
    assert actions(plan(site.state, accepting(wanting(("t-2", "8b")), "mentor/t-0/class/8a"))) == []


def with_item(item: Item, person: str = "t-0"):
    return wanting(
        sections={Role.MENTOR: Section((entry_of(Role.MENTOR, ref(person), (item,)),), AT)}
    )


def by(actor: str, made) -> dict:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return {
        each.address: Event(at, actor, "api", str(each.address), "add", 3) for each in made.actions
    }


def test_what_is_live_past_its_last_day_is_drift_of_its_own_kind():
    state = small_site(("10", "u2"))
    manifest = with_item(Item(TargetKind.CLASS, ref("8a"), ends=YESTERDAY))
    made = plan(state, manifest)
    for events in (by("pipeline", made), {}, None):
        report = classify(made, events, {"pipeline"})
        assert [found.kind for found in report.drifted] == [DriftKind.EXPIRED]
        assert report.pending == ()
        assert report.exit_code is ExitCode.CHANGES


def test_what_a_date_begins_is_pending():
    manifest = with_item(Item(TargetKind.CLASS, ref("8a"), begins=TODAY))
    report = classify(plan(small_site(), manifest), {}, {"pipeline"})
    assert report.drifted == ()
    assert report.exit_code is ExitCode.PENDING


@pytest.mark.parametrize(
    ("days", "within", "named"), [(0, 0, True), (14, 14, True), (15, 14, False)]
)
def test_what_ends_soon_is_named_up_to_the_day_asked_for(days, within, named):
    last = TODAY + timedelta(days=days)
    manifest = with_item(Item(TargetKind.CLASS, ref("8a"), ends=last))
    found = ends(manifest, small_site(("10", "u2")), within)
    assert found == ([("mentor/t-0/class/8a", last)] if named else [])


def ends(manifest, state, within: int) -> list[tuple[str, date]]:
    found = ending(manifest, Directory(state), plan(state, manifest), within)
    return [(str(each.name), each.until) for each in found]


def test_what_does_not_hold_yet_or_any_more_does_not_end():
    for item in (
        Item(TargetKind.CLASS, ref("8a"), ends=YESTERDAY),
        Item(TargetKind.CLASS, ref("8a"), begins=TOMORROW, ends=TOMORROW),
        Item(TargetKind.CLASS, ref("8a")),
    ):
        assert ends(with_item(item), small_site(("10", "u2")), 30) == []


def test_what_is_not_live_does_not_end():
    assert ends(with_item(Item(TargetKind.CLASS, ref("8a"), ends=TODAY)), small_site(), 30) == []


def test_what_goes_on_by_another_item_does_not_end():
    first = Item(TargetKind.CLASS, ref("8a"), ends=TODAY)
    second = Item(TargetKind.CLASS, ref("8a"), begins=TOMORROW, ends=TOMORROW)
    state = small_site(("10", "u2"))
    for items in ((first, second), (second, first)):
        manifest = with_item(first)
        entry = entry_of(Role.MENTOR, ref("t-0"), items)
        manifest = replace(manifest, sections={Role.MENTOR: Section((entry,), AT)})
        assert ends(manifest, state, 0) == []
        assert ends(manifest, state, 1) == [("mentor/t-0/class/8a", TOMORROW)]


def test_the_last_day_of_all_can_be_asked_for():
    item = Item(TargetKind.CLASS, ref("8a"), ends=date.max)
    assert ends(with_item(item), small_site(("10", "u2")), 10_000_000) == [
        ("mentor/t-0/class/8a", date.max)
    ]


def test_an_accepted_deviation_ends_too():
    manifest = accepting(wanting(), "mentor/t-0/class/8a", until=TOMORROW)
    state = small_site(("10", "u2"))
    wanted = [("mentor/t-0", TOMORROW), ("mentor/t-0/class/8a", TOMORROW)]
    assert ends(manifest, state, 1) == wanted
    assert ends(manifest, state, 0) == []
    assert ends(manifest, small_site(), 1) == [], "none, where there is no deviation"


def test_a_plan_names_what_begins_later_and_what_its_grants_say():
    later = Item(TargetKind.CLASS, ref("8b"), begins=TOMORROW, ends=TOMORROW, reason="covers")
    made = plan(small_site(), with_item(later))
    assert [(str(each.name), each.begins) for each in made.upcoming] == [
        ("mentor/t-0/class/8b", TOMORROW)
    ]
    assert actions(made) == ["add mentor/t-0"]
    now = plan(small_site(), with_item(replace(later, begins=None)))
    grant = now.actions[-1].grant
    assert grant is not None
    assert (grant.begins, grant.ends, grant.reason) == (None, TOMORROW, "covers")
    live = plan(small_site(("10", "u3")), with_item(later))
    assert live.upcoming == ()
    assert [str(each.cause) for each in live.actions] == [f"starts on {TOMORROW}"]


def test_learners_who_lose_their_last_mentor_are_named():
    state = small_site(("10", "u2"), ("11", "u2"), ("11", "u3"))
    made = plan(state, wanting(("t-0", "8a")))
    (found,) = made.warnings
    assert (found.code, found.message) == (
        "RR520",
        "2 learners would lose their last mentor: s-2, s-3.",
    )
    assert plan(state, wanting(("t-0", "8a"), ("t-2", "8b"))).warnings == ()


@pytest.mark.parametrize("unmanaged", [Unmanaged.REMOVE, Unmanaged.REPORT])
def test_a_lapsed_surplus_is_called_so_whatever_is_done_about_it(unmanaged):
    state = small_site(("10", "u2"))
    manifest = accepting(wanting(), "mentor/t-0/class/8a", until=YESTERDAY)
    manifest = replace(manifest, settings=Settings(unmanaged=unmanaged))
    made = plan(state, manifest)
    assert from_document(to_document(made)) == made
    report = classify(made, {}, {"pipeline"})
    kinds = {str(each.item.name): each.kind for each in report.drifted}
    assert kinds["mentor/t-0/class/8a"] is DriftKind.LAPSED
    found = review_state(StateOn(state, TODAY), manifest).findings
    (lapsed,) = [each for each in found if each.check is Check.ACCEPTANCE_LAPSED]
    assert (lapsed.severity, lapsed.day) == (Severity.ERROR, YESTERDAY)


def test_a_lapsed_gap_is_a_warning():
    manifest = accepting(wanting(("t-0", "8a")), "mentor/t-0/class/8a", until=YESTERDAY)
    found = review_state(StateOn(small_site(), TODAY), manifest).findings
    (lapsed,) = [each for each in found if each.check is Check.ACCEPTANCE_LAPSED]
    assert lapsed.severity is Severity.WARNING
    assert plan(small_site(), manifest).warnings == ()


def test_a_role_that_is_accepted_to_stay_on_a_profile_has_effect():
    manifest = wanting(("t-0", "8a"), profiles={Role.MENTOR: ProfileSetting((), AT)})
    state = small_site(("10", "u2"))
    assert [each.code for each in plan(state, manifest).warnings][:1] == ["RR520"]
    made = plan(state, accepting(manifest, "profile/Staff/mentor"))
    assert made.warnings == ()
