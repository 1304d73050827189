"""What is public changes knowingly: all of it stands in `surface.txt`.

`RENEW_SURFACE=1 .venv/bin/pytest tests/project/test_public_surface.py` writes it anew.
"""

import ast
import dataclasses
import inspect
import json
import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import yaml
from sandboxes import ROOT

import reconciler
from reconciler import connection
from reconciler.cli.main import cli
from reconciler.codes import CODES
from reconciler.errors import ExitCode
from reconciler.monitoring.samples import FAMILIES
from reconciler.reports import formats

SURFACE = Path(__file__).with_name("surface.txt")
PAGE = (ROOT / "docs" / "public.md").read_text(encoding="utf-8")
MODULES = re.findall(r"^\| `(reconciler\.[\w.]+)` \|", PAGE, re.MULTILINE)
PLUGIN = ROOT / "examples" / "plugins"


def commands(found: click.Command, name: str) -> Iterator[str]:
    with click.Context(found, info_name=name) as context:
        for each in found.get_params(context):
            words = each.opts if isinstance(each, click.Option) else [each.human_readable_name]
            choices = each.type.choices if isinstance(each.type, click.Choice) else ()
            told = [*words, *each.secondary_opts, *(f"={choice}" for choice in choices)]
            yield f"{name} {' '.join(told)}"
        if isinstance(found, click.Group):
            for below in found.list_commands(context):
                command = found.get_command(context, below)
                assert command
                yield from commands(command, f"{name} {below}")


def own_names(module: ModuleType) -> list[str]:
    """The names that a module itself defines, constants included, and that are no one's secret."""
    tree = ast.parse(inspect.getsource(module))
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.append(node.target.id)
        elif isinstance(node, ast.Assign):
            found += [each.id for each in node.targets if isinstance(each, ast.Name)]
    return [name for name in found if not name.startswith("_")]


def told(path: str, found: Any) -> Iterator[str]:
    """A function with its parameters; a class with its fields, members and methods."""
    if inspect.isclass(found):
        yield path
        fields = [each.name for each in dataclasses.fields(found)] if dataclasses.is_dataclass(
            found
        ) else list(getattr(found, "_fields", ()))  # fmt: skip
        yield from (f"{path}.{name}" for name in fields if not name.startswith("_"))
        for name, each in vars(found).items():
            if not name.startswith("_") and name not in fields:
                yield from told(f"{path}.{name}", getattr(each, "__func__", each))
    elif inspect.isfunction(found):
        yield f"{path}({', '.join(map(parameter, inspect.signature(found).parameters.values()))})"
    else:
        yield path


def parameter(found: inspect.Parameter) -> str:
    name = f"{found.name}=" if found.default is not found.empty else found.name
    return f"*, {name}" if found.kind is found.KEYWORD_ONLY else name


def members(schema: Any, path: str) -> Iterator[str]:
    """The members that documents have, wherever they are defined, and their words."""
    if isinstance(schema, list):
        for each in schema:
            yield from members(each, path)
    elif isinstance(schema, dict):
        for key, each in schema.get("properties", {}).items():
            yield f"{path} {key}"
            yield from members(each, f"{path} {key}")
        for word in schema.get("enum", ()):
            yield f"{path} = {word}"
        for key in ("$defs", "schemas"):
            for name, each in schema.get(key, {}).items():
                yield from members(each, f"{path} {name}:")
        for key in ("items", "additionalProperties", "oneOf", "anyOf", "allOf", "then", "if"):
            yield from members(schema.get(key), path)
        yield from members(schema.get("components"), path)


def variables() -> set[str]:
    """What the pages say that the environment may have, with all that names a site."""
    pages = (page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    told = (re.findall(r"`(RECONCILER_[A-Z_]+)", page) for page in pages)
    return {*connection._VARIABLES.values(), *(name for names in told for name in names)}


def steps_for_pipelines() -> Iterator[str]:
    """The action, the component and the hooks, which others name in their pipelines."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    for what in ("inputs", "outputs"):
        yield from (f"action.yml {what} {name}" for name in action[what])
    component = (ROOT / "templates" / "roles.yml").read_text(encoding="utf-8")
    spec = next(yaml.safe_load_all(component.partition("\n---")[0]))
    yield from (f"templates/roles.yml inputs {name}" for name in spec["spec"]["inputs"])
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    yield from (f"hook {each['id']}" for each in hooks)


def surface() -> Iterator[str]:
    for name in reconciler.__all__:
        yield from told(f"reconciler.{name}", getattr(reconciler, name))
    for path in MODULES:
        module = import_module(path)
        for name in own_names(module):
            yield from told(f"{path}.{name}", getattr(module, name))
    yield from commands(cli, "reconciler")
    yield from (f"exit {each.value} {each.name}" for each in ExitCode)
    yield from (f"{code} {each.severity.value}" for code, each in sorted(CODES.items()))
    for schema in sorted((ROOT / "schemas").glob("*.json")):
        yield f"schemas/{schema.name}"
        yield from members(json.loads(schema.read_text(encoding="utf-8")), f"schemas/{schema.name}")
    for subject in formats._SUBJECTS:
        yield from (f"format of {subject}: {name}" for name in formats.names(subject))
    yield from (f"setting {key}" for key in connection._KEYS)
    yield from (f"variable {name}" for name in variables())
    yield from steps_for_pipelines()
    yield from (f"metric {name}" for name in FAMILIES)


def test_what_is_public_is_what_is_recorded():
    now = sorted(set(surface()))
    if "RENEW_SURFACE" in os.environ:
        SURFACE.write_text("\n".join(now) + "\n", encoding="utf-8")
    recorded = SURFACE.read_text(encoding="utf-8").splitlines()
    gone, new = sorted({*recorded} - {*now}), sorted({*now} - {*recorded})
    assert not gone, "a major version is needed, or it is to be put back"
    assert not new, "say so in the changelog, and renew the list (see above)"


def imported(text: str) -> set[str]:
    found = re.findall(r"^\s*(?:from|import) (reconciler[\w.]*)", text, re.MULTILINE)
    return {each.removesuffix(".") for each in found}


def test_examples_and_pages_need_nothing_else():
    shown = [*(ROOT / "docs").rglob("*.md"), *PLUGIN.rglob("*.py"), ROOT / "README.md"]
    for path in shown:
        used = imported(path.read_text(encoding="utf-8"))
        assert used <= {"reconciler", *MODULES}, path
