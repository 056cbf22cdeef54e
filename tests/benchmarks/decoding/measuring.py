"""Measuring: every decoder on one video, each in a process of its own, interleaved."""

from __future__ import annotations

import importlib
import multiprocessing
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clips.decoding.decode import decode
from clips.decoding.frames import Image
from service.decoding.sandbox.heap import keep_freed_memory
from tests.benchmarks.decoding.decoders import DECODERS, LIMITS, MODULES, ON_FULL_PATH, eight

CLEARLY = 1.5
SMALLEST_ERROR = 3.0
"""Mean difference, of 255, below which a frame is correct: decoders convert to RGB with different rounding."""
BIT_EXACT = ("ours", "floor")
WITHOUT_FRAMES = ("open", "packets")
MIN_SECONDS, MAX_REPEATS = 0.1, 20
"""A small video is decoded again and again for this long in each round."""


@dataclass
class Row:
    """Results for one video, by decoder: milliseconds of each round, wrong frames, errors, peak memory."""

    name: str
    kind: str
    """`clip` and `film` for made ones, `file` for one that the user named."""
    report: dict[str, Any]
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)

    def median(self, decoder: str) -> float | None:
        """Return median milliseconds; None if the decoder failed or was not measured."""
        return statistics.median(self.milliseconds[decoder]) if decoder in self.milliseconds else None

    def ratio(self, decoder: str) -> float | None:
        """Return the ratio of a decoder's time to ours, the median over rounds; None if it failed."""
        if decoder not in self.milliseconds:
            return None
        pairs = zip(self.milliseconds[decoder], self.milliseconds["ours"], strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)

    def together(self, names: Sequence[str]) -> float | None:
        """Return the sum of the median milliseconds of these decoders; None if one of them was not measured."""
        medians = [self.median(name) for name in names]
        return None if None in medians else sum(median for median in medians if median is not None)

    def is_right(self, decoder: str) -> bool:
        """Return True for a decoder that was measured and returned the right frames."""
        return decoder in self.milliseconds and not self.wrong[decoder]


@dataclass(frozen=True)
class Reference:
    """The frames of a full decode: `small` are all, reduced; `at` has some in full size. Films repeat them."""

    small: NDArray[np.float32]
    at: dict[int, Image]

    @classmethod
    def of(cls, path: Path, indices: Sequence[int]) -> Reference:
        """Decode a video in full; keep the frames with these indices, modulo the number of frames."""
        small, images = [], []
        with av.open(str(path), "r") as container:
            video = container.streams.best("video")
            assert isinstance(video, VideoStream)
            for index, frame in enumerate(container.decode(video)):
                image = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
                small.append(_shrunk(image))
                images.append(np.asarray(image, np.uint8) if not indices or index in indices else None)
        return cls(np.stack(small), {i: image for i, image in enumerate(images) if image is not None})

    def num_wrong(self, decoder: str, images: Sequence[Any], indices: Sequence[int]) -> int:
        """Return how many of a decoder's frames are wrong: ours if any bit differs, others if another is closer.

        Frames that lie on their side are wrong.
        """
        places = [index % len(self.small) for index in indices]
        if decoder in WITHOUT_FRAMES:
            return 0
        pairs = list(zip(images, places, strict=True))
        if decoder in BIT_EXACT:
            return sum(not np.array_equal(image, self.at[place]) for image, place in pairs)
        return sum(self._is_wrong(image, place) for image, place in pairs)

    def _is_wrong(self, image: Any, place: int) -> bool:
        errors = np.abs(self.small - _shrunk(image)).mean(axis=(1, 2, 3))
        is_upright = image.shape == next(iter(self.at.values())).shape
        return not is_upright or bool(errors[place] > SMALLEST_ERROR and errors[place] > CLEARLY * errors.min())


def _shrunk(image: Any) -> NDArray[np.float32]:
    return cv2.resize(np.ascontiguousarray(image), (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)


class Worker:
    """Process in which one decoder reads one video again and again, isolated from the other decoders."""

    def __init__(self, decoder: str, path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(decoder, str(path), theirs), daemon=True)
        self._process.start()

    def first(self) -> tuple[list[Image], float] | str:
        """Return the frames and the peak megabytes beyond the imports; or the error."""
        first: tuple[list[Image], float] | str = self._pipe.recv()
        return first

    def milliseconds(self) -> float:
        """Decode again, a small video many times; return the median milliseconds of CPU time, summed over threads."""
        self._pipe.send(True)
        return float(self._pipe.recv())

    def close(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.join()


def _work(decoder: str, path: str, pipe: Connection) -> None:
    cv2.setNumThreads(1)
    keep_freed_memory()
    decode_eight = DECODERS[decoder]
    try:
        if decoder in MODULES:
            importlib.import_module(MODULES[decoder])
        before = _peak_kilobytes()
        images = list(decode_eight(path)[0])
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {str(error).splitlines()[0][:120]}")
        return
    pipe.send((images, (_peak_kilobytes() - before) / 1024))
    del images
    while pipe.recv():
        pipe.send(_median_milliseconds(decode_eight, path))


def _median_milliseconds(decode_eight: Callable[[str], tuple[Any, float]], path: str) -> float:
    seconds: list[float] = []
    while sum(seconds) < MIN_SECONDS and len(seconds) < MAX_REPEATS:
        seconds.append(decode_eight(path)[1])
    return statistics.median(seconds) * 1000


def _peak_kilobytes() -> int:
    # getrusage would include the memory of the parent at the time of the fork
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def measure(
    name: str, kind: str, path: Path, decoders: Sequence[str], rounds: int, reference: Reference | None = None
) -> Row:
    """Measure decoders on one video, interleaved; without a reference, the video itself is decoded in full for one."""
    clip = decode(path, eight, LIMITS)
    row = Row(name, kind, vars(clip.report).copy())
    reference = reference or Reference.of(path, clip.indices)
    workers: dict[str, Worker] = {}
    for decoder in (*decoders, *(ON_FULL_PATH if clip.report.path == "full" else ())):
        worker = Worker(decoder, path)
        first = worker.first()
        if isinstance(first, str):
            row.failed[decoder] = first
            continue
        workers[decoder] = worker
        images, row.megabytes[decoder] = first
        row.wrong[decoder] = reference.num_wrong(decoder, images, clip.indices)
    for number in range(rounds):
        for decoder in _rotated(list(workers), number):
            row.milliseconds.setdefault(decoder, []).append(workers[decoder].milliseconds())
    for worker in workers.values():
        worker.close()
    return row


def _rotated(names: list[str], by: int) -> list[str]:
    by %= len(names)
    return names[by:] + names[:by]
