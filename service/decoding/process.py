"""A decoder: one worker process and the channel to it.

A worker is forked from a server process that has imported the decoders and nothing else, so it holds no model, no
socket and no other request.

DecoderError
├── DecoderEnded    the worker was ended from outside: by an operator, or by the kernel for want of memory
└── DecoderFailed   the worker raised an unexpected exception: a bug of this project
"""

from __future__ import annotations

import logging
import pickle
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.reduction import send_handle
from types import UnionType
from typing import Any, cast

from clips.clip_spec import ClipSpec
from clips.decoding.errors import (
    ClipError,
    Encrypted,
    LimitExceeded,
    NoFrames,
    NoSuchPart,
    NotAVideo,
    Undecodable,
)
from clips.decoding.limits import DecodeLimits
from clips.model_input import ModelInput, Sampling, TimelineEnd, TimelinePart, TimelineStart, WindowInput
from clips.video_info import VideoInfo
from clips.windows import Windowing
from service.decoding.channel import channel
from service.decoding.fork_server import serve, start_fork_server
from service.decoding.job import DecodeJob, Failure, TimelineJob, opened
from service.decoding.sandbox.confinement import Sandbox

MAX_THUMBNAIL_BYTES = 1_000_000
MAX_READY_BYTES = 20
SECONDS_TO_DIE = 1.0

_EXIT_CODES = threading.Lock()
"""An exit code can be read once only, and multiprocessing reads those of all workers whenever it starts one."""

SECONDS_TO_START = 30.0
"""A worker starts in some 10 ms; the first one waits until the server that it is forked from has its libraries."""


logger = logging.getLogger("service")


class DecoderError(Exception):
    """Base of the failures of a worker that are no fault of the video."""


class DecoderEnded(DecoderError):
    """The worker was ended from outside."""


class DecoderFailed(DecoderError):
    """The worker raised an unexpected exception; the message is its traceback."""


