"""The command `access`."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import click

from reconciler.access.sight import Access
from reconciler.cli import options
from reconciler.cli.output import print_result
from reconciler.cli.plan_files import is_plan, read_plan
from reconciler.connection import Connection
from reconciler.directory import Directory, find_person, find_unit
from reconciler.errors import ExitCode, WrongUse
from reconciler.reports import access as report
from reconciler.workflows import reading


@click.command("access")
@click.option("--person", metavar="KEY", callback=options.not_empty_if_given,
              help="Whom this person sees.")  # fmt: skip
@click.option("--learner", metavar="KEY", callback=options.not_empty_if_given,
              help="Who sees this learner.")  # fmt: skip
@click.option("--unit", metavar="KEY", callback=options.not_empty_if_given,
              help="Who sees the learners of this unit and of those below it.")  # fmt: skip
@click.option("--as-planned", multiple=True, metavar="FILE", callback=options.paths,
              help="As it would be once this manifest or saved plan is applied. "
              "A manifest of several files: repeat the option.")  # fmt: skip
@options.live_option
@options.as_of_option
@options.site_options
@options.format_option
@options.no_color_option
@options.verbose_option
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    person: str | None,
    learner: str | None,
    unit: str | None,
    as_planned: tuple[Path, ...],
    live: Path | None,
    as_of: date | None,
    environment: str | None,
    config: Path | None,
    output_format: str,
    no_color: bool,
) -> int:
    """Tell who can see which learners, and every path that lets them.

    Ask for one of --person, --learner and --unit. A person is named by sync key, username, e-mail
    or id; a unit by sync key, path or id. Memberships are those of today in UTC, of the day that
    --as-of names, or of the day for which the manifest or plan is meant.

    Examples: reconciler access --learner s-1001; reconciler access --unit 8a --as-planned plan.json
    """
    keys = {"person": person, "learner": learner, "unit": unit}
    given = [(kind, key) for kind, key in keys.items() if key is not None]
    if len(given) != 1:
        raise WrongUse("Ask for one of --person, --learner and --unit.")
    ((kind, key),) = given
    find, ask = _QUESTIONS[kind]
    source = options.source(live, environment, config)
    state_on = _state(as_planned, source, as_of)
    directory = Directory(state_on.state)
    answers = Access(directory, state_on.as_of)
    asked = ask(answers, find(directory, key))
    answer = report.Answer(asked, directory, state_on.as_of, planned=bool(as_planned))
    print_result(
        report.access_document(answer),
        report.access_text(answer),
        output_format,
        colour=not no_color,
    )
    return ExitCode.DONE


_QUESTIONS: Final = {
    "person": (find_person, report.of_person),
    "learner": (find_person, report.of_learner),
    "unit": (find_unit, report.of_unit),
}
"""Per option how its key is looked up, and what is asked."""


def _state(
    as_planned: tuple[Path, ...], source: Connection | Path, as_of: date | None
) -> reading.StateOn:
    """Return the live state, or what a manifest or a plan would make of it.

    Raises:
        WrongUse: a plan beside something else.
    """
    if not as_planned:
        return reading.StateOn(reading.fetch_state(source), as_of or datetime.now(UTC).date())
    if not any(is_plan(path) for path in as_planned):
        return reading.after_manifest(reading.load_manifest(as_planned), source, as_of=as_of)
    if len(as_planned) > 1:
        raise WrongUse("One saved plan at a time, and no manifest beside it.")
    if as_of is not None:
        raise WrongUse("A saved plan is for its own day.", "Leave out --as-of.")
    return reading.after_plan(read_plan(as_planned[0]), source)
