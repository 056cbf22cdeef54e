"""The application, put together.

`uvicorn --factory service.app:create_app` runs it with the settings of the environment.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from service import gateway, pages, protocol_v2, routes
from service.access import AccessLog
from service.errors import PROBLEMS, problem_response
from service.gate import Gate
from service.metrics import Metrics
from service.middleware import Envelope
from service.openapi import Application
from service.settings import Settings

Lifespan = Callable[[FastAPI, Settings, Metrics], AbstractAsyncContextManager[gateway.State]]


def create_app(settings: Settings | None = None, lifespan: Lifespan = gateway.lifespan) -> FastAPI:
    """The whole service; models are loaded when it starts up, by `lifespan`."""
    chosen, metrics = settings or Settings(), Metrics()
    app = Application(
        title="tin-serve",
        summary="A video goes in, the likeliest actions come out.",
        version=_version(),
        lifespan=lambda app: lifespan(app, chosen, metrics),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.add_middleware(Gate)
    app.add_middleware(Envelope)
    app.add_middleware(AccessLog, metrics=metrics)
    for kind in PROBLEMS:
        if kind is not Exception:
            app.add_exception_handler(kind, problem_response)
    app.add_exception_handler(HTTPException, problem_response)
    app.include_router(routes.router)
    app.include_router(protocol_v2.router)
    app.router.routes.extend(pages.routes())
    return app


def _version() -> str:
    try:
        return version("tin-serve")
    except PackageNotFoundError:
        return "0+unpackaged"
