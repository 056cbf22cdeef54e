"""POST /timeline: a long video in, a row per window and the segments out, each row as soon as it is known."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from clips.windows import Windowing
from service.api.http.accepted_upload import AcceptedUpload, accepted_upload
from service.api.http.dependencies import GatewayOfApp, KeyOfRequest, choose_model
from service.api.http.ndjson_response import RowsResponse
from service.api.http.openapi import ROWS, VIDEO_BODY, problem_responses
from service.api.http.upload import read_video
from service.api.schemas.timeline import TimelineQuery, TimelineRow
from service.api.schemas.timeline_rows import TimelineRows
from service.decoding.job import DecodeJob
from service.inference.pipeline import Gateway
from service.inference.prediction import choose_top_k
from service.models.registry import LoadedModel

router = APIRouter()


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
    settings, model = gateway.settings, choose_model(request, gateway, query.model, query.version)
    top_k = choose_top_k(query.top_k, len(model.labels))
    windowing = query.windowing(settings.max_windows)
    async with AsyncExitStack() as slots:
        accepted = accepted_upload(request, gateway, model.key, key, read_video, gateway.admission.timeline_slots)
        upload = await slots.enter_async_context(accepted)
        rows = _rows(gateway, model, windowing, top_k, upload)
        return RowsResponse(rows, slots.pop_all(), settings.deadline_seconds)


async def _rows(
    gateway: Gateway, model: LoadedModel, windowing: Windowing, top_k: int, upload: AcceptedUpload[bytes]
) -> AsyncGenerator[TimelineRow, None]:
    def finish(stages: Mapping[str, float]) -> Mapping[str, float]:
        seconds = upload.finish(stages)
        gateway.admission.timeline_time.add(seconds["total"])
        return seconds

    rows = TimelineRows(model, windowing, top_k, len(upload.body), finish)
    job = DecodeJob(upload.body, model.spec, gateway.settings.timeline_decode_limits())
    async with aclosing(gateway.windows(job, windowing, model)) as parts:
        async for part in parts:
            yield rows.row(part)
