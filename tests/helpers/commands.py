"""Command lines run within the test's process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.testing import CliRunner, Result


def invoke(command: typer.Typer | Callable[..., Any], *arguments: object) -> Result:
    """Run a Typer application, or a function that is the only command of one."""
    if not isinstance(command, typer.Typer):
        application = typer.Typer()
        application.command()(command)
        command = application
    return CliRunner().invoke(command, [str(argument) for argument in arguments])
