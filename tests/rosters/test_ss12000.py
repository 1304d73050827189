"""SS 12000: mentors with their days, and principals, page by page."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from school_systems import TOKEN, Row, Ss12000, reply, serving_ss12000

from reconciler.credentials import Secret
from reconciler.domain.roster import Roster, RosterMembership, RosterRole, RosterUnitKind
from reconciler.errors import ContractViolation, RequestRefused
from reconciler.rosters.problems import InvalidRoster
from reconciler.rosters.service import RosterService
from reconciler.rosters.ss12000 import COLLECTIONS, read_ss12000

HIDDEN = "Hemlig"


def ref(key: str) -> Row:
    return {"id": key, "displayName": HIDDEN}


def person(key: str, **more: Any) -> Row:
    return {"id": key, "givenName": HIDDEN, "familyName": HIDDEN, **more}


def school() -> dict[str, list[Row]]:
    """A small municipality: a school with one unit, a class, a mentor's group and their people."""
    return {
        "organisations": [
            {"id": "kommun", "displayName": "Nordby", "organisationType": "Huvudman"},
            {
                "id": "skola",
                "displayName": "Nordbyskolan",
                "organisationType": "Skola",
                "parentOrganisation": ref("kommun"),
            },
            {
                "id": "enhet",
                "displayName": "Nordbyskolan 7-9",
                "organisationType": "Skolenhet",
                "schoolUnitCode": "12345678",
                "parentOrganisation": ref("skola"),
            },
            {"id": "byskolan", "displayName": "Byskolan", "organisationType": "Skola"},
        ],
        "persons": [
            person("rektor", eduPersonPrincipalNames=["rektor@nordby.example"]),
            person(
                "mentor",
                emails=[
                    {"value": "familj@privat.example", "type": "Privat"},
                    {"value": "mentor@nordby.example", "type": "Skola personal"},
                ],
            ),
            person("vikarie", personStatus="Utvandrad"),
            person(
                "elev",
                enrolments=[
                    {"enroledAt": ref("enhet"), "startDate": "2026-08-17"},
                    {"enroledAt": ref("byskolan"), "cancelled": True},
                ],
                responsibles=[
                    {"person": ref("mamma"), "relationType": "Vårdnadshavare"},
                    {"person": ref("not readable"), "relationType": "Vårdnadshavare"},
                ],
            ),
            person("mamma"),
        ],
        "groups": [
            {
                "id": "7a",
                "displayName": "7A",
                "groupType": "Klass",
                "organisation": ref("enhet"),
                "startDate": "2026-08-17",
                "endDate": "2027-06-11",
                "groupMemberships": [{"person": ref("elev"), "startDate": "2026-08-17"}],
            },
            {
                "id": "ma",
                "displayName": "Ma 7",
                "groupType": "Undervisning",
                "organisation": ref("enhet"),
            },
            {
                "id": "lag",
                "displayName": "Arbetslag 7",
                "groupType": "Personalgrupp",
                "organisation": ref("enhet"),
                "groupMemberships": [{"person": ref("mentor")}],
            },
        ],
        "duties": [
            {
                "id": "d1",
                "person": ref("rektor"),
                "dutyAt": ref("enhet"),
                "dutyRole": "Rektor",
                "startDate": "2024-01-01",
            },
            {
                "id": "d2",
                "person": ref("mentor"),
                "dutyAt": ref("enhet"),
                "dutyRole": "Lärare",
                "startDate": "2026-08-01",
                "endDate": "2027-01-31",
                "assignmentRole": [
                    {
                        "group": ref("7a"),
                        "assignmentRoleType": "Mentor",
                        "startDate": "2026-08-17",
                        "endDate": "2027-06-11",
                    },
                    {"group": ref("ma"), "assignmentRoleType": "Schemaläggare"},
                ],
            },
        ],
    }


def read(system: Ss12000, **settings: Any) -> Roster:
    return read_ss12000(
        RosterService(
            url=system.url,
            token_url=f"{system.url}/token",
            base_path="/v2.0",
            **({"token": Secret(TOKEN)} | settings),
        )
    )


def wrong(items: dict[str, list[Row]]) -> list[tuple[str, str, int, str, str | None]]:
    with serving_ss12000(items) as system, pytest.raises(InvalidRoster) as invalid:
        read(system)
    assert HIDDEN not in str(invalid.value)
    return [
        (each.code, each.file, each.row, each.column, each.value) for each in invalid.value.problems
    ]


