"""The web server process: takes the port first, then loads the models, then says where it answers."""

from __future__ import annotations

import asyncio
import copy
import socket
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.report import print_note
from service.settings import Settings


def listen(host: str, port: int) -> socket.socket:
    """Take the port, before any model is loaded; raises OSError when it is taken or the host is not ours."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # Only where the protocol is named does asyncio turn Nagle's algorithm off, which costs 40 ms an answer.
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until a signal comes; Ctrl-C is a way to end, not an error."""
    # h11 reads on and discards when an answer is given early (413): clients that send first and read later see it.
    app = create_app(settings)
    config = uvicorn.Config(app, http="h11", ws="none", log_config=_log_config(), server_header=False)
    try:
        _Server(config, app, settings.drain_seconds).run(sockets=[listener])
    except KeyboardInterrupt:
        print_note("stopped")


def _log_config() -> dict[str, Any]:
    """Uvicorn's, and our own log in the same form."""
    config = copy.deepcopy(uvicorn.config.LOGGING_CONFIG)
    config["loggers"]["service"] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    return config


class _Server(uvicorn.Server):
    """Ends in order: at a signal nothing new is taken, what is in work is answered, then the process ends."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if admission := getattr(self._app.state, "admission", None):
            admission.is_draining = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.sleep(self._drain_seconds)
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            print_note(f"tin-serve answers on {_url(listener)} (Ctrl-C stops it)")


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
