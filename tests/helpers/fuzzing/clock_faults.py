"""Streams whose packets have wrong times: codec x B pictures x container x fault of the clock x length, at random.

python -m tests.helpers.fuzzing.clock_faults --seed 1 --cases 5000     check frames of each with those of a full decode
"""

from __future__ import annotations

import argparse
import collections
import functools
import io
import itertools
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.stream import VideoStream

from clips.decoding.decode import decode
from clips.decoding.errors import NoFrames
from clips.decoding.frames import Image
from clips.decoding.stream import open_stream
from clips.sampling import evaluation_indices
from tests.helpers.videos.clip_recipes import ClipRecipe, x264, x265
from tests.helpers.videos.make_clip import make_clip

FRAME = 40
"""Milliseconds between frames."""
FAR_BEFORE = 20_000
"""Decoding times lie so many milliseconds before the first presentation time, as muxers refuse later ones."""

LENGTHS = (1, 2, 3, 7, 16, 33, 60)
H264_CONTAINERS = ("matroska", "mp4", "mov", "mpegts", "flv", "avi")
HEVC_CONTAINERS = ("matroska", "mp4", "mpegts")
CONTAINERS = {
    "libx264": H264_CONTAINERS,
    "libx265": HEVC_CONTAINERS,
    "mpeg4": ("matroska", "mp4", "avi"),
    "libvpx": ("matroska", "webm"),
    "libvpx-vp9": ("matroska", "webm", "mp4"),
    "libsvtav1": ("matroska", "mp4"),
    "mjpeg": ("matroska", "mov", "avi"),
}

