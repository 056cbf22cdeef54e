"""The uvicorn server: binds the port, loads the models, then logs its address; ends when a GPU is lost."""

from __future__ import annotations

import asyncio
import logging
import socket
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from service.api.app import create_app
from service.config.settings import Settings
from service.deployment.http_protocol import Connection
from service.telemetry.logging_config import log_config

logger = logging.getLogger("service")

EXIT_GPU_LOST = 70
"""Exit code (EX_SOFTWARE of sysexits.h) that makes a supervisor start the service again."""

TICKS_PER_GPU_CHECK = 10
"""Uvicorn ticks ten times a second."""


def listen(host: str, port: int) -> socket.socket:
    """Bind the port before any model is loaded; raises OSError when the port or the host cannot be bound.

    Clients that connect before the service answers wait for it.
    """
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # Nagle's algorithm holds answers back for 40 ms; asyncio turns it off only where the socket names its protocol.
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()  # two may bind to a port while neither listens
    except OSError:
        listener.close()
        raise
    return listener


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C; raises SystemExit with EXIT_GPU_LOST when a GPU runs nothing any more."""
    serve(create_app(settings), settings, listener)


def serve(app: FastAPI, settings: Settings, listener: socket.socket) -> None:
    """Serve an application until SIGTERM or Ctrl-C; raises SystemExit as `run` does."""
    # h11 reads on and discards when an answer is given early (413): clients that send first and read later see it.
    log = log_config(settings.log_format)
    http: Any = partial(Connection, head_seconds=settings.head_seconds)
    config = uvicorn.Config(app, http=http, ws="none", log_config=log, access_log=False, server_header=False)
    server = _Server(config, app, settings.drain_seconds)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        logger.info("stopped")
    if server.has_lost_gpu:
        raise SystemExit(EXIT_GPU_LOST)


class _Server(uvicorn.Server):
    """Graceful shut-down: no new requests after a signal, those in work are answered, then the process ends."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds
        self.has_lost_gpu = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._start_draining()
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_GPU_CHECK == 0 and (lost := self._app.state.registry.lost_device()):
            logger.critical("the service ends, to be started again: %s", lost)
            self.has_lost_gpu = True
            self._start_draining()
            return True
        return await super().on_tick(counter)

    def _start_draining(self) -> None:
        if admission := getattr(self._app.state, "admission", None):
            admission.is_draining = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.sleep(self._drain_seconds)
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            logger.info("tin-serve answers on %s (Ctrl-C stops it)", _url(listener))


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