class Decoder:
    """A worker process, used for one job at a time; raises OSError when it cannot be started.

    `max_memory_bytes` limits its address space; `sandbox` says what else confines it.
    """

    def __init__(self, max_memory_bytes: int) -> None:
        context = start_fork_server()
        self._channel, theirs = channel()
        self._process = context.Process(target=serve, args=(theirs, max_memory_bytes), daemon=True, name="decoder")
        self._is_killed = False
        with _EXIT_CODES:
            self._process.start()
        theirs.close()
        self._ended = select.poll()
        self._ended.register(self._process.sentinel, select.POLLIN)
        self.sandbox = self._wait_until_ready()

    @property
    def is_alive(self) -> bool:
        """True while it can take another job."""
        return not self._is_killed and not self._ended.poll(0)

    def preprocess(self, job: DecodeJob) -> ModelInput:
        """Run `clips.preprocess.preprocess` in the worker; blocks until it answers or is killed.

        Raises clips.decoding.errors.ClipError, also when the video makes the worker crash, DecoderError, and OSError
        for a path that cannot be read.
        """
        self.begin(job)
        return self.finish(job)

    def begins_at_once(self, job: DecodeJob) -> bool:
        """True for a job that `begin` sends without waiting for the worker, or for a disk."""
        return isinstance(job.video, bytes) and self._channel.fits(len(job.video))

    def begin(self, job: DecodeJob) -> None:
        """Send the job to the worker; `finish` must follow. Raises as `preprocess` does."""
        self._send(job)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when an answer comes, or the worker ends."""
        return self._channel.fileno()

    def finishes_at_once(self) -> bool:
        """True if the answer is there, and so short that `finish` returns it without waiting for more of it."""
        return self._channel.has_short_message()

    def finish(self, job: DecodeJob) -> ModelInput:
        """Wait for the answer to the job that was begun; raises as `preprocess` does."""
        answer: ModelInput = self._receive(ModelInput, job)
        return answer

    def windows(self, job: DecodeJob, windowing: Windowing, first_window: int = 0) -> Iterator[TimelinePart]:
        """Run `clips.window_preprocess.preprocess_windows` in the worker, which is ahead by what the pipe holds.

        Each part blocks, and raises, as `preprocess` does. A worker whose parts are not read to the end must be closed.
        """
        self._send(TimelineJob(**vars(job), windowing=windowing, first_window=first_window))
        yield self._receive(TimelineStart, job)
        for _ in range(windowing.max_windows + 1):
            part: WindowInput | TimelineEnd = self._receive(WindowInput | TimelineEnd, job)
            yield part
            if isinstance(part, TimelineEnd):
                return
        self.kill()
        raise _crashed()

    def kill(self) -> None:
        """End the worker now, whatever it does; a thread that waits in `preprocess` goes on."""
        self._is_killed = True
        self._process.kill()

    def close(self) -> None:
        """End the worker and free its channel."""
        self.kill()
        with _EXIT_CODES:
            self._process.join()
        self._channel.close()

    def _send(self, job: DecodeJob) -> None:
        with opened(job) as readable, self._talking(job.limits):
            self._channel.share(_marked(readable))
            if isinstance(readable.video, int):
                send_handle(self._channel, readable.video, self._process.pid)

    def _receive(self, kind: type | UnionType, job: DecodeJob) -> Any:
        with self._talking(job.limits):
            answer = self._load(self._channel.recv_bytes(_most_bytes(job.spec)), kind)
        if isinstance(answer, str):
            raise DecoderFailed(answer)
        if isinstance(answer, ClipError):
            raise answer
        return answer

    def _load(self, data: bytes, kind: type | UnionType) -> Any:
        """Unpickle a message of the worker: an object of `kind`, or a failure."""
        try:
            answer = self._channel.load(data, _AnswerUnpickler)
        except Exception as error:  # damaged data raises nearly anything
            raise _crashed() from error
        if not isinstance(answer, kind | Failure):
            raise _crashed()
        return answer

    @contextmanager
    def _talking(self, limits: DecodeLimits) -> Iterator[None]:
        """Map failures of the pipe to errors that say whose fault it was; the worker is ended on each of them."""
        try:
            yield
        except (EOFError, OSError) as error:
            raise self._cause_of_death(limits) from error
        except BaseException:
            self.kill()  # its answer must not reach the next request
            raise

    def _wait_until_ready(self) -> Sandbox:
        try:
            if self._channel.poll(SECONDS_TO_START):
                return Sandbox(self._channel.recv_bytes(MAX_READY_BYTES).decode())
        except EOFError:
            pass
        self.close()
        raise ChildProcessError("a decoder was started and ended before it was ready")

    def _cause_of_death(self, limits: DecodeLimits) -> ClipError | DecoderError:
        """Return why the pipe broke. A worker that is still alive is not to be trusted, and ended."""
        last_moment = time.monotonic() + SECONDS_TO_DIE
        while self.is_alive and time.monotonic() < last_moment:
            time.sleep(0.002)
        exit_code = -signal.SIGKILL if self._is_killed else self._exit_code()
        if exit_code == -signal.SIGXCPU:
            return _too_long(limits)
        if exit_code == -signal.SIGKILL:
            return DecoderEnded("the decoder was ended from outside, or memory ran out; send the video again")
        self.kill()
        _log_crash(exit_code)
        return _crashed()

    def _exit_code(self) -> int | None:
        with _EXIT_CODES:
            return self._process.exitcode


def _log_crash(exit_code: int | None) -> None:
    if exit_code == -signal.SIGSYS:
        logger.error("the sandbox ended a decoder (SIGSYS): a video made it open a file, a socket, or a program")
    elif exit_code is None or exit_code >= 0:
        logger.warning("a decoder broke off in mid-work, exit code %s", exit_code)
    else:
        logger.warning("a video made a decoder crash: %s", signal.Signals(-exit_code).name)


def _too_long(limits: DecodeLimits) -> LimitExceeded:
    limit = f"{limits.max_cpu_seconds:g} s of CPU time"
    return LimitExceeded(f"decoding takes more than {limit}; send a shorter or smaller video")


def _crashed() -> Undecodable:
    return Undecodable("the video makes the decoder crash; it is damaged or malicious")


def _most_bytes(spec: ClipSpec) -> int:
    """Upper bound of an answer's size: the views of two samplings, and generous thumbnails of one clip."""
    return spec.num_frames * (2 * spec.num_views * spec.crop**2 * 3 + MAX_THUMBNAIL_BYTES)


def _marked(job: DecodeJob) -> DecodeJob:
    """Mark a video's bytes: they go through the channel's memory where they fit in."""
    if not isinstance(job.video, bytes):
        return job
    return replace(job, video=cast(bytes, pickle.PickleBuffer(job.video)))


class _AnswerUnpickler(pickle.Unpickler):
    """Unpickler with an allow-list: a worker that a video has taken over cannot run code here."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ANSWER_CLASSES:
            raise pickle.UnpicklingError(f"an answer holds no {module}.{name}")
        return super().find_class(module, name)


_ERRORS = (NotAVideo, Undecodable, Encrypted, NoFrames, NoSuchPart, LimitExceeded)

_ANSWER_CLASSES = {
    *(
        (kind.__module__, kind.__name__)
        for kind in (ModelInput, Sampling, VideoInfo, TimelineStart, WindowInput, TimelineEnd)
    ),
    *((kind.__module__, kind.__name__) for kind in _ERRORS),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


def detach_main_module() -> None:
    """Keep workers light: a worker imports its parent's main module when that has a file, and Ray's imports Ray."""
    vars(sys.modules["__main__"]).pop("__file__", None)
