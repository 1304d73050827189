"""What `init` writes: a manifest, the settings to reach its site, a pipeline, and .gitignore."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.manifest.dump import quoted
from reconciler.manifest.normal import normal_form
from reconciler.settings import CONFIG_NAME

MANIFEST_NAME: Final = "roles.yaml"
EXPORT_NAME: Final = "exported.yaml"
IGNORED_NAME: Final = ".gitignore"

NEXT_STEPS: Final = (
    (f"reconciler validate {MANIFEST_NAME}", "check the manifest"),
    (f"reconciler plan {MANIFEST_NAME}", "show what would change on the site; nothing yet"),
    (f"reconciler export --out {EXPORT_NAME}", "write down who has which role now"),
)
"""The commands that come next, and what each is for."""

VARIABLES: Final = ("RECONCILER_CLIENT_ID", "RECONCILER_CLIENT_SECRET")
"""The variables that hold the credentials."""


class Pipeline(StrEnum):
    """Which pipeline runs the commands."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


_PIPELINE_FILES: Final[Mapping[Pipeline, str]] = MappingProxyType(
    {Pipeline.GITHUB: ".github/workflows/roles.yaml", Pipeline.GITLAB: ".gitlab-ci.yml"}
)


@dataclass(frozen=True, slots=True)
class Answers:
    """What has to be known for a start.

    Attributes:
        site: the id that the site reports.
        url: the site's address.
        timezone: an IANA time zone, for what "today" is.
        pipeline: which pipeline runs the commands.
        roster: the path of a OneRoster export, from the manifest's folder; or None.
    """

    site: str
    url: str
    timezone: str
    pipeline: Pipeline
    roster: str | None


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
        IGNORED_NAME: _template("gitignore"),
    }
    if name := _PIPELINE_FILES.get(answers.pipeline):
        pipeline = _template(f"{answers.pipeline}.yaml").decode()
        files[name] = _filled(pipeline, {"VERSION": version}).encode()
    return files


def _template(name: str) -> bytes:
    return Path(__file__).with_name(name).read_bytes()


def _manifest(answers: Answers) -> str:
    steps = "".join(f"#   {command}  # {what}\n" for command, what in NEXT_STEPS)
    rules, yet = "", ", so this file changes nothing yet"
    if answers.roster is not None:
        rules, yet = _filled(_RULES, {"PATH": quoted(answers.roster, flow=True)}), ""
    return _filled(
        _MANIFEST,
        {
            "STEPS": steps.rstrip("\n"),
            "YET": yet,
            "SITE": quoted(answers.site),
            "TIMEZONE": quoted(answers.timezone),
            "RULES": rules,
        },
    )


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Put values where a template names them; what a value says is left as it is."""
    return re.sub("@([A-Z]+)@", lambda found: values[found[1]], template)


def _settings(answers: Answers) -> str:
    return _filled(_SETTINGS, {"URL": json.dumps(answers.url)})


_MANIFEST: Final = """\
# Who has the mentor and the headteacher role, and over whom.
#
# What is not declared here is left alone@YET@. Next:
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
#
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

_RULES: Final = """\
# The school system's export holds names, and is not for Git: a pipeline has to fetch it.
rosters:
  sis: {type: oneroster-csv, path: @PATH@}

# See what they find: reconciler rules test roles.yaml
rules:
  - name: contact-teachers
    mentor: {who: primary_teacher, of: homeroom}
  - name: principals
    headteacher: {who: principal, of: school}

"""

_SETTINGS: Final = """\
# How the program finds the site. No secret stands here, only where each one is.
default = "production"

[environments.production]
url = @URL@
client_id = {env = "RECONCILER_CLIENT_ID"}
client_secret = {env = "RECONCILER_CLIENT_SECRET"}
"""
