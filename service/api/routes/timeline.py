"""POST /timeline: a long video in, a row per window and the segments out, each row as soon as it is known."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict, dataclass, field
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from clips.scores import Score, average_views, top_scores
from clips.window_preprocess import TimelineEnd, TimelineStart
from clips.windows import Windowing
from service.api.http.accepted_upload import AcceptedUpload, accepted_upload
from service.api.http.dependencies import GatewayOfApp, KeyOfRequest
from service.api.http.ndjson_response import RowsResponse
from service.api.http.openapi import ROWS, VIDEO_BODY, problem_responses
from service.api.http.upload import read_video
from service.api.schemas.presenters import actions, describe_video, model_ref, segment_of_clip, timing_ms
from service.api.schemas.timeline import ClipRow, Row, SegmentsRow, TimelineQuery, WindowRow
from service.decoding.job import DecodeJob
from service.inference.pipeline import Gateway
from service.inference.prediction import StageTimes, choose_top_k
from service.inference.segmentation import ScoredWindow, merge
from service.inference.windows import InferredWindow
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
    settings, model = gateway.settings, gateway.model(query.model, query.version)
    top_k = choose_top_k(query.top_k, len(model.labels))
    windowing = Windowing(query.window_seconds, query.step, settings.max_windows)
    async with AsyncExitStack() as slots:
        accepted = accepted_upload(request, gateway, key, read_video, gateway.admission.timeline_slots)
        upload = await slots.enter_async_context(accepted)
        timeline = Timeline(gateway, model, top_k, windowing, upload)
        return RowsResponse(timeline.rows(), slots.pop_all(), settings.deadline_seconds)


@dataclass
class Timeline:
    """The rows of one video's answer, in the order in which they are sent."""

    gateway: Gateway
    model: LoadedModel
    top_k: int
    windowing: Windowing
    upload: AcceptedUpload[bytes]
    _scored: list[ScoredWindow] = field(default_factory=list)
    _infer_seconds: float = 0.0

    async def rows(self) -> AsyncGenerator[Row, None]:
        """Yield a row for the video, one for each window, and one for the segments; raises as `Gateway.windows`."""
        job = DecodeJob(self.upload.body, self.model.spec, self.gateway.settings.timeline_decode_limits())
        async with aclosing(self.gateway.windows(job, self.windowing, self.model)) as parts:
            async for part in parts:
                match part:
                    case TimelineStart():
                        yield self._clip_row(part)
                    case InferredWindow():
                        yield self._window_row(part)
                    case TimelineEnd():
                        yield self._segments_row(part)

    def _clip_row(self, start: TimelineStart) -> ClipRow:
        return ClipRow(
            model=model_ref(self.model),
            clip=describe_video(start.video, len(self.upload.body)),
            num_windows=start.num_windows,
            window_seconds=self.windowing.window_seconds,
            step_seconds=self.windowing.step_seconds,
        )

    def _window_row(self, window: InferredWindow) -> WindowRow:
        scores = self._score(window)
        self._scored.append(ScoredWindow(window.start_seconds, window.end_seconds, scores[0]))
        return WindowRow(
            start_seconds=round(window.start_seconds, 6),
            end_seconds=round(window.end_seconds, 6),
            predictions=actions(scores),
        )

    def _score(self, window: InferredWindow) -> list[Score]:
        self._infer_seconds += window.infer_seconds
        return top_scores(average_views(window.logits), self.model.labels, self.top_k)

    def _segments_row(self, end: TimelineEnd) -> SegmentsRow:
        stages = StageTimes(end.decode_seconds, end.transform_seconds, self._infer_seconds)
        seconds = self.upload.finish(asdict(stages))
        self.gateway.admission.timeline_time.add(seconds["total"])
        segments = [segment_of_clip(segment) for segment in merge(self._scored)]
        return SegmentsRow(segments=segments, timing_ms=timing_ms(seconds))
