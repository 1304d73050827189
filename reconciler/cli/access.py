"""The command `access`."""

from datetime import date
from pathlib import Path

import click

from reconciler.access.sight import Access
from reconciler.cli import options, values
from reconciler.cli.output import deliver, refuse_targets
from reconciler.cli.planned import as_planned_option, state_on
from reconciler.cli.redacting import redact_option, shown_person
from reconciler.directory import Directory, find_learner, find_person, find_unit
from reconciler.errors import ExitCode, WrongUse
from reconciler.redact import Redaction


@click.command("access")
@click.option("--person", metavar="KEY", multiple=True, callback=values.none_empty,
              help="Whom this person sees.")  # fmt: skip
@click.option("--learner", metavar="KEY", multiple=True, callback=values.none_empty,
              help="Who sees this learner.")  # fmt: skip
@click.option("--unit", metavar="KEY", multiple=True, callback=values.none_empty,
              help="Who sees the learners of this unit and of those below it.")  # fmt: skip
@as_planned_option
@options.live_option
@options.as_of_option
@options.site_options
@options.formats_option("access")
@redact_option
@options.no_color_option
@options.verbose_option
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    person: tuple[str, ...],
    learner: tuple[str, ...],
    unit: tuple[str, ...],
    as_planned: tuple[Path, ...],
    live: Path | None,
    as_of: date | None,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Tell who can see which learners, and every path that lets them.

    Ask for one of --person, --learner and --unit. A person is named by sync key, username, e-mail
    or id; a unit by sync key, path or id. Memberships are those of today in UTC, of the day that
    --as-of names, or of the day for which the manifest or plan is meant.

    Examples: reconciler access --learner s-1001; reconciler access --unit 8a --as-planned plan.json
    """
    from reconciler.reports import access as report

    keys = {"person": person, "learner": learner, "unit": unit}
    given = [(kind, key) for kind, several in keys.items() for key in several]
    if len(given) != 1:
        raise WrongUse("Ask for one of --person, --learner and --unit, and once.")
    ((kind, key),) = given
    refuse_targets("access", outputs)
    find, ask = {
        "person": (find_person, report.of_person),
        "learner": (find_learner, report.of_learner),
        "unit": (find_unit, report.of_unit),
    }[kind]
    found = state_on(
        as_planned, options.source(live, environment, config), config, as_of, redaction
    )
    item = find(Directory(found.state), key)
    if kind != "unit":
        item = shown_person(redaction, found.state, item)
    directory = Directory(redaction.state(found.state))
    asked = ask(Access(directory, found.as_of), item)
    answer = report.Answer(asked, directory, found.as_of, planned=bool(as_planned))
    deliver("access", answer, outputs, lambda: report.access_text(answer), colour=not no_color)
    return ExitCode.DONE
