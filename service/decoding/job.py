"""Decode jobs: one video and all that its decoding is to keep to and to return."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from clips.clip_spec import ClipSpec
from clips.decoding.errors import ClipError
from clips.decoding.limits import DecodeLimits
from clips.part import WHOLE, Part
from clips.windows import Windowing

if TYPE_CHECKING:  # jobs are made in processes that decode nothing
    from clips.decoding.container import VideoSource
    from clips.decoding.frame_folder import EncodedFrames
    from clips.model_input import ModelInput

Failure = ClipError | str
"""An error of the video, or the traceback of an unexpected exception."""


@dataclass(frozen=True)
class DecodeJob:
    """The argument of every decoder, sent through a pipe to workers and by value to replicas on Ray.

    Args:
        video: The file's bytes or its path, or the path of a folder of frames. A worker, which may open nothing, gets a
            descriptor instead of a file's path, and the frames that it needs instead of a folder's.
        spec: The model's input.
        limits: Bounds of this decode.
        thumbnails: Return small JPEGs of the sampled frames as well.
        shifted: Sample a second time, half a segment later.
        part: The part of the video that is seen.
        threads: The most threads to decode on.
    """

    video: VideoSource | EncodedFrames
    spec: ClipSpec
    limits: DecodeLimits
    thumbnails: bool = False
    shifted: bool = False
    part: Part = WHOLE
    threads: int = 1


class Preprocessor(Protocol):
    """Decodes videos for POST /predict: a pool of workers, a GPU in front of one, or replicas on Ray.

    Raises clips.decoding.errors.ClipError and service.decoding.process.DecoderError.
    """

    async def preprocess(self, job: DecodeJob) -> ModelInput:
        """Return the model's input. When this is cancelled, decoding ends."""


@dataclass(frozen=True, kw_only=True)
class TimelineJob(DecodeJob):
    """A decode job that is answered by one message per window instead of one answer, from `first_window` on.

    The worker waits while the pipe is full.
    """

    video: VideoSource
    windowing: Windowing
    first_window: int = 0


@contextmanager
def opened(job: DecodeJob) -> Iterator[DecodeJob]:
    """Open what the job names by path, for a worker that may not; raises OSError, and ClipError for a folder."""
    if not isinstance(job.video, str | os.PathLike):
        yield job
    elif os.path.isdir(job.video) and not isinstance(job, TimelineJob):
        from clips.preprocess import read_folder  # noqa: PLC0415 - the server takes no folders

        frames = read_folder(job.video, job.spec, job.limits, shifted=job.shifted, part=job.part)
        yield replace(job, video=frames)
    else:
        with open(job.video, "rb") as file:
            yield replace(job, video=file.fileno())
