"""The addresses that answer in JSON, and /metrics."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from clips.windows import Windowing
from service.api.http.ndjson_response import RowsResponse
from service.api.http.openapi import ROWS, VIDEO_BODY, problem_responses
from service.api.http.problems import PROBLEMS
from service.api.http.upload import read_upload
from service.api.routes.timeline import Timeline
from service.api.schemas.predict import Health, ModelsResponse, PredictionResponse, PredictQuery, ProblemMeaning
from service.api.schemas.presenters import answer, model_status, server_timing, timing_ms
from service.api.schemas.timeline import TimelineQuery
from service.inference.pipeline import GatewayOfApp, KeyOfRequest
from service.inference.prediction import choose_top_k
from service.limits.deadline import in_time, while_connected
from service.models.registry import NoModelReady
from service.telemetry.metrics import MEDIA_TYPE as METRICS_MEDIA_TYPE
from service.telemetry.tracing import stage

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
    started = time.perf_counter()
    model = gateway.model(query.model, query.version)
    top_k = choose_top_k(query.top_k, len(model.labels))
    with gateway.admission.per_key_slot(key), gateway.admission.memory_budget() as reservation:
        with gateway.admission.upload_slot(), stage("upload"):
            video = await read_upload(
                request, gateway.settings.max_upload_bytes, gateway.settings.min_upload_rate(), reservation
            )
        uploaded = time.perf_counter()
        gateway.metrics.observe_upload(len(video))
        with gateway.admission.work_slot():
            work = gateway.predict(video, model, top_k, thumbnails=query.explain, stability=query.stability)
            prediction = await while_connected(in_time(work, gateway.settings.deadline_seconds), request.receive)
    gateway.metrics.observe_decoding(prediction.clip.packets_fed)
    total_seconds = time.perf_counter() - started
    timing = timing_ms(prediction.seconds, upload_seconds=uploaded - started, total_seconds=total_seconds)
    gateway.metrics.observe_stages(timing)
    response.headers["Server-Timing"] = server_timing(timing)
    return answer(prediction, model, size_bytes=len(video), timing=timing, explain=query.explain)


@router.post(
    "/timeline",
    operation_id="timeline",
    summary="Name the actions in a long video, window by window",
    response_class=Response,
    responses=ROWS | problem_responses(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=VIDEO_BODY,
)
async def make_timeline(
    request: Request, gateway: GatewayOfApp, key: KeyOfRequest, query: Annotated[TimelineQuery, Query()]
) -> RowsResponse:
    """Send the video as for /predict. Each row of the answer comes as soon as it is known."""
    started, settings = time.perf_counter(), gateway.settings
    model = gateway.model(query.model, query.version)
    top_k = choose_top_k(query.top_k, len(model.labels))
    windowing = Windowing(query.window_seconds, query.step, settings.max_windows)
    with ExitStack() as places:
        places.enter_context(gateway.admission.per_key_slot(key))
        gateway.timelines.check_place()
        reservation = places.enter_context(gateway.admission.memory_budget())
        with gateway.admission.upload_slot(), stage("upload"):
            video = await read_upload(request, settings.max_upload_bytes, settings.min_upload_rate(), reservation)
        uploaded = time.perf_counter()
        gateway.metrics.observe_upload(len(video))
        places.enter_context(gateway.timelines.place())
        places.enter_context(gateway.admission.work_slot())
        timeline = Timeline(gateway, video, model, top_k, windowing, started, uploaded)
        return RowsResponse(timeline.rows(), places.pop_all(), settings.deadline_seconds)


@router.get(
    "/models",
    operation_id="listModels",
    summary="The models, served or refused",
    responses=problem_responses(500),
)
async def list_models(gateway: GatewayOfApp) -> ModelsResponse:
    """Every version in the store; a refused one says why."""
    try:
        default = gateway.registry.get().name
    except NoModelReady:
        default = None
    statuses = [model_status(version) for version in gateway.registry.all()]
    return ModelsResponse(default=default, models=statuses, max_upload_bytes=gateway.settings.max_upload_bytes)


@router.get("/health/live", operation_id="live", summary="Is the process alive?", responses=problem_responses(500))
async def live() -> Health:
    """Answers as long as the process does."""
    return Health(status="live")


@router.get(
    "/health/ready",
    operation_id="ready",
    summary="Can it answer a prediction?",
    responses=problem_responses(500, 503),
)
async def ready(gateway: GatewayOfApp) -> Health:
    """Answers 200 when the default model is loaded and the service is not about to stop."""
    gateway.admission.check_staying()
    gateway.model()
    return Health(status="ready")


@router.get("/metrics", include_in_schema=False)
async def read_metrics(gateway: GatewayOfApp) -> Response:
    """What Prometheus collects."""
    return Response(gateway.metrics.render(gateway.registry.all()), media_type=METRICS_MEDIA_TYPE)


@router.get("/problems/{slug}", include_in_schema=False)
async def explain_problem(slug: str) -> ProblemMeaning:
    """What the `type` of a problem stands for."""
    for kind in PROBLEMS.values():
        if kind.slug == slug:
            return ProblemMeaning(type=f"/problems/{slug}", title=kind.title, status=kind.status)
    raise HTTPException(404)
