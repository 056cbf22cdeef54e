"""Command line of the service: `python -m service {serve,predict,timeline,live,models,doctor,openapi,settings}`.

Exit codes: 0 success; 1 a video could not be predicted, or a check failed; 2 the command cannot run.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from service.command_line import STORE_ALIAS

COMMANDS = {
    "serve": "service.serve_command:serve",
    "predict": "service.predict_command:predict_files",
    "timeline": "service.timeline_command:make_timelines",
    "live": "service.live.command:live",
    "models": "service.models_commands:cli",
    "doctor": "service.installation_commands:doctor",
    "openapi": "service.installation_commands:openapi",
    "settings": "service.installation_commands:settings",
}
"""The commands, and the typer function or application of each."""


class ImportedWhenUsed(UserDict[str, Any]):
    """Click commands by name, each imported when it is looked up: `serve` waits for the libraries of no other."""

    def __getitem__(self, name: str) -> Any:
        """Import the command's module and return its click command; raises KeyError for a name that is not there."""
        module, _, attribute = self.data[name].partition(":")
        target = getattr(import_module(module), attribute)
        return get_command(target if isinstance(target, typer.Typer) else _application(name, target))


class CommandGroup(TyperGroup):
    """The commands of COMMANDS."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = ImportedWhenUsed(COMMANDS)


cli = typer.Typer(cls=CommandGroup, no_args_is_help=True, add_completion=False)


@cli.callback()
def service() -> None:
    """Name the actions in videos, over HTTP or offline.

    Options win over the environment (TIN_MODEL_STORE, TIN_PORT, ...), the environment over the defaults.
    """


def _application(name: str, function: Callable[..., None]) -> typer.Typer:
    application = typer.Typer(add_completion=False)
    application.command(name, context_settings=STORE_ALIAS)(function)
    return application


if __name__ == "__main__":
    cli(prog_name="python -m service")
