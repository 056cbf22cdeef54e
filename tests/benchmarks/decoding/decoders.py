"""The decoders: each opens a file by its path, finds its length, and returns the eight evaluation frames as RGB."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clips.decoding.container import HEADER_SUFFICES, QUICK_PROBING, THOROUGH_PROBING, OpenVideo, VideoFile
from clips.decoding.decode import decode
from clips.decoding.frames import Converter, Image
from clips.decoding.limits import DecodeLimits
from clips.decoding.packet_plan import reorder_depth
from clips.decoding.seek import plan_frames, survey_packets
from clips.decoding.survey.survey import Survey
from clips.sampling import evaluation_indices

LIMITS = DecodeLimits(max_packets=1_000_000, max_frames=1_000_000, max_bytes=1_000_000_000)
"""For the film of an hour."""


def eight(num_frames: int) -> list[int]:
    """Return the indices of the eight evaluation frames."""
    return evaluation_indices(num_frames, 8)


def with_ours(path: str) -> Sequence[Image]:
    """Decode by this repository."""
    return decode(Path(path), eight, LIMITS).images


def with_decord(path: str) -> Any:
    """Decode by decord2."""
    from decord import VideoReader, cpu  # noqa: PLC0415

    reader = VideoReader(path, ctx=cpu(0), num_threads=1)
    return reader.get_batch(eight(len(reader))).asnumpy()


def with_torchcodec(path: str, mode: str = "exact") -> Any:
    """Decode by torchcodec, by default in its exact mode."""
    from torchcodec.decoders import VideoDecoder  # noqa: PLC0415

    decoder = VideoDecoder(path, num_ffmpeg_threads=1, dimension_order="NHWC", seek_mode=mode)
    return decoder.get_frames_at(eight(len(decoder))).data.numpy()


def with_torchcodec_approximate(path: str) -> Any:
    """Decode by torchcodec, which trusts the container's header."""
    return with_torchcodec(path, "approximate")


