"""The command `explain`."""

from datetime import UTC, date, datetime
from pathlib import Path

import click

from reconciler.access.menu import explain
from reconciler.cli import options
from reconciler.cli.output import print_result
from reconciler.directory import Directory, find_person
from reconciler.errors import ExitCode
from reconciler.reports import documents, text
from reconciler.workflows import reading


@click.command("explain")
@click.argument("person", callback=options.not_empty)
@options.live_option
@options.as_of_option
@options.site_options
@options.format_option
@options.no_color_option
@options.verbose_option
def command(
    *,
    person: str,
    live: Path | None,
    as_of: date | None,
    environment: str | None,
    config: Path | None,
    output_format: str,
    no_color: bool,
) -> int:
    """Explain what PERSON's menu shows and every condition behind it.

    PERSON is a sync key, username, e-mail or id. Memberships are those of today in UTC, or of the
    day that --as-of names: there is no manifest here to name a time zone.

    Example: reconciler explain t-0412
    """
    state = reading.fetch_state(options.source(live, environment, config))
    directory = Directory(state)
    found = find_person(directory, person)
    explanation = explain(directory, found, as_of or datetime.now(UTC).date())
    print_result(
        documents.explanation_document(explanation, person),
        text.explanation_text(explanation, person),
        output_format,
        colour=not no_color,
    )
    return ExitCode.DONE
