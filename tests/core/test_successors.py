"""Mentors whose successors are accepted to miss: how long they stay, and what does not stay."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from small import LEARNERS, PROFILES, STAFF, plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.cause import CauseKind
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.manifest.model import Accepted, Item, Manifest, ProfileSetting, Section
from reconciler.state import Profile

YESTERDAY = TODAY - timedelta(days=1)
EARLY, LATE = TODAY + timedelta(days=1), TODAY + timedelta(days=60)


def accepting(manifest: Manifest, *accepted: tuple[str, date]) -> Manifest:
    listed = tuple(Accepted(ref(name), f"owner {until}", "r", until) for name, until in accepted)
    return replace(manifest, accepted=listed)


def entries(*entries: tuple[str, Item]) -> Manifest:
    listed = tuple(entry_of(Role.MENTOR, ref(person), (item,)) for person, item in entries)
    return wanting(sections={Role.MENTOR: Section(listed, AT)})


def class_(key: str, **days: date) -> Item:
    return Item(TargetKind.CLASS, ref(key), **days)


def learner(key: str) -> Item:
    return Item(TargetKind.LEARNER, ref(key))


def until(manifest: Manifest, *mentors: tuple[str, str]) -> dict[str, date]:
    made = plan(small_site(*mentors), manifest)
    assert all(each.owner == f"owner {each.until}" for each in made.accepted)
    return {str(each.name): each.until for each in made.accepted}


def stays(manifest: Manifest, name: str, *mentors: tuple[str, str]) -> date:
    """The day until which the plan says it stays; and it does, and goes the day after."""
    state, day = small_site(*mentors), until(manifest, *mentors)[name]
    for as_of, here in ((day, True), (day + timedelta(days=1), False)):
        going = {str(each.name) for each in plan(state, manifest, as_of=as_of).actions}
        assert (name not in going) is here
    return day


def test_a_mentor_stays_until_the_first_of_several_successors_comes():
    manifest = wanting(("t-1", "8a"), ("t-2", "8a"))
    for days in ((EARLY, LATE), (LATE, EARLY)):
        accepted = [(f"mentor/t-{n}/class/8a", day) for n, day in enumerate(days, 1)]
        assert stays(accepting(manifest, *accepted), "mentor/t-0/class/8a", ("10", "u2")) == EARLY


def test_a_mentor_stays_until_the_last_of_their_learners_has_another():
    manifest = entries(("t-1", learner("s-0")), ("t-2", learner("s-1")))
    for days in ((EARLY, LATE), (LATE, EARLY)):
        accepted = [(f"mentor/t-{n + 1}/learner/s-{n}", day) for n, day in enumerate(days)]
        assert stays(accepting(manifest, *accepted), "mentor/t-0/class/8a", ("10", "u2")) == LATE


def test_a_successor_comes_when_all_that_they_need_is_there():
    accepted = (("mentor/t-1/class/8a", EARLY), ("mentor/t-1", LATE))
    manifest = accepting(wanting(("t-1", "8a")), *accepted)
    assert stays(manifest, "mentor/t-0/class/8a", ("10", "u2")) == LATE


def test_a_holder_stays_as_long_as_the_last_of_their_classes():
    manifest = wanting(("t-1", "8a"), ("t-2", "8b"))
    for days in ((EARLY, LATE), (LATE, EARLY)):
        accepted = [
            (f"mentor/t-{n}/class/8{c}", day) for n, c, day in zip((1, 2), "ab", days, strict=True)
        ]
        found = until(accepting(manifest, *accepted), ("10", "u2"), ("10", "u3"))
        assert found["mentor/t-0"] == LATE
        assert {found["mentor/t-0/class/8a"], found["mentor/t-0/class/8b"]} == {EARLY, LATE}


def test_what_has_expired_goes_though_its_successor_is_accepted_to_miss():
    manifest = entries(("t-0", class_("8a", ends=YESTERDAY)), ("t-1", class_("8a")))
    made = plan(small_site(("10", "u2")), accepting(manifest, ("mentor/t-1", LATE)))
    assert [each.cause.kind for each in made.actions] == [CauseKind.EXPIRED]


def test_no_role_stays_on_a_profile_for_what_has_expired():
    profiles = (*PROFILES, Profile("p9", "Vikar", frozenset({Role.MENTOR})))
    people = (STAFF[0], replace(STAFF[1], profile="p9"), *STAFF[2:], *LEARNERS)
    state = small_site(("10", "u2"), ("13", "u3"), profiles=profiles, people=people)
    manifest = replace(
        entries(
            ("t-0", class_("8a", ends=YESTERDAY)), ("t-1", class_("8a")), ("t-3", class_("8b"))
        ),
        profiles={Role.MENTOR: ProfileSetting((ref("Vikar"),), AT)},
    )
    made = plan(state, accepting(manifest, ("mentor/t-1", LATE)))
    assert "profile/Staff/mentor" in [str(each.name) for each in made.actions]


@pytest.mark.parametrize("successor", ["mentor/t-1", "mentor/t-1/class/8a"])
def test_nobody_stays_whose_learners_somebody_else_sees(successor):
    manifest = wanting(("t-1", "8a"), ("t-2", "8a"))
    made = plan(small_site(("10", "u2")), accepting(manifest, (successor, LATE)))
    assert "mentor/t-0/class/8a" in [str(each.name) for each in made.actions]


def test_a_holder_stays_as_long_as_the_longest_of_what_keeps_them():
    """One class is accepted to stay, the other waits for its successor."""
    manifest = wanting(("t-1", "8a"))
    for own, other in ((EARLY, LATE), (LATE, EARLY)):
        accepted = (("mentor/t-0/class/8b", own), ("mentor/t-1", other))
        found = until(accepting(manifest, *accepted), ("10", "u2"), ("10", "u3"))
        assert found["mentor/t-0"] == LATE


def test_an_assignment_waits_for_the_last_of_what_it_needs():
    bare = (replace(PROFILES[0], roles=frozenset()), PROFILES[1])
    enabling = {Role.MENTOR: ProfileSetting((ref("Staff"),), AT)}
    manifest = wanting(("t-1", "8a"), profiles=enabling)
    for holder, role in ((EARLY, LATE), (LATE, EARLY)):
        accepted = (("mentor/t-1", holder), ("profile/Staff/mentor", role))
        made = plan(small_site(profiles=bare), accepting(manifest, *accepted))
        found = {str(each.name): each.until for each in made.accepted}
        assert found["mentor/t-1/class/8a"] == LATE
