"""Commands on the models of the store: `tin models`, whose subcommands list, show, choose and remove versions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from service import console
from service.api.schemas.presenters import model_statuses
from service.command_line import STORE_ALIAS, JsonOption, StoreOption, errors_end_command, give_up, settings_of
from service.models.local_store import local_store
from service.models.open_model import check_store
from service.models.registry import Registry
from service.store import version_control
from service.store.addresses import address_of
from service.store.model_card import model_card
from service.store.model_store import ModelStore
from service.store.policy import ServingPolicy, read_policy

cli = typer.Typer(name="models", help="List and show the models of the store; choose and remove their versions.")

NameArgument = Annotated[str, typer.Argument(help="The model's name.", show_default=False)]
VersionArgument = Annotated[str, typer.Argument(help="The version's name.", show_default=False)]
PolicyArgument = Annotated[
    str, typer.Argument(help="latest, or versions separated by commas, such as 1,3.", show_default=False)
]


@cli.callback(invoke_without_command=True, context_settings=STORE_ALIAS)
def models(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List and show the models of the store; choose and remove their versions."""
    context.obj = store
    if context.invoked_subcommand is None:
        list_models(context, store, as_json)


@cli.command("list", context_settings=STORE_ALIAS)
def list_models(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List each version with its status (ready, refused, unloaded or down) and its model's policy."""
    settings = settings_of(model_store=store or context.obj)
    with errors_end_command():
        check_store(local_store(settings).model_store)
    with closing(Registry.open(settings)) as registry:
        console.print_models(model_statuses(registry.models().values()), as_json)


@cli.command("show", context_settings=STORE_ALIAS)
def show_model(
    context: typer.Context,
    name: NameArgument,
    version: Annotated[
        str | None, typer.Option("--version", help="The version's name.", show_default="the one that answers")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the card of a version: actions, input, origin, accuracy, files, parity; with --json its manifest."""
    with errors_end_command():
        root = local_store(settings_of(model_store=store or context.obj)).model_store
        check_store(root)
        manifest = ModelStore(root).open(name, version or _answering(root, name)).manifest
    console.print_json_lines([manifest]) if as_json else console.print_markdown(model_card(manifest))


@cli.command("pin", context_settings=STORE_ALIAS)
def pin_version(
    context: typer.Context, name: NameArgument, version: VersionArgument, store: StoreOption = None
) -> None:
    """Let one version answer requests that name none, whatever else is published: also the way to roll back."""
    with _changing(store or context.obj) as root:
        _print_policy(name, version_control.pin(root, name, version))


@cli.command("unpin", context_settings=STORE_ALIAS)
def unpin_version(context: typer.Context, name: NameArgument, store: StoreOption = None) -> None:
    """Let the newest version answer again."""
    with _changing(store or context.obj) as root:
        _print_policy(name, version_control.unpin(root, name))


@cli.command("serve", context_settings=STORE_ALIAS)
def serve_versions(
    context: typer.Context, name: NameArgument, versions: PolicyArgument, store: StoreOption = None
) -> None:
    """Load all versions of a model (latest), or only those that are named."""
    with _changing(store or context.obj) as root:
        _print_policy(name, version_control.serve(root, name, _parse_policy(versions)))


@cli.command("remove", context_settings=STORE_ALIAS)
def remove_version(
    context: typer.Context,
    name: NameArgument,
    version: VersionArgument,
    force: Annotated[
        bool, typer.Option("--force", help="Also remove the only version, or one that the policy names.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Remove a version from the store, and delete its files."""
    with _changing(store or context.obj) as root:
        _print_policy(name, version_control.remove(root, name, version, force=force))


@contextmanager
def _changing(store: Path | None) -> Iterator[Path]:
    """Lend the store's folder; a change that fails ends the command with one line."""
    root = settings_of(model_store=store).model_store
    if address := address_of(root):
        give_up(f"{address} is only read from here; change the policy in a folder, and copy it there")
    with errors_end_command():
        check_store(root)
        try:
            yield root
        except OSError as error:
            give_up(f"the store cannot be changed: {error.filename}: {error.strerror}")


def _answering(root: Path, name: str) -> str:
    """Return the version that answers requests which name none, as far as the policy decides it."""
    versions = ModelStore(root).versions_of(name)
    return next(iter(read_policy(root / name).candidates(versions)), versions[-1])


def _parse_policy(text: str) -> ServingPolicy:
    try:
        return ServingPolicy.model_validate({"serve": text if text == "latest" else text.split(",")})
    except ValidationError:
        give_up(f"{text!r} is neither latest nor versions separated by commas, such as 1,3")


def _print_policy(name: str, policy: ServingPolicy) -> None:
    typer.echo(f"{name}: {policy}")
