"""The `tin` command: one entry for every command of the packages.

Exit codes are those of the commands. 2 also when a command needs an extra that is not installed.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from tin.commands import COMMANDS, LazyCommand

app = typer.Typer(
    name="tin",
    no_args_is_help=True,
    help="Train TIN, export it, serve it: video action recognition with the Temporal Interlacing Network.",
)


def main() -> None:
    """Run the command line and exit."""
    command_line()(prog_name="tin")


def command_line() -> TyperGroup:
    """Build the click group of all commands; none of them is imported."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    for command in COMMANDS:
        group.add_command(LazyCommand(command))
    return group


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tin {_version()}")
        raise typer.Exit


def _version() -> str:
    try:
        return version("tin-serve")
    except PackageNotFoundError:
        return "0+unpackaged"


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
