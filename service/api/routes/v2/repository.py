"""Route of the Model Repository extension: the index of the store."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import ValidationError

from service.api.http.dependencies import GatewayOfApp
from service.api.http.openapi import INDEX_BODY, v2_errors
from service.api.http.problems import PROTOCOL_V2
from service.api.http.upload import read_body
from service.inference.pipeline import Gateway
from service.open_inference.errors import BadInferRequest
from service.open_inference.repository_index import IndexedVersion, IndexRequest, index_of

MAX_BODY_BYTES = 10_000

router = APIRouter(prefix=f"{PROTOCOL_V2}/repository")


@router.post(
    "/index",
    operation_id="v2RepositoryIndex",
    summary="Every version of the store, ready or not",
    response_model_exclude_none=True,
    responses=v2_errors(400, 408, 413, 415, 500, 503),
    openapi_extra=INDEX_BODY,
)
async def index(request: Request, gateway: GatewayOfApp) -> list[IndexedVersion]:
    """A version that does not answer says why. The body may be empty."""
    asked = await _read(request, gateway)
    return index_of(gateway.registry.all(), only_ready=asked.ready)


async def _read(request: Request, gateway: Gateway) -> IndexRequest:
    with gateway.admission.memory_budget() as memory:
        body = await read_body(request, MAX_BODY_BYTES, gateway.settings.min_upload_rate(), memory)
    try:
        return IndexRequest.model_validate_json(bytes(body)) if body else IndexRequest()
    except ValidationError as error:
        raise BadInferRequest('the body is {"ready": true}, {"ready": false} or empty') from error
