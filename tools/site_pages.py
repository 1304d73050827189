"""What the site of the documentation has beside docs/: a front page, and what is generated.

MkDocs calls this as its hooks (mkdocs.yml). Pages of the repository that stand outside docs/ get a
place in the site; files that pages link to are copied; the keys of the manifest and the calls of
the contract are written out of their schemas.
"""

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Where pages that stand outside docs/ are in the site."""

_LINK: Final = re.compile(r"(\]\()([^)\s:#]+)((?:#[^)\s]*)?\))")
_HELP: Final = """# Help of every command

What `reconciler COMMAND --help` says. [Commands](../commands.md) says it at more length.

::: mkdocs-click
    :module: reconciler.cli.main
    :command: cli
    :prog_name: reconciler
    :depth: 1
    :style: table
"""
_LIBRARY: Final = """# Functions of the library

What `import reconciler` offers. [The library](../library.md) shows how they go together.

::: reconciler
"""

_PLUGINS: Final = """# Protocols of plugins

What a provider and a reader of rosters are made of. [Plugins](../plugins.md) says what they owe.

::: reconciler.provider

::: reconciler.rosters.files.Files

::: reconciler.domain.roster
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what does not stand in docs/; its own index gives way to the front page."""
    index = files.get_file_from_path("README.md")
    if index is not None:
        files.remove(index)
    for name, place in PAGES.items():
        _write(files, config, place, _moved((ROOT / name).read_text("utf-8"), name, place))
    for place, text in _generated().items():
        _write(files, config, place, text)
    for name in sorted(_linked(files)):
        files.append(File.generated(config, f"files/{name}", abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Have the links of a page in docs/ lead to where things are in the site."""
    place = page.file.src_uri
    if place in PAGES.values() or page.file.generated_by:
        return markdown
    return _moved(markdown, f"docs/{place}", place)


def _write(files: Files, config: MkDocsConfig, place: str, text: str) -> None:
    files.append(File.generated(config, place, content=text))


def _moved(text: str, name: str, place: str) -> str:
    """Return a page whose links fit its place in the site.

    Args:
        text: the page.
        name: where it stands in the repository.
        place: where it will stand in the site.
    """

    def link(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), found[2]))
        there = posixpath.relpath(_place(target), posixpath.dirname(place) or ".")
        return f"{found[1]}{there}{found[3]}"

    return _LINK.sub(link, text)


def _place(name: str) -> str:
    """Return where in the site a file of the repository is."""
    if name in PAGES:
        return PAGES[name]
    if name == "docs/README.md":
        return "index.md"
    return name.removeprefix("docs/") if name.startswith("docs/") else f"files/{name}"


def _linked(files: Files) -> set[str]:
    """Return the files outside docs/, and no pages, to which a page links."""
    pages = [(name, (ROOT / name).read_text("utf-8")) for name in PAGES]
    pages += [
        (f"docs/{file.src_uri}", file.content_string)
        for file in files.documentation_pages()
        if not file.generated_by
    ]
    targets = {
        posixpath.normpath(posixpath.join(posixpath.dirname(name), found[2]))
        for name, text in pages
        for found in _LINK.finditer(text)
    }
    return {name for name in targets if _place(name) == f"files/{name}" and (ROOT / name).is_file()}


# Reference


def _generated() -> dict[str, str]:
    manifest = json.loads((ROOT / "schemas" / "manifest-v1.schema.json").read_text("utf-8"))
    contract = json.loads((ROOT / "schemas" / "openapi-v1.json").read_text("utf-8"))
    return {
        "reference/help.md": _HELP,
        "reference/library.md": _LIBRARY,
        "reference/plugins.md": _PLUGINS,
        "reference/manifest-keys.md": "\n".join(_manifest_keys(manifest)),
        "reference/calls.md": "\n".join(_calls(contract)),
    }


def _manifest_keys(schema: dict[str, Any]) -> Iterator[str]:
    yield from (
        "# Keys of the manifest",
        "",
        "What the schema says of each, which is what an editor shows.",
        "[The manifest](../manifest.md) explains how they go together.",
        "",
        "| key | what | values | by default |",
        "| --- | ---- | ------ | ---------- |",
    )
    for path, node in _keys(schema, schema, "", ()):
        ways = (node, *node.get("anyOf", ()))
        words = [f"`{value}`" for way in ways for value in way.get("enum", ())]
        values = ", ".join(words) or str(node.get("type", ""))
        default = f"`{json.dumps(node['default'])}`" if "default" in node else ""
        what = node.get("description", "")
        yield "| " + " | ".join(map(_cell, (f"`{path}`", what, values, default))) + " |"


def _keys(
    schema: dict[str, Any], node: dict[str, Any], path: str, above: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if name := node.get("$ref", "").removeprefix("#/$defs/"):
        if name in above:
            return
        node, above = {**schema["$defs"][name], **node}, (*above, name)
    if path:
        yield path, node
    for key, below in node.get("properties", {}).items():
        yield from _keys(schema, below, f"{path}.{key}" if path else key, above)
    for way in (*node.get("oneOf", ()), *node.get("anyOf", ())):
        yield from (each for each in _keys(schema, way, path, above) if each[0] != path)
    if isinstance(node.get("items"), dict):
        yield from (
            each
            for each in _keys(schema, node["items"], f"{path}[]", above)
            if each[0] != f"{path}[]"
        )
    if isinstance(below := node.get("additionalProperties"), dict):
        yield from _keys(schema, below, f"{path}.NAME", above)


def _calls(contract: dict[str, Any]) -> Iterator[str]:
    yield from (
        "# Calls of the contract",
        "",
        "Out of its [OpenAPI document](../files/schemas/openapi-v1.json).",
        "[The contract of a site](../api.md) says what they have in common.",
    )
    for path, calls in contract["paths"].items():
        for verb, call in calls.items():
            if not isinstance(call, dict):
                continue
            yield from ("", f"## {verb.upper()} {path}", "")
            yield call.get("description") or call.get("summary", "")
            parameters = [_resolved(contract, each) for each in call.get("parameters", ())]
            if parameters:
                yield from ("", "| parameter | in | what |", "| --- | --- | --- |")
            for each in parameters:
                cells = (f"`{each['name']}`", each["in"], each.get("description", ""))
                yield "| " + " | ".join(map(_cell, cells)) + " |"
            yield from ("", "| answer | what |", "| --- | --- |")
            for status, answer in call["responses"].items():
                yield f"| {status} | {_cell(_resolved(contract, answer)['description'])} |"


def _resolved(contract: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    found = node
    if "$ref" in node:
        found = contract
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
    return found


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
