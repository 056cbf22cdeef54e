"""Frame stream: any number of frames of a long video, one after another, in the memory of a few.

The frames are bit-identical to those of `clips.decoding.decode` and take the same two paths. If the minimal path fails
midway, the full path continues with the first frame that has not been yielded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice

import av
from av.video.frame import VideoFrame

from clips.decoding.container import QUICK_PROBING, THOROUGH_PROBING, OpenVideo, VideoFile, VideoSource
from clips.decoding.errors import NoFrames, Undecodable
from clips.decoding.frame_times import rising
from clips.decoding.frames import Converter, Image, describe, every_frame, frame_seconds, in_seconds, seconds_of
from clips.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from clips.decoding.packet_plan import MAX_REORDER_DEPTH
from clips.decoding.picture import FullDecodeRequired
from clips.decoding.seek import decode_planned, plan_frames, survey_packets
from clips.decoding.survey.survey import Survey
from clips.video_info import VideoInfo

PROBED_PACKETS = 64
"""Packets of a video without times that are decoded to see if each holds a frame."""
MAX_UNSTEADY = 0.1
"""Times of a steady rate are off by less than this share of a frame's length."""
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
        survey = survey_packets(file, video)
        times = _times_of_packets(video, survey) or _times_of_unstamped(file, survey) or times_by_decoding(file)[0]
        yield FrameStream(file, video, survey, times)


class FrameStream:
    """An open video whose frames can be read once.

    `times` are those of all frames, ascending, in seconds from the first one. `reason` says why the full path was
    needed; on the minimal path it is empty. `packets_fed` counts the packets given to the decoder so far.
    """

    def __init__(self, file: VideoFile, video: OpenVideo, survey: Survey, times: Sequence[float]) -> None:
        self._file = file
        self._video = video
        self._survey = survey
        self._converter = Converter()
        self._info = describe(video, (0, 0), len(times), times[-1])
        self.times = times
        self.reason = survey.reason
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
        if self.reason:
            yield from self._full_path(wanted)
            return
        try:
            yield from self._minimal_path(wanted)
        except FullDecodeRequired as error:
            self.reason = str(error)
            yield from self._full_path(wanted)

    def _minimal_path(self, wanted: deque[int]) -> Iterator[tuple[int, Image]]:
        plan = plan_frames(wanted, self._video, self._survey)
        self.packets_fed = plan.num_fed
        shapes = set()
        with closing(decode_planned(self._video, self._survey, plan)) as frames:
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

    def _full_path(self, wanted: deque[int]) -> Iterator[tuple[int, Image]]:
        """Decode every packet; times tell which frame is which, as some packets may not decode."""
        with self._file.open(THOROUGH_PROBING) as video:
            # times that are wrong may come out otherwise in display order than in that of the packets
            timed = zip(self.times, every_frame(video), strict=False) if self._survey.has_wrong_times else _timed(video)
            for index, frame in _frames_shown_at(timed, wanted, self.times):
                yield index, self._image(frame)
        self.packets_fed += video.num_packets

    def _image(self, frame: VideoFrame) -> Image:
        return self._converter.upright(frame)


def _times_of_packets(video: OpenVideo, survey: Survey) -> list[float]:
    """Return the times of all frames in seconds from the first, or none if some packets have no time."""
    time_base = video.stream.time_base
    assert time_base is not None
    seconds = [in_seconds(stamp, time_base) for stamp in survey.timestamps if stamp is not None]
    if len(seconds) < len(survey.timestamps):
        return []
    in_order = seconds if survey.reason else sorted(seconds)
    return [time for time, _ in rising(((time, None) for time in in_order), frame_seconds(video.stream))]


def _times_of_unstamped(file: VideoFile, survey: Survey) -> list[float]:
    """Return the times of all frames where some packets have none, so that the video need not be decoded for them.

    Frames are counted then: they follow each other at the rate of the file. Returns nothing where the times that there
    are contradict that, or where packets and frames differ in number.
    """
    with file.open(THOROUGH_PROBING) as video:
        seconds, time_base = frame_seconds(video.stream), video.stream.time_base
        assert time_base is not None
        stamps = [None if stamp is None else in_seconds(stamp, time_base) for stamp in survey.timestamps]
        if not (stamps and seconds and _is_steady(stamps, seconds) and _holds_a_frame_each(video)):
            return []
    survey.has_wrong_times = True
    return [place * seconds for place in range(len(stamps))]


def _is_steady(stamps: Sequence[float | None], seconds: float) -> bool:
    """Return True if the times, in decode order, are those of frames of this length, none of which is missing."""
    known = [(place, stamp) for place, stamp in enumerate(stamps) if stamp is not None]
    first = min((stamp for _, stamp in known), default=0.0)
    frames = [(place, (stamp - first) / seconds) for place, stamp in known]
    return all(
        abs(frame - round(frame)) < MAX_UNSTEADY and abs(frame - place) <= MAX_REORDER_DEPTH for place, frame in frames
    )


def _holds_a_frame_each(video: OpenVideo) -> bool:
    """Decode the first packets; return True if there are as many frames, and not pairs of fields or packed pictures."""
    num_packets, num_frames, context = 0, 0, video.stream.codec_context
    try:
        for packet in islice(video.packets(), PROBED_PACKETS):
            num_packets += 1
            num_frames += len(context.decode(packet))
        num_frames += len(context.decode(None))
    except av.error.FFmpegError:
        return False
    return num_frames == num_packets


def times_by_decoding(file: VideoFile) -> tuple[list[float], float]:
    """Decode every packet; return the times of all frames in seconds from the first one, and the duration.

    Raises NoFrames, Undecodable or LimitExceeded.
    """
    with file.open(THOROUGH_PROBING) as video:
        times = [time for time, _ in _timed(video)]
        if not times:
            raise NoFrames("no frame of the video could be decoded")
        return times, describe(video, (0, 0), len(times), times[-1]).duration_seconds


def _timed(video: OpenVideo) -> Iterator[tuple[float, VideoFrame]]:
    """Decode every packet and yield each frame after its time, in seconds from the first frame."""
    timed = ((seconds_of(frame, video.stream), frame) for frame in every_frame(video))
    return rising(timed, frame_seconds(video.stream))


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
