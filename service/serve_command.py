"""The command `tin serve`: the service itself."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from service.command_line import StoreOption, errors_end_command, give_up, settings_of
from service.config.api_keys import ApiKeys
from service.config.settings import Settings
from service.decoding.fork_server import start_fork_server
from service.models.local_store import local_store
from service.models.open_model import check_store
from service.teaching.requirements import check_teach_folder


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.", show_default="8000")
    ] = None,
    store: StoreOption = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Model for requests that name none.", show_default="the first")
    ] = None,
) -> None:
    """Serve POST /predict, the page and the documentation until Ctrl-C."""
    settings = settings_of(host=host, port=port, model_store=store, default_model=model)
    with errors_end_command():
        check_store(local_store(settings).model_store)
        check_teach_folder(settings)
        ApiKeys(settings).current()
        _check_decoding(settings)
    start_fork_server()  # before the imports, which take a while
    with _nothing_collected():
        from service.deployment.uvicorn_server import listen, run  # noqa: PLC0415

    try:
        listener = listen(settings.host, settings.port)
    except (OSError, socket.gaierror) as error:
        give_up(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}")
    run(settings, listener)


def _check_decoding(settings: Settings) -> None:
    if settings.decode == "nvdec":
        from service.decoding.nvdec import NvdecUnavailable, check_nvdec  # noqa: PLC0415 - seldom, and loads a decoder

        try:
            check_nvdec(settings.devices().gpus)
        except NvdecUnavailable as error:
            give_up(str(error))


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Keep the garbage collector from imports, which leave no garbage: neither now nor later does it look at them."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()
