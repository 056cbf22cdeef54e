"""A long video's windows become the rows of its answer."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from clips.scores import Score, average_views, top_scores
from clips.window_preprocess import TimelineEnd, TimelineStart, WindowInput
from clips.windows import Windowing
from service.api.schemas.presenters import actions, describe_video, model_ref, timing_ms
from service.api.schemas.timeline import ClipRow, Row, SegmentOfClip, SegmentsRow, WindowRow
from service.inference.pipeline import Gateway
from service.inference.prediction import StageTimes
from service.inference.segmentation import JudgedWindow, Segment, merge
from service.models.registry import LoadedModel


@dataclass
class Timeline:
    """One video on its way: decoded in a child, inferred window by window among other requests, and judged.

    `started` and `uploaded` are moments of `time.perf_counter`.
    """

    gateway: Gateway
    video: bytes
    model: LoadedModel
    top_k: int
    windowing: Windowing
    started: float
    uploaded: float
    _judged: list[JudgedWindow] = field(default_factory=list)
    _infer_seconds: float = 0.0

    async def rows(self) -> AsyncGenerator[Row, None]:
        """A row for the video, one for each window, and one for the segments.

        Raises clips.decoding.errors.ClipError, service.decoding.process.DecoderError and InferenceFailed.
        """
        bounds = self.gateway.settings.timeline_decode_limits()
        parts = self.gateway.timelines.windows(self.video, self.model.spec, bounds, self.windowing)
        async with aclosing(parts):
            async for part in parts:
                match part:
                    case TimelineStart():
                        yield self._clip_row(part)
                    case WindowInput():
                        yield self._window_row(part, await self._scores(part))
                    case TimelineEnd():
                        yield self._segments_row(part)

    def _clip_row(self, start: TimelineStart) -> ClipRow:
        return ClipRow(
            model=model_ref(self.model),
            clip=describe_video(start.video, len(self.video)),
            num_windows=start.num_windows,
            window_seconds=self.windowing.window_seconds,
            step_seconds=self.windowing.step_seconds,
        )

    async def _scores(self, window: WindowInput) -> list[Score]:
        inferred = await self.gateway.infer(self.model, window.views)
        self._infer_seconds += inferred.seconds
        return top_scores(average_views(inferred.outputs.logits), self.model.labels, self.top_k)

    def _window_row(self, window: WindowInput, scores: list[Score]) -> WindowRow:
        self._judged.append(JudgedWindow(window.start_seconds, window.end_seconds, scores[0]))
        return WindowRow(
            start_seconds=round(window.start_seconds, 6),
            end_seconds=round(window.end_seconds, 6),
            predictions=actions(scores),
        )

    def _segments_row(self, end: TimelineEnd) -> SegmentsRow:
        total_seconds = time.perf_counter() - self.started
        stages = StageTimes(end.decode_seconds, end.transform_seconds, self._infer_seconds)
        timing = timing_ms(stages, upload_seconds=self.uploaded - self.started, total_seconds=total_seconds)
        self.gateway.metrics.observe_decoding(end.packets_fed)
        self.gateway.metrics.observe_stages(timing)
        self.gateway.timelines.service_time.add(total_seconds)
        return SegmentsRow(segments=[_segment_of_clip(segment) for segment in merge(self._judged)], timing_ms=timing)


def _segment_of_clip(segment: Segment) -> SegmentOfClip:
    return SegmentOfClip(
        start_seconds=round(segment.start, 6),
        end_seconds=round(segment.end, 6),
        label=segment.label,
        index=segment.index,
        probability=segment.probability,
        num_windows=segment.num_windows,
    )
