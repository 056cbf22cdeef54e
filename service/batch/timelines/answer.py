"""Timeline of one video as one answer: the first and the last row of POST /timeline, without the windows."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from service.api.schemas.part import PartOfVideo, part_in
from service.api.schemas.predict import ModelRef, Timing, Video
from service.api.schemas.timeline import ClipRow, SegmentOfClip, SegmentsRow, TimelineRow
from service.batch.results.result import Answer, Failed
from service.inference.segmentation import Segment


class TimelineAnswer(BaseModel):
    """The segments of one video, and the parameters that they were made with."""

    model: ModelRef
    clip: Video
    part: PartOfVideo | None = None
    num_windows: int
    window_seconds: float
    step_seconds: float
    min_probability: float
    segments: list[SegmentOfClip]
    timing_ms: Timing

    @property
    def seconds_covered(self) -> float:
        """Length of the video, or of the part that the windows cover."""
        part = part_in(self.part)
        return part.end_in(self.clip.duration_seconds) - part.start

    @property
    def times_real_time(self) -> float:
        """Seconds of video for each second that it took."""
        return self.seconds_covered * 1000 / max(self.timing_ms.total, 1e-3)

    def closed_segments(self) -> list[Segment]:
        """The segments as those that segment files are written from."""
        return [
            Segment(each.start_seconds, each.end_seconds, each.label, each.index, each.probability, each.num_windows)
            for each in self.segments
        ]


TimelineResult = Answer[TimelineAnswer] | Failed


def answer_of(rows: Iterable[TimelineRow]) -> TimelineAnswer:
    """Make the answer of all rows of a timeline."""
    first, *_, last = rows
    assert isinstance(first, ClipRow)
    assert isinstance(last, SegmentsRow)
    return TimelineAnswer(**dict(first), segments=last.segments, timing_ms=last.timing_ms)
