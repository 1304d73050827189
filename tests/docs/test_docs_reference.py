"""The pages name everything that there is, and nothing that there is not."""

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from pages import ALSO, DOCS, PAGES, ROOT, blocks, prose, section, spans, table_cells

import reconciler
from reconciler import connection
from reconciler.cli.main import COMMANDS, cli
from reconciler.cli.schema import SCHEMAS
from reconciler.codes import CODES
from reconciler.doctor import checks
from reconciler.errors import ExitCode, InvalidInput
from reconciler.manifest.load import load_manifest
from reconciler.manifest.policies import LEVELLED, PolicyKey
from reconciler.pipelines import host
from reconciler.policy.guards import GUARDS
from reconciler.review import CHECKS
from reconciler.rosters import ims_words
from reconciler.sandbox.problems import PROBLEMS
from reconciler.workflows import hiding, rosters

README = ROOT / "README.md"
EVERY_PAGE = (*PAGES, *ALSO)


def pages_as(paths: tuple[Path, ...]) -> Any:
    return pytest.mark.parametrize("page", paths, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


# Commands and options


def below(found: click.Command) -> Iterator[click.Command]:
    """What stands under a command."""
    if isinstance(found, click.Group):
        context = click.Context(found)
        for name in found.list_commands(context):
            command = found.get_command(context, name)
            assert command
            yield command


def options_of(command: str) -> set[str]:
    """The options of a command, and of what stands under it."""
    context = click.Context(cli)
    found = cli.get_command(context, command)
    assert found
    return {
        name
        for each in (found, *below(found))
        for parameter in each.get_params(click.Context(each))
        if isinstance(parameter, click.Option)
        for name in parameter.opts
        if name != "--help"
    }


def named_options(text: str) -> set[str]:
    return {word for span in spans(text) for word in re.findall(r"^--?[a-z][a-z-]*", span)}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_on_its_page(command: str):
    text = section(DOCS / "commands.md", command)
    shared = re.search(r"^Shared: (.+?)\.\n", text, re.MULTILINE | re.DOTALL)
    own = named_options("\n".join(table_cells(text)))
    in_common = named_options(shared[1]) if shared else set()
    assert own | in_common == options_of(command)
    assert not own & in_common
    assert in_common <= named_options("\n".join(table_cells(section_of_shared())))


def section_of_shared() -> str:
    return section(DOCS / "commands.md", "Shared options")


def test_every_command_has_its_section_in_order():
    headings = re.findall(r"^## ([a-z]+)$", text_of(DOCS / "commands.md"), re.MULTILINE)
    assert headings == list(COMMANDS)


def test_the_choices_of_options_are_those_there_are():
    text = text_of(DOCS / "commands.md")
    for command in COMMANDS:
        found = cli.get_command(click.Context(cli), command)
        assert found
        for parameter in found.params:
            if isinstance(parameter.type, click.Choice):
                missing = [each for each in parameter.type.choices if f"`{each}`" not in text]
                assert not missing, f"{command} {parameter.name}"


def formats_of(command: click.Command) -> set[str]:
    """The formats that a command can be asked for."""
    context = click.Context(command)
    return {
        item.value
        for parameter in command.params
        if isinstance(parameter, click.Option) and "--format" in parameter.opts
        for item in parameter.shell_complete(context, "")
    }


def test_the_table_of_formats_has_every_command_that_has_them():
    found: dict[str, set[str]] = {}
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command
        for each in (command, *below(command)):
            words = name if each is command else f"{name} {each.name}"
            for known in formats_of(each):
                found.setdefault(known, set()).add(words)
    table = section(DOCS / "formats.md", "Formats")
    told = zip(table_cells(table), table_cells(table, 2), strict=True)
    listed = {name.strip("`"): cell for name, cell in told}
    assert set(listed) == set(found)
    for known, commands in found.items():
        if listed[known] != "all":
            assert set(spans(listed[known])) == commands, known


def commands_shown(page: Path) -> Iterator[list[str]]:
    """Yield every use of the program on a page, in words."""
    shown = [part.text for kind in ("console", "sh", "powershell") for part in blocks(page, kind)]
    lines = "\n".join(shown).replace("\\\n", " ").splitlines()
    lines = [line.removeprefix("$ ") for line in lines if not line.startswith(" ")]
    for text in (*lines, *spans(prose(page))):
        words = text.split("|")[0].split()
        if words[:1] == ["reconciler"] and len(words) > 1 and re.fullmatch("[a-z]+", words[1]):
            yield words[1:]


@pages_as(EVERY_PAGE)
def test_no_page_names_a_command_or_an_option_that_does_not_exist(page: Path):
    for command, *words in commands_shown(page):
        assert command in COMMANDS
        named = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert named <= options_of(command) | {"--help", "-h"}
        if command == "schema" and words:
            assert words[0] in {*SCHEMAS, "NAME"}


@pages_as(PAGES)
def test_no_page_names_an_option_that_no_command_has(page: Path):
    known = {"--help", "--version"}.union(*map(options_of, COMMANDS))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(spans(prose(page)))))
    assert named <= known


