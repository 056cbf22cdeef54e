"""POST /timeline: a long video in, a row per window and the segments out, each row as soon as it is known."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.http.accepted_upload import AcceptedUpload
from service.api.http.accepted_video import accepted_video
from service.api.http.dependencies import GatewayOfApp, KeyOfRequest, choose_model
from service.api.http.ndjson_response import RowsResponse
from service.api.http.openapi import ROWS, problem_responses, video_body
from service.api.schemas.timeline import TimelineBody, TimelineQuery, TimelineRow
from service.api.schemas.timeline_rows import TimelineRows
from service.decoding.job import DecodeJob
from service.inference.pipeline import Gateway
from service.inference.prediction import choose_top_k
from service.inference.timeline_plan import TimelinePlan
from service.models.versions import LoadedModel

router = APIRouter()


@router.post(
    "/timeline",
    operation_id="timeline",
    summary="Name the actions in a long video, window by window",
    response_class=Response,
    responses=ROWS | problem_responses(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=video_body(TimelineBody),
)
async def make_timeline(
    request: Request, gateway: GatewayOfApp, key: KeyOfRequest, query: Annotated[TimelineQuery, Query()]
) -> RowsResponse:
    """Send the video as for /predict. Each row of the answer comes as soon as it is known."""
    async with AsyncExitStack() as slots:
        accepted = accepted_video(request, gateway, key, query, _choose, gateway.admission.timeline_slots)
        upload, task = await slots.enter_async_context(accepted)
        return RowsResponse(_rows(gateway, task, upload), slots.pop_all(), gateway.settings.deadline_seconds)


@dataclass(frozen=True)
class _Task:
    model: LoadedModel
    plan: TimelinePlan
    top_k: int


def _choose(request: Request, gateway: Gateway, query: TimelineQuery) -> _Task:
    model = choose_model(request, gateway, query.model, query.version)
    plan = query.plan(model, gateway.settings.max_windows)
    return _Task(model, plan, choose_top_k(query.top_k, len(model.labels)))


async def _rows(gateway: Gateway, task: _Task, upload: AcceptedUpload[bytes]) -> AsyncGenerator[TimelineRow, None]:
    def finish(stages: Mapping[str, float]) -> Mapping[str, float]:
        seconds = upload.finish(stages)
        gateway.admission.timeline_time.add(seconds["total"])
        return seconds

    rows = TimelineRows(task.model, task.plan, task.top_k, len(upload.body), finish)
    job = DecodeJob(upload.body, task.model.spec, gateway.settings.timeline_decode_limits(), part=task.plan.part)
    async with aclosing(gateway.windows(job, task.plan.windowing, task.model)) as parts:
        async for part in parts:
            yield rows.row(part)
