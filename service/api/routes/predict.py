"""POST /predict: a video in, its top-k actions out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.http.accepted_video import accepted_video
from service.api.http.dependencies import GatewayOfApp, KeyOfRequest, choose_model
from service.api.http.openapi import PREDICTION, problem_responses, video_body
from service.api.schemas.predict import PredictBody, PredictionResponse, PredictQuery
from service.api.schemas.presenters import answer, server_timing, timing_ms
from service.decoding.job import DecodeJob
from service.inference.features import check_features
from service.inference.pipeline import Gateway
from service.inference.prediction import choose_top_k
from service.limits.deadline import in_time, while_connected
from service.models.versions import LoadedModel

router = APIRouter()


@router.post(
    "/predict",
    operation_id="predict",
    summary="Name the actions in a video",
    response_model_exclude_none=True,
    responses=PREDICTION | problem_responses(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=video_body(PredictBody),
)
async def predict_video(
    request: Request,
    response: Response,
    gateway: GatewayOfApp,
    key: KeyOfRequest,
    query: Annotated[PredictQuery, Query()],
) -> PredictionResponse:
    """Send the video as the multipart field `video`, as the raw body, or as base64 in JSON with the parameters."""
    settings = gateway.settings
    async with accepted_video(request, gateway, key, query, _choose) as (upload, task):
        asked, model = task.query, task.model
        job = DecodeJob(upload.body, model.spec, settings.decode_limits(), asked.explain, asked.stability, asked.part)
        work = in_time(gateway.predict(job, model, task.top_k, features=asked.features), settings.deadline_seconds)
        prediction = await while_connected(work, request.receive)
    timing = timing_ms(upload.finish(vars(prediction.seconds)))
    response.headers["Server-Timing"] = server_timing(timing)
    return answer(prediction, model, size_bytes=len(upload.body), timing=timing, explain=asked.explain, part=asked.part)


@dataclass(frozen=True)
class _Task:
    query: PredictQuery
    model: LoadedModel
    top_k: int


def _choose(request: Request, gateway: Gateway, query: PredictQuery) -> _Task:
    model = choose_model(request, gateway, query.model, query.version)
    if query.features:
        check_features(model)
    return _Task(query, model, choose_top_k(query.top_k, len(model.labels)))
