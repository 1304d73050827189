"""From files to a checked manifest: the front door of this package (design, section 3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.diagnostics import Diagnostic, Position, in_order
from reconciler.errors import InvalidInput
from reconciler.manifest.build import Part, build_part
from reconciler.manifest.checks import check_parts
from reconciler.manifest.files import sources
from reconciler.manifest.merge import merge
from reconciler.manifest.model import Manifest
from reconciler.manifest.policies import Policy
from reconciler.manifest.reader import Document, read_document
from reconciler.manifest.shape import check_shape
from reconciler.manifest.words import SECTION_NAMES


def load_manifest(paths: Sequence[Path]) -> Manifest:
    """Load and check a manifest offline.

    Args:
        paths: its files and directories; a directory stands for every *.yaml and *.yml file in it.

    Returns:
        The merged manifest, with its warnings.

    Raises:
        InvalidInput: it has mistakes, or cannot be read; carries all of them together, and the
            warnings.
    """
    found: list[Diagnostic] = []
    parts: list[Part] = []
    complete = True
    for file, raw, problem in sources(paths):
        if problem is not None:
            found.append(problem)
        part = None if raw is None else _load_file(file, raw, found)
        if part is None:
            complete = False
        else:
            parts.append(part)
    found += check_parts(parts)
    if complete and not any(part.names_site for part in parts):
        found.append(_site_missing(parts[0]))
    # Aliases share what they stand for, so a mistake in it can be met more than once.
    listed = in_order(dict.fromkeys(found))
    if any(diagnostic.is_error for diagnostic in listed):
        raise InvalidInput(listed)
    return replace(merge(parts), warnings=listed, files=tuple(part.file for part in parts))


@dataclass(frozen=True, slots=True)
class Loaded:
    """One file of a manifest, by itself.

    Attributes:
        document: its data.
        digest: the digest of what it declares; None where another file has to complete it.
    """

    document: Document
    digest: str | None


_IN_ANOTHER_FILE: Final = frozenset({"RR125", "RR130"})
"""Mistakes that may be none beside the other files: a rule, or a roster, may stand there."""


def load_file(file: str, raw: bytes) -> Loaded:
    """Load and check one file by itself, be it all of a manifest or a part of one.

    Args:
        file: the file as the user named it.
        raw: its content.

    Raises:
        InvalidInput: it has mistakes that no other file can make good.
    """
    document, found = read_document(file, raw)
    if document is None:
        raise InvalidInput(in_order(found))
    part = build_part(document)
    beside = list(check_parts([part]))
    found += [*check_shape(document), *part.found]
    found += [each for each in beside if each.code not in _IN_ANOTHER_FILE]
    if any(each.is_error for each in found):
        raise InvalidInput(in_order(dict.fromkeys(found)))
    whole = part.names_site and not any(each.is_error for each in beside)
    return Loaded(document, merge([part]).digest if whole else None)


def policy_problems(manifest: Manifest) -> Iterator[Diagnostic]:
    """Yield what is wrong with a manifest as a site-wide policy file: more, or no policy."""
    if manifest.policy == Policy():
        yield Diagnostic(
            "RR127",
            "the policy file states no policy, so nothing is kept to.",
            manifest.site.position,
            "State rules under 'policy'.",
        )
    stated: list[tuple[str, Position]] = [
        *((f"roles.{role}", setting.position) for role, setting in manifest.profiles.items()),
        *((f"labels.{role}", each.position) for (role, _), each in manifest.labels.items()),
        *((SECTION_NAMES[role], each.position) for role, each in manifest.sections.items()),
        *(("scope", reference.position) for reference in (manifest.within or ())[:1]),
        *(("accepted", each.address.position) for each in manifest.accepted[:1]),
        *(("moved", each.before.position) for each in manifest.moved[:1]),
        *(("rosters", each.position) for each in manifest.sources.values()),
        *(("rules", each.name.position) for each in manifest.rules[:1]),
    ]
    for name, position in stated:
        yield Diagnostic(
            "RR123",
            f"'{name}' does not belong into a policy file.",
            position,
            "It states version, site, settings and policy; the rest belongs into a manifest.",
        )


def _load_file(file: str, raw: bytes, found: list[Diagnostic]) -> Part | None:
    document, problems = read_document(file, raw)
    found += problems
    if document is None:
        return None
    found += check_shape(document)
    part = build_part(document)
    found += part.found
    return part


def _site_missing(first: Part) -> Diagnostic:
    return Diagnostic(
        "RR118",
        "no site is stated.",
        Position(first.file),
        "Write 'site:' and the id that the site reports, in one of the files.",
    )
