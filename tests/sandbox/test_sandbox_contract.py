"""The published OpenAPI document and the server say the same."""

import json
import re
import sqlite3
from contextlib import suppress
from itertools import count
from pathlib import Path

import anyio
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from pydantic import ValidationError
from schemathesis.checks import CHECKS
from schemathesis.generation.stateful import run_state_machine_as_test

from reconciler.domain.vocabulary import Role
from reconciler.sandbox.items import LabelsItem
from reconciler.sandbox.problems import PROBLEMS

DOCUMENT = Path(__file__).parents[2] / "schemas" / "openapi-v1.json"


@pytest.fixture
def document():
    return json.loads(DOCUMENT.read_text(encoding="utf-8"))


def test_it_is_valid_and_served_byte_for_byte(quiet, document):
    validate(document)
    answer = requests.get(f"{quiet.url}/v1/openapi.json", timeout=10)
    assert answer.content == DOCUMENT.read_bytes()
    assert answer.headers["Content-Type"] == "application/json"


def test_routes_and_document_agree_in_both_directions(routes, document):
    served = {route for route in routes if not route[0].startswith("/console")}
    written = {(path, method) for path, item in document["paths"].items() for method in item}
    assert served == written
    assert written


def test_problem_codes_agree(document):
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(
        PROBLEMS
    )


def test_a_label_is_what_a_manifest_can_say(document):
    manifest = json.loads((DOCUMENT.parent / "manifest-v1.schema.json").read_text(encoding="utf-8"))
    label = document["components"]["schemas"]["Label"]
    for said in manifest["$defs"]["role_labels"]["properties"].values():
        assert (said["maxLength"], said["pattern"]) == (label["maxLength"], label["pattern"])


@given(st.text(max_size=66) | st.text("a \t\n\x1c\x85\xa0\u2028\ufeff\u202e", max_size=3))
def test_the_server_takes_the_labels_of_the_contract(text):
    label = json.loads(DOCUMENT.read_text(encoding="utf-8"))["components"]["schemas"]["Label"]
    try:
        LabelsItem(role=Role.MENTOR, tool_name=text)
        taken = True
    except ValidationError:
        taken = False
    assert taken is Draft202012Validator(label).is_valid(text)


def test_a_failure_of_the_server_is_a_problem_without_a_traceback(app):
    async def fail():
        raise RuntimeError("learner Ingrid")

    app.add_api_route("/v1/fail", fail)
    sent = []

    async def call():
        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/v1/fail",
            "raw_path": b"/v1/fail",
            "query_string": b"",
            "headers": [],
        }
        await app(scope, receive, send)

    with pytest.raises(RuntimeError):
        anyio.run(call)
    assert sent[0]["status"] == 500
    assert json.loads(sent[1]["body"])["code"] == "internal_error"
    assert b"Ingrid" not in sent[1]["body"]


def test_a_database_that_fails_is_503_with_retry_after(start, tmp_path):
    running = start("--database", str(tmp_path / "site.db"))
    assert running.get("site").status_code == 200
    blocker = sqlite3.connect(tmp_path / "site.db")
    blocker.execute("drop table events")
    blocker.commit()
    blocker.close()
    answer = running.get("events")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"


# A valid shape is not yet a valid change: by the contract an id that nobody has is 404 or 422, what
# the rules forbid 409, another revision 412, and a cursor that was made up 422.
REFUSED = [404, 409, 412, 422]
api = schemathesis.openapi.from_path(
    str(DOCUMENT),
    config=schemathesis.Config.from_dict(
        {
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 304, *REFUSED]}},
            "operations": [
                {
                    "include-path": "/oauth/token",  # whose credentials nobody has
                    "checks": {"positive_data_acceptance": {"expected-statuses": [401]}},
                }
            ],
        }
    ),
)


def checks():
    return CHECKS.get_by_names(CHECKS.get_all_names())


@pytest.fixture(scope="module")
def fuzzed(quiet):
    quiet.bearer = quiet.token()
    return quiet


def made_up(examples, **more):
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **{"derandomize": True, "phases": [Phase.explicit, Phase.generate], **more},
    )


def call_of(case, running):
    signed_in = case.operation.path != "/oauth/token"
    headers = {"Authorization": f"Bearer {running.bearer}"} if signed_in else {}
    return {"base_url": running.url, "headers": headers, "timeout": 20}


def check_contract(case, running):
    case.call_and_validate(**call_of(case, running), checks=checks())


GIVEN_OUT = {"If-Match": r'"[0-9]+"', "cursor": r"[\w-]{20,}\.[\w-]{20,}"}
"""What the server's own revisions and cursors look like: others end a chain before it begins."""


WRITTEN = {
    ("PUT /v1/profiles/{profile}/roles/{role}", 201),
    ("DELETE /v1/profiles/{profile}/roles/{role}", 204),
    ("PUT /v1/holders/{role}/{person}", 201),
    ("DELETE /v1/holders/{role}/{person}", 204),
}
"""What links lead to; which of it, chance decides, but never nothing."""


def drop_made_up(case):
    for container in (case.headers, case.query):
        for name, looks in GIVEN_OUT.items():
            if name in (container or {}) and not re.fullmatch(looks, str(container[name])):
                del container[name]


def check_links(running, calls, steps):
    """Follow the document's links from call to call: from an item to a write, and back.

    The site changes on the way. Where that makes Hypothesis stop, since the same choices then lead
    elsewhere, it begins again with the next seed.
    """
    made, failed = [], []

    class Linked(api.as_state_machine()):
        def before_call(self, case):
            drop_made_up(case)

        def get_call_kwargs(self, case):
            return call_of(case, running)

        def validate_response(self, response, case, additional_checks=None, **kwargs):
            made.append((case.operation.label, response.status_code))
            try:
                case.validate_response(
                    response, checks=checks(), transport_kwargs=kwargs, recorder=self.recorder
                )
            except Exception as failure:
                failed.append(failure)
                raise

    for profile in running.items("profiles"):  # so that anybody can be added
        assert running.put("profiles", profile["id"], "roles", "mentor").ok
    before = running.revision()
    for number in count():
        machine = seed(number)(type("Seeded", (Linked,), {}))
        with suppress(Flaky):
            run_state_machine_as_test(machine, settings=made_up(50, stateful_step_count=steps))
        if failed:
            raise failed[0]
        if len(made) >= calls:
            break
    assert WRITTEN & set(made)
    assert running.revision() > before


@api.parametrize()
@made_up(20)
def test_the_server_keeps_the_contract(case, fuzzed):
    check_contract(case, fuzzed)


def test_the_server_keeps_the_contract_from_link_to_link(fuzzed):
    check_links(fuzzed, 400, 6)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@api.parametrize()
@made_up(500, derandomize=False)
def test_the_server_keeps_the_contract_for_long(case, fuzzed):
    check_contract(case, fuzzed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_server_keeps_the_contract_from_link_to_link_for_long(fuzzed):
    check_links(fuzzed, 20_000, 12)
