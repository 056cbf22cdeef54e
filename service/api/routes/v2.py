"""The Open Inference Protocol (V2) at /v2, as KServe's and Triton's clients speak it; failures are `{"error": ...}`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from service.api.http.accepted_upload import accepted_upload
from service.api.http.dependencies import GatewayOfApp, KeyOfRequest, choose_model
from service.api.http.openapi import INFER_ANSWER, INFER_BODY, v2_errors
from service.api.http.problems import PROTOCOL_V2
from service.api.http.upload import read_body
from service.api.schemas.presenters import infer_timing_ms, server_timing
from service.api.schemas.v2 import (
    BINARY_EXTENSION,
    InferResponse,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
)
from service.api.schemas.v2_codec import describe_input, describe_outputs, parse_call, render_outputs
from service.inference.pipeline import Gateway
from service.limits.deadline import in_time, while_connected
from service.models.registry import LoadedModel

JSON_LENGTH_HEADER = "Inference-Header-Content-Length"

PLATFORMS = {
    ".onnx": "onnx_onnxv1",
    ".mar": "torchserve_mar",
    ".plan": "tensorrt_plan",
    ".pt2": "pytorch_exportedprogram",
}
"""The protocol's <project>_<format>, by the suffix of the artifact's name."""

router = APIRouter(prefix=PROTOCOL_V2)


@router.get("", operation_id="v2Server", summary="Who answers", responses=v2_errors(500))
async def server(request: Request) -> ServerMetadata:
    """The service's name, its version and the extensions of the protocol that it speaks."""
    return ServerMetadata(name=request.app.title, version=request.app.version, extensions=[BINARY_EXTENSION])


@router.get("/health/live", operation_id="v2Live", summary="Is the process alive?", responses=v2_errors(500))
async def live() -> ServerLive:
    """Answers as long as the process does."""
    return ServerLive()


@router.get("/health/ready", operation_id="v2Ready", summary="Can it infer?", responses=v2_errors(500, 503))
async def ready(gateway: GatewayOfApp) -> ServerReady:
    """Answers 200 when the default model is loaded."""
    gateway.model()
    return ServerReady()


@router.get(
    "/models/{name}",
    operation_id="v2Model",
    summary="What a model takes and gives",
    responses=v2_errors(404, 500, 503),
)
async def model(name: str, gateway: GatewayOfApp) -> ModelMetadata:
    """The tensors of the version of the model's policy."""
    return _describe(gateway, gateway.registry.get(name))


@router.get(
    "/models/{name}/versions/{version}",
    operation_id="v2ModelVersion",
    summary="What a version of a model takes and gives",
    responses=v2_errors(404, 500, 503),
)
async def model_version(name: str, version: str, gateway: GatewayOfApp) -> ModelMetadata:
    """The tensors of this version."""
    return _describe(gateway, gateway.registry.get(name, version))


@router.get(
    "/models/{name}/ready",
    operation_id="v2ModelReady",
    summary="Does a model answer?",
    responses=v2_errors(404, 500, 503),
)
async def model_ready(name: str, gateway: GatewayOfApp) -> ModelReady:
    """Answers 200 when a version of the model is loaded."""
    return ModelReady(name=gateway.model(name).name)


@router.get(
    "/models/{name}/versions/{version}/ready",
    operation_id="v2ModelVersionReady",
    summary="Does a version of a model answer?",
    responses=v2_errors(404, 500, 503),
)
async def model_version_ready(name: str, version: str, gateway: GatewayOfApp) -> ModelReady:
    """Answers 200 when this version is loaded."""
    return ModelReady(name=gateway.model(name, version).name)


@router.post(
    "/models/{name}/infer",
    operation_id="v2Infer",
    summary="Run a model on clips",
    responses=INFER_ANSWER | v2_errors(400, 401, 404, 408, 413, 415, 429, 500, 503, 504),
    openapi_extra=INFER_BODY,
)
async def infer(name: str, request: Request, gateway: GatewayOfApp, key: KeyOfRequest) -> Response:
    """The version of the model's policy answers. Clips are uint8, RGB, and of the model's size; nothing is decoded."""
    return await _infer(request, gateway, key, choose_model(request, gateway, name))


@router.post(
    "/models/{name}/versions/{version}/infer",
    operation_id="v2InferVersion",
    summary="Run a version of a model on clips",
    responses=INFER_ANSWER | v2_errors(400, 401, 404, 408, 413, 415, 429, 500, 503, 504),
    openapi_extra=INFER_BODY,
)
async def infer_version(
    name: str, version: str, request: Request, gateway: GatewayOfApp, key: KeyOfRequest
) -> Response:
    """The version that is named answers."""
    return await _infer(request, gateway, key, choose_model(request, gateway, name, version))


async def _infer(request: Request, gateway: Gateway, key: str | None, model: LoadedModel) -> Response:
    limits, json_length = gateway.settings, request.headers.get(JSON_LENGTH_HEADER)
    async with accepted_upload(request, gateway, key, read_body) as upload:
        parse = partial(parse_call, upload.body, json_length, model.spec, model.outputs, limits.max_clips_per_request)
        call = await to_thread.run_sync(parse)
        work = in_time(gateway.infer(model, call.clips), limits.deadline_seconds)
        inferred = await while_connected(work, request.receive)
    timing = infer_timing_ms(upload.finish({"infer": inferred.seconds}))
    tensors, behind = render_outputs(inferred.outputs, call.binary_of)
    answer = InferResponse(model_name=model.name, model_version=model.version, id=call.id, outputs=tensors)
    response = _respond(answer, behind)
    response.headers["Server-Timing"] = server_timing(timing)
    return response


def _respond(answer: InferResponse, behind: bytes) -> Response:
    text = answer.model_dump_json(exclude_none=True).encode()
    if not any(tensor.parameters for tensor in answer.outputs):
        return Response(text, media_type="application/json")
    headers = {JSON_LENGTH_HEADER: str(len(text))}
    return Response(text + behind, headers=headers, media_type="application/octet-stream")


def _describe(gateway: Gateway, model: LoadedModel) -> ModelMetadata:
    loaded = [version for version in gateway.registry.all() if isinstance(version, LoadedModel)]
    return ModelMetadata(
        name=model.name,
        versions=[version.version for version in loaded if version.name == model.name],
        platform=PLATFORMS.get(Path(model.artifact).suffix, "unknown"),
        inputs=[describe_input(model.spec)],
        outputs=describe_outputs(model.outputs, model.spec, len(model.labels)),
    )
