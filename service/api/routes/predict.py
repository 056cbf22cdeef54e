"""POST /predict: a video in, its top-k actions out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.http.accepted_upload import accepted_upload
from service.api.http.dependencies import GatewayOfApp, KeyOfRequest, choose_model
from service.api.http.openapi import VIDEO_BODY, problem_responses
from service.api.http.upload import read_video
from service.api.schemas.predict import PredictionResponse, PredictQuery
from service.api.schemas.presenters import answer, server_timing, timing_ms
from service.decoding.job import DecodeJob
from service.inference.features import check_features
from service.inference.prediction import choose_top_k
from service.limits.deadline import in_time, while_connected

router = APIRouter()


@router.post(
    "/predict",
    operation_id="predict",
    summary="Name the actions in a video",
    response_model_exclude_none=True,
    responses=problem_responses(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=VIDEO_BODY,
)
async def predict_video(
    request: Request,
    response: Response,
    gateway: GatewayOfApp,
    key: KeyOfRequest,
    query: Annotated[PredictQuery, Query()],
) -> PredictionResponse:
    """Send the video as the multipart field `video`, or as the raw body."""
    settings, model = gateway.settings, choose_model(request, gateway, query.model, query.version)
    top_k = choose_top_k(query.top_k, len(model.labels))
    if query.features:
        check_features(model)
    async with accepted_upload(request, gateway, model.key, key, read_video) as upload:
        job = DecodeJob(upload.body, model.spec, settings.decode_limits(), query.explain, query.stability)
        work = in_time(gateway.predict(job, model, top_k, features=query.features), settings.deadline_seconds)
        prediction = await while_connected(work, request.receive)
    timing = timing_ms(upload.finish(asdict(prediction.seconds)))
    response.headers["Server-Timing"] = server_timing(timing)
    return answer(prediction, model, size_bytes=len(upload.body), timing=timing, explain=query.explain)
