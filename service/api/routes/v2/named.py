"""FastAPI dependencies of the routes under /v2: the loaded model that a path names, with or without a version."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from service.api.http.dependencies import GatewayOfApp, choose_model
from service.models.versions import LoadedModel


async def _by_name(name: str, gateway: GatewayOfApp) -> LoadedModel:
    return gateway.registry.get(name)


async def _by_version(name: str, version: str, gateway: GatewayOfApp) -> LoadedModel:
    return gateway.registry.get(name, version)


async def _to_infer(name: str, request: Request, gateway: GatewayOfApp) -> LoadedModel:
    return choose_model(request, gateway, name)


async def _version_to_infer(name: str, version: str, request: Request, gateway: GatewayOfApp) -> LoadedModel:
    return choose_model(request, gateway, name, version)


NamedModel = Annotated[LoadedModel, Depends(_by_name)]
"""The version that the model's policy chooses; raises as `Registry.get` does."""

NamedVersion = Annotated[LoadedModel, Depends(_by_version)]

ModelToInfer = Annotated[LoadedModel, Depends(_to_infer)]
"""The same for a request for work, whose metrics name it; also raises RuntimeDown where its server is down."""

VersionToInfer = Annotated[LoadedModel, Depends(_version_to_infer)]
