"""The example roster is what the example municipality would export."""

from pathlib import Path

from reconciler.domain.roster import RosterRole
from reconciler.domain.vocabulary import MembershipRole, UnitKind
from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.sandbox.municipality import municipality

EXAMPLE = Path(__file__).parents[2] / "examples" / "roster"
ROLES = {RosterRole.STUDENT: MembershipRole.LEARNER, RosterRole.TEACHER: MembershipRole.TEACHER}


def test_it_has_the_people_the_units_and_the_members_of_the_sandbox():
    site, roster = municipality(), read_bundle(EXAMPLE)
    people = {each.id: each.sync_key for each in site.people}
    units = {each.id: each.sync_key for each in site.units}
    keyed = [each for each in site.units if each.sync_key]
    assert {each.sourced_id for each in roster.people} == set(people.values()) - {"a-0001"}
    assert {each.sourced_id for each in roster.units} == {each.sync_key for each in keyed}
    taught = {each.sync_key for each in keyed if each.kind in (UnitKind.CLASS, UnitKind.GROUP)}
    assert {(each.unit, each.person, ROLES[each.role]) for each in roster.memberships} == {
        (units[each.unit], people[each.person], each.role)
        for each in site.memberships
        if units[each.unit] in taught
    }
