"""The frames of a long video, one after another: as many as are wanted, in the memory of a few.

They equal those of `clips.decoding.decode` to the bit, and come by the same two paths. Where the minimal path turns out
in the middle not to be sure, the full path goes on with the first frame that has not been handed out.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

import numpy as np
from av.video.frame import VideoFrame

from clips.decoding.bitstream import FullDecodeRequired
from clips.decoding.container import QUICK_PROBING, THOROUGH_PROBING, OpenVideo, VideoFile
from clips.decoding.errors import NoFrames, Undecodable
from clips.decoding.frames import Converter, Image, VideoInfo, describe, every_frame, seconds_of
from clips.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from clips.decoding.seek import Survey, plan_for, planned_frames, survey_packets

ROUNDING = 1e-6
MOST_SECONDS_LOST = 1.0
"""At the end of a damaged video, for so long the last frame that decodes stands for those that do not."""


@contextmanager
def open_stream(source: bytes | os.PathLike[str], limits: DecodeLimits = DEFAULT_LIMITS) -> Iterator[FrameStream]:
    """Find out when each frame of a video is shown; where its packets tell, nothing is decoded for it.

    Raises NotAVideo, Undecodable, NoFrames or LimitExceeded, and OSError for a path that cannot be read.
    """
    file = VideoFile(source, limits)
    with file.open(QUICK_PROBING) as video:
        try:
            survey = survey_packets(video)
        except FullDecodeRequired as unsure:
            yield FrameStream(file, video, None, _times_by_decoding(file), str(unsure))
            return
        yield FrameStream(file, video, survey, _times_of_packets(video, survey))


class FrameStream:
    """A video whose frames can be taken once.

    `times` are those of all frames, rising, in seconds from the first one. `reason` says why the full path was taken;
    on the minimal one it is empty.
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
        """From the first frame to the end of the last."""
        return self._info.duration_seconds

    def describe(self, image: Image) -> VideoInfo:
        """What the file holds, `image` being one of its frames."""
        height, width, _ = image.shape
        return replace(self._info, width=width, height=height)

    def frames(self, indices: Collection[int]) -> Iterator[tuple[int, Image]]:
        """The frames of these indices, in order and each once, with the index: uint8 [H, W, 3] RGB, upright.

        Raises Undecodable or LimitExceeded, however many have been handed out.
        """
        wanted = deque(sorted(set(indices)))
        if self._survey is None:
            yield from self._all_frames(wanted, range(len(self.times)))
            return
        try:
            yield from self._planned_frames(wanted, self._survey)
        except FullDecodeRequired as unsure:
            self.reason = str(unsure)
            # which frames there are was the packets' word; now only their times can tell which is which
            yield from self._all_frames(wanted, self.times)

    def _planned_frames(self, wanted: deque[int], survey: Survey) -> Iterator[tuple[int, Image]]:
        plan = plan_for(wanted, self._video, survey)
        self.packets_fed = plan.num_fed
        shapes = set()
        with closing(planned_frames(self._file, self._video, survey, plan)) as frames:
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

    def _all_frames(self, wanted: deque[int], moments: Sequence[float]) -> Iterator[tuple[int, Image]]:
        """`moments` are those of all frames: their indices, or seconds."""
        with self._file.open(THOROUGH_PROBING) as video:
            decoded = every_frame(video)
            timed = enumerate(decoded) if isinstance(moments, range) else _timed(decoded, video)
            for index, frame in _shown_at(timed, wanted, moments):
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
    # sorted: frames come in order, but an AVI numbers them as they are decoded
    with file.open(THOROUGH_PROBING) as video:
        times = sorted(time for time, _ in _timed(every_frame(video), video))
    if not times:
        raise NoFrames("no frame of the video could be decoded")
    return [time - times[0] for time in times]


def _timed(frames: Iterator[VideoFrame], video: OpenVideo) -> Iterator[tuple[float, VideoFrame]]:
    """Each with its time in seconds from the first."""
    first = None
    for index, frame in enumerate(frames):
        seconds = seconds_of(frame, index, video.stream)
        first = seconds if first is None else first
        yield seconds - first, frame


def _shown_at(
    frames: Iterator[tuple[float, VideoFrame]], wanted: deque[int], moments: Sequence[float]
) -> Iterator[tuple[int, VideoFrame]]:
    """For each that is wanted, the frame that is shown at its moment: the last that began no later."""
    shown: tuple[float, VideoFrame] | None = None
    for began, frame in frames:
        while shown and wanted and began > moments[wanted[0]] + ROUNDING:
            yield wanted.popleft(), shown[1]
        if not wanted:
            return
        shown = began, frame
    while wanted:
        if not shown or moments[wanted[0]] > shown[0] + MOST_SECONDS_LOST:
            raise Undecodable("the video is damaged: its last frames do not decode")
        yield wanted.popleft(), shown[1]
