"""The command `schema`."""

import click

from reconciler.errors import ExitCode
from reconciler.resources import shipped

SCHEMAS = {
    "manifest": "manifest-v1.schema.json",
    "state": "state-v1.schema.json",
    "plan": "plan-v1.schema.json",
    "apply": "apply-v1.schema.json",
    "runbook": "runbook-v1.schema.json",
    "history": "history-v1.schema.json",
    "run": "run-v1.schema.json",
    "drift": "drift-v1.schema.json",
    "review": "review-v1.schema.json",
    "line": "line-v1.schema.json",
    "fleet": "fleet-v1.schema.json",
    "fleet-result": "fleet-result-v1.schema.json",
    "notification": "notification-v1.schema.json",
    "diagnostics": "diagnostics-v1.schema.json",
    "doctor": "doctor-v1.schema.json",
    "access": "access-v1.schema.json",
    "explanation": "explanation-v1.schema.json",
    "roster": "roster-v1.schema.json",
    "roster-check": "roster-check-v1.schema.json",
    "rules": "rules-v1.schema.json",
    "sandbox-faults": "sandbox-faults-v1.schema.json",
    "openapi": "openapi-v1.json",
}
"""Per name the published file."""


@click.command("schema")
@click.argument("name", type=click.Choice(list(SCHEMAS)), default="manifest")
def command(*, name: str) -> int:
    """Print a published JSON Schema (or the API's OpenAPI document); the manifest's by default.

    Example: reconciler schema manifest > manifest.schema.json
    """
    click.echo(shipped("schemas", SCHEMAS[name]).read_text(encoding="utf-8"), nl=False)
    return ExitCode.DONE
