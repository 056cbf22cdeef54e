"""Routes of the server under /v2: its metadata and its health."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.api.http.dependencies import GatewayOfApp
from service.api.http.openapi import v2_errors
from service.api.http.problems import PROTOCOL_V2
from service.open_inference.metadata import EXTENSIONS, ServerLive, ServerMetadata, ServerReady

router = APIRouter(prefix=PROTOCOL_V2)


@router.get("", operation_id="v2Server", summary="Who answers", responses=v2_errors(500))
async def server(request: Request) -> ServerMetadata:
    """The service's name, its version and the extensions of the protocol that it speaks."""
    return ServerMetadata(name=request.app.title, version=request.app.version, extensions=EXTENSIONS)


@router.get("/health/live", operation_id="v2Live", summary="Is the process alive?", responses=v2_errors(500))
async def live() -> ServerLive:
    """Answers as long as the process does."""
    return ServerLive()


@router.get("/health/ready", operation_id="v2Ready", summary="Can it infer?", responses=v2_errors(500, 503))
async def ready(gateway: GatewayOfApp) -> ServerReady:
    """Answers 200 when the default model is loaded."""
    gateway.model()
    return ServerReady()
