"""Presenter of timelines: inferred windows become the rows of POST /timeline and of `tin timeline`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from clips.model_input import TimelineEnd, TimelineStart
from clips.scores import top_scores
from service.api.schemas.part import part_of_video
from service.api.schemas.presenters import actions, describe_video, model_ref, segment_of_clip, timing_ms
from service.api.schemas.timeline import ClipRow, SegmentOfClip, SegmentsRow, TimelineRow, WindowRow
from service.inference.segmentation import ScoredWindow, Segment, Segmenter
from service.inference.timeline_plan import TimelinePlan
from service.inference.windows import InferredPart, InferredWindow
from service.models.versions import LoadedModel

Finish = Callable[[Mapping[str, float]], Mapping[str, float]]
"""Adds `total`, and `upload` where there was one, to the seconds of the stages."""


@dataclass
class TimelineRows:
    """The rows of one video's timeline, built in the order of its parts.

    Args:
        model: The model that predicts.
        plan: The windows that the parts were made with, and the threshold of what is named.
        top_k: Number of actions of each window.
        size_bytes: Size of the file.
        finish: Called once, with the stages' seconds, when the last part is there.
    """

    model: LoadedModel
    plan: TimelinePlan
    top_k: int
    size_bytes: int
    finish: Finish
    _segmenter: Segmenter = field(init=False)
    _segments: list[SegmentOfClip] = field(default_factory=list)
    _infer_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._segmenter = Segmenter(self.plan.min_probability)

    def row(self, part: InferredPart) -> TimelineRow:
        """Build the row of the next part: a start, a window, or the end."""
        match part:
            case TimelineStart():
                return self._clip_row(part)
            case InferredWindow():
                return self._window_row(part)
            case TimelineEnd():
                return self._segments_row(part)

    def _clip_row(self, start: TimelineStart) -> ClipRow:
        return ClipRow(
            model=model_ref(self.model),
            clip=describe_video(start.video, self.size_bytes),
            part=part_of_video(self.plan.part),
            num_windows=start.num_windows,
            window_seconds=self.plan.windowing.window_seconds,
            step_seconds=self.plan.windowing.step_seconds,
            min_probability=self.plan.min_probability,
        )

    def _window_row(self, window: InferredWindow) -> WindowRow:
        self._infer_seconds += window.infer_seconds
        scores = top_scores(self.model.probabilities(window.logits), self.model.labels, self.top_k)
        scored = ScoredWindow(window.start_seconds, window.end_seconds, scores[0])
        self._add_segments(self._segmenter.add(scored))
        return WindowRow(
            start_seconds=round(window.start_seconds, 6),
            end_seconds=round(window.end_seconds, 6),
            predictions=actions(scores),
            likely=self.model.is_likely(scores[0].probability),
        )

    def _segments_row(self, end: TimelineEnd) -> SegmentsRow:
        stages = {"decode": end.decode_seconds, "transform": end.transform_seconds, "infer": self._infer_seconds}
        self._add_segments(self._segmenter.finish())
        return SegmentsRow(segments=self._segments, timing_ms=timing_ms(self.finish(stages)))

    def _add_segments(self, closed: Sequence[Segment]) -> None:
        self._segments += [segment_of_clip(segment, self.model) for segment in closed]
