"""Commands that describe this installation: its health, its interface and its settings."""

from __future__ import annotations

import typer

from service import console
from service.command_line import JsonOption, StoreOption, errors_end_command, settings_of
from service.config.settings_reference import as_markdown
from service.doctor.check import examine
from service.doctor.checks import checks
from service.models.local_store import local_store


def doctor(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Check this installation: libraries, codecs, the store, and that serving computes what training does."""
    with console.spinner() as show:
        with errors_end_command():
            local = local_store(settings_of(model_store=store))
        findings = [examine(check, show) for check in checks(local)]
    console.print_findings(findings, as_json)
    raise typer.Exit(1 if any(finding.status == "failed" for finding in findings) else 0)


def openapi() -> None:
    """Print the OpenAPI document, equal on every machine: docs/openapi.json."""
    from service.api.app import create_app  # noqa: PLC0415 - the other commands need no web framework
    from service.api.http.openapi import as_text  # noqa: PLC0415

    typer.echo(as_text(create_app(settings_of()).openapi()), nl=False)


def settings() -> None:
    """Print every setting with its environment variable, as a Markdown table: docs/settings.md."""
    typer.echo(as_markdown(), nl=False)