@pages_as(EVERY_PAGE)
def test_no_code_span_is_broken_over_lines(page: Path):
    broken = [line for line in prose(page).splitlines() if line.count("`") % 2]
    assert not broken


def test_every_schema_is_named():
    named = set(spans(section(DOCS / "commands.md", "schema")))
    assert set(SCHEMAS) <= named


# The manifest


ITEMS = {"unit_item": "item", "learner_item": "item"}


def keys_of(schema: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[str]:
    """Yield the path of every key; items are told once, wherever they stand."""
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        if name in ITEMS:
            yield path
            path = ITEMS[name]
        node = schema["$defs"][name]
    if path and node.get("type") != "array":
        yield path
    for key, below in node.get("properties", {}).items():
        yield from keys_of(schema, below, f"{path}.{key}" if path else key)
    if "items" in node:
        yield from keys_of(schema, node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from keys_of(schema, node["additionalProperties"], f"{path}.NAME")


def test_every_key_of_the_manifest_is_described_and_no_other():
    schema = json.loads(text_of(ROOT / "schemas" / "manifest-v1.schema.json"))
    described = table_cells(section(DOCS / "manifest.md", "Every key"))
    keys = set(keys_of(schema, schema, ""))
    rules = {f"policy.levels.{rule}" for rule in LEVELLED}
    assert {key for key in keys if key.startswith("policy.levels.")} == rules
    keys = keys - rules | {"policy.levels.RULE"}
    assert {f"`{key}`" for key in keys} == set(described)
    assert len(described) == len(set(described))


def test_every_policy_is_told_with_the_code_of_its_guard_and_no_other():
    text = section(DOCS / "manifest.md", "Policies").partition("\n### ")[0]
    told = zip(table_cells(text), table_cells(text, 1), strict=True)
    held = [f"`{rule}`" for rule in PolicyKey] + [""]
    assert [rule for rule, _ in told] == held
    assert sorted(table_cells(text, 1)) == sorted(GUARDS)


def test_defaults_of_the_manifest_are_those_of_the_schema():
    schema = json.loads(text_of(ROOT / "schemas" / "manifest-v1.schema.json"))
    rows = section(DOCS / "manifest.md", "Every key").splitlines()
    for name in ("settings", "policy"):
        for key, node in schema["$defs"][name]["properties"].items():
            (row,) = [line for line in rows if line.startswith(f"| `{name}.{key}` ")] or [""]
            assert str(node.get("default", "")) in row
            for value in node.get("enum", []):
                assert f"`{value}`" in row


# Two pages have YAML of other kinds: test_docs_faults.py runs the one's, and tests/pipelines/
# test_judges.py has the other's judged.
@pages_as(tuple(page for page in PAGES if page.name not in ("pipelines.md", "sandbox-faults.md")))
def test_every_manifest_that_is_shown_is_valid_or_shown_for_its_mistakes(
    page: Path, tmp_path: Path
):
    for part in blocks(page, "yaml"):
        path = tmp_path / "shown.yaml"
        path.write_text(part.text, encoding="utf-8")
        try:
            load_manifest([path])
        except InvalidInput:
            name = re.findall(
                r"<!-- file: (\S+) -->\n```yaml\n" + re.escape(part.text), text_of(page)
            )
            assert name, f"line {part.line}"
            assert f"{name[0]}:" in text_of(page)


# Codes


def test_what_pages_have_from_the_code_is_what_the_code_has():
    reference = runpy.run_path(str(ROOT / "tools" / "reference.py"))
    marks = re.compile(r"^<!-- made from (.+) -->$", re.MULTILINE)
    for page in reference["PAGES"]:
        assert text_of(page) == reference["written"](text_of(page)), "run `make reference`"
    made = {mark for page in reference["PAGES"] for mark in marks.findall(text_of(page))}
    assert made == set(reference["TABLES"])
    assert not any(marks.search(text_of(page)) for page in {*EVERY_PAGE} - {*reference["PAGES"]})


def test_every_diagnostic_is_explained_and_no_other():
    assert table_cells(text_of(DOCS / "diagnostics.md")) == list(CODES)


def test_every_code_has_a_cause_and_a_remedy_and_is_given_out_once():
    assert len({code.title for code in CODES.values()}) == len(CODES)
    assert all(code.cause.endswith(".") and code.remedy.endswith(".") for code in CODES.values())
    assert all(name == code.name for name, code in CODES.items())


@pages_as(EVERY_PAGE)
def test_no_page_names_a_code_that_nobody_gives(page: Path):
    named = set(re.findall(r"\bRR\d{3}\b", text_of(page)))
    assert named <= set(CODES)


def test_every_kind_of_group_and_role_of_pifu_is_told_as_it_is_read():
    text = section(DOCS / "rules.md", "An IMS Enterprise file")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip(" `") for cell in line[1:-1].split("|")] for line in lines]
    groups = {
        (scheme, word): (level, unit.split(",")[0])
        for scheme, level, word, unit, *_ in (row for row in rows if row[0].startswith("pifu-ims"))
    }
    assert groups == {
        key: (kind.level, kind.kind.value if kind.kind else "left out")
        for key, kind in ims_words.KINDS.items()
    }
    told = {}
    for number, word, subrole, what, *_ in (row for row in rows if re.fullmatch(r"0\d", row[0])):
        held = ims_words.part(number, subrole)
        assert held == ims_words.part(word, subrole)
        assert held
        assert held.role.value == what
        told[number, subrole] = what
    assert {number for number, subrole in told if not subrole} == set(ims_words._ROLES)
    assert {key for key in told if key[1]} == {*ims_words._SUBROLES, ("02", ims_words._SUBSTITUTE)}