def test_mentors_and_principals_hold_on_their_days():
    with serving_ss12000(school()) as system:
        roster = read(system)
    assert (
        RosterMembership(
            "7a",
            "mentor",
            RosterRole.TEACHER,
            primary=True,
            begin=date(2026, 8, 17),
            # The duty ends first, and its last day is one on which it holds.
            end=date(2027, 2, 1),
            file="/duties",
            row=2,
        )
        in roster.memberships
    )
    assert [each.person for each in roster.affiliations if each.role is RosterRole.PRINCIPAL] == [
        "rektor"
    ]
    held = {(each.unit, each.person): (each.role, each.primary) for each in roster.memberships}
    assert held == {
        ("7a", "elev"): (RosterRole.STUDENT, False),
        ("7a", "mentor"): (RosterRole.TEACHER, True),
        ("lag", "mentor"): (RosterRole.OTHER, False),
    }


def test_units_people_and_relations_are_read():
    with serving_ss12000(school()) as system:
        roster = read(system)
    assert {each.sourced_id: (each.kind, each.class_type) for each in roster.units} == {
        "kommun": (RosterUnitKind.ORGANISATION, None),
        # A school with units of its own stands above them.
        "skola": (RosterUnitKind.ORGANISATION, None),
        "enhet": (RosterUnitKind.SCHOOL, None),
        "byskolan": (RosterUnitKind.SCHOOL, None),
        "7a": (RosterUnitKind.CLASS, "homeroom"),
        "ma": (RosterUnitKind.CLASS, "scheduled"),
        "lag": (RosterUnitKind.CLASS, "personalgrupp"),
    }
    units = {each.sourced_id: each for each in roster.units}
    assert (units["7a"].begin, units["7a"].end) == (date(2026, 8, 17), date(2027, 6, 12))
    assert units["enhet"].identifier == "12345678"
    people = {each.sourced_id: each for each in roster.people}
    assert {key: (each.role, each.orgs, each.enabled) for key, each in people.items()} == {
        "rektor": (RosterRole.PRINCIPAL, ("enhet",), True),
        "mentor": (RosterRole.TEACHER, ("enhet",), True),
        "vikarie": (RosterRole.OTHER, (), False),
        "elev": (RosterRole.STUDENT, ("enhet",), True),
        "mamma": (RosterRole.OTHER, (), True),
    }
    assert people["rektor"].username == "rektor@nordby.example"
    assert people["mentor"].email == "mentor@nordby.example"
    assert [(each.person, each.learner, each.kind) for each in roster.relations] == [
        ("mamma", "elev", RosterRole.GUARDIAN)
    ]


def test_every_page_is_read_and_what_comes_twice_is_one():
    with serving_ss12000(school()) as system:
        system.items["persons"].insert(2, system.items["persons"][1])
        assert len(read(system).people) == 5
    asked = [query for path, query, _ in system.asked if path.endswith("/persons")]
    assert [each.get("pageToken") for each in asked] == [None, "2", "4"]


@pytest.mark.parametrize(
    ("name", "change", "sound"),
    [
        ("persons", {"personStatus": "Utvandrad"}, True),
        ("persons", {"enrolments": []}, True),
        ("groups", {"startDate": "2026-08-02", "groupMemberships": []}, True),
        ("groups", {"displayName": "Another"}, False),
        ("duties", {"assignmentRole": []}, True),
        ("duties", {"person": {"id": "rektor"}}, False),
    ],
)
def test_what_was_changed_while_pages_were_read_is_the_same_item(name, change, sound):
    """The later one counts; another person or name under the same id is a mistake."""
    with serving_ss12000(school()) as system:
        first = next(each for each in system.items[name] if each["id"] != "rektor")
        system.items[name].insert(2, first | change)
        system.items[name].remove(first)
        system.items[name].insert(0, first)
        if sound:
            assert read(system)
        else:
            with pytest.raises(InvalidRoster, match="RR309"):
                read(system)


@pytest.mark.parametrize("name", COLLECTIONS)
@pytest.mark.parametrize("body", [b"", b"{}", b'{"data": []}', b'{"data": null}'])
def test_a_collection_with_nothing_in_it_is_no_empty_one(name: str, body: bytes):
    said = 200, {"Content-Type": "application/json"}, body
    replies = {name: lambda _: said}
    with serving_ss12000(school(), replies) as system, pytest.raises(InvalidRoster) as invalid:
        read(system)
    (problem,) = invalid.value.problems
    assert (problem.code, problem.file) == ("RR314", f"/{name}")


