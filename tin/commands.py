"""The commands of `tin`: one table, and the click command that imports its package when it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand
from typer.main import get_command

PACKAGES = {"clips", "export", "service", "training"}

SERVE, LOOK, TRAIN, EXPORT = "Serve and predict", "Look into a video", "Train", "Export"


@dataclass(frozen=True)
class Command:
    """A command of `tin` and the typer function or application of a package that it stands for.

    Args:
        panel: Heading of `tin --help` that lists it.
        name: Word after `tin`.
        help: One line for `tin --help`; `tin NAME --help` prints the command's own.
        module: Module to import when the command runs.
        attribute: Name of a typer function or a `typer.Typer` in it.
        subcommand: Command of that `typer.Typer`; empty for all of it.
        extra: Extra of pyproject.toml with the libraries that it needs; empty when the base has them.
    """

    panel: str
    name: str
    help: str
    module: str
    attribute: str
    subcommand: str = ""
    extra: str = ""

    def load(self) -> Any:
        """Import the module; returns its click command. Raises ModuleNotFoundError for a missing library."""
        target = getattr(import_module(self.module), self.attribute)
        loaded: Any = get_command(target if isinstance(target, typer.Typer) else _application(target))
        return loaded.commands[self.subcommand] if self.subcommand else loaded


COMMANDS = (
    Command(SERVE, "serve", "Serve predictions over HTTP.", "service.__main__", "cli", "serve"),
    Command(SERVE, "predict", "Name the actions in videos, without a server.", "service.__main__", "cli", "predict"),
    Command(SERVE, "timeline", "Name the actions along a long video.", "service.__main__", "cli", "timeline"),
    Command(SERVE, "live", "Name the actions of a camera or a stream.", "service.__main__", "cli", "live"),
    Command(SERVE, "models", "List models; pin and remove versions.", "service.__main__", "cli", "models"),
    Command(SERVE, "doctor", "Check this installation.", "service.__main__", "cli", "doctor"),
    Command(SERVE, "settings", "Print every setting as a table.", "service.__main__", "cli", "settings"),
    Command(SERVE, "openapi", "Print the OpenAPI document.", "service.__main__", "cli", "openapi"),
    Command(LOOK, "probe", "Print what a video file holds.", "clips.__main__", "cli", "probe"),
    Command(LOOK, "frames", "Write the sampled frames as PNG files.", "clips.__main__", "cli", "frames"),
    Command(TRAIN, "finetune", "Teach a model your own actions.", "export.finetune", "main", extra="export"),
    Command(TRAIN, "prepare", "Make training lists from videos.", "training.prepare", "cli", extra="train"),
    Command(TRAIN, "train", "Train a model from a recipe.", "training.train", "main", extra="train"),
    Command(TRAIN, "evaluate", "Measure a checkpoint's accuracy.", "training.evaluate", "main", extra="train"),
    Command(TRAIN, "convert", "Convert a published checkpoint.", "training.convert", "main", extra="train"),
    Command(TRAIN, "zoo", "Fetch and publish models by name.", "export.zoo", "cli", extra="export"),
    Command(TRAIN, "benchmark", "Measure a network's speed and memory.", "training.benchmark", "main", extra="train"),
    Command(EXPORT, "export", "Publish a checkpoint.", "export.__main__", "publish_checkpoint", extra="export"),
    Command(EXPORT, "verify", "Check a published model again.", "export.__main__", "verify_model", extra="export"),
    Command(EXPORT, "reexport", "Rebuild a store's stale artifacts.", "export.reexport", "main", extra="export"),
)


class LazyCommand(TyperCommand):
    """A command that is a name and a line of help until it runs; then its package is imported."""

    def __init__(self, command: Command) -> None:
        super().__init__(command.name, help=command.help, rich_help_panel=command.panel)
        self._command = command

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments with the loaded command, which the context then belongs to.

        Raises typer.Exit with code 2, after a line on stderr, when an extra is not installed.
        """
        try:
            loaded = self._command.load()
        except ModuleNotFoundError as error:
            if extra.get("resilient_parsing"):  # the shell completes a line: it wants words, not errors
                return super().make_context(info_name, args, parent, **extra)
            _exit_for_missing(error, self._command)
        return loaded.make_context(info_name, args, parent, **extra)


def _application(function: Callable[..., None]) -> typer.Typer:
    application = typer.Typer(add_completion=False)
    application.command()(function)
    return application


def _exit_for_missing(error: ModuleNotFoundError, command: Command) -> NoReturn:
    if not command.extra or (error.name or "").split(".")[0] in PACKAGES:
        raise error
    advice = f"pip install -c constraints.txt -e .[{command.extra}]"
    typer.echo(f"error: `tin {command.name}` needs {error.name}: {advice}", err=True)
    raise typer.Exit(2) from error
