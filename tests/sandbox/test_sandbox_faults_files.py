"""Files of faults: what is read, and how a mistake is told."""

import json
import os
from pathlib import Path

import pytest
import warm
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from sandboxes import PROGRAM

from reconciler.resources import shipped
from reconciler.sandbox.faults.mistakes import SCHEMA
from reconciler.sandbox.faults.model import (
    KINDS,
    Cut,
    Failure,
    Fault,
    Faults,
    Items,
    Latency,
    Limit,
    Matcher,
    Moment,
    Occurrence,
    Span,
    Stale,
    Staleness,
    Truncation,
)
from reconciler.sandbox.faults.reading import Mistaken, read_faults, read_header
from reconciler.sandbox.options import SandboxRefused

CLIENTS = ("reconciler", "auditor", "other")
BEGIN = "version: 1\nfaults:\n"


BOMB = "\n".join(
    ["a0: &a0 x", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12))]
)


def read(tmp_path: Path, text: str | bytes) -> Faults:
    path = tmp_path / "faults.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_faults(path, CLIENTS)


def test_every_key_of_a_file(tmp_path):
    found = read(
        tmp_path,
        """\
version: 1
seed: 0x10
faults:
  - kind: latency
    seconds: {from: 0.5, to: 2}
    methods: [GET, PUT]
    path: /v1/people
    client: other
    rate: 0.25
    after: 010          # ten, in YAML 1.2
    times: 3.0
  - {kind: limit, requests: &five 5, window: *five}
  - {kind: error, status: 500}
  - {kind: error, retry_after: null, when: after, every: 2}
  - {kind: cut, when: after}
  - {kind: truncate, bytes: 7}
  - {kind: stale, answer: old_etag}
  - {kind: items, address: "mentor/**", client: other}
""",
    )
    assert found == Faults(
        seed=16,
        listed=(
            Fault(
                "0",
                Latency(Span(0.5, 2.0)),
                Matcher(frozenset({"GET", "PUT"}), "/v1/people", "other"),
                Occurrence(rate=0.25, after=10, times=3),
            ),
            Fault("1", Limit(5, 5)),
            Fault("2", Failure(500)),
            Fault("3", Failure(503, None, Moment.AFTER), occurrence=Occurrence(every=2)),
            Fault("4", Cut(Moment.AFTER)),
            Fault("5", Truncation(7)),
            Fault("6", Stale(Staleness.OLD_ETAG), Matcher(frozenset({"GET"}))),
            Fault(
                "7",
                Items(address="mentor/**"),
                Matcher(frozenset({"POST"}), "/v1/changes", "other"),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is to be a mapping, not null."),
        ("faults: []", "'version' is missing. The format's version, 1."),
        ("version: 1", "'faults' is missing. The faults, a list."),
        ("version: 2\nfaults: []", "version: 2 is not 1."),
        (
            "version: 1\nfaults: [error]",
            'faults[0]: this is to be a mapping, not "error". A mapping with the kind',
        ),
        (
            "version: 1\nfaults: [{kind: error, status: 501}]",
            "faults[0].status: 501 is not known here; there are 429, 500, 502, 503 and 504.",
        ),
        ("version: 1\nfaults: []\nsed: 1", "there is no key 'sed' here; did you mean 'seed'?"),
        ("version: 1\nfaults:", "faults: this is to be a list, not null."),
        ("version: 1\nseed: -1\nfaults: []", "seed: -1 is too small."),
        (f"{BEGIN}- error", 'faults[0]: this is to be a mapping, not "error".'),
        (f"{BEGIN}- rate: 1", "faults[0]: 'kind' is missing. What goes wrong."),
        (
            f"{BEGIN}- kind: eror",
            "faults[0].kind: \"eror\" is not known here; did you mean 'error'.",
        ),
        (f"{BEGIN}- {{kind: error, rat: 1}}", "faults[0]: there is no key 'rat' here"),
        (f"{BEGIN}- {{kind: error, rate: 1.5}}", "faults[0].rate: 1.5 is too large. The share of"),
        (f"{BEGIN}- {{kind: error, rate: .nan}}", 'rate: this is to be a number, not ".nan".'),
        (f"{BEGIN}- {{kind: error, rate: yes}}", 'rate: this is to be a number, not "yes".'),
        (f"{BEGIN}- {{kind: error, rate: true}}", "rate: this is to be a number, not true."),
        (f"{BEGIN}- {{kind: error, every: 1.5}}", "every: this is to be a whole number, not 1.5."),
        (f"{BEGIN}- {{kind: error, rate: 1, every: 2}}", "faults[0]: two keys exclude each other."),
        (f"{BEGIN}- {{kind: error, status: 418}}", "status: 418 is not known here; there are 429"),
        (f"{BEGIN}- {{kind: error, path: v1}}", 'path: "v1" does not begin with /.'),
        (f"{BEGIN}- {{kind: error, methods: []}}", "methods: this list is empty;"),
        (f"{BEGIN}- {{kind: error, methods: [get]}}", 'methods[0]: "get" is not known here;'),
        (f"{BEGIN}- {{kind: error, client: me}}", "client: there is no client 'me'; there are aud"),
        (f"{BEGIN}- {{kind: error, client: ''}}", "client: this text is empty."),
        (f"{BEGIN}- {{kind: limit, requests: 1, window: 0}}", "window: 0 is too small."),
        (f"{BEGIN}- {{kind: limit, requests: 1, rate: 1}}", "there is no key 'rate' here"),
        (f"{BEGIN}- {{kind: slow}}", "faults[0]: 'seconds' is missing. How long the whole body"),
        (f"{BEGIN}- {{kind: slow, seconds: {{from: 1}}}}", "seconds: 'to' is missing."),
        (f"{BEGIN}- {{kind: slow, seconds: {{from: 2, to: 1}}}}", "seconds: 2 to 1 is no span;"),
        (f"{BEGIN}- {{kind: stale, methods: [PUT]}}", "there is no key 'methods' here"),
        ("version: 1\nversion: 1", "line 2, column 1: the key 'version' stands twice;"),
        ("a: &a [*a]", "line 1, column 1: its aliases stand for too much, or for themselves;"),
        (BOMB, "line 1, column 1: its aliases stand for too much, or for themselves;"),
        ("1: 2", "line 1, column 1: a key is text; put it in quotes"),
        ("version: [", "line 1, column 11: "),
        ("a: !!python/object:os.system x", "line 1, column 4: could not determine a constructor"),
        (b"\xff", "it is not UTF-8;"),
        ("a: \x07", "it holds characters that YAML does not allow;"),
        ("[" * 900, "it is nested too deeply;"),
        ("# " + "x" * 1_000_000, "it is larger than 1,000,000 bytes;"),
        ("version: " + "9" * 5000, f'version: "{"9" * 59}… is not 1.'),
    ],
)
def test_each_mistake_is_told_with_its_place(tmp_path, text, said):
    with pytest.raises(SandboxRefused) as refused:
        read(tmp_path, text)
    assert f"faults.yaml: {said}" in str(refused.value) or said in str(refused.value)
    assert str(refused.value).startswith(f"{tmp_path / 'faults.yaml'}: ")


def test_all_mistakes_are_told_at_once_and_the_sandbox_does_not_start(tmp_path):
    text = f"{BEGIN}- {{kind: cut, rate: 2}}\n- {{kind: slow, x: 1}}"
    (tmp_path / "faults.yaml").write_text(text)
    command = [PROGRAM, "sandbox", "--faults", "faults.yaml"]
    process = warm.Process(command, os.environ, tmp_path)
    assert process.wait(30) == 1
    assert process.stdout == ""
    first, second, third = process.stderr.splitlines()
    assert first == (
        "Error: faults.yaml: faults[0].rate: 2 is too large. "
        "The share of the requests that meet it, by chance, from 0 to 1."
    )
    assert second.startswith(
        "faults.yaml: faults[1]: 'seconds' is missing. How long the whole body"
    )
    assert third.startswith("faults.yaml: faults[1]: there is no key 'x' here; there are kind, sec")


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(SandboxRefused, match="cannot be read: Is a directory; check the path"):
        read_faults(tmp_path, CLIENTS)


def test_the_schema_knows_the_kinds_and_their_keys():
    schema = json.loads(shipped("schemas", SCHEMA).read_text(encoding="utf-8"))
    assert schema["$id"] == f"https://reconciler.example/schemas/{SCHEMA}"
    Draft202012Validator.check_schema(schema)
    assert schema["$defs"]["fault"]["properties"]["kind"]["enum"] == list(KINDS)
    around = {"kind", *Matcher.__slots__, *Occurrence.__slots__}
    for kind, effect in KINDS.items():
        keys = set(schema["$defs"][kind]["properties"])
        assert keys - around == set(effect.__slots__)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from(
            ["cut", "error", "when=after", "when=", "status=500", "seconds=1", "{", "items"]
        ),
        max_size=4,
    ).map(" ".join)
)
def test_any_header_is_a_fault_or_refused_with_a_sentence(text):
    try:
        found = read_header(text)
    except Mistaken:
        return
    assert found.occurrence == Occurrence()
