"""The command `init`."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any, Final

import click

from reconciler import __version__
from reconciler.cli import completing, values
from reconciler.cli.asking import can_ask
from reconciler.cli.init_roster import lines_to_ignore, warnings_about
from reconciler.cli.places import links_among, relative, repository_of, schema_near
from reconciler.cli.roster_files import (
    declare_roster,
    read_roster,
    reading_options,
    refuse_without_roster,
    tell_of_roster,
)
from reconciler.errors import (
    ConfigurationError,
    ExitCode,
    InvalidInput,
    ReconcilerError,
    WrongUse,
    told,
)
from reconciler.manifest.shape import SCHEMA_NAME, is_key
from reconciler.manifest.timezones import refused_timezone
from reconciler.plain import as_typed, plain
from reconciler.rosters.formats import FILES
from reconciler.settings import CONFIG_NAME, Settings
from reconciler.starter import (
    IGNORED_NAME,
    MANIFEST_NAME,
    PIPELINE_FILES,
    VARIABLES,
    Answers,
    Pipeline,
    patterns,
    starting_files,
)
from reconciler.starter.fitting import NOTHING_FITS, fitting_rules
from reconciler.starter.labels import LABELS

_PLACES: Final = {
    Pipeline.GITHUB: re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", re.ASCII),
    Pipeline.GITLAB: re.compile(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}", re.ASCII),
}
"""What a place at a commit looks like; GitLab has groups within groups."""

_NONE: Final = Pipeline.NONE.value
"""The answer of somebody who wants nothing of what is offered."""


@click.command("init")
@click.argument(
    "directory", default=".", callback=values.not_empty, shell_complete=completing.folders
)
@click.option("--site", metavar="ID", callback=values.not_empty_if_given, help="The site's id.")
@click.option(
    "--url", callback=values.not_empty_if_given, help="Its address, like https://roles.example."
)
@click.option(
    "--timezone",
    metavar="ZONE",
    callback=values.not_empty_if_given,
    help="Its time zone, like Europe/Oslo; UTC by default.",
)
@click.option(
    "--pipeline",
    type=click.Choice([each.value for each in Pipeline]),
    help="The pipeline to write; none by default.",
)
@click.option(
    "--action",
    metavar="OWNER/REPOSITORY@COMMIT",
    callback=values.not_empty_if_given,
    help="Let the pipeline call this program's action, or component, from there.",
)
@click.option(
    "--roster",
    metavar="PATH",
    callback=values.not_empty_if_given,
    shell_complete=completing.files,
    help="A school system's export that says who mentors which class.",
)
@reading_options(FILES)
@click.option(
    "--labels",
    type=click.Choice(list(LABELS)),
    help="Offer what the roles are called in this language.",
)
@click.option("--yes", is_flag=True, help="Do not ask; what is not given is the default.")
@click.pass_context
def command(  # noqa: PLR0913 - the parameters are the command's options
    context: click.Context,
    /,
    *,
    directory: str,
    site: str | None,
    url: str | None,
    timezone: str | None,
    pipeline: str | None,
    action: str | None,
    roster: str | None,
    labels: str | None,
    yes: bool,
    **how: Any,
) -> int:
    """Write a folder to begin with: a manifest, reconciler.toml, a pipeline and .gitignore.

    DIRECTORY is the current one by default. What is not given is asked for on a terminal. No file
    is ever replaced, no site is asked, and no secret: credentials stay in the environment.

    Example: reconciler init roles --site nordberg --url https://roles.example --pipeline github
    """
    if roster is None:
        refuse_without_roster(context, "--roster")
    folder = Path(directory)
    read = read_roster(roster, **how) if roster else None
    fitting = fitting_rules(read, how["roster_type"]) if read else NOTHING_FITS
    rosters = [each for each in (roster, how["base"]) if each]
    top = repository_of(folder)
    near = schema_near(folder)
    asks = not yes and can_ask()
    if asks:  # before anybody answers for nothing
        known = (PIPELINE_FILES.get(Pipeline(pipeline)),) if pipeline else ()
        _refuse_what_is_there(folder, (MANIFEST_NAME, CONFIG_NAME, *filter(None, known)))
    answers = Answers(
        _answer("The site's id", "--site", site, _checked_site, asks=asks),
        _answer("The site's address", "--url", url, _checked_url, asks=asks),
        _answer("Its time zone", "--timezone", timezone, _checked_timezone, "UTC", asks=asks),
        Pipeline(pipeline or _chosen("The pipeline", Pipeline, asks=asks)),
        Path(os.path.relpath(os.path.realpath(folder), top)).as_posix() if top else ".",
        declare_roster(roster, folder, **how) if roster else None,
        fitting,
        lines_to_ignore(rosters, folder),
        labels or _language(asks=asks),
        near or SCHEMA_NAME,
        action,
    )
    _check_action(answers)
    try:
        files = starting_files(answers, __version__)
    except InvalidInput as invalid:
        first = invalid.diagnostics[0]
        raise WrongUse(f"This cannot stand in a manifest: {first.message}", first.advice) from None
    lacking = _lacking(folder / IGNORED_NAME, files[IGNORED_NAME])
    if lacking is not None:
        del files[IGNORED_NAME]
    if near is not None:
        del files[SCHEMA_NAME]
    _write(folder, files)
    where = "" if directory == "." else f" in {folder}"
    click.echo(plain(f"Wrote {', '.join(files)}{where}."), err=True)
    if lacking:
        click.echo(f"Left {IGNORED_NAME} as it is. Add to it: {' '.join(lacking)}", err=True)
    if read:
        tell_of_roster(read)
    warnings = (*_misplaced(answers, folder, top), *warnings_about(rosters, folder))
    for warning in (*warnings, *_proposed(answers)):
        click.echo(plain(warning), err=True)
    _tell(folder, answers)
    return ExitCode.DONE


def _answer(
    question: str,
    option: str,
    given: str | None,
    checked: Callable[[str], str],
    default: str | None = None,
    *,
    asks: bool,
) -> str:
    """Take what was given, or ask for it, again where an answer is refused, or take the default.

    Raises:
        WrongUse: what was given is refused, or there is nobody to ask, and no default.
    """
    if given is None and asks:

        def reply(text: str) -> str:
            try:
                return checked(text)
            except WrongUse as wrong:
                raise click.UsageError(plain(" ".join(filter(None, told(wrong))))) from None

        return str(click.prompt(question, default=default, value_proc=reply, err=True))
    taken = default if given is None else given
    if taken is None:
        raise WrongUse(f"{option} is missing, and there is nobody to ask.", f"Give {option}.")
    return checked(taken)


def _chosen(question: str, choices: Iterable[str], *, asks: bool) -> str:
    """Ask which of some words, of which one is none; where there is nobody to ask, that."""
    if not asks:
        return _NONE
    # click compares a default with its choices by its text.
    choice = click.Choice([str(each) for each in choices])
    return str(click.prompt(question, default=_NONE, type=choice, err=True))


def _language(*, asks: bool) -> str | None:
    """Ask in which language the labels of the two roles are offered, if in any."""
    found = _chosen("What the roles are called, in", (*LABELS, _NONE), asks=asks)
    return None if found == _NONE else found


def _checked_site(site: str) -> str:
    if not is_key(site):
        raise WrongUse(
            f"The site's id {site!r} cannot stand in a manifest.", "See what it reports."
        )
    return site


def _checked_url(url: str) -> str:
    try:
        return Settings({"url": url}, {"url": "--url"}, "", Path(), {}).url("url")
    except ConfigurationError as error:
        raise WrongUse(str(error), error.advice) from None


def _checked_timezone(name: str) -> str:
    if refused := refused_timezone(name):
        raise WrongUse(*refused)
    return name


def _check_action(answers: Answers) -> None:
    """Check where an action or a component is to be called from.

    Raises:
        WrongUse: that is no such place, or there is no pipeline.
    """
    if answers.action is None:
        return
    if answers.pipeline is Pipeline.NONE:
        raise WrongUse("--action is for a pipeline.", "Give --pipeline, too.")
    if not _PLACES[answers.pipeline].fullmatch(answers.action):
        raise WrongUse(
            "--action is no place of this program at a commit.",
            "Write OWNER/REPOSITORY@COMMIT, with all 40 digits of the commit.",
        )


def _lacking(path: Path, wanted: bytes) -> list[str] | None:
    """Return the patterns that a .gitignore lacks, or None where there is none.

    Most folders that are under Git have one, and it is kept.

    Raises:
        ReconcilerError: it cannot be read.
    """
    if not path.is_file():
        return None
    try:
        known = {line.strip() for line in path.read_text(encoding="utf-8").splitlines()}
    except (OSError, UnicodeError):
        raise ReconcilerError(f"{path} cannot be read.", "Look at the file.") from None
    return [each for each in patterns(wanted.decode()) if each not in known]


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write all files, or none.

    Raises:
        ReconcilerError: one is there already, or a link is in the place of a folder.
        OSError: one cannot be written; those written before it are taken away again.
    """
    if linked := links_among(folder, map(PurePath, files)):
        raise ReconcilerError(
            f"Nothing was written: {', '.join(map(str, linked))} is a link to somewhere else.",
            "Take it away, or name another folder.",
        )
    _refuse_what_is_there(folder, files)
    written: list[Path] = []
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                written.append(path)
                file.write(content)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _refuse_what_is_there(folder: Path, names: Iterable[str]) -> None:
    """Refuse to replace a file.

    Raises:
        ReconcilerError: one is there already.
    """
    there = [str(folder / name) for name in names if os.path.lexists(folder / name)]
    if there:
        raise ReconcilerError(
            f"Nothing was written: {', '.join(there)} "
            f"{'exists' if len(there) == 1 else 'exist'} already.",
            "Name another folder, or move what is there.",
        )


