"""What a decoding process does, and what it may not."""

from __future__ import annotations

import math
import os
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

import cv2

from clips.clip_spec import ClipSpec
from clips.decoding.errors import ClipError, LimitExceeded
from clips.decoding.limits import DecodeLimits
from clips.preprocess import ModelInput, preprocess
from clips.window_preprocess import TimelinePart, preprocess_windows
from clips.windows import Windowing

MAX_OPEN_FILES = 32

NICENESS = 10
"""Decoding gives way to answering: who is only told to come again need not wait for others' videos."""

READY = b"ready"
"""The first that a child sends: from here on it keeps to its limits and leaves signals alone."""

Failure = ClipError | str
"""A `str` is the traceback of what nobody foresaw."""

TIMELINE_NICENESS = 10
"""A timeline takes the processors that nobody else needs; an answer to POST /predict is waited for."""


@dataclass(frozen=True)
class TimelineJob:
    """Asks for a message a window instead of one answer. The child waits while the pipe is full."""

    video: bytes
    spec: ClipSpec
    limits: DecodeLimits
    windowing: Windowing


def serve(connection: Connection, max_memory_bytes: int) -> None:
    """A child's life: videos come and answers go, until the server closes the pipe or is gone."""
    # A signal to the whole group is the server's to answer: it lets the videos in work finish first.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    cv2.setNumThreads(1)
    _limit(max_memory_bytes)
    connection.send_bytes(READY)
    while True:
        try:
            job = connection.recv()
        except (EOFError, OSError):
            return
        if isinstance(job, TimelineJob):
            for message in _timeline(job):
                connection.send(message)
        else:
            connection.send(_answer(*job))


def too_long(limits: DecodeLimits) -> LimitExceeded:
    """Told for a child that the kernel ended at its limit of processor time."""
    limit = f"{limits.max_cpu_seconds:g} s of processor time"
    return LimitExceeded(f"decoding takes more than {limit}; send a shorter or smaller video")


def _answer(
    video: bytes | os.PathLike[str], spec: ClipSpec, limits: DecodeLimits, thumbnails: bool, shifted: bool
) -> ModelInput | Failure:
    _limit_processor_time(limits.max_cpu_seconds)
    try:
        return preprocess(video, spec, limits, thumbnails=thumbnails, shifted=shifted)
    except Exception as error:
        return _failure(error)


def _timeline(job: TimelineJob) -> Iterator[TimelinePart | Failure]:
    os.nice(TIMELINE_NICENESS)
    _limit_processor_time(job.limits.max_cpu_seconds)
    try:
        yield from preprocess_windows(job.video, job.spec, job.limits, job.windowing)
    except Exception as error:
        yield _failure(error)


def _failure(error: Exception) -> Failure:
    if isinstance(error, ClipError):
        return error
    if isinstance(error, MemoryError | cv2.error):  # OpenCV tells a want of memory in its own way
        return LimitExceeded("decoding takes more memory than one video is given; send a smaller video")
    return "".join(traceback.format_exception(error))


def _limit(max_memory_bytes: int) -> None:
    limits = {
        resource.RLIMIT_AS: max_memory_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
    }
    for kind, limit in limits.items():
        allowed = _at_most(limit, resource.getrlimit(kind)[1])
        resource.setrlimit(kind, (allowed, allowed))


def _limit_processor_time(more_seconds: float) -> None:
    # Decoding keeps to its limits between packets; the kernel ends what does not come back from one. The kernel counts
    # whole seconds of the process's whole life.
    seconds = math.ceil(time.process_time() + more_seconds) + 1
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (_at_most(seconds, most), most))


def _at_most(limit: int, most: int) -> int:
    return limit if most == resource.RLIM_INFINITY else min(limit, most)
