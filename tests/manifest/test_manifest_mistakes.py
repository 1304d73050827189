"""What authors get wrong: each mistake has its code, its place, and advice that helps."""

import re
from pathlib import Path

import pytest

import reconciler.manifest as package
from reconciler.codes import CODES
from reconciler.diagnostics import listing
from reconciler.manifest.shape import schema
from reconciler.manifest.words import KEYS

HEAD = "version: 1\nsite: nordberg\n"
MENTOR = HEAD + "mentors:\n  - person: t-1\n"

# name: (file, [(code, line, column, fragment of the message or the advice)])
CASES = {
    "moved twice": (
        HEAD + "moved:\n  - {from: 8a, to: 9a}\n  - {from: 8a, to: 9b}\n",
        [("RR132", 5, 12, "first is at m.yaml:4:12")],
    ),
    "moved twice, once by its kind": (
        HEAD + "moved:\n  - {from: 8a, to: 9a}\n  - {from: 8a, to: 9a, kind: unit}\n",
        [("RR132", 5, 12, "Keep one")],
    ),
    "who steps in is excepted": (
        HEAD + "rosters: {sis: {type: oneroster-csv, path: r}}\nrules:\n  - name: x\n"
        "    mentor: {who: teacher, of: class}\n    none: {use: t-1}\n"
        "    except: {people: [t-1]}\n",
        [("RR134", 7, 17, "somebody else")],
    ),
    "moved to itself": (HEAD + "moved: [{from: 8a, to: 8a}]\n", [("RR133", 3, 24, "itself")]),
    "moved without a new key": (HEAD + "moved: [{from: 8a}]\n", [("RR102", 3, 9, "to: 9a")]),
    "moved without an old key": (HEAD + "moved: [{to: 8a}]\n", [("RR102", 3, 9, "from: 8a")]),
    "a moved number": (HEAD + "moved: [{from: 0412, to: x}]\n", [("RR105", 3, 16, "quotes")]),
    "a moved date": (HEAD + "moved: [{from: 2026-08-17, to: x}]\n", [("RR105", 3, 16, "quotes")]),
    "an unknown kind of move": (
        HEAD + "moved: [{from: a, to: b, kind: class}]\n",
        [("RR104", 3, 32, "unit, person")],
    ),
    # reading
    "empty": ("", [("RR004", 0, 0, "version: 1")]),
    "only comments": ("# nothing\n\n", [("RR004", 0, 0, "empty")]),
    "only a document mark": ("---\n", [("RR004", 0, 0, "empty")]),
    "prose": ("Dear colleague\nhere is the list\n", [("RR009", 1, 1, "plain text")]),
    "a list": ("- t-1\n- t-2\n", [("RR009", 1, 1, "a list")]),
    "a web page": ("<!DOCTYPE html>\n<html lang='no'>\n", [("RR009", 1, 1, "web page")]),
    "zip": (b"PK\x03\x04\x14\x00\x08", [("RR008", 1, 6, "binary")]),
    "control character": (HEAD + "mentors: ['a\x07']\n", [("RR008", 3, 13, "U+0007")]),
    "line separator": (HEAD + "mentors: ['a\u2028']\n", [("RR008", 3, 13, "U+2028")]),
    "latin-1": (
        HEAD.encode() + "labels: {mentor: {role_name: Kontaktlærer}}".encode("latin-1"),
        [("RR005", 3, 38, "UTF-8")],
    ),
    "latin-1 after utf-8": (b"# \xc3\xa6\r\n# \xc3\xa6\xe6\r\n", [("RR005", 2, 4, "0xE6")]),
    "utf-16": (HEAD.encode("utf-16"), [("RR006", 1, 1, "UTF-16")]),
    "utf-32": (HEAD.encode("utf-32"), [("RR006", 1, 1, "UTF-32")]),
    "tab as indentation": (HEAD + "mentors:\n\t- person: x\n", [("RR011", 4, 1, "spaces")]),
    "tab after a dash": (HEAD + "mentors:\n  -\tperson: x\n", [("RR011", 4, 4, "spaces")]),
    "tab in flow": (HEAD + "mentors: [{person: x,\tgroups: []}]\n", [("RR011", 3, 22, "spaces")]),
    "tab within a text": (MENTOR + "    groups: [a\tb]\n", [("RR011", 5, 15, "spaces")]),
    "duplicate key": (HEAD + "site: x\n", [("RR012", 3, 1, "first at m.yaml:2:1")]),
    "two documents": (HEAD + "---\nversion: 1\n", [("RR013", 3, 1, "one document")]),
    "tag": (HEAD + "mentors: !!python/name:os.system x\n", [("RR014", 3, 10, "no meaning")]),
    "local tag": (HEAD + "mentors: !mine []\n", [("RR014", 3, 10, "tag")]),
    "a tag that lies": (HEAD + "mentors: !!int x\n", [("RR014", 3, 10, "tag")]),
    "unknown alias": (HEAD + "mentors: [*a]\n", [("RR015", 3, 11, '"*a" in quotes')]),
    "recursive alias": (HEAD + "mentors: &a [*a]\n", [("RR015", 3, 14, "no end")]),
    "deep": (HEAD + "mentors: " + "[" * 64, [("RR016", 3, 73, "64 deep")]),
    "a list as key": (HEAD + "? [a]\n: b\n", [("RR017", 3, 3, "cannot be a key")]),
    "yaml 1.1": ("%YAML 1.1\n---\n" + HEAD, [("RR018", 1, 1, "YAML 1.2")]),
    "unclosed quote": (HEAD + 'mentors: [{person: "x}]\n', [("RR010", 3, 20, "never closed")]),
    "unclosed bracket": (HEAD + "mentors: [a\n", [("RR010", 3, 10, "not closed")]),
    "nothing after a bracket": (HEAD + "mentors: [\n", [("RR010", 4, 1, "closing bracket")]),
    "second colon": (HEAD + "scope: within: x\n", [("RR010", 3, 14, "': '")]),
    "indentation": (MENTOR + "   groups: []\n", [("RR010", 5, 4, "does not fit")]),
    "at sign": (MENTOR + "    groups: [@x]\n", [("RR010", 5, 14, "quotes")]),
    "no colon": (HEAD + "mentors\n", [("RR010", 3, 1, "key: value")]),
    "no space after a key": (
        HEAD + "mentors:\n  - person:t-1\n    classes: [8a]\n",
        [("RR010", 4, 11, "space is missing after this colon")],
    ),
    "no space after the first key": ("version:1\nsite: x\n", [("RR010", 1, 8, "missing")]),
    "no space before a list": (MENTOR + "    groups:[a]\n", [("RR010", 5, 11, "missing")]),
    "no space after the only key": (
        HEAD + "mentors:\n  - person:t-1\n",
        [("RR103", 4, 5, "write 'person: t-1'")],
    ),
    "no space in brackets": (
        MENTOR + "    learners: [{id:s-1}]\n",
        [("RR102", 5, 16, "'id'"), ("RR101", 5, 17, "write 'id: s-1'")],
    ),
    "a no-break space after a colon": (
        HEAD + "mentors:\n  - person:\xa0t-1\n    classes: [8a]\n",
        [("RR010", 4, 12, "no-break space (U+00A0)")],
    ),
    "a no-break space after a dash": (
        HEAD + "mentors:\n  -\xa0person: t-1\n    groups: []\n",
        [("RR010", 4, 4, "no-break space (U+00A0)")],
    ),
    "no-break spaces as indentation": (
        MENTOR + "\xa0\xa0\xa0\xa0groups: []\n",
        [("RR101", 5, 1, "no-break space (U+00A0)")],
    ),
    "a no-break space at the end": (
        HEAD + "mentors: [{person: t-1\xa0}]\n",
        [("RR107", 3, 20, "no-break space (U+00A0)")],
    ),
    "an endless key": (
        MENTOR + "    " + "x" * 1100 + ": 1\n",
        [("RR010", 5, 5, "1,024 characters")],
    ),
    "an endless first key": ("x" * 1100 + ": 1\n", [("RR010", 1, 1, "1,024 characters")]),
    "a person left open": (
        HEAD + "mentors:\n  - person:\n",
        [("RR106", 4, 12, "'person: t-0412'")],
    ),
    "an id left open": (
        MENTOR + "    groups:\n      - id:\n        reason: x\n",
        [("RR106", 6, 12, "which one")],
    ),
    "profiles left open": (
        HEAD + "roles:\n  mentor:\n    profiles:\n",
        [("RR106", 5, 14, "'profiles: []'")],
    ),
    "a percentage with a space": (
        HEAD + "policy: {max_removals: 10 %}\n",
        [("RR120", 3, 24, "10%, without a space")],
    ),
    "a saved state": (
        '{\n"format": "reconciler.state/1",\n"site": {}}\n',
        [("RR009", 1, 1, "--live")],
    ),
    "bad escape": (HEAD + 'mentors: ["\\q"]\n', [("RR010", 3, 11, "backslash")]),
    # shape
    "unknown key": (MENTOR + "    class: [8a]\n", [("RR101", 5, 5, "Did you mean 'classes'?")]),
    "unlike any key": (HEAD + "xyz: 1\n", [("RR101", 3, 1, "Known here: version, site")]),
    "number as key": (HEAD + "0412: 1\n", [("RR101", 3, 1, "'0412'")]),
    "merge key": (MENTOR + "    <<: {groups: []}\n", [("RR101", 5, 5, "no merge keys")]),
    "a rule without a roster": (
        HEAD + "rules: [{name: a, mentor: {who: teacher, of: class}}]\n",
        [("RR130", 3, 16, "Declare one under 'rosters:'")],
    ),
    "a rule for two roles": (
        HEAD
        + "rosters: {s: {type: oneroster-csv, path: p}}\n"
        + "rules:\n  - name: a\n    mentor: {who: teacher, of: class}\n"
        + "    headteacher: {who: principal, of: school}\n",
        [("RR128", 5, 5, "a rule of its own for the other")],
    ),
    "two rules of one name": (
        HEAD
        + "rosters: {s: {type: oneroster-csv, path: p}}\nrules:\n"
        + "  - {name: a, mentor: {who: teacher, of: class}}\n" * 2,
        [("RR129", 6, 12, "the first is at m.yaml:5:12")],
    ),
    "words that rules do not know": (
        HEAD
        + "rosters: {s: {type: xls, path: p}}\nrules:\n"
        + "  - {name: a, mentor: {who: tutor, of: homerom}, none: perhaps, several: 1}\n",
        [
            ("RR104", 3, 21, "oneroster-csv"),
            ("RR104", 5, 29, "primary_teacher"),
            ("RR104", 5, 40, "class_type and grades"),
            ("RR104", 5, 56, "report, refuse"),
            ("RR104", 5, 74, "all, refuse, first"),
        ],
    ),
    "a plain file without its columns": (
        HEAD + "rosters: {s: {type: csv, path: p, columns: {unit: K}}}\n",
        [("RR131", 3, 11, "with the file's own headings")],
    ),
    "columns for a bundle": (
        HEAD + "rosters: {s: {type: oneroster-csv, path: p, columns: {unit: K}}}\n",
        [("RR131", 3, 11, "Take 'columns' out")],
    ),
    "a base for a plain file": (
        HEAD + "rosters: {s: {type: csv, path: p, base: b, columns: {unit: K, person: P}}}\n",
        [("RR131", 3, 11, "Take 'base' out")],
    ),
    "a base for an XML file": (
        HEAD + "rosters: {s: {type: ims-enterprise, path: p, base: b}}\n",
        [("RR131", 3, 11, "Take 'base' out")],
    ),
    "columns for an XML file": (
        HEAD + "rosters: {s: {type: ims-enterprise, path: p, columns: {unit: K}}}\n",
        [("RR131", 3, 11, "Take 'columns' out")],
    ),
    "an XML file without its path": (
        HEAD + "rosters: {s: {type: ims-enterprise}}\n",
        [("RR131", 3, 11, "Write 'path'")],
    ),
    "a bundle without its path": (
        HEAD + "rosters: {s: {type: oneroster-csv}}\n",
        [("RR131", 3, 11, "Write 'path'")],
    ),
    "a path to a service": (
        HEAD + "rosters: {s: {type: oneroster-rest, path: p}}\n",
        [("RR131", 3, 11, "Take 'path' out")],
    ),
    "a grade without quotes": (
        HEAD
        + "rosters: {s: {type: oneroster-csv, path: p}}\n"
        + "rules: [{name: a, mentor: {who: teacher, of: {grades: [8]}}}]\n",
        [("RR105", 4, 56, 'Write "8" in quotes')],
    ),
    "no version": ("site: x\n", [("RR102", 1, 1, "version: 1")]),
    "no person": (HEAD + "mentors: [{groups: []}]\n", [("RR102", 3, 11, "person: t-0412")]),
    "no id": (MENTOR + "    groups: [{until: 2026-01-01}]\n", [("RR102", 5, 14, "'id'")]),
    "text for a list": (MENTOR + "    groups: choir\n", [("RR103", 5, 13, "[a, b]")]),
    "text for an entry": (HEAD + "mentors: [t-1]\n", [("RR103", 3, 11, "a mapping")]),
    "a list for text": (HEAD + "mentors: [{person: [x]}]\n", [("RR103", 3, 20, "text")]),
    "not a setting": (
        HEAD + "settings: {people: synckey}\n",
        [("RR104", 3, 20, "Did you mean 'sync_key'?")],
    ),
    "a number for a setting": (HEAD + "settings: {units: 3}\n", [("RR104", 3, 19, "one of")]),
    "leading zeros": (HEAD + "mentors: [{person: 0412}]\n", [("RR105", 3, 20, '"0412" in quotes')]),
    "hexadecimal": (MENTOR + "    groups: [0x1F]\n", [("RR105", 5, 14, '"0x1F" in quotes')]),
    "exponent": (MENTOR + "    classes: [1e3]\n", [("RR105", 5, 15, '"1e3" in quotes')]),
    "boolean": (MENTOR + "    classes: [true]\n", [("RR105", 5, 15, '"true" in quotes')]),
    "null as id": (MENTOR + "    classes: [null]\n", [("RR105", 5, 15, '"null" in quotes')]),
    "huge number": (MENTOR + f"    groups: [{'9' * 6000}]\n", [("RR105", 5, 14, "quotes")]),
    "huge hexadecimal": (MENTOR + f"    groups: [0x{'9' * 6000}]\n", [("RR105", 5, 14, "quotes")]),
    "number by alias": (
        HEAD + "mentors: [{person: &a 07}, {person: *a}]\n",
        [("RR105", 3, 20, '"07"'), ("RR105", 3, 37, '"07"')],
    ),
    "date as id": (
        HEAD + "mentors: [{person: 2026-08-17, classes: [2026-08-18]}]\n",
        [("RR105", 3, 20, '"2026-08-17" in quotes'), ("RR105", 3, 42, '"2026-08-18" in quotes')],
    ),
    "site as date": ("version: 1\nsite: 2026-08-17\n", [("RR105", 2, 7, "quotes")]),
    "no value": (HEAD + "mentors:\n", [("RR106", 3, 9, "Write [] for nobody")]),
    "null": (HEAD + "headteachers: ~\n", [("RR106", 3, 15, "Write [] for nobody")]),
    "a list without value": (MENTOR + "    groups:\n", [("RR106", 5, 12, "Write [] for none")]),
    "an item without value": (MENTOR + "    groups:\n      -\n", [("RR106", 6, 8, "dash")]),
    "labels without value": (HEAD + "labels:\n", [("RR106", 3, 8, "leave the line out")]),
    "version without value": ("version:\nsite: x\n", [("RR106", 1, 9, "version: 1")]),
    "white space": (MENTOR + "    groups: [' x']\n", [("RR107", 5, 14, "white space")]),
    "break at the end": (MENTOR + '    groups: ["x\\n"]\n', [("RR107", 5, 14, "white space")]),
    "empty id": (MENTOR + "    groups: ['']\n", [("RR107", 5, 14, "is empty")]),
    "long id": (MENTOR + f"    groups: [{'x' * 1001}]\n", [("RR107", 5, 14, "at most 1000")]),
    "long label": (
        HEAD + f"labels: {{mentor: {{tool_name: {'å' * 65}}}}}\n",
        [("RR107", 3, 30, "at most 64")],
    ),
    "control character in a label": (
        HEAD + 'labels: {mentor: {tool_name: "a\\x07b"}}\n',
        [("RR107", 3, 30, "control character")],
    ),
    "school under mentors": (
        MENTOR + "    school: [x]\n",
        [("RR108", 5, 5, "mentors take classes, groups, learners; schools belong under head")],
    ),
    "classes under headteachers": (
        HEAD + "headteachers: [{person: x, classes: [8a]}]\n",
        [("RR108", 3, 28, "classes belong under mentors")],
    ),
    "version 2": ("version: 2\nsite: x\n", [("RR109", 1, 10, "newer")]),
    "quoted version": ("version: '1'\nsite: x\n", [("RR109", 1, 10, "without quotes")]),
    "removals": (HEAD + "policy: {max_removals: 101%}\n", [("RR120", 3, 24, "such as 10%")]),
    "negative removals": (HEAD + "policy: {max_removals: -1}\n", [("RR120", 3, 24, "25")]),
    "endless removals": (
        HEAD + f"policy: {{max_removals: {'9' * 400}}}\n",
        [("RR120", 3, 24, "25")],
    ),
    "limits that exclude each other": (
        HEAD + "policy:\n  min_learners_per_mentor: 9\n  max_learners_per_mentor: 8\n",
        [("RR126", 4, 28, "at least 9 learners and at most 8, as m.yaml:5:28 has it")],
    ),
    # rules
    "no such day": (
        MENTOR + "    groups: [{id: x, from: 2026-02-30, until: soon}]\n",
        [("RR110", 5, 28, "2026-02-30"), ("RR110", 5, 47, "year-month-day")],
    ),
    "compact day": (MENTOR + "    groups: [{id: x, from: '20260817'}]\n", [("RR110", 5, 28, "")]),
    "a year for a day": (
        MENTOR + "    groups: [{id: x, from: 2026, until: }]\n",
        [("RR110", 5, 28, "year-month-day"), ("RR106", 5, 41, "leave the line out")],
    ),
    "a share for a percentage": (
        HEAD + "policy: {max_removals: 0.5}\n",
        [("RR120", 3, 24, "percentage")],
    ),
    "an empty mapping": ("{}\n", [("RR118", 0, 0, "site"), ("RR102", 1, 1, "version")]),
    "a merge of an anchor": (
        HEAD + "mentors:\n  - &a {person: x}\n  - <<: *a\n    person: y\n",
        [("RR101", 5, 5, "no merge keys")],
    ),
    "until before from": (
        MENTOR + "    groups: [{id: x, from: 2026-02-02, until: 2026-02-01}]\n",
        [("RR111", 5, 47, "last day")],
    ),
    "a person twice": (
        MENTOR + "  - person: t-1\n",
        [("RR112", 5, 13, "the first is at m.yaml:4:13")],
    ),
    "an assignment twice": (
        MENTOR + "    groups: [a, b, a]\n",
        [("RR113", 5, 20, "the first is at m.yaml:5:14")],
    ),
    "overlapping days": (
        MENTOR + "    groups: [{id: a, until: 2026-01-05}, {id: a, from: 2026-01-05}]\n",
        [("RR113", 5, 47, "overlapping days")],
    ),
    "scope and roles": (
        HEAD + "scope: {within: [x]}\nroles: {}\nlabels: {}\n",
        [("RR115", 4, 1, "m.yaml:3:1"), ("RR115", 5, 1, "whole site")],
    ),
    "empty scope": (HEAD + "scope: {within: []}\n", [("RR116", 3, 17, "leave 'scope' out")]),
    "time zone": (
        HEAD + "settings: {timezone: europe/olso}\n",
        [("RR117", 3, 22, "Did you mean 'Europe/Oslo'?")],
    ),
    "a continent": (HEAD + "settings: {timezone: Europe}\n", [("RR117", 3, 22, "")]),
    "no site": ("version: 1\nmentors: []\n", [("RR118", 0, 0, "site")]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_each_mistake_has_its_code_place_and_advice(mistakes, case):
    text, expected = case
    found = mistakes({"m.yaml": text})
    assert [(one.code, one.position.line, one.position.column) for one in found] == [
        (code, line, column) for code, line, column, _ in expected
    ]
    for one, (_, _, _, fragment) in zip(found, expected, strict=True):
        assert fragment in f"{one.message} {one.advice}"
        assert one.advice
        assert one.position.file == "m.yaml"


def test_all_mistakes_of_all_files_are_reported_together(mistakes):
    found = mistakes(
        {
            "a.yaml": HEAD + "mentors: [{person: 0412, classes: [8a, 8a]}]\nmentr: []\n",
            "b.yaml": "version: 1\nmentors:\n\t- x\n",
            "c.yaml": "version: 1\nsettings: {timezone: Mars}\n"
            "mentors: [{person: x}, {person: x}]\n",
            "d.yaml": "",
        }
    )
    assert [(one.position.file, one.code) for one in found] == [
        ("a.yaml", "RR105"),
        ("a.yaml", "RR101"),
        ("b.yaml", "RR011"),
        ("c.yaml", "RR117"),
        ("c.yaml", "RR112"),
        ("d.yaml", "RR004"),
    ]


def test_what_a_broken_entry_declares_is_still_checked(mistakes):
    found = mistakes({"m.yaml": MENTOR + "    clases: []\n    groups: [a, 07, a]\n"})
    assert [one.code for one in found] == ["RR101", "RR105", "RR113"]


def test_a_mistake_in_an_anchor_is_reported_once(mistakes):
    found = mistakes(
        {"m.yaml": HEAD + "mentors: [{person: a, groups: &g [07]}, {person: b, groups: *g}]\n"}
    )
    assert [(one.code, one.position.column) for one in found] == [("RR105", 35)]


def test_conflicting_files_name_both_places(mistakes):
    found = mistakes(
        {
            "a.yaml": HEAD + "labels: {mentor: {tool_name: A}}\nroles: {mentor: {profiles: [S]}}\n",
            "b.yaml": "version: 1\nsite: other\nlabels: {mentor: {tool_name: null}}\n"
            "roles: {mentor: {profiles: [S, T]}}\n",
        }
    )
    assert [(one.code, str(one.position)) for one in found] == [
        ("RR114", "b.yaml:2:7"),
        ("RR114", "b.yaml:3:30"),
        ("RR114", "b.yaml:4:28"),
    ]
    assert "a.yaml:2:7" in found[0].message


def test_one_person_in_two_files_names_both_places(mistakes):
    (found,) = mistakes({"a.yaml": MENTOR, "b.yaml": "version: 1\nmentors: [{person: t-1}]\n"})
    assert (found.code, str(found.position)) == ("RR112", "b.yaml:2:20")
    assert "a.yaml:4:13" in found.message


def test_a_long_listing_ends_with_how_many_more_there_are(mistakes):
    found = mistakes({"m.yaml": MENTOR + "    groups: [" + "07, " * 1000 + "08]\n"})
    lines = list(listing(found))
    assert len(lines) == 201
    assert lines[-1] == "… and 801 more, 1,001 in all."
    assert len(list(listing(found[:200]))) == 200


def test_every_key_of_the_schema_is_known():
    def keys(node):
        if isinstance(node, dict):
            yield from node.get("properties", {})
            node = list(node.values())
        if isinstance(node, list):
            for below in node:
                yield from keys(below)

    assert set(keys(dict(schema()))) == KEYS


def test_every_code_given_out_is_in_the_table():
    text = "".join(path.read_text() for path in Path(package.__file__).parent.glob("*.py"))
    used = set(re.findall(r'"(RR\d{3})"', text))
    table = {code for code in CODES if code[2] in "01"}
    assert used == table