def test_a_refusal_is_told_with_code_and_message():
    said = reply(403, {"code": "FORBIDDEN", "message": "Inte för dig."})
    replies = {"duties": lambda _: said}
    with serving_ss12000(school(), replies) as system, pytest.raises(RequestRefused) as refused:
        read(system)
    assert str(refused.value) == "GET /duties (page 1) was refused: 403 (FORBIDDEN) Inte för dig."
    assert "organisations, persons, groups, duties" in (refused.value.advice or "")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"data": [], "pageToken": "again"}, "the pages have no end"),
        ({"data": [3]}, "holds no list of data"),
        ({"pageToken": "x"}, "holds no list of data"),
        ({"data": [{"id": "x"}], "pageToken": 3}, "the token of the next page is no text"),
        ([], "the answer is not a page"),
    ],
)
def test_what_is_no_page_is_refused(said: object, why: str):
    replies = {"groups": lambda _: reply(200, said)}
    with (
        serving_ss12000(school(), replies) as system,
        pytest.raises(ContractViolation, match=why),
    ):
        read(system)


def test_a_page_with_errors_in_it_is_no_end():
    said = {"data": [], "errors": [{"code": "TIMEOUT", "message": "För långsamt."}]}
    replies = {"duties": lambda _: reply(200, said)}
    with (
        serving_ss12000(school(), replies) as system,
        pytest.raises(RequestRefused, match=r"\(TIMEOUT\) För långsamt"),
    ):
        read(system)


def test_client_credentials_are_exchanged():
    with serving_ss12000(school()) as system:
        read(system, token=None, client_id="me", client_secret=Secret("s"), scope="ss12000.read")
        assert system.asked[0][:2] == (
            "/token",
            {"grant_type": "client_credentials", "scope": "ss12000.read"},
        )


def test_everything_that_is_wrong_is_told_together():
    items = school()
    items["organisations"][1]["parentOrganisation"] = ref("nowhere")
    del items["groups"][0]["organisation"]
    items["groups"][0]["groupMemberships"][0]["startDate"] = "i går"
    items["groups"][1]["id"] = "enhet"
    items["duties"][0]["endDate"] = "2020-01-01"
    items["duties"][1]["assignmentRole"][0]["group"] = ref("9z")
    del items["persons"][4]["id"]
    assert sorted(wrong(items)) == [
        ("RR308", "/groups", 1, "organisation", None),
        ("RR308", "/persons", 5, "id", None),
        ("RR309", "/groups", 2, "id", "enhet"),
        ("RR310", "/duties", 2, "assignmentRole.group", "9z"),
        ("RR310", "/organisations", 2, "parentOrganisation", "nowhere"),
        ("RR312", "/duties", 1, "endDate", None),
        ("RR312", "/groups", 1, "startDate", None),
    ]


ODD = [
    ("duties", 1, "endDate", 20200101, "RR312"),
    ("duties", 1, "endDate", ["2020-01-01"], "RR313"),
    ("duties", 1, "startDate", "2026-W34-1", "RR312"),
    ("duties", 1, "assignmentRole", {"group": ref("7a"), "assignmentRoleType": "Mentor"}, "RR313"),
    ("duties", 1, "assignmentRole", ["7a"], "RR313"),
    ("duties", 1, "person", "mentor", "RR313"),
    ("duties", 0, "id", "d2", "RR309"),
    ("duties", 0, "person", ref("nobody"), "RR310"),
    ("groups", 0, "groupMemberships", "elev", "RR313"),
    ("organisations", 0, "parentOrganisation", ref("enhet"), "RR311"),
    ("persons", 0, "id", 7, "RR310"),
    ("persons", 0, "id", True, "RR313"),
    ("persons", 0, "id", 7.5, "RR313"),
    ("duties", 1, "person", {"id": ""}, "RR313"),
    ("duties", 1, "person", {}, "RR313"),
]


@pytest.mark.parametrize("case", range(len(ODD)))
def test_what_cannot_be_read_is_never_nothing(case: int):
    collection, row, member, value, code = ODD[case]
    items = school()
    items[collection][row][member] = value
    assert code in {each[0] for each in wrong(items)}


def test_what_nobody_may_read_or_nobody_has_is_no_mistake():
    items = school()
    items["groups"][0]["groupMemberships"].append({"person": ref("protected")})
    items["duties"].append({"id": "d3", "dutyAt": ref("enhet"), "dutyRole": "Lärare"})
    items["duties"].append(
        {"id": "d4", "person": ref("gone"), "dutyAt": ref("enhet"), "dutyRole": "Lärare"}
    )
    with serving_ss12000(items) as system:
        changed = read(system)
    with serving_ss12000(school()) as system:
        assert read(system) == replace(changed, source=system.url + "/v2.0")


