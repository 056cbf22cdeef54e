"""Decode chosen frames of a video, bit-identical to those of a full decode.

Training, evaluation and serving use this one function, so all three see the same pixels. Frames are counted, because
containers report wrong counts. Rotation metadata is applied; the sample aspect ratio is ignored, as by MMAction2.

There are two paths. The minimal one (`clips.decoding.seek`) feeds only the packets that the frames need. Where that
might not be exact, it raises `FullDecodeRequired`, and the full path decodes every packet. `DecodeReport` says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import numpy as np
from av.video.frame import VideoFrame

from clips.decoding.container import QUICK_PROBING, THOROUGH_PROBING, OpenVideo, VideoFile, VideoSource
from clips.decoding.errors import NoFrames
from clips.decoding.frames import Converter, Image, VideoInfo, describe, every_frame, seconds_of, upright_size
from clips.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from clips.decoding.picture import FullDecodeRequired
from clips.decoding.seek import Plan, Survey, decode_planned, plan_frames, survey_packets

PickFrames = Callable[[int], Sequence[int]]
"""Returns the indices of the wanted frames of a video, in the wanted order, from its number of frames."""


@dataclass(frozen=True)
class DecodeReport:
    """The path taken and the packets fed to the decoder, of all; `reason` says why the full path was needed."""

    path: Literal["minimal", "full"]
    packets_fed: int
    packets: int
    reason: str = ""


@dataclass(frozen=True)
class DecodedClip:
    """The wanted frames of one video: `images` uint8 [H, W, 3] RGB, rotated upright, in full size.

    `times` are in seconds from the video's first frame. A frame wanted twice is the same array twice.
    """

    images: tuple[Image, ...]
    indices: tuple[int, ...]
    times: tuple[float, ...]
    video: VideoInfo
    report: DecodeReport


def decode(source: VideoSource, pick_frames: PickFrames, limits: DecodeLimits = DEFAULT_LIMITS) -> DecodedClip:
    """Decode the frames of a video that `pick_frames` chooses.

        clip = decode("clip.mp4", lambda num_frames: [0, num_frames - 1])
        first, last = clip.images

    Raises NotAVideo, Undecodable, NoFrames or LimitExceeded, and OSError for a path that cannot be read.
    """
    file = VideoFile(source, limits)
    try:
        return _decode_minimal(file, pick_frames)
    except FullDecodeRequired as error:
        reason = str(error)
    num_frames = _count_displayable(file)
    clip = _decode_full(file, pick_frames, num_frames, reason)
    if clip.video.frames == num_frames:
        return clip
    return _decode_full(file, pick_frames, clip.video.frames, reason)


def _decode_minimal(file: VideoFile, pick_frames: PickFrames) -> DecodedClip:
    with file.open(QUICK_PROBING) as video:
        survey = survey_packets(video)
        plan = plan_frames(pick_frames(len(survey.shown)), video, survey)
        return _assemble(video, survey, plan, _planned_images(file, video, survey, plan))


def _planned_images(file: VideoFile, video: OpenVideo, survey: Survey, plan: Plan) -> tuple[Image, ...]:
    """Return the wanted frames; raise FullDecodeRequired if one is missing or differs in size."""
    missing = set(plan.indices)
    images = _Images(len(missing))
    with closing(decode_planned(file, video, survey, plan)) as frames:
        for index, frame in frames:
            if index in missing:
                images.add(index, frame)
                missing.remove(index)
    found = images.at(plan.indices) if not missing else ()
    if len({image.shape for image in found}) != 1:
        raise FullDecodeRequired("frames are missing or differ in size")
    return found


def _assemble(video: OpenVideo, survey: Survey, plan: Plan, images: tuple[Image, ...]) -> DecodedClip:
    time_base = video.stream.time_base
    assert time_base is not None
    first = float(plan.times[0] * time_base)
    height, width, _ = images[0].shape
    return DecodedClip(
        images,
        plan.indices,
        tuple(float(plan.times[index] * time_base) - first for index in plan.indices),
        describe(video, (width, height), len(plan.times), float(plan.times[-1] * time_base) - first),
        DecodeReport("minimal", plan.num_fed, len(survey.times)),
    )


def _count_displayable(file: VideoFile) -> int:
    with file.open(QUICK_PROBING) as video:
        return sum(not packet.is_discard for packet in video.packets())


def _decode_full(file: VideoFile, pick_frames: PickFrames, num_frames: int, reason: str) -> DecodedClip:
    """Decode every packet; return a clip without images if `num_frames` differs from the number that decodes."""
    if num_frames == 0:
        raise NoFrames("the video holds no frame")
    indices = tuple(pick_frames(num_frames))
    wanted = frozenset(indices)
    images = _Images(len(wanted))
    times: list[float] = []
    frame = None
    with file.open(THOROUGH_PROBING) as video:
        for index, frame in enumerate(every_frame(video)):
            times.append(seconds_of(frame, index, video.stream))
            if index in wanted:
                images.add(index, frame)
        if frame is None:
            raise NoFrames("no frame of the video could be decoded")
        info = describe(video, upright_size(frame), len(times), times[-1] - times[0])
    report = DecodeReport("full", video.num_packets, video.num_packets, reason)
    if len(times) != num_frames:
        return DecodedClip((), (), (), info, report)
    times_shown = tuple(times[i] - times[0] for i in indices)
    return DecodedClip(images.at(indices), indices, times_shown, info, report)


class _Images:
    """RGB images of up to `capacity` frames by index, in one block of memory.

    One block, since the kernel hands out few large pages faster than many small ones.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._converter = Converter()
        self._block: Image | None = None
        self._of: dict[int, Image] = {}

    def add(self, index: int, frame: VideoFrame) -> None:
        """Convert a frame and keep it; one of another size than the first gets memory of its own."""
        upright = self._converter.upright(frame)
        if self._block is None:
            self._block = np.empty((self._capacity, *upright.shape), np.uint8)
        fits = upright.shape == self._block.shape[1:]
        self._of[index] = self._block[len(self._of)] if fits else np.empty_like(upright)
        self._of[index][:] = upright

    def at(self, indices: Iterable[int]) -> tuple[Image, ...]:
        """Return the images with these indices; raise KeyError for one that was not added."""
        return tuple(self._of[index] for index in indices)
