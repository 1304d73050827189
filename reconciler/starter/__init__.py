"""What `init` writes: a manifest, its schema, its site's settings, a pipeline, and .gitignore."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from textwrap import wrap
from types import MappingProxyType
from typing import Final

from reconciler.manifest.dump import dump_manifest, quoted
from reconciler.manifest.normal import normal_form
from reconciler.manifest.roster_rules import RosterSource
from reconciler.manifest.shape import SCHEMA_NAME
from reconciler.manifest.write_rules import rule_data, source_data
from reconciler.resources import shipped
from reconciler.settings import CONFIG_NAME
from reconciler.starter.fitting import NOTHING_FITS, Fitting
from reconciler.starter.labels import LABELS

MANIFEST_NAME: Final = "roles.yaml"
EXPORT_NAME: Final = "exported.yaml"
IGNORED_NAME: Final = ".gitignore"

VARIABLES: Final = ("RECONCILER_CLIENT_ID", "RECONCILER_CLIENT_SECRET")
"""The variables that hold the credentials."""

_TEST: Final = f"reconciler rules test {MANIFEST_NAME}"
_PLAN: Final = f"reconciler plan {MANIFEST_NAME}"
_WIDTH: Final = 98
"""So wide are comments that are made here."""

_CHANGES_NOTHING: Final = ((_PLAN, "show what would change on the site; nothing yet"),)
_TAKES_OVER: Final = (
    (_TEST, "show whom the rules find: they take their roles over"),
    (_PLAN, "show what would change on the site: what the rules give, and take away"),
)


class Pipeline(StrEnum):
    """Which pipeline runs the commands."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


PIPELINE_FILES: Final[Mapping[Pipeline, str]] = MappingProxyType(
    {Pipeline.GITHUB: ".github/workflows/roles.yaml", Pipeline.GITLAB: ".gitlab-ci.yml"}
)
"""Where each pipeline's file belongs, from the top of a repository."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What has to be known for a start.

    Attributes:
        site: the id that the site reports.
        url: the site's address.
        timezone: an IANA time zone, for what "today" is.
        pipeline: which pipeline runs the commands.
        below: the new folder, as it is seen from the top of the repository.
        source: the roster that rules look at, as the manifest declares it; or None.
        fitting: the rules, and what is proposed; nothing without a roster.
        labels: the language whose words for the two roles are offered, if any.
        schema: where the manifest's schema is, as the manifest names it.
        action: where this program is as an action or a component, `OWNER/REPOSITORY@COMMIT`;
            without it, the pipeline has all of its steps in itself.
        private: files in the new folder, beyond what is always so, that are not for Git.
    """

    site: str
    url: str
    timezone: str
    pipeline: Pipeline
    below: str = "."
    source: RosterSource | None = None
    fitting: Fitting = NOTHING_FITS
    private: tuple[str, ...] = ()
    labels: str | None = None
    schema: str = SCHEMA_NAME
    action: str | None = None

    @property
    def next_steps(self) -> tuple[tuple[str, str], ...]:
        """The commands that come next, and what each is for."""
        return (
            (f"reconciler validate {MANIFEST_NAME}", "check the manifest"),
            *(_TAKES_OVER if self.fitting.rules else _CHANGES_NOTHING),
            (f"reconciler export --out {EXPORT_NAME}", "write down who has which role now"),
        )


_FETCHED: Final = ("NEEDED", "NAMED", "FETCH")


def _needed(secret: str) -> str:
    return f"""
#   - the variable RECONCILER_FETCH_ROSTER: a command that puts the roster, which is not in Git, to
#     where {MANIFEST_NAME} looks for it, such as a download from a place of yours; {secret};"""