def test_every_check_of_the_review_is_described_and_no_other():
    cells = section(DOCS / "commands.md", "review").splitlines()
    rows = [re.findall(r"^\| `(RR\d{3})` \| `(\w+)` \|", line) for line in cells]
    described = [row[0] for row in rows if row]
    assert described == [(check.code, name.value) for name, check in CHECKS.items()]


def test_every_check_of_the_doctor_is_described_and_no_other():
    described = table_cells(section(DOCS / "commands.md", "doctor"))
    assert described == [f"`{check.name}`" for check in checks.CHECKS]


def test_every_exit_code_is_explained_and_no_other():
    codes = [str(int(code)) for code in ExitCode]
    assert table_cells(section(README, "Exit codes")) == codes
    assert re.findall(r"^## (\d+)$", text_of(DOCS / "exit-codes.md"), re.MULTILINE) == codes


def test_the_rules_of_the_sandbox_have_the_codes_that_it_answers():
    named = table_cells(section(DOCS / "sandbox.md", "The rules it enforces"))
    assert {cell.strip("`") for cell in named} <= set(PROBLEMS)


# Settings, files, code


def test_every_connection_setting_is_described_and_no_other():
    page = DOCS / "connection.md"
    assert table_cells(section(page, "The file")) == [f"`{key}`" for key in connection._KEYS]
    text = section(page, "The variables")
    described = dict(zip(table_cells(text), table_cells(text, 1), strict=True))
    assert described == {f"`{name}`": f"`{key}`" for key, name in connection._VARIABLES.items()}


