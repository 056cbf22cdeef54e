"""Routes of inference under /v2: clips, or a video that is decoded and sampled here, in; the model's outputs, out."""

from __future__ import annotations

from functools import partial

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from service.api.http.accepted_upload import accepted_upload
from service.api.http.content_coding import encoded
from service.api.http.dependencies import GatewayOfApp, KeyOfRequest
from service.api.http.openapi import INFER_ANSWER, INFER_BODY, v2_errors
from service.api.http.problems import PROTOCOL_V2
from service.api.http.upload import read_body
from service.api.routes.v2.named import ModelToInfer, VersionToInfer
from service.api.schemas.presenters import infer_timing_ms, server_timing
from service.backends.base import Outputs
from service.decoding.job import DecodeJob
from service.inference.pipeline import Gateway
from service.limits.deadline import in_time, while_connected
from service.models.versions import LoadedModel
from service.open_inference.infer_response import InferResponse, render_outputs, tensors_of
from service.open_inference.request_parser import InferCall, parse_call

JSON_LENGTH_HEADER = "Inference-Header-Content-Length"

router = APIRouter(
    prefix=f"{PROTOCOL_V2}/models/{{name}}",
    responses=INFER_ANSWER | v2_errors(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504),
)


@router.post("/infer", operation_id="v2Infer", summary="Run a model on clips or a video", openapi_extra=INFER_BODY)
async def infer(request: Request, gateway: GatewayOfApp, key: KeyOfRequest, model: ModelToInfer) -> Response:
    """The version of the model's policy answers. Clips are uint8, RGB, and of the model's size; a video is decoded."""
    return await _infer(request, gateway, key, model)


@router.post(
    "/versions/{version}/infer",
    operation_id="v2InferVersion",
    summary="Run a version of a model on clips or a video",
    openapi_extra=INFER_BODY,
)
async def infer_version(request: Request, gateway: GatewayOfApp, key: KeyOfRequest, model: VersionToInfer) -> Response:
    """The version that is named answers."""
    return await _infer(request, gateway, key, model)


async def _infer(request: Request, gateway: Gateway, key: str | None, model: LoadedModel) -> Response:
    limits, json_length = gateway.settings, request.headers.get(JSON_LENGTH_HEADER)
    async with accepted_upload(request, gateway, key, read_body) as upload:
        parse = partial(parse_call, upload.body, json_length, model.spec, model.outputs, limits.max_clips_per_request)
        call = await to_thread.run_sync(parse)
        if isinstance(call.input, bytes):
            upload.body.clear()  # the call has a copy of the video
        work = in_time(_run(gateway, model, call), limits.deadline_seconds)
        outputs, seconds = await while_connected(work, request.receive)
    timing = infer_timing_ms(upload.finish(seconds))
    response = await encoded(_respond(model, call, outputs), request.headers.get("accept-encoding", ""))
    response.headers["Server-Timing"] = server_timing(timing)
    return response


async def _run(gateway: Gateway, model: LoadedModel, call: InferCall) -> tuple[Outputs, dict[str, float]]:
    """The model's outputs, and the seconds of each stage."""
    if not isinstance(call.input, bytes):
        inferred = await gateway.infer(model, call.input)
        return inferred.outputs, {"infer": inferred.seconds}
    video = await gateway.infer_video(DecodeJob(call.input, model.spec, gateway.settings.decode_limits()), model)
    return video.inferred.outputs, vars(video.seconds)


def _respond(model: LoadedModel, call: InferCall, outputs: Outputs) -> Response:
    tensors = tensors_of(outputs, model, is_one_video=isinstance(call.input, bytes))
    rendered, behind = render_outputs(tensors, call.outputs, model.labels)
    answer = InferResponse(model_name=model.name, model_version=model.version, id=call.id, outputs=rendered)
    text = answer.model_dump_json(exclude_none=True).encode()
    if not any(tensor.parameters for tensor in rendered):
        return Response(text, media_type="application/json")
    headers = {JSON_LENGTH_HEADER: str(len(text))}
    return Response(text + behind, headers=headers, media_type="application/octet-stream")