def _misplaced(answers: Answers, folder: Path, top: Path | None) -> Iterator[str]:
    """Say where a pipeline belongs that is not at the top of its repository."""
    name = PIPELINE_FILES.get(answers.pipeline)
    if name is None or top is None or answers.below == ".":
        return
    there = Path(relative(top / name))
    to_do = "take it up into" if os.path.lexists(there) else "move it to"
    yield (
        f"{folder / name} is looked for at the top of the repository alone: {to_do} {there}. "
        f"Its commands will run in {answers.below}."
    )


def _proposed(answers: Answers) -> Iterator[str]:
    """Say why there is no rule for mentors, and where one stands that somebody has to decide on."""
    fitting, source = answers.fitting, answers.source
    if fitting.why:
        yield fitting.why + (
            f" It stands in {MANIFEST_NAME} as a comment." if fitting.wider else ""
        )
    if fitting.wider and source and source.columns and "primary" not in source.columns:
        yield "Where a column says who is primary, name it instead: --column primary=HEADING."


def _tell(folder: Path, answers: Answers) -> None:
    """Say which commands come next."""
    click.echo(f"Credentials are read from {' and '.join(VARIABLES)}.", err=True)
    if os.environ.get("RECONCILER_URL"):
        click.echo(
            f"RECONCILER_URL is set, and wins over {CONFIG_NAME}: unset it, or use -e production.",
            err=True,
        )
    click.echo("Next:", err=True)
    if folder != Path():
        click.echo(f"  {as_typed(['cd', str(folder)])}")
    width = max(len(line) for line, _ in answers.next_steps)
    for line, what in answers.next_steps:
        click.echo(f"  {line:<{width}}  # {what}")
