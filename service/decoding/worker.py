"""The decoding worker process: jobs come through a channel and results go back, within limits set by the kernel.

It is confined before its first job: whatever a file is needed for is loaded before, or comes as an open descriptor.
"""

from __future__ import annotations

import importlib
import math
import os
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.reduction import recv_handle

import cv2

from clips.decoding.errors import ClipError, LimitExceeded
from clips.model_input import ModelInput, TimelinePart
from clips.preprocess import preprocess
from clips.window_preprocess import preprocess_windows
from service.decoding.channel import Channel
from service.decoding.job import DecodeJob, Failure, TimelineJob
from service.decoding.sandbox.confinement import LATE_PARTS, confine

MAX_OPEN_FILES = 32

NICENESS = 10
"""Decoding gives way to the event loop, so that refusals do not wait for others' videos."""

TIMELINE_NICENESS = 10
"""Added for timelines, which take the CPU time that POST /predict leaves."""


def serve(connection: Channel, max_memory_bytes: int) -> None:
    """Answer jobs until the server closes the pipe or is gone.

    The first message says that the worker is ready, by the name of the sandbox that confines it.
    """
    # A signal to the whole process group is handled by the server, which lets the videos in work finish first.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    cv2.setNumThreads(1)
    _limit_resources(max_memory_bytes)
    importlib.import_module(LATE_PARTS)
    connection.send_bytes(confine().encode())
    while True:
        try:
            job = connection.recv()
            descriptor = recv_handle(connection) if isinstance(job.video, int) else None
        except (EOFError, OSError):
            return
        _answer(connection, job if descriptor is None else replace(job, video=descriptor))
        if descriptor is not None:
            os.close(descriptor)


def _answer(connection: Channel, job: DecodeJob) -> None:
    if isinstance(job, TimelineJob):
        for message in _windows(job):
            connection.send(message)  # the pipe holds several, the memory one
    else:
        connection.share(_preprocess(job))


def _preprocess(job: DecodeJob) -> ModelInput | Failure:
    _limit_cpu_time(job.limits.max_cpu_seconds)
    try:
        return preprocess(
            job.video,
            job.spec,
            job.limits,
            thumbnails=job.thumbnails,
            shifted=job.shifted,
            part=job.part,
            threads=job.threads,
        )
    except Exception as error:
        return _failure(error)


def _windows(job: TimelineJob) -> Iterator[TimelinePart | Failure]:
    os.nice(TIMELINE_NICENESS)
    _limit_cpu_time(job.limits.max_cpu_seconds)
    try:
        yield from preprocess_windows(job.video, job.spec, job.limits, job.windowing, job.first_window, job.part)
    except Exception as error:
        yield _failure(error)


def _failure(error: Exception) -> Failure:
    if isinstance(error, ClipError):
        return error
    if isinstance(error, MemoryError | cv2.error):  # OpenCV has an exception of its own for running out of memory
        return LimitExceeded("decoding takes more memory than one video is given; send a smaller video")
    return "".join(traceback.format_exception(error))


def _limit_resources(max_memory_bytes: int) -> None:
    limits = {
        resource.RLIMIT_AS: max_memory_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
    }
    for kind, limit in limits.items():
        allowed = _at_most(limit, resource.getrlimit(kind)[1])
        resource.setrlimit(kind, (allowed, allowed))


def _limit_cpu_time(more_seconds: float) -> None:
    # The decoder checks its limits between packets; the kernel ends one that does not come back from a packet. The
    # kernel counts whole seconds of the process's whole life.
    seconds = math.ceil(time.process_time() + more_seconds) + 1
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (_at_most(seconds, most), most))


def _at_most(limit: int, most: int) -> int:
    return limit if most == resource.RLIM_INFINITY else min(limit, most)
