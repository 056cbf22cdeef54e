"""Frame stream: any number of frames of a long video, one after another, in the memory of a few.

The frames are bit-identical to those of `clips.decoding.decode` and take the same two paths. If the minimal path fails
midway, the full path continues with the first frame that has not been yielded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

import numpy as np
from av.video.frame import VideoFrame

from clips.decoding.container import QUICK_PROBING, THOROUGH_PROBING, OpenVideo, VideoFile, VideoSource
from clips.decoding.errors import NoFrames, Undecodable
from clips.decoding.frames import Converter, Image, VideoInfo, describe, every_frame, seconds_of
from clips.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from clips.decoding.picture import FullDecodeRequired
from clips.decoding.seek import Survey, decode_planned, plan_frames, survey_packets

ROUNDING = 1e-6
"""Times in seconds that differ by less are equal."""
MAX_SECONDS_LOST = 1.0
"""Where the end of a damaged video does not decode, its last good frame stands for the frames of this many seconds."""


@contextmanager
def open_stream(source: VideoSource, limits: DecodeLimits = DEFAULT_LIMITS) -> Iterator[FrameStream]:
    """Open a video and find the time of each of its frames, from its packets alone where these can be trusted.

        with open_stream("long.mp4") as stream:
            for index, image in stream.frames(range(0, len(stream.times), 100)):
                ...

    Raises NotAVideo, Undecodable, NoFrames or LimitExceeded, and OSError for a path that cannot be read.
    """
    file = VideoFile(source, limits)
    with file.open(QUICK_PROBING) as video:
        try:
            survey = survey_packets(video)
        except FullDecodeRequired as error:
            yield FrameStream(file, video, None, _times_by_decoding(file), str(error))
            return
        yield FrameStream(file, video, survey, _times_of_packets(video, survey))


class FrameStream:
    """An open video whose frames can be read once.

    `times` are those of all frames, ascending, in seconds from the first one. `reason` says why the full path was
    needed; on the minimal path it is empty. `packets_fed` counts the packets given to the decoder so far.
    """

    def __init__(
        self, file: VideoFile, video: OpenVideo, survey: Survey | None, times: Sequence[float], reason: str = ""
    ) -> None:
        self._file = file
        self._video = video
        self._survey = survey
        self._converter = Converter()
        self._info = describe(video, (0, 0), len(times), times[-1])
        self.times = times
        self.reason = reason
        self.packets_fed = 0

    @property
    def duration_seconds(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return self._info.duration_seconds

    def describe(self, image: Image) -> VideoInfo:
        """Return the facts about the video; `image` is any of its frames, which gives the size."""
        height, width, _ = image.shape
        return replace(self._info, width=width, height=height)

    def frames(self, indices: Collection[int]) -> Iterator[tuple[int, Image]]:
        """Yield index and image of each wanted frame once, in ascending order: uint8 [H, W, 3] RGB, upright.

        Raises Undecodable or LimitExceeded, possibly after some frames.
        """
        wanted = deque(sorted(set(indices)))
        if self._survey is None:
            yield from self._full_path(wanted, range(len(self.times)))
            return
        try:
            yield from self._minimal_path(wanted, self._survey)
        except FullDecodeRequired as error:
            self.reason = str(error)
            # the indices come from packets, which a full decode may not match one to one; times identify the frames
            yield from self._full_path(wanted, self.times)

    def _minimal_path(self, wanted: deque[int], survey: Survey) -> Iterator[tuple[int, Image]]:
        plan = plan_frames(wanted, self._video, survey)
        self.packets_fed = plan.num_fed
        shapes = set()
        with closing(decode_planned(self._file, self._video, survey, plan)) as frames:
            for index, frame in frames:
                if not wanted or index < wanted[0]:
                    continue
                image = self._image(frame)
                shapes.add(image.shape)
                if index > wanted[0] or len(shapes) > 1:
                    raise FullDecodeRequired("frames are missing or differ in size")
                yield wanted.popleft(), image
        if wanted:
            raise FullDecodeRequired("frames are missing or differ in size")

    def _full_path(self, wanted: deque[int], moments: Sequence[float]) -> Iterator[tuple[int, Image]]:
        """Decode every packet; `moments` identify all frames, by their indices or by their times in seconds."""
        with self._file.open(THOROUGH_PROBING) as video:
            decoded = every_frame(video)
            timed = enumerate(decoded) if isinstance(moments, range) else _timed(decoded, video)
            for index, frame in _frames_shown_at(timed, wanted, moments):
                yield index, self._image(frame)
        self.packets_fed += video.num_packets

    def _image(self, frame: VideoFrame) -> Image:
        return np.ascontiguousarray(self._converter.upright(frame))


def _times_of_packets(video: OpenVideo, survey: Survey) -> list[float]:
    time_base = video.stream.time_base
    assert time_base is not None
    seconds = [float(survey.times[i] * time_base) for i in survey.shown]
    return [time - seconds[0] for time in seconds]


def _times_by_decoding(file: VideoFile) -> list[float]:
    # sorted, because frames come in display order while an AVI's times are in decode order
    with file.open(THOROUGH_PROBING) as video:
        times = sorted(time for time, _ in _timed(every_frame(video), video))
    if not times:
        raise NoFrames("no frame of the video could be decoded")
    return [time - times[0] for time in times]


def _timed(frames: Iterator[VideoFrame], video: OpenVideo) -> Iterator[tuple[float, VideoFrame]]:
    """Yield each frame after its time, in seconds from the first frame."""
    first = None
    for index, frame in enumerate(frames):
        seconds = seconds_of(frame, index, video.stream)
        first = seconds if first is None else first
        yield seconds - first, frame


def _frames_shown_at(
    frames: Iterator[tuple[float, VideoFrame]], wanted: deque[int], moments: Sequence[float]
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield each wanted index with the frame shown at its moment, which is the last one that begins no later."""
    shown: tuple[float, VideoFrame] | None = None
    for began, frame in frames:
        while shown and wanted and began > moments[wanted[0]] + ROUNDING:
            yield wanted.popleft(), shown[1]
        if not wanted:
            return
        shown = began, frame
    while wanted:
        if not shown or moments[wanted[0]] > shown[0] + MAX_SECONDS_LOST:
            raise Undecodable("the video is damaged: its last frames do not decode")
        yield wanted.popleft(), shown[1]
