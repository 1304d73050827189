"""OneRoster over REST: however a service pages, what is read is what its bundle holds."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from school_systems import SECRET, TOKEN, Reply, Row, SchoolSystem, Ways, reply, serving

from reconciler.credentials import Secret
from reconciler.domain.roster import Roster, RosterRole
from reconciler.errors import ContractViolation, RequestRefused, SiteError
from reconciler.http.call import Limits
from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.rosters.oneroster_rest import SCOPES, read_service
from reconciler.rosters.problems import InvalidRoster
from reconciler.rosters.service import RosterService

EXAMPLE = Path(__file__).parents[2] / "examples" / "roster"
ENROLLED = 86


def service(system: SchoolSystem, **settings: Any) -> RosterService:
    given = {"token": Secret(TOKEN), "version": system.version} | settings
    return RosterService(url=system.url, token_url=f"{system.url}/token", **given)


def content(roster: Roster) -> dict[str, list[Any]]:
    """What a roster says, whatever file, row and order it stood in."""

    def bare(values: Iterable[Any]) -> list[Any]:
        plain = [
            each._replace(file="", row=0)
            if hasattr(each, "_replace")
            else replace(each, file="", row=0)
            for each in values
        ]
        return sorted(plain, key=repr)

    return {
        "people": bare(roster.people),
        "units": bare(roster.units),
        "memberships": bare(roster.memberships),
        "affiliations": bare(roster.affiliations),
        "relations": bare(roster.relations),
    }


ways = st.builds(
    Ways,
    page=st.integers(5, 120),
    short=st.integers(0, 2),
    overlap=st.integers(0, 2),
    total=st.sampled_from([None, "all"]),
    link=st.booleans(),
    text_booleans=st.booleans(),
    moments=st.booleans(),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ways=ways, page=st.integers(5, 100), version=st.sampled_from(["1.1", "1.2"]))
def test_what_is_read_is_what_the_bundle_holds(
    v1_1: dict[str, str], write_folder: Any, ways: Ways, page: int, version: str
):
    bundle = EXAMPLE if version == "1.2" else write_folder(v1_1)
    with serving(bundle, version, ways) as system:
        assert content(read_service(service(system, page=page))) == content(read_bundle(bundle))


def test_it_asks_in_order_and_advances_by_the_rows_received():
    with serving(EXAMPLE, "1.2", Ways(page=40)) as system:
        read_service(service(system))
    asked = [query for path, query, _ in system.asked if path.endswith("/enrollments")]
    assert [each["offset"] for each in asked] == ["0", "40", "80", "86"]
    assert {(each["limit"], each["sort"], each["orderBy"]) for each in asked} == {
        ("1000", "sourcedId", "asc")
    }


@pytest.mark.parametrize(
    ("ways", "pages"),
    [
        (Ways(page=ENROLLED), 2),
        # On the first page it may be the page that was counted.
        (Ways(page=ENROLLED, total="all"), 2),
        (Ways(page=43, total="all"), 2),
        (Ways(page=43, total="page"), 3),
        (Ways(page=43, total="0"), 3),
        (Ways(page=43, link=True), 2),
        # Without a next from the beginning, a Link header says nothing.
        (Ways(page=ENROLLED, link=True), 2),
        # A count of the page's own rows does not end it while there is a next page.
        (Ways(page=43, link=True, total="page"), 2),
        (Ways(page=43, total="many"), 3),
    ],
    ids=[
        "empty page",
        "total at once",
        "total",
        "total of a page",
        "no total",
        "no next any more",
        "never a next",
        "wrong total",
        "no number",
    ],
)
def test_what_ends_a_collection(ways: Ways, pages: int):
    with serving(EXAMPLE, "1.2", ways) as system:
        assert len(read_service(service(system)).memberships) == ENROLLED
    assert sum(path.endswith("/enrollments") for path, _, _ in system.asked) == pages


def test_client_credentials_are_exchanged_for_the_roster_scope():
    credentials = {"token": None, "client_id": "reconciler", "client_secret": Secret(SECRET)}
    with serving(EXAMPLE, "1.2") as system:
        read_service(service(system, **credentials))
        assert system.asked[0][:2] == (
            "/token",
            {"grant_type": "client_credentials", "scope": next(reversed(SCOPES.values()))},
        )
        assert system.asked[0][2].startswith("Basic ")
        system.asked.clear()
        read_service(service(system, scope="", **credentials))
        assert system.asked[0][1] == {"grant_type": "client_credentials"}


def test_the_base_path_is_a_setting():
    with serving(EXAMPLE, "1.2", base="/campus/roster") as system:
        with pytest.raises(RequestRefused, match="404") as refused:
            read_service(service(system))
        assert "base_path" in (refused.value.advice or "")
        assert read_service(service(system, base_path="/campus/roster")).people


def test_what_is_to_be_deleted_is_left_out():
    with serving(EXAMPLE, "1.2") as system:
        for row in system.rows["enrollments"]:
            row["status"] = "tobedeleted" if row["role"] == "teacher" else "active"
        roster = read_service(service(system))
    assert {each.role for each in roster.memberships} == {"student"}


@pytest.mark.parametrize("status", ["Active", "", " active ", None])
def test_a_role_that_goes_is_left_out_however_its_user_is_said_to_stay(status: str | None):
    with serving(EXAMPLE, "1.2") as system:
        (head,) = (each for each in system.rows["users"] if each["sourcedId"] == "t-0007")
        head["status"] = status
        for role in head["roles"]:
            role["status"] = "tobedeleted" if role["role"] == "principal" else "active"
        held = read_service(service(system)).affiliations
    assert RosterRole.PRINCIPAL not in {each.role for each in held if each.person == "t-0007"}


def test_a_row_that_comes_again_otherwise_is_the_later_one():
    changed: list[Row] = []

    def change(offset: int) -> Reply | None:
        if offset == 40:
            changed.append(system.rows["enrollments"][39])
            system.rows["enrollments"][39]["status"] = "tobedeleted"
        return None

    with serving(EXAMPLE, "1.2", Ways(page=40, overlap=1)) as system:
        system.ways.replies["enrollments"] = change
        assert len(read_service(service(system)).memberships) == ENROLLED - 1
    assert changed


NOTHING: dict[str, Reply] = {
    "no body": (200, {}, b""),
    "no content": (204, {}, b""),
    "an empty object": reply(200, {}),
    "an empty list": reply(200, {"users": []}),
    "null": reply(200, {"users": None}),
}


@pytest.mark.parametrize("name", NOTHING)
@pytest.mark.parametrize("collection", ["users", "enrollments"])
def test_a_good_answer_with_nothing_in_it_is_no_empty_school(name: str, collection: str):
    status, headers, body = NOTHING[name]
    said = status, headers, body.replace(b"users", collection.encode())
    with (
        serving(EXAMPLE, "1.2", Ways(replies={collection: lambda _: said})) as system,
        pytest.raises(InvalidRoster) as invalid,
    ):
        read_service(service(system))
    (problem,) = invalid.value.problems
    assert (problem.code, problem.file) == ("RR314", f"/{collection}")


def test_mistakes_are_named_with_their_row():
    with serving(EXAMPLE, "1.2") as system:
        system.rows["users"][3]["enabledUser"] = "perhaps"
        del system.rows["users"][4]["roles"][0]["role"]
        system.rows["enrollments"][7]["class"] = {"sourcedId": "nowhere"}
        with pytest.raises(InvalidRoster) as invalid:
            read_service(service(system))
    assert [
        (each.code, each.file, each.row, each.column, each.value) for each in invalid.value.problems
    ] == [
        ("RR313", "/users", 4, "enabledUser", None),
        ("RR308", "/users, roles", 5, "role", None),
        ("RR310", "/enrollments", 8, "classSourcedId", "nowhere"),
    ]


@pytest.mark.parametrize("key", [None, "", [], {}])
def test_rows_without_a_readable_id_are_mistakes_each(key: object):
    with serving(EXAMPLE, "1.2") as system:
        for row in system.rows["orgs"][:2]:
            row["sourcedId"] = key
        with pytest.raises(InvalidRoster) as invalid:
            read_service(service(system))
    told = [(each.code, each.row) for each in invalid.value.problems if each.file == "/orgs"]
    assert told[:2] == [("RR308", 1), ("RR308", 2)]


def test_ids_may_be_numbers():
    with serving(EXAMPLE, "1.2", Ways(page=20, overlap=1)) as system:
        for number, row in enumerate(system.rows["enrollments"]):
            row["sourcedId"] = number
        assert len(read_service(service(system)).memberships) == ENROLLED


def test_an_account_or_a_name_may_be_missing():
    with serving(EXAMPLE, "1.2") as system:
        for name in ("username", "givenName", "familyName"):
            del system.rows["users"][0][name]
        assert read_service(service(system)).people


def test_a_role_that_is_no_word_is_never_nobodys():
    with serving(EXAMPLE, "1.2") as system:
        system.rows["users"][3]["roles"][0]["role"] = ["principal"]
        with pytest.raises(InvalidRoster, match="role: RR313: the value is none of student, "):
            read_service(service(system))


@pytest.mark.parametrize(
    ("table", "member", "value", "code"),
    [
        ("enrollments", "endDate", 1.6e12, "RR312"),
        ("enrollments", "endDate", {"date": "2020-01-01"}, "RR312"),
        ("enrollments", "status", {"x": "tobedeleted"}, "RR313"),
        ("enrollments", "class", "8a", "RR310"),
        ("orgs", "parent", "nordberg-kommune", "RR310"),
        ("users", "roles", [["principal"]], "RR310"),
        (
            "users",
            "roles",
            [
                {
                    "role": {"is": "principal"},
                    "roleType": "primary",
                    "org": {"sourcedId": "nordberg-skole"},
                }
            ],
            "RR313",
        ),
        ("users", "agents", "nobody", "RR310"),
    ],
)
def test_what_cannot_be_read_is_never_nothing(table: str, member: str, value: Any, code: str):
    with serving(EXAMPLE, "1.2") as system:
        system.rows[table][3][member] = value
        with pytest.raises(InvalidRoster) as invalid:
            read_service(service(system))
    assert code in {each.code for each in invalid.value.problems}


@pytest.mark.parametrize("member", ["orgs", "agents"])
@pytest.mark.parametrize("beside", [False, True])
def test_null_in_a_list_is_never_nothing(
    v1_1: dict[str, str], write_folder: Any, member: str, *, beside: bool
):
    with serving(write_folder(v1_1), "1.1") as system:
        head = system.rows["users"][0]
        head[member] = [*(head.get(member, []) if beside else []), None]
        with pytest.raises(InvalidRoster) as invalid:
            read_service(service(system))
    column = f"{member.removesuffix('s')}SourcedIds"
    told = [(each.code, each.row, each.column) for each in invalid.value.problems]
    assert told == [("RR310", 1, column)]


def test_lists_in_lists_and_endless_words_end_in_a_sentence():
    deep: Any = ['"']
    for _ in range(30):
        deep = [deep]
    with serving(EXAMPLE, "1.2") as system:
        system.rows["classes"][0]["grades"] = deep
        system.rows["classes"][1]["grades"] = ["x" * 140_000, "a,b"]
        assert read_service(service(system)).units


def test_half_a_character_is_no_json():
    said = 200, {"Content-Type": "application/json"}, b'{"orgs": [{"sourcedId": "\\ud800x"}]}'
    with (
        serving(EXAMPLE, "1.2", Ways(replies={"orgs": lambda _: said})) as system,
        pytest.raises(ContractViolation, match="not whole JSON"),
    ):
        read_service(service(system))


def test_a_row_that_moves_up_while_pages_are_read_is_not_lost():
    def leave(offset: int) -> Reply | None:
        if offset == 40 and len(system.rows["enrollments"]) == ENROLLED:
            del system.rows["enrollments"][0]
        return None

    with serving(EXAMPLE, "1.2", Ways(page=40, total="all")) as system:
        system.ways.replies["enrollments"] = leave
        last = system.rows["enrollments"][40]
        roster = read_service(service(system))
    assert len(roster.memberships) == ENROLLED - 1
    assert (last["class"]["sourcedId"], last["user"]["sourcedId"]) in {
        (each.unit, each.person) for each in roster.memberships
    }


@pytest.mark.parametrize("page", [10, 200])
def test_two_rows_with_one_id_are_a_mistake(page: int):
    with serving(EXAMPLE, "1.2", Ways(page=page)) as system:
        rows = system.rows["enrollments"]
        rows[70]["sourcedId"] = rows[3]["sourcedId"]
        with pytest.raises(InvalidRoster) as invalid:
            read_service(service(system))
    assert [each.code for each in invalid.value.problems] == ["RR309"]


@pytest.mark.parametrize("endless", [False, True])
def test_an_empty_page_with_a_next_is_looked_behind(endless: bool):
    rows: list[Row] = []

    def filtered(offset: int) -> Reply | None:
        more = {"Link": '<x>; rel="next"'}
        at = {0: rows[:40], 40: [], 80: rows[40:]}.get(offset, [])
        ends = offset >= 80 and not endless
        return reply(200, {"enrollments": at}, {} if ends else more)

    with serving(EXAMPLE, "1.2") as system:
        rows += system.rows["enrollments"]
        system.ways.replies["enrollments"] = filtered
        assert len(read_service(service(system)).memberships) == ENROLLED


SHAPES = {
    "1.2": {
        "imsx_codeMajor": "failure",
        "imsx_severity": "error",
        "imsx_CodeMinor": {
            "imsx_codeMinorField": [
                {
                    "imsx_codeMinorFieldName": "TargetEndSystem",
                    "imsx_codeMinorFieldValue": "forbidden",
                }
            ]
        },
        "imsx_description": "Not for you.",
    },
    "wrapped": {
        "imsx_StatusInfo": {
            "imsx_codeMajor": "failure",
            "imsx_codeMinor": "forbidden",
            "imsx_description": "Not for you.",
        }
    },
    "1.1": {"statusInfoSet": [{"imsx_codeMinor": "forbidden", "imsx_description": "Not for you."}]},
    "a list": [{"codeMajor": "failure", "codeMinor": "forbidden", "description": "Not for you."}],
    "errors": {"errors": [{"codeMinor": "forbidden", "description": "Not for you."}]},
    "an error": {"error": {"code": "forbidden", "message": "Not for you."}},
    "a problem": {"code": "forbidden", "detail": "Not for you."},
    "a token error": {"error": "forbidden", "error_description": "Not for you."},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_refusal_is_told_whatever_its_shape(shape: str):
    said = reply(403, SHAPES[shape])
    with (
        serving(EXAMPLE, "1.2", Ways(replies={"orgs": lambda _: said})) as system,
        pytest.raises(RequestRefused) as refused,
    ):
        read_service(service(system))
    assert str(refused.value) == (
        "GET /orgs (from row 1) was refused: 403 (forbidden) Not for you."
    )
    assert "roster-core.readonly" in (refused.value.advice or "")


@pytest.mark.parametrize(
    "body", [b"<h1>No</h1>", b"", b"[]", b'{"imsx_StatusInfo": []}', b'{"errors": [3]}']
)
def test_a_refusal_that_says_nothing_is_told_as_that(body: bytes):
    said = 403, {"Content-Type": "application/json"}, body
    with (
        serving(EXAMPLE, "1.2", Ways(replies={"orgs": lambda _: said})) as system,
        pytest.raises(RequestRefused, match=r"was refused: 403"),
    ):
        read_service(service(system))


def test_rows_that_are_missing_are_asked_for_again_and_then_refused():
    with serving(EXAMPLE, "1.2", Ways(total="90")) as system:
        with pytest.raises(SiteError, match="GET /orgs: 86 rows are missing"):
            read_service(service(system))
        assert len(system.asked) == 6


def test_a_service_that_does_not_look_at_the_offset_is_left():
    rows: list[Row] = []
    with serving(EXAMPLE, "1.2") as system:
        rows = system.rows["enrollments"]
        system.ways.replies["enrollments"] = lambda _: reply(200, {"enrollments": rows[:10]})
        with pytest.raises(ContractViolation, match="may ignore offset"):
            read_service(service(system))
    assert len(system.asked) < 20


@pytest.mark.parametrize("later", [{}, {"enrollments": None}, {"enrollments": [3]}, {"users": []}])
def test_a_later_answer_without_rows_is_no_end(later: object):
    with serving(EXAMPLE, "1.2", Ways(page=40)) as system:
        system.ways.replies["enrollments"] = lambda offset: reply(200, later) if offset else None
        with pytest.raises(ContractViolation, match="holds no list of enrollments"):
            read_service(service(system))


def after(rows: int, said: Reply) -> Any:
    """Answer otherwise once so many rows were asked for."""
    return {"enrollments": lambda offset: said if offset >= rows else None}


def test_no_content_after_the_last_page_is_the_end():
    with serving(EXAMPLE, "1.2", Ways(page=40, replies=after(ENROLLED, (204, {}, b"")))) as system:
        assert len(read_service(service(system)).memberships) == ENROLLED


def test_no_content_before_the_last_row_that_is_counted_is_no_end():
    ways = Ways(page=40, total="all", replies=after(80, (204, {}, b"")))
    with (
        serving(EXAMPLE, "1.2", ways) as system,
        pytest.raises(SiteError, match="GET /enrollments: 6 rows are missing"),
    ):
        read_service(service(system))


NO_PAGE = reply(404, {"codeMajor": "failure", "description": "No such page."})


def test_no_such_page_is_the_end_where_a_count_says_so():
    # One page: its count may be that of the page, so that one more is asked for.
    ways = Ways(page=ENROLLED, total="all", replies=after(ENROLLED, NO_PAGE))
    with serving(EXAMPLE, "1.2", ways) as system:
        assert len(read_service(service(system)).memberships) == ENROLLED


@pytest.mark.parametrize(
    ("total", "rows"),
    [(None, ENROLLED), ("page", ENROLLED), ("all", 80)],
    ids=["no count", "the count of a page", "a count of more"],
)
def test_no_such_page_is_else_no_end(total: str | None, rows: int):
    ways = Ways(page=40, total=total, replies=after(rows, NO_PAGE))
    with serving(EXAMPLE, "1.2", ways) as system, pytest.raises(ContractViolation) as refused:
        read_service(service(system))
    assert str(refused.value) == (
        f"GET /enrollments (from row {rows + 1}): there is no such page (404), and no count of "
        f"the rows says that the {rows} before it are all."
    )


def test_json_by_its_old_name_is_json():
    said = reply(200, {"orgs": []}, {"Content-Type": "text/json; charset=utf-8"})
    with (
        serving(EXAMPLE, "1.2", Ways(replies={"orgs": lambda _: said})) as system,
        pytest.raises(InvalidRoster, match="RR314"),
    ):
        read_service(service(system))


FAILED = {
    "1.2": {**SHAPES["1.2"], "imsx_codeMajor": "failure"},
    "wrapped": SHAPES["wrapped"],
    "a list": SHAPES["a list"],
    "1.1": {
        "statusInfoSet": [
            {
                "imsx_codeMajor": "failure",
                "imsx_codeMinor": "forbidden",
                "imsx_description": "Not for you.",
            }
        ]
    },
    "after a success": {"statusInfoSet": [{"imsx_codeMajor": "success"}, SHAPES["1.2"]]},
    "errors beside no rows": {"orgs": [], **SHAPES["errors"]},
    "an error beside no rows": {"orgs": [], **SHAPES["an error"]},
    "with rows": {
        "orgs": [{"sourcedId": "s1"}],
        "codeMajor": "unsupported",
        "codeMinor": "forbidden",
        "description": "Not for you.",
    },
}


@pytest.mark.parametrize("shape", FAILED)
def test_a_good_status_with_a_failure_in_it_is_a_refusal(shape: str):
    said = reply(200, FAILED[shape])
    with (
        serving(EXAMPLE, "1.2", Ways(replies={"orgs": lambda _: said})) as system,
        pytest.raises(RequestRefused) as refused,
    ):
        read_service(service(system))
    assert str(refused.value) == (
        "GET /orgs (from row 1) was refused: 200 (forbidden) Not for you."
    )
    assert "roster-core.readonly" in (refused.value.advice or "")


def test_a_later_page_with_errors_in_it_is_no_end():
    said = reply(200, {"enrollments": [], "errors": ["out of memory"]})
    with (
        serving(EXAMPLE, "1.2", Ways(page=40, replies=after(40, said))) as system,
        pytest.raises(RequestRefused, match=r"GET /enrollments \(from row 41\) was refused: 200"),
    ):
        read_service(service(system))


def test_rows_that_come_with_a_success_are_rows():
    with serving(EXAMPLE, "1.2") as system:
        told = {"imsx_codeMajor": "success", "imsx_severity": "warning"}
        rows = system.rows["orgs"]
        system.ways.replies["orgs"] = lambda offset: reply(
            200, {"orgs": rows[offset:], "statusInfoSet": [told], "errors": []}
        )
        assert read_service(service(system)).units


def test_a_long_wait_is_told_and_not_waited_for():
    slept: list[float] = []
    said = reply(429, {"description": "Too often."}, {"Retry-After": "3600"})
    with (
        serving(EXAMPLE, "1.2", Ways(replies={"orgs": lambda _: said})) as system,
        pytest.raises(SiteError) as refused,
    ):
        read_service(service(system), Limits(sleep=slept.append))
    assert str(refused.value) == (
        "GET /orgs (from row 1): the school system cannot answer: 429 Too often."
    )
    assert refused.value.advice == "Try again in 60 minutes."
    assert (slept, len(system.asked)) == ([], 1)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (203, "the answer is 203, where the standard has 200."),
        (301, "the answer is a redirect (301), which the standard does not have; "),
    ],
)
def test_what_a_school_system_broke_is_the_standard(status: int, sentence: str):
    said = status, {}, b""
    with (
        serving(EXAMPLE, "1.2", Ways(replies={"orgs": lambda _: said})) as system,
        pytest.raises(ContractViolation) as refused,
    ):
        read_service(service(system))
    assert str(refused.value).startswith(f"GET /orgs (from row 1): {sentence}")


MOMENTS = ["T00:00", "T00:00:00", "T00:00:00Z", "T00:00:00.000Z", "T00:00:00+02:00"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_at_which_a_day_begins_is_the_day(moment: str):
    with serving(EXAMPLE, "1.2") as system:
        system.rows["enrollments"][0]["beginDate"] = f"2026-08-16{moment}"
        begins = {each.begin for each in read_service(service(system)).memberships}
    assert date(2026, 8, 16) in begins


@pytest.mark.parametrize("moment", ["T22:00:00Z", "T00:00:01", "T00:00:00+02", " 00:00", "T"])
def test_another_moment_is_no_day(moment: str):
    with serving(EXAMPLE, "1.2") as system:
        system.rows["enrollments"][0]["beginDate"] = f"2026-08-16{moment}"
        with pytest.raises(InvalidRoster, match="RR312"):
            read_service(service(system))


def test_a_mistake_in_a_role_is_told_of_its_user():
    with serving(EXAMPLE, "1.2") as system:
        system.rows["users"][2]["roles"][0]["org"] = {"sourcedId": "nowhere"}
        system.rows["users"][4]["sourcedId"] = system.rows["users"][3]["sourcedId"]
        del system.rows["users"][5]["sourcedId"]
        with pytest.raises(InvalidRoster) as invalid:
            read_service(service(system))
    told = [(each.code, each.file, each.row) for each in invalid.value.problems]
    assert {each for each in told if each[0] != "RR310" or each[1] == "/users, roles"} == {
        ("RR309", "/users", 5),
        ("RR308", "/users", 6),
        ("RR310", "/users, roles", 3),
    }
    assert "/roles" not in str(invalid.value)


def test_a_user_who_goes_takes_no_roles_from_another_with_the_id():
    with serving(EXAMPLE, "1.2") as system:
        read = read_service(service(system))
        users = system.rows["users"]
        for user in list(users):
            users.append({**user, "title": "again"})
            user["status"] = "tobedeleted"
        again = read_service(service(system))
    assert len(again.affiliations) == len(read.affiliations)
    assert again.remarks == ()
