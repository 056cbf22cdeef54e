"""The application: its middleware, error handlers and routes, put together.

`uvicorn --factory service.api.app:create_app` runs it with the settings of the environment.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from service.api.http.openapi import Application
from service.api.http.problems import PROBLEMS, problem_response
from service.api.lifespan import State, lifespan
from service.api.middleware.access_log import AccessLog
from service.api.middleware.cross_origin import CrossOriginRequests
from service.api.middleware.error_boundary import ErrorBoundary
from service.api.middleware.head_check import HeadCheck
from service.api.middleware.load_shedding import LoadShedding
from service.api.middleware.request_id import RequestId
from service.api.middleware.response_headers import ResponseHeaders
from service.api.routes import operations, pages, predict, teach, timeline
from service.api.routes.v2 import infer, models, not_offered, repository, server, statistics
from service.config.api_keys import ApiKeys
from service.config.settings import Settings
from service.telemetry.metrics import Metrics

Lifespan = Callable[[FastAPI, Settings, Metrics], AbstractAsyncContextManager[State]]


def create_app(settings: Settings | None = None, lifespan: Lifespan = lifespan) -> FastAPI:
    """The whole service; models are loaded when it starts up, by `lifespan`."""
    chosen = settings or Settings()
    metrics = Metrics(drift=chosen.drift_metrics)
    app = Application(
        title="tin-serve",
        summary="A video goes in, the most probable actions come out.",
        version=_version(),
        lifespan=lambda app: lifespan(app, chosen, metrics),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.api_keys = ApiKeys(chosen)
    for middleware in (LoadShedding, HeadCheck, ErrorBoundary):  # the innermost first
        app.add_middleware(middleware)
    if origins := chosen.origins():
        app.add_middleware(CrossOriginRequests, origins=origins)
    app.add_middleware(ResponseHeaders)
    app.add_middleware(RequestId)
    app.add_middleware(AccessLog, metrics=metrics)
    for kind in PROBLEMS:
        if kind is not Exception:  # the error boundary's, around all middleware within it
            app.add_exception_handler(kind, problem_response)
    app.add_exception_handler(HTTPException, problem_response)
    for routes in (predict, timeline, operations, server, statistics, models, infer, repository, not_offered):
        app.include_router(routes.router)
    if chosen.teach:
        app.include_router(teach.router)
    app.router.routes.extend(pages.routes(teach=chosen.teach))
    return app


def _version() -> str:
    try:
        return version("tin-serve")
    except PackageNotFoundError:
        return "0+unpackaged"
