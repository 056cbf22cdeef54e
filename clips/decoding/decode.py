"""Decode chosen frames of a video, bit-identical to those of a full decode.

Training, evaluation and serving use this one function, so all three see the same pixels. Frames are counted, because
containers report wrong counts. The display matrix is applied; the sample aspect ratio is ignored, as by MMAction2.

There are two paths. The minimal one (`clips.decoding.seek`) feeds only the packets that the frames need. Where that
might not be exact, it raises `FullDecodeRequired`, and the full path decodes every packet. `DecodeReport` says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clips.decoding.container import QUICK_PROBING, THOROUGH_PROBING, OpenVideo, VideoFile, VideoSource
from clips.decoding.errors import NoFrames
from clips.decoding.frame_times import all_rising
from clips.decoding.frames import Converter, Image, describe, every_frame, frame_seconds, in_seconds, upright_size
from clips.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from clips.decoding.parallel.visit import visit_frames
from clips.decoding.picture import FullDecodeRequired
from clips.decoding.seek import Plan, plan_frames, survey_packets
from clips.decoding.stream import times_by_decoding
from clips.decoding.survey.survey import Survey
from clips.part import WHOLE, Part, PickFrames
from clips.video_info import VideoInfo

LIKELY_DIFFERENCES = (-1, 1, -2, -3)
"""Numbers of frames, less that of packets, whose picked frames are kept as well, so that packets decode once."""
MAX_PIXELS_TO_SPARE = 1920 * 1088
"""Larger frames are not kept in case they are picked; their video may be decoded twice."""


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

    Rows of an image may have gaps between them: `np.ascontiguousarray` closes these.

    `times` are in seconds from the video's first frame. A frame wanted twice is the same array twice.
    """

    images: tuple[Image, ...]
    indices: tuple[int, ...]
    times: tuple[float, ...]
    video: VideoInfo
    report: DecodeReport


def decode(
    source: VideoSource,
    pick_frames: PickFrames,
    limits: DecodeLimits = DEFAULT_LIMITS,
    part: Part = WHOLE,
    threads: int = 1,
) -> DecodedClip:
    """Decode the frames of a video, or of a part of it, that `pick_frames` chooses.

        clip = decode("clip.mp4", lambda num_frames: [0, num_frames - 1])
        first, last = clip.images

    Frames are chosen as if the part were all of the video; `indices` and `times` are those in the whole video. At most
    `threads` threads decode, where that is sooner; the frames are the same.

    Raises NotAVideo, Undecodable, NoFrames, NoSuchPart or LimitExceeded, and OSError for a path that cannot be read.
    """
    file = VideoFile(source, limits, threads)
    with file.open(QUICK_PROBING) as video:
        survey = survey_packets(file, video, needs_times=False)
        try:
            return _decode_minimal(file, video, survey, pick_frames, part, threads)
        except FullDecodeRequired as error:
            reason = str(error)
        if part == WHOLE and survey.every_packet is not None:
            return _decode_read_packets(file, video, survey, pick_frames, reason)
    if part != WHOLE:
        return _decode_part_in_full(file, pick_frames, part, reason)
    return _decode_full(file, pick_frames, _likely_counts(survey), reason)


def _decode_minimal(
    file: VideoFile, video: OpenVideo, survey: Survey, pick_frames: PickFrames, part: Part, threads: int
) -> DecodedClip:
    if survey.reason:
        raise FullDecodeRequired(survey.reason)
    whole = part == WHOLE
    indices = pick_frames(len(survey.shown)) if whole else _pick_within(part, pick_frames, video, survey)
    plan = plan_frames(indices, video, survey)
    return _assemble(video, survey, plan, _planned_images(file, video, survey, plan, threads))


def _pick_within(part: Part, pick_frames: PickFrames, video: OpenVideo, survey: Survey) -> tuple[int, ...]:
    time_base = video.stream.time_base
    assert time_base is not None
    times = [in_seconds(time, time_base) for time in survey.times[survey.shown].tolist()]
    times = [time - times[0] for time in times]
    duration = describe(video, (0, 0), len(times), times[-1]).duration_seconds
    return part.pick(pick_frames, times, duration)


def _planned_images(file: VideoFile, video: OpenVideo, survey: Survey, plan: Plan, threads: int) -> tuple[Image, ...]:
    """Return the wanted frames; raise FullDecodeRequired if one is missing or differs in size."""
    images: dict[int, Image] = {}
    converter = Converter()

    def keep(index: int, frame: VideoFrame) -> None:
        images[index] = converter.upright(frame)

    visit_frames(file, video, survey, plan, keep, threads)
    if not images.keys() >= set(plan.indices) or len({image.shape for image in images.values()}) != 1:
        raise FullDecodeRequired("frames are missing or differ in size")
    return tuple(images[index] for index in plan.indices)


def _assemble(video: OpenVideo, survey: Survey, plan: Plan, images: tuple[Image, ...]) -> DecodedClip:
    time_base = video.stream.time_base
    assert time_base is not None
    first, last, *times = (in_seconds(time, time_base) for time in plan.times[[0, -1, *plan.indices]].tolist())
    height, width, _ = images[0].shape
    return DecodedClip(
        images,
        plan.indices,
        tuple(time - first for time in times),
        describe(video, (width, height), len(plan.times), last - first),
        DecodeReport("minimal", plan.num_fed, len(survey.times)),
    )


