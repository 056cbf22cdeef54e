"""Video bytes become the frames that were asked for, exactly, within limits.

One function serves training, evaluation and the gateway, so all three see the same pixels. Containers lie about
their frame counts, so frames are counted, not believed. Rotation metadata is applied; the sample aspect ratio is
ignored, as MMAction2's readers do.

Few of a video's packets are needed for a few of its frames (`clips.decoding.seek`). Whatever makes leaving out the
others inexact (`FullDecodeRequired` says what) makes us decode every packet; the `DecodeReport` tells so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import numpy as np
from av.video.frame import VideoFrame

from clips.decoding.bitstream import FullDecodeRequired
from clips.decoding.container import QUICK_PROBING, THOROUGH_PROBING, OpenVideo, VideoFile
from clips.decoding.errors import NoFrames
from clips.decoding.frames import Converter, Image, VideoInfo, describe, every_frame, seconds_of, upright_size
from clips.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from clips.decoding.seek import Plan, Survey, plan_for, planned_frames, survey_packets

PickFrames = Callable[[int], Sequence[int]]
"""Given how many frames a video has, the indices of those wanted, in the order wanted."""


@dataclass(frozen=True)
class DecodeReport:
    """How much of a video was decoded. On the full path, `reason` says why."""

    path: Literal["minimal", "full"]
    packets_fed: int
    packets: int
    reason: str = ""


@dataclass(frozen=True)
class DecodedClip:
    """The frames asked for: uint8 [H, W, 3] RGB, upright. A frame asked for twice is the same array twice.

    `times` are in seconds from the video's first frame.
    """

    images: tuple[Image, ...]
    indices: tuple[int, ...]
    times: tuple[float, ...]
    video: VideoInfo
    report: DecodeReport


def decode(
    source: bytes | os.PathLike[str], pick_frames: PickFrames, limits: DecodeLimits = DEFAULT_LIMITS
) -> DecodedClip:
    """Decode the frames of a video that `pick_frames` names, equal to the bit to those of a decode of the whole.

    Raises NotAVideo, Undecodable, NoFrames or LimitExceeded, and OSError for a path that cannot be read.
    """
    file = VideoFile(source, limits)
    try:
        return _decode_needed(file, pick_frames)
    except FullDecodeRequired as unsure:
        reason = str(unsure)
    num_frames = _count_displayable(file)
    clip = _decode_all(file, pick_frames, num_frames, reason)
    if clip.video.frames == num_frames:
        return clip
    return _decode_all(file, pick_frames, clip.video.frames, reason)


def _decode_needed(file: VideoFile, pick_frames: PickFrames) -> DecodedClip:
    with file.open(QUICK_PROBING) as video:
        survey = survey_packets(video)
        plan = plan_for(pick_frames(len(survey.shown)), video, survey)
        return _assemble(video, survey, plan, _take(file, video, survey, plan))


def _take(file: VideoFile, video: OpenVideo, survey: Survey, plan: Plan) -> tuple[Image, ...]:
    """The frames to return; FullDecodeRequired unless they and those around them come out as planned."""
    missing = set(plan.indices)
    images = _Images(len(missing))
    with closing(planned_frames(file, video, survey, plan)) as frames:
        for rank, frame in frames:
            if rank in missing:
                images.add(rank, frame)
                missing.remove(rank)
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


def _decode_all(file: VideoFile, pick_frames: PickFrames, num_frames: int, reason: str) -> DecodedClip:
    """Decode every packet; a clip without images when there turn out to be more or fewer than `num_frames`."""
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
    """Up to `capacity` frames as RGB, upright, by their place in the video.

    They lie in one block of memory: a system hands out few large pages faster than many small ones.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._converter = Converter()
        self._block: Image | None = None
        self._of: dict[int, Image] = {}

    def add(self, index: int, frame: VideoFrame) -> None:
        upright = self._converter.upright(frame)
        if self._block is None:
            self._block = np.empty((self._capacity, *upright.shape), np.uint8)
        fits = upright.shape == self._block.shape[1:]
        self._of[index] = self._block[len(self._of)] if fits else np.empty_like(upright)
        self._of[index][:] = upright

    def at(self, indices: Iterable[int]) -> tuple[Image, ...]:
        """KeyError for one that was not added."""
        return tuple(self._of[index] for index in indices)