def with_opencv(path: str) -> Sequence[Image]:
    """Decode by OpenCV: grab up to the last index, retrieve the indices."""
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    indices = eight(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    images = {}
    for index in range(indices[-1] + 1):
        if not capture.grab():
            raise EOFError(f"no frame {index}")
        if index in indices:
            images[index] = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
    return [np.asarray(images[index], np.uint8) for index in indices]


def with_pyav(path: str, *, to_end: bool = False) -> Sequence[Image]:
    """Decode by PyAV in a plain loop over all frames, up to the last that is wanted or to the end."""
    with av.open(path, "r") as container:
        video = container.streams.video[0]
        video.codec_context.thread_count = 1
        indices = eight(video.frames or _count(path))
        images = {}
        for index, frame in enumerate(container.decode(video)):
            if index in indices:
                images[index] = frame.to_ndarray(format="rgb24")
            if index == indices[-1] and not to_end:
                break
    return [np.asarray(images[index], np.uint8) for index in indices]


def with_pyav_to_end(path: str) -> Sequence[Image]:
    """Decode every frame by PyAV, as is needed where the header's number of frames may be wrong."""
    return with_pyav(path, to_end=True)


def _count(path: str) -> int:
    with av.open(path, "r") as container:
        return sum(packet.size > 0 for packet in container.demux(video=0))


def with_packets_alone(path: str) -> tuple[list[Image], float]:
    """Decode and convert exactly the packets of the plan, or all on the full path.

    Return the frames, and the CPU seconds of that alone.
    """
    file = VideoFile(Path(path), LIMITS)
    with file.open(QUICK_PROBING) as video:
        survey = survey_packets(file, video)
        if not survey.reason:
            return _planned_alone(video, survey)
    indices = decode(Path(path), eight, LIMITS).indices
    with file.open(THOROUGH_PROBING) as video:
        return _every_packet_alone(video, indices)


def _planned_alone(video: OpenVideo, survey: Survey) -> tuple[list[Image], float]:
    plan = plan_frames(eight(len(survey.shown)), video, survey)
    runs = iter([*survey.read([number for run in plan.runs for number in run])])
    packets = [[next(runs) for _ in run] for run in plan.runs]
    times = plan.times[list(plan.indices)].tolist()
    wanted = set(times)
    context, converter = video.stream.codec_context, Converter()
    images: dict[int, Image] = {}
    context.reorder_depth = depth = max(context.reorder_depth, reorder_depth(survey.times))
    started = time.process_time()
    for run in packets:
        for packet in (*run, None):
            for frame in context.decode(packet):
                if frame.pts is not None and frame.pts in wanted:
                    images[frame.pts] = converter.upright(frame)
        context.flush_buffers()
        context.reorder_depth = depth
    seconds = time.process_time() - started
    return [images[time] for time in times], seconds


def _every_packet_alone(video: OpenVideo, indices: Sequence[int]) -> tuple[list[Image], float]:
    packets, context, converter = [*video.packets(), None], video.stream.codec_context, Converter()
    images: dict[int, Image] = {}
    started = time.process_time()
    frames = chain.from_iterable(_decoded(context, packet) for packet in packets)
    for index, frame in enumerate(frames):
        if index in indices:
            images[index] = converter.upright(frame)
    seconds = time.process_time() - started
    return [images[index] for index in indices], seconds


def _decoded(context: VideoCodecContext, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
    try:
        return context.decode(packet)
    except av.error.FFmpegError:
        return []


def with_container_alone(path: str) -> tuple[list[Image], float]:
    """Open the container and read the stream's parameters; return no frames, and the CPU seconds of that."""
    started = time.process_time()
    with av.open(path, "r", options=QUICK_PROBING | HEADER_SUFFICES) as container:
        video = container.streams.best("video")
        assert isinstance(video, VideoStream)
        assert video.codec_context.width
    return [], time.process_time() - started


def with_packets_read(path: str) -> tuple[list[Image], float]:
    """Read every packet of an open video by FFmpeg, and look at none; return no frames, and the CPU seconds of that."""
    with av.open(path, "r", options=QUICK_PROBING | HEADER_SUFFICES) as container:
        video = container.streams.best("video")
        started = time.process_time()
        for _ in container.demux(video):
            pass
        return [], time.process_time() - started


def _timed(decode_eight: Callable[[str], Any]) -> Callable[[str], tuple[Any, float]]:
    def run(path: str) -> tuple[Any, float]:
        started = time.process_time()
        images = decode_eight(path)
        return images, time.process_time() - started

    return run


DECODERS: dict[str, Callable[[str], tuple[Any, float]]] = {
    "ours": _timed(with_ours),
    "floor": with_packets_alone,
    "open": with_container_alone,
    "packets": with_packets_read,
    "decord2": _timed(with_decord),
    "torchcodec": _timed(with_torchcodec),
    "approximate": _timed(with_torchcodec_approximate),
    "opencv": _timed(with_opencv),
    "pyav": _timed(with_pyav),
    "pyav to end": _timed(with_pyav_to_end),
}
"""Each returns the eight frames, `open` and `packets` none, and CPU seconds, summed over threads."""
LEAST = ("floor", "open")
"""What no reader can leave out."""
LEAST_EXACT = (*LEAST, "packets")
"""What one needs besides that gets its packets from FFmpeg and has seen them all, so that frames are counted."""
PEERS = ("decord2", "torchcodec", "opencv", "pyav")
"""Those measured on every clip. torchcodec's approximate mode is measured on films, where OpenCV and PyAV are not."""
ON_FULL_PATH = ("pyav to end",)
"""Those measured besides on videos of which every packet must be decoded."""
MODULES = {"decord2": "decord", "torchcodec": "torchcodec.decoders", "approximate": "torchcodec.decoders"}
"""Imported by the process that measures it only."""
PACKAGES = ("av", "decord2", "torchcodec", "torch", "opencv-python-headless", "numpy")