def _decode_part_in_full(file: VideoFile, pick_frames: PickFrames, part: Part, reason: str) -> DecodedClip:
    """Decode every packet twice: the frames in the part are known when all times are."""
    times, duration = times_by_decoding(file)
    indices = part.pick(pick_frames, times, duration)
    with file.open(THOROUGH_PROBING) as video:
        clip = _decode_every_packet(video, lambda _: indices, [len(times)], reason)
    return replace(clip, report=replace(clip.report, packets_fed=2 * clip.report.packets_fed))


def _likely_counts(survey: Survey) -> list[int]:
    """Return numbers of frames that the video may turn out to have, the likeliest first: that of its packets.

    Packed, damaged and leading pictures make it differ by a few. Where only the times are wrong, each packet holds one.
    """
    num_packets = len(survey.timestamps)
    differences = () if survey.has_wrong_times else LIKELY_DIFFERENCES
    return [num_packets, *(num_packets + difference for difference in differences)]


def _decode_full(file: VideoFile, pick_frames: PickFrames, counts: Sequence[int], reason: str) -> DecodedClip:
    """Decode every packet, once if the number of frames is one of `counts`."""
    try:
        with file.open(THOROUGH_PROBING) as video:
            return _decode_every_packet(video, pick_frames, counts, reason)
    except _OtherCount as other:
        num_frames = other.num_frames
    with file.open(THOROUGH_PROBING) as video:
        return _decode_every_packet(video, pick_frames, [num_frames], reason)


def _decode_read_packets(
    file: VideoFile, video: OpenVideo, survey: Survey, pick_frames: PickFrames, reason: str
) -> DecodedClip:
    """Decode all packets of a video, which the survey has read or left to be read."""
    try:
        return _decode_every_packet(video, pick_frames, _likely_counts(survey), reason, survey.every_packet)
    except _OtherCount as other:
        return _decode_full(file, pick_frames, [other.num_frames], reason)


class _OtherCount(Exception):
    """The video has another number of frames than those for which frames were picked."""

    def __init__(self, num_frames: int) -> None:
        super().__init__(f"the video has {num_frames} frames")
        self.num_frames = num_frames


def _decode_every_packet(
    video: OpenVideo,
    pick_frames: PickFrames,
    counts: Sequence[int],
    reason: str,
    packets: Iterable[Packet[VideoStream]] | None = None,
) -> DecodedClip:
    if counts[0] == 0:
        raise NoFrames("the video holds no frame")
    stamps: list[int | None] = []
    last: VideoFrame | None = None
    picked = _picked_for_each(counts, pick_frames, video)
    kept = _KeptFrames(picked, counts[0])
    for index, last in enumerate(every_frame(video, packets)):
        stamps.append(last.pts)
        if index in kept.likely:
            kept.add(index, last)
    num_frames = len(stamps)
    if last is None:
        raise NoFrames("no frame of the video could be decoded")
    if num_frames not in picked:
        raise _OtherCount(num_frames)
    time_base = video.stream.time_base
    seconds = [None if stamp is None or time_base is None else in_seconds(stamp, time_base) for stamp in stamps]
    times = all_rising(seconds, frame_seconds(video.stream))
    info = describe(video, upright_size(last), num_frames, times[-1])
    indices = picked[num_frames]
    report = DecodeReport("full", video.num_packets, video.num_packets, reason)
    return DecodedClip(kept.at(indices), indices, tuple(times[i] for i in indices), info, report)


def _picked_for_each(counts: Sequence[int], pick_frames: PickFrames, video: OpenVideo) -> dict[int, tuple[int, ...]]:
    """Return the frames that would be picked for each number of frames; of large ones, for the likeliest only."""
    context = video.stream.codec_context
    is_small = context.width * context.height <= MAX_PIXELS_TO_SPARE
    return {count: tuple(pick_frames(count)) for count in (counts if is_small else counts[:1]) if count > 0}


class _KeptFrames:
    """The frames that are picked if the video has the expected number of frames, as images, and others as decoded.

    `likely` are the indices of all of them.
    """

    def __init__(self, picked: dict[int, tuple[int, ...]], num_expected: int) -> None:
        self._expected = frozenset(picked[num_expected])
        self.likely = frozenset(index for indices in picked.values() for index in indices)
        self._converter = Converter()
        self._images: dict[int, Image] = {}
        self._spare: dict[int, VideoFrame] = {}

    def add(self, index: int, frame: VideoFrame) -> None:
        """Keep a frame that is likely picked."""
        if index in self._expected:
            self._images[index] = self._converter.upright(frame)
        else:
            self._spare[index] = frame

    def at(self, indices: Sequence[int]) -> tuple[Image, ...]:
        """Return the images of the frames that were picked after all."""
        for index in set(indices) & self._spare.keys():
            self._images[index] = self._converter.upright(self._spare.pop(index))
        return tuple(self._images[index] for index in indices)