@pages_as(EVERY_PAGE)
def test_no_page_names_a_variable_that_nothing_reads(page: Path):
    of_runs = {"RECONCILER_STATE_DIR", "RECONCILER_LEASE_SECONDS"}
    of_cache = {"RECONCILER_CACHE_DIR", "RECONCILER_NO_CACHE"}
    of_hosts = {name for each in host._VARIABLES.values() for name in each.token}
    read = {
        *of_hosts,
        *connection._VARIABLES.values(),
        *of_runs,
        *of_cache,
        hiding.KEY,
        hiding.LIST,
        rosters.HIDE_IDS,
    }
    assert set(re.findall(r"\bRECONCILER_[A-Z_]+", text_of(page))) <= read


def test_every_part_of_the_package_is_named_and_nothing_else():
    package = Path(reconciler.__file__).parent
    parts = {
        f"`{path.name}{'/' if path.is_dir() else ''}`"
        for path in package.iterdir()
        if path.name != "__pycache__"
    }
    described = table_cells(section(DOCS / "architecture.md", "What is where"))
    assert set(described) == parts
    assert described == sorted(described)


def test_the_picture_of_the_parts_names_parts_that_there_are():
    assert "](images/architecture.svg)" in text_of(DOCS / "architecture.md")
    words = re.findall(r">([^<>\n]+)</text>", text_of(DOCS / "images" / "architecture.svg"))
    drawn = {part for each in words for part in each.split(", ") if part.endswith(("/", ".py"))}
    named = {
        cell.strip("`") for cell in table_cells(section(DOCS / "architecture.md", "What is where"))
    }
    assert {"manifest/", "plan/", "apply/", "journal/"} <= drawn <= named


@pages_as(EVERY_PAGE)
def test_every_file_that_a_page_names_exists(page: Path):
    bases = (ROOT, ROOT / "reconciler", page.parent)
    named = [
        span
        for span in spans(prose(page))
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/(\w[\w.-]*\.(py|json|yaml|txt|md))?", span)
        or re.fullmatch(r"(reconciler|schemas|examples|tests|docs|tools|\.ci)/[\w./-]+", span)
    ]
    missing = [name for name in named if not any((b / name).exists() for b in bases)]
    assert not missing


def test_the_library_page_names_the_functions_there_are():
    functions = {f"`{name}`" for name in reconciler.__all__ if name[0].islower()}
    named = set(table_cells(text_of(DOCS / "library.md")))
    assert named | {"`load_connection`"} == functions


def test_the_api_page_names_paths_of_the_contract():
    contract = json.loads(text_of(ROOT / "schemas" / "openapi-v1.json"))
    page = text_of(DOCS / "api.md")
    named = {span for span in spans(page) if span.startswith(("/v1", "/oauth"))}
    assert named == set(contract["paths"])


# Links


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pages_as(EVERY_PAGE)
def test_links_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    for link in links:
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_index_lists_every_page():
    listed = set(re.findall(r"\]\((\w[\w-]*\.md)\)", text_of(DOCS / "README.md")))
    assert listed == {page.name for page in DOCS.glob("*.md")} - {"README.md"}


def test_the_glossary_has_the_words_of_the_readme_in_order():
    words = table_cells(text_of(DOCS / "glossary.md"))
    assert words == sorted(words)
    readme = text_of(ROOT / "README.md").lower()
    used = {"capability", "guard", "holder", "journal", "lease", "policy", "snapshot", "unit"}
    assert used <= set(words)
    assert "docs/glossary.md" in readme
