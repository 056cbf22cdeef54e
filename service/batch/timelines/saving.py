"""Saving: the segments of each timeline go to its target, before the timeline counts as answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from clips.decoding.errors import ClipError
from clips.decoding.limits import DecodeLimits
from service.api.schemas.part import part_in
from service.batch.results.result import Answer, Failed
from service.batch.timelines.answer import TimelineAnswer, TimelineResult
from service.batch.timelines.input_video import InputVideo
from service.batch.timelines.targets import FORMATS, MP4, Targets, check_targets
from service.segment_files.annotated_video import annotate_video
from service.segment_files.formats import format_of, whole_file
from service.store.addresses import AddressError

AnswerEach = Callable[[Sequence[InputVideo]], Iterator[TimelineResult]]
"""Takes the videos; yields the timeline of each."""

WatchDrawing = Callable[[Iterator[float], int], None]
"""Takes the shares of a video that are drawn, to the end, and the number of its frames; shows them."""


class TimelineSaver:
    """Saves timelines as they come.

    Args:
        targets: The file for each video.
        overwrite: Replace files that are there.
        limits: Upper bounds for the decode of a video that is drawn on.
        watch_drawing: Shows how much of a video is drawn.
    """

    def __init__(self, targets: Targets, overwrite: bool, limits: DecodeLimits, watch_drawing: WatchDrawing) -> None:
        self._targets = targets
        self._overwrite = overwrite
        self._limits = limits
        self._watch_drawing = watch_drawing

    def saving(self, answer_each: AnswerEach) -> AnswerEach:
        """Return `answer_each`, changed: targets are checked first, and each result comes when it is saved."""

        def each(videos: Sequence[InputVideo]) -> Iterator[TimelineResult]:
            check_targets(self._targets, [video.path for video in videos], overwrite=self._overwrite)
            video_of = {video.name: video for video in videos}
            for result in answer_each(videos):
                yield result if isinstance(result, Failed) else self._saved(video_of[result.file], result)

        return each

    def _saved(self, video: InputVideo, answer: Answer[TimelineAnswer]) -> TimelineResult:
        try:
            self._save(video, answer.response)
        except (AddressError, ClipError) as error:
            return Failed(video.name, str(error))
        except OSError as error:
            target = self._targets[video.path]
            return Failed(video.name, f"its segments cannot be saved as {target}: {error.strerror or error}")
        return answer

    def _save(self, video: InputVideo, answer: TimelineAnswer) -> None:
        target, segments = self._targets[video.path], answer.closed_segments()
        target.parent.mkdir(parents=True, exist_ok=True)
        if format_of(target, FORMATS) == MP4:
            content = video.content(self._limits.max_bytes)
            drawing = annotate_video(content, segments, target, self._limits, part_in(answer.part))
            self._watch_drawing(drawing, answer.clip.frames)
            return
        with whole_file(target) as writer:
            for segment in segments:
                writer.add(segment)