_FETCHING: Final[Mapping[Pipeline, Mapping[str, str]]] = MappingProxyType(
    {
        Pipeline.GITHUB: {
            "NEEDED": _needed(
                "a secret for it belongs\n#     under `env` of the step that runs it"
            ),
            "NAMED": "\n  FETCH_ROSTER: ${{ vars.RECONCILER_FETCH_ROSTER }}",
            "FETCH": """
      - name: Fetch the roster
        run: sh -c "${FETCH_ROSTER:?set the variable RECONCILER_FETCH_ROSTER}\"""",
        },
        Pipeline.GITLAB: {
            "NEEDED": _needed("a secret for it\n#     is another masked variable"),
            "NAMED": "",
            "FETCH": """
    - sh -c "${RECONCILER_FETCH_ROSTER:?set the variable RECONCILER_FETCH_ROSTER}\"""",
        },
    }
)
"""What a pipeline has more of where the manifest has a roster, by the names in its template."""

_FETCHING_CALLED: Final[Mapping[Pipeline, str]] = MappingProxyType(
    {
        Pipeline.GITHUB: """
      - name: Fetch the roster
        working-directory: @FOLDER@
        env:
          FETCH_ROSTER: ${{ vars.RECONCILER_FETCH_ROSTER }}
        run: sh -c "${FETCH_ROSTER:?set the variable RECONCILER_FETCH_ROSTER}\"""",
        Pipeline.GITLAB: """
      fetch: $RECONCILER_FETCH_ROSTER""",
    }
)
"""The step that fetches the roster where an action or a component does the rest."""


def starting_files(answers: Answers, version: str) -> dict[str, bytes]:
    """Return the content of each file by its path below the new folder.

    Args:
        answers: what the user said.
        version: the version of this program, which the pipeline installs.

    Raises:
        InvalidInput: an answer cannot stand in a manifest.
    """
    files = {
        MANIFEST_NAME: normal_form(MANIFEST_NAME, _manifest(answers).encode()),
        CONFIG_NAME: _settings(answers).encode(),
        IGNORED_NAME: _template("gitignore").encode() + _ignored(answers).encode(),
        SCHEMA_NAME: shipped("schemas", SCHEMA_NAME).read_bytes(),
    }
    if answers.pipeline in PIPELINE_FILES:
        pipeline = _template(f"{answers.pipeline}{'-action' if answers.action else ''}.yaml")
        below = PurePosixPath(answers.below)
        values = {
            "VERSION": version,
            "FOLDER": quoted(answers.below),
            "CHANGE": quoted(f"cd {shlex.quote(answers.below)}"),
            "PLAN": quoted(str(below / "plan.json"), flow=True),
            "SHOWN": quoted(str(below / "plan.md"), flow=True),
            "DRIFT": quoted(str(below / "drift.md"), flow=True),
            "ACTION": _called(answers),
            **(_FETCHING[answers.pipeline] if answers.source else dict.fromkeys(_FETCHED, "")),
        }
        if answers.source and answers.action:
            values["FETCH"] = _filled(_FETCHING_CALLED[answers.pipeline], values)
        files[PIPELINE_FILES[answers.pipeline]] = _filled(pipeline, values).encode()
    return files


def _called(answers: Answers) -> str:
    """Return what a pipeline calls; a component has its name within the project."""
    place, _, commit = (answers.action or "").partition("@")
    component = "/roles" if answers.pipeline is Pipeline.GITLAB else ""
    return f"{place}{component}@{commit}"


