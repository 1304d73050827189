"""The command `explain`."""

from datetime import date
from pathlib import Path

import click

from reconciler.access.menu import explain
from reconciler.cli import options, values
from reconciler.cli.output import deliver, refuse_targets
from reconciler.cli.planned import as_planned_option, state_on
from reconciler.cli.redacting import redact_option, shown_person
from reconciler.directory import Directory, find_person
from reconciler.errors import ExitCode
from reconciler.redact import Redaction


@click.command("explain")
@click.argument("person", callback=values.not_empty)
@as_planned_option
@options.live_option
@options.as_of_option
@options.site_options
@options.formats_option("explanation")
@redact_option
@options.no_color_option
@options.verbose_option
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    person: str,
    as_planned: tuple[Path, ...],
    live: Path | None,
    as_of: date | None,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Explain what PERSON's menu shows and every condition behind it.

    PERSON is a sync key, username, e-mail or id. Memberships are those of today in UTC, of the day
    that --as-of names, or of the day for which the manifest or plan is meant.

    Examples: reconciler explain t-0412; reconciler explain t-0412 --as-planned roles.yaml
    """
    from reconciler.reports import documents, text

    refuse_targets("explanation", outputs)
    found = state_on(
        as_planned, options.source(live, environment, config), config, as_of, redaction
    )
    asked = find_person(Directory(found.state), person)
    directory = Directory(redaction.state(found.state))
    shown = shown_person(redaction, found.state, asked)
    explanation = explain(directory, shown, found.as_of)
    person = person if shown == asked else shown
    deliver(
        "explanation",
        documents.explanation_document(explanation, person),
        outputs,
        lambda: text.explanation_text(explanation, person, planned=bool(as_planned)),
        colour=not no_color,
    )
    return ExitCode.DONE