SMALL: dict[str, Any] = {"container": "matroska", "width": 64, "height": 48}
RECIPES = (
    x264("no-b", options={"bf": "0"}, **SMALL),
    x264("zero-latency", options={"tune": "zerolatency"}, **SMALL),
    x264("ibp", options={"bf": "1", "x264-params": "b-adapt=0"}, **SMALL),
    x264("ibbp", options={"bf": "2", "x264-params": "b-adapt=0:b-pyramid=none"}, **SMALL),
    x264("pyramid", options={"bf": "3", "x264-params": "b-adapt=0:b-pyramid=normal"}, **SMALL),
    x264("deep", options={"bf": "7", "x264-params": "b-adapt=0:b-pyramid=normal"}, gop=250, **SMALL),
    x264("open", options={"bf": "3", "x264-params": "open-gop=1:b-adapt=0"}, **SMALL),
    x264("intra", gop=1, **SMALL),
    x265("no-b", "bframes=0:keyint=12", **SMALL),
    x265("closed", "keyint=12:open-gop=0:bframes=3:b-adapt=0", **SMALL),
    x265("open", "keyint=12:open-gop=1:bframes=4:b-adapt=0", **SMALL),
    ClipRecipe("mpeg4", encoder="mpeg4", options={"bf": "0"}, **SMALL),
    ClipRecipe("mpeg4-b", encoder="mpeg4", options={"bf": "2"}, **SMALL),
    ClipRecipe("vp8", encoder="libvpx", options={"deadline": "realtime"}, **SMALL),
    ClipRecipe("vp9", encoder="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}, **SMALL),
    ClipRecipe("av1", encoder="libsvtav1", options={"preset": "12", "svtav1-params": "lp=1"}, **SMALL),
    ClipRecipe("mjpeg", encoder="mjpeg", pixels="yuvj420p", **SMALL),
)


@dataclass(frozen=True)
class Packet:
    """An encoded packet, in decode order, with its presentation time in milliseconds."""

    data: bytes
    is_key: bool
    time: int


Times = list[int]
Fault = Callable[[list[Packet], Times, random.Random], Times]


def _true(packets: list[Packet], times: Times, rng: random.Random) -> Times:
    return times


def _as_decoded(packets: list[Packet], times: Times, rng: random.Random) -> Times:
    return sorted(times)


def _keys_moved(packets: list[Packet], times: Times, rng: random.Random) -> Times:
    delay = rng.choice([-90, -60, -30, 20, 60, 90, 150])
    return [time + delay * packet.is_key for packet, time in zip(packets, times, strict=True)]


def _steps_back(packets: list[Packet], times: Times, rng: random.Random) -> Times:
    since, back = rng.randrange(len(times)), rng.choice([20, 50, 200, 1000, 5000])
    return [time - back * (i >= since) for i, time in enumerate(times)]


def _jitters(packets: list[Packet], times: Times, rng: random.Random) -> Times:
    reach = rng.choice([5, 15, 30, 70])
    return [time + rng.randint(-reach, reach) for time in times]


def _swapped(packets: list[Packet], times: Times, rng: random.Random) -> Times:
    swapped = list(times)
    for _ in range(rng.randint(1, 4)):
        i = rng.randrange(len(times))
        j = min(len(times) - 1, i + rng.choice([1, 1, 2, 5]))
        swapped[i], swapped[j] = swapped[j], swapped[i]
    return swapped


def _repeated(packets: list[Packet], times: Times, rng: random.Random) -> Times:
    repeated = list(times)
    repeated[rng.randrange(len(times))] = rng.choice(times)
    return repeated


def _references_late(packets: list[Packet], times: Times, rng: random.Random) -> Times:
    """Pictures that are decoded out of display order are shown later by some frames, as muxers without a delay do."""
    return [time + FRAME * rng.choice([1, 2]) * (time != rank) for time, rank in zip(times, sorted(times), strict=True)]


FAULTS: tuple[Fault, ...] = (
    _true,
    _as_decoded,
    _keys_moved,
    _steps_back,
    _jitters,
    _swapped,
    _repeated,
    _references_late,
)


@dataclass(frozen=True)
class FaultyStream:
    """A generated file, and what it was made of."""

    name: str
    has_fault: bool
    data: bytes


def faulty_streams(seed: int) -> Iterator[FaultyStream]:
    """Yield streams without end; muxers refuse some, which are left out."""
    for case in itertools.count():
        rng = random.Random(seed * 1_000_003 + case)
        recipe, num_frames, fault = rng.choice(RECIPES), rng.choice(LENGTHS), rng.choice(FAULTS)
        container = rng.choice(CONTAINERS[recipe.encoder])
        name = f"seed {seed}, case {case}: {recipe.name} {container} {num_frames} {fault.__name__}"
        template, packets = _encoded(recipe, num_frames)
        try:
            data = _muxed(template, packets, fault(packets, [one.time for one in packets], rng), container)
        except (av.error.FFmpegError, ValueError):
            continue
        yield FaultyStream(name, fault is not _true, data)


@functools.cache
def _encoded(recipe: ClipRecipe, num_frames: int) -> tuple[bytes, list[Packet]]:
    """A Matroska file of the recipe's first frames, and its packets."""
    data = make_clip(ClipRecipe(**{**vars(recipe), "frames": num_frames}))
    with av.open(io.BytesIO(data), "r") as container:
        packets = [
            Packet(bytes(packet), packet.is_keyframe, packet.pts)
            for packet in container.demux(video=0)
            if packet.size and packet.pts is not None
        ]
    return data, packets


def _muxed(template: bytes, packets: list[Packet], times: Times, container_format: str) -> bytes:
    target = io.BytesIO()
    earliest = min(times)
    with av.open(io.BytesIO(template), "r") as source, av.open(target, "w", format=container_format) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for i, (packet, time) in enumerate(zip(packets, times, strict=True)):
            muxed = av.Packet(packet.data)
            muxed.stream, muxed.time_base, muxed.is_keyframe = stream, Fraction(1, 1000), packet.is_key
            is_rising = times == sorted(times)
            muxed.pts, muxed.dts = time - earliest, (time if is_rising else i - FAR_BEFORE) - earliest
            output.mux(muxed)
    return target.getvalue()


def full_decode(data: bytes) -> list[Image]:
    """Every frame, by a plain PyAV loop that passes over packets that do not decode."""
    images: list[Image] = []
    with av.open(io.BytesIO(data), "r") as container:
        video = container.streams.best("video")
        assert isinstance(video, VideoStream)
        video.codec_context.thread_count = 1
        for packet in container.demux(video):
            try:
                decoded = video.codec_context.decode(packet)
            except av.error.FFmpegError:
                continue
            images += [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in decoded]
    return images


def check(data: bytes) -> str:
    """Raise AssertionError unless frames, streamed ones too, are those of a full decode, and times rise and cover.

    Returns the path that was taken; an edit list may hide all frames.
    """
    expected = full_decode(data)
    try:
        clip = decode(data, lambda num_frames: evaluation_indices(num_frames, 8))
    except NoFrames:
        assert not expected
        return "hidden"
    assert clip.video.frames == len(expected)
    for index, image in zip(clip.indices, clip.images, strict=True):
        np.testing.assert_array_equal(image, expected[index])
    assert all(time >= 0 for time in clip.times)
    assert list(clip.times) == sorted(clip.times)
    assert clip.video.duration_seconds >= clip.times[-1]
    with open_stream(data) as stream:
        assert len(stream.times) == len(expected)
        for index, image in stream.frames(set(clip.indices)):
            np.testing.assert_array_equal(image, expected[index])
    return clip.report.path


def check_streams(seed: int, num_cases: int) -> dict[str, int]:
    """Check so many streams; return how many took which path, those with true times apart."""
    outcomes: collections.Counter[str] = collections.Counter()
    for stream in itertools.islice(faulty_streams(seed), num_cases):
        try:
            path = check(stream.data)
        except BaseException:
            sys.stderr.write(f"{stream.name}\n")
            raise
        outcomes[f"{path}, {'faulty' if stream.has_fault else 'true'}"] += 1
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{outcomes.total():,} of {num_cases:,} streams")
    return dict(outcomes)


def main() -> None:
    """Parse the command line and check streams."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=1000)
    arguments = parser.parse_args()
    sys.stdout.write(f"{check_streams(arguments.seed, arguments.cases)}\n")


if __name__ == "__main__":
    main()
