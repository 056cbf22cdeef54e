"""FastAPI dependencies of the routes: the gateway, teaching, and the request's API key."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from service.api.http.api_keys import check_key
from service.config.api_keys import ApiKeys
from service.inference.pipeline import Gateway
from service.models.versions import LoadedModel
from service.teaching.teaching import Teaching


async def _gateway_of(request: Request) -> Gateway:
    # FastAPI runs dependencies that are not async in a thread, which costs more than they do.
    return cast(Gateway, request.state.gateway)


GatewayOfApp = Annotated[Gateway, Depends(_gateway_of)]


async def _teaching_of(request: Request) -> Teaching:
    return cast(Teaching, request.state.teaching)


TeachingOfApp = Annotated[Teaching, Depends(_teaching_of)]
"""For routes that are there only where teaching is on."""


def choose_model(
    request: Request, gateway: Gateway, name: str | None = None, version: str | None = None
) -> LoadedModel:
    """The model to answer with, which the request's metrics then name.

    Raises as `Registry.get` does, and RuntimeDown where its server is down.
    """
    model = gateway.registry.get(name, version)
    request.state.model = model.key
    model.check_up()
    return model


async def _key_of(request: Request) -> str | None:
    return check_key(request.headers, cast(ApiKeys, request.app.state.api_keys).current())


KeyOfRequest = Annotated[str | None, Depends(_key_of)]
"""The request's API key, checked; None where the service has none."""