def _template(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def patterns(ignored: str) -> list[str]:
    """Return what the lines of a .gitignore say."""
    return [line for line in ignored.splitlines() if line and line[0] != "#"]


IGNORED: Final = tuple(patterns(_template("gitignore")))
"""What is ignored in every new folder."""


def _ignored(answers: Answers) -> str:
    lines = "".join(f"{line}\n" for line in answers.private)
    return f"\n# The roster: it holds people's data.\n{lines}" if lines else ""


def _manifest(answers: Answers) -> str:
    steps = "".join(f"#   {command}  # {what}\n" for command, what in answers.next_steps)
    return _filled(
        _MANIFEST,
        {
            "MEANING": _TAKEN_OVER if answers.fitting.rules else _NOTHING_YET,
            "STEPS": steps.rstrip("\n"),
            "SCHEMA": answers.schema,
            "SITE": quoted(answers.site),
            "TIMEZONE": quoted(answers.timezone),
            "RULES": _roster(answers.source, answers.fitting) if answers.source else "",
            "LABELS": _labels(answers.labels) if answers.labels else "",
        },
    )


def _labels(language: str) -> str:
    """Return a section of labels as a comment: it is for somebody to decide on."""
    found = LABELS[language]
    names = {
        "mentor": {"tool_name": found.mentor_tool, "role_name": found.mentor},
        "headteacher": {"tool_name": found.headteacher_tool, "role_name": found.headteacher},
    }
    lines = dump_manifest({"labels": names}).splitlines()
    return "".join(["#\n", *(f"# {line}\n" for line in lines)])


def _roster(source: RosterSource, fitting: Fitting) -> str:
    rosters = dump_manifest({"rosters": {source.name: source_data(source)}})
    return _filled(_ROSTER, {"ROSTERS": rosters, "RULES": "".join(_rules(fitting))})


def _rules(fitting: Fitting) -> Iterator[str]:
    """Yield the lines of the rules; a wider one stands among them as a comment."""
    margin = ""
    if fitting.rules:
        margin = "  "
        yield f"# See what they find: {_TEST}\n"
        yield dump_manifest({"rules": [rule_data(rule) for rule in fitting.rules]})
    if fitting.why:
        meant = f" Take the # away if they are meant, and look: {_TEST}" if fitting.wider else ""
        for line in wrap(fitting.why + meant, _WIDTH):
            yield f"{margin}# {line}\n"
    if fitting.wider:
        lines = dump_manifest({"rules": [rule_data(fitting.wider)]}).splitlines()
        for line in lines[1:] if fitting.rules else lines:
            yield f"{margin}# {line.removeprefix(margin)}\n"
    yield "\n"


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Put values where a template names them; what a value says is left as it is."""
    return re.sub("@([A-Z]+)@", lambda found: values[found[1]], template)


def _settings(answers: Answers) -> str:
    return _filled(_SETTINGS, {"URL": json.dumps(answers.url)})


_NOTHING_YET: Final = "# What is not declared here is left alone, so this file changes nothing yet."

_TAKEN_OVER: Final = """\
# Whoever a rule finds has what it gives, and loses what else they have of its role. Who has such a
# role, and is neither found nor declared, is only reported, as `unmanaged` says below."""

_MANIFEST: Final = """\
# yaml-language-server: $schema=@SCHEMA@
#
# Who has the mentor and the headteacher role, and over whom.
#
@MEANING@ Next:
@STEPS@
#
# Then take from the export what is to stay, and add what is missing.
version: 1
site: @SITE@  # guard: the site has to report this id
settings:
  people: sync_key  # how people are named below: sync_key, username, email or id
  units: sync_key  # how units are named: sync_key, path or id
  timezone: @TIMEZONE@  # what "today" means for from and until
  unmanaged: report  # what is live and not declared here: remove, report or ignore

@RULES@# A section that is present is the whole truth about its role. This is how they look:
#
# roles:
#   mentor: {profiles: [Staff]}
#   headteacher: {profiles: [Administrator]}
@LABELS@#
# mentors:
#   - person: t-0412
#     classes: [8a]
#     learners:
#       - {id: s-1001, until: 2030-12-20, reason: stands in until then}
#
# headteachers:
#   - person: t-0007
#     schools: [nordberg-skole]
"""

_ROSTER: Final = """\
# The school system's export holds names, and is not for Git: a pipeline has to fetch it.
@ROSTERS@
@RULES@"""

_SETTINGS: Final = """\
# How the program finds the site. No secret stands here, only where each one is.
default = "production"

[environments.production]
url = @URL@
client_id = {env = "RECONCILER_CLIENT_ID"}
client_secret = {env = "RECONCILER_CLIENT_SECRET"}
"""