WORDS = [
    ("organisations", 2, (), "organisationType"),
    ("groups", 0, (), "groupType"),
    ("duties", 0, (), "dutyRole"),
    ("duties", 1, ("assignmentRole", 0), "assignmentRoleType"),
]


@pytest.mark.parametrize(("collection", "row", "within", "member"), WORDS)
@pytest.mark.parametrize(
    ("value", "code", "told"),
    [("Okänd ", "RR313", "Okänd"), (None, "RR308", None), (" ", "RR308", None)],
)
def test_a_word_that_is_none_of_the_standards_or_missing_takes_no_role_away(
    collection: str,
    row: int,
    within: Sequence[Any],
    member: str,
    value: object,
    code: str,
    told: object,
):
    items = school()
    item: Any = items[collection][row]
    for step in within:
        item = item[step]
    item[member] = value
    assert wrong(items) == [(code, f"/{collection}", row + 1, member, told)]
    del item[member]
    assert wrong(items) == [("RR308", f"/{collection}", row + 1, member, None)]


def test_words_are_the_same_in_small_letters_and_with_space_around_them():
    items = school()
    items["organisations"][2]["organisationType"] = " skolenhet "
    items["duties"][1]["dutyRole"] = "La\u0308rare"
    items["duties"][1]["assignmentRole"][0]["assignmentRoleType"] = "mentor "
    items["duties"][0]["dutyRole"] = "rektor\t"
    items["groups"][0]["groupType"] = "klass "
    with serving_ss12000(items) as system:
        changed = read(system)
    with serving_ss12000(school()) as system:
        assert read(system) == replace(changed, source=system.url + "/v2.0")


def test_ids_may_be_numbers():
    items = school()
    items["persons"][1]["id"] = items["duties"][1]["person"]["id"] = 4711
    items["groups"][0]["id"] = 7
    items["duties"][1]["assignmentRole"][0]["group"]["id"] = 7
    items["organisations"][2]["schoolUnitCode"] = 12345678
    items["groups"][2]["groupMemberships"][0]["person"]["id"] = 4711
    with serving_ss12000(items) as system:
        roster = read(system)
    held = {(each.unit, each.person) for each in roster.memberships}
    assert held == {("7", "elev"), ("7", "4711"), ("lag", "4711")}
    assert "12345678" in {each.identifier for each in roster.units}


@pytest.mark.parametrize("ended", ["enhet", "skola", "kommun"])
def test_what_lies_below_an_organisation_ends_with_it(ended: str):
    items = school()
    at = next(each for each in items["organisations"] if each["id"] == ended)
    at["endDate"] = "2026-12-31"
    with serving_ss12000(items) as system:
        units = {each.sourced_id: each for each in read(system).units}
    assert (units["7a"].begin, units["7a"].end) == (date(2026, 8, 17), date(2027, 1, 1))
    assert (units["ma"].end, units["enhet"].end) == (date(2027, 1, 1), date(2027, 1, 1))
    assert units["byskolan"].end is None


def test_what_begins_after_its_organisation_has_ended_never_is():
    items = school()
    items["organisations"][2]["endDate"] = "2026-06-30"
    with serving_ss12000(items) as system:
        units = {each.sourced_id: each for each in read(system).units}
    days = [date(2026, 6, 30), date(2026, 7, 1), date(2026, 8, 17), date(2027, 1, 1)]
    assert not any(units["7a"].holds_on(day) for day in days)
    assert [units["ma"].holds_on(day) for day in days] == [True, False, False, False]


def test_an_administrator_who_may_not_be_read_is_told():
    items = school()
    items["duties"].append(
        {"id": "d3", "person": ref("x"), "dutyAt": ref("enhet"), "dutyRole": "Skoladministratör"}
    )
    with serving_ss12000(items) as system:
        (remark,) = read(system).remarks
    assert str(remark) == "left out: 1 row of /duties of administrators who may not be read; row 3"


def test_what_is_not_read_may_change_while_pages_are_read():
    items = school()
    items["persons"].insert(2, items["persons"][1] | {"civicNo": {"value": "20120101"}})
    with serving_ss12000(items) as system:
        assert len(read(system).people) == 5


def test_a_service_that_stands_elsewhere_is_not_told_of_a_setting_that_it_has_not():
    replies = {"organisations": lambda _: reply(404, {"code": "NOT_FOUND", "message": "Nej."})}
    with serving_ss12000(school(), replies) as system, pytest.raises(RequestRefused) as refused:
        read(system)
    assert refused.value.advice == "Check url and base_path: the service may stand elsewhere."
