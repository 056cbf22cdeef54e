"""One child process that decodes, and the pipe to it.

A child is forked from a server of its own that has imported the decoders and nothing of ours, so it holds no model, no
socket and no other request. Videos and views go through the pipe as they are: 5 MB take about 1.5 ms, 8 x 224 x 224 x 3
half a millisecond, and a descriptor of shared memory is no faster.

DecoderError
├── DecoderEnded    something outside ended the child: an operator, or the kernel for want of memory
└── DecoderFailed   a fault of ours
"""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import UnionType
from typing import Any

from clips.clip_spec import ClipSpec
from clips.decoding.errors import ClipError, Undecodable
from clips.decoding.limits import DecodeLimits
from clips.preprocess import ModelInput
from clips.window_preprocess import TimelineEnd, TimelinePart, TimelineStart, WindowInput
from clips.windows import Windowing
from service.decoding.worker import READY, Failure, TimelineJob, serve, too_long

MAX_THUMBNAIL_BYTES = 1_000_000
SECONDS_TO_DIE = 1.0

_CONTEXT = multiprocessing.get_context("forkserver")
_EXIT_CODES = threading.Lock()
"""An exit code can be read once only, and multiprocessing reads those of all children whenever it starts one."""


SECONDS_TO_START = 30.0
"""A child takes some 10 ms; the first of all waits until the server that it is forked from has its libraries."""


class DecoderError(Exception):
    """Base of what goes wrong with a child through no fault of the video."""


class DecoderEnded(DecoderError):
    """The child was ended from outside."""


class DecoderFailed(DecoderError):
    """The child raised what nobody foresaw; the message is its traceback."""


class Decoder:
    """A child, used for one video at a time; raises OSError when it cannot be started.

    `max_memory_bytes` limits its address space.
    """

    def __init__(self, max_memory_bytes: int) -> None:
        _CONTEXT.set_forkserver_preload([serve.__module__])
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=serve, args=(theirs, max_memory_bytes), daemon=True, name="decoder")
        self._is_killed = False
        with _EXIT_CODES:
            self._process.start()
        theirs.close()
        self._wait_until_ready()

    @property
    def is_alive(self) -> bool:
        """Whether it can take another video."""
        with _EXIT_CODES:
            return not self._is_killed and self._process.is_alive()

    def preprocess(
        self,
        video: bytes | os.PathLike[str],
        spec: ClipSpec,
        limits: DecodeLimits,
        *,
        thumbnails: bool,
        shifted: bool = False,
    ) -> ModelInput:
        """`clips.preprocess.preprocess` in the child; blocks until it answers or is killed.

        Raises clips.decoding.errors.ClipError, also when the video makes the child crash, and DecoderError.
        """
        self._send((video, spec, limits, thumbnails, shifted), limits)
        answer: ModelInput = self._receive(ModelInput, spec, limits)
        return answer

    def windows(
        self, video: bytes, spec: ClipSpec, limits: DecodeLimits, windowing: Windowing
    ) -> Iterator[TimelinePart]:
        """`clips.window_preprocess.preprocess_windows` in the child, which is ahead by what the pipe holds.

        Each part blocks, and raises, as `preprocess` does. A child whose parts are not read to the end is to be closed.
        """
        self._send(TimelineJob(video, spec, limits, windowing), limits)
        yield self._receive(TimelineStart, spec, limits)
        for _ in range(windowing.max_windows + 1):
            part: WindowInput | TimelineEnd = self._receive(WindowInput | TimelineEnd, spec, limits)
            yield part
            if isinstance(part, TimelineEnd):
                return
        self.kill()
        raise _crashed()

    def kill(self) -> None:
        """End it now, whatever it does; a thread that waits in `preprocess` goes on."""
        self._is_killed = True
        self._process.kill()

    def close(self) -> None:
        """End it and free what it held here."""
        self.kill()
        with _EXIT_CODES:
            self._process.join()
        self._connection.close()

    def _send(self, job: object, limits: DecodeLimits) -> None:
        with self._talking(limits):
            self._connection.send(job)

    def _receive(self, kind: type | UnionType, spec: ClipSpec, limits: DecodeLimits) -> Any:
        with self._talking(limits):
            answer = _load(self._connection.recv_bytes(_most_bytes(spec)), kind)
        if isinstance(answer, str):
            raise DecoderFailed(answer)
        if isinstance(answer, ClipError):
            raise answer
        return answer

    @contextmanager
    def _talking(self, limits: DecodeLimits) -> Iterator[None]:
        """What goes wrong between here and the child ends the child, and tells whose fault it was."""
        try:
            yield
        except (EOFError, OSError) as error:
            raise self._cause_of_death(limits) from error
        except BaseException:
            self.kill()  # what it has to say must not reach the next request
            raise

    def _wait_until_ready(self) -> None:
        try:
            if self._connection.poll(SECONDS_TO_START):
                self._connection.recv_bytes(len(READY))
                return
        except EOFError:
            pass
        self.close()
        raise ChildProcessError("a decoder was started and is not there")

    def _cause_of_death(self, limits: DecodeLimits) -> ClipError | DecoderError:
        """Why the pipe is broken. A child that is alive nevertheless is not to be trusted, and ended."""
        last_moment = time.monotonic() + SECONDS_TO_DIE
        while self.is_alive and time.monotonic() < last_moment:
            time.sleep(0.002)
        exit_code = -signal.SIGKILL if self._is_killed else self._exit_code()
        if exit_code == -signal.SIGXCPU:
            return too_long(limits)
        if exit_code == -signal.SIGKILL:
            return DecoderEnded("the decoder was ended from outside, or memory ran out; send the video again")
        self.kill()
        return _crashed()

    def _exit_code(self) -> int | None:
        with _EXIT_CODES:
            return self._process.exitcode


def _crashed() -> Undecodable:
    return Undecodable("the video makes the decoder crash; it is damaged, or made to do harm")


def _most_bytes(spec: ClipSpec) -> int:
    """Of an answer: the views of two samplings, and generous thumbnails."""
    return spec.num_frames * (2 * spec.num_views * spec.crop**2 * 3 + MAX_THUMBNAIL_BYTES)


def _load(data: bytes, kind: type | UnionType) -> Any:
    """What a child sent: of this kind, or a failure."""
    try:
        answer = _AnswerUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # damaged data raise nearly anything
        raise _crashed() from error
    if not isinstance(answer, kind | Failure):
        raise _crashed()
    return answer


class _AnswerUnpickler(pickle.Unpickler):
    """Builds nothing but answers: a child that a video has taken over cannot run code here."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _PARTS_OF_ANSWERS:
            raise pickle.UnpicklingError(f"an answer holds no {module}.{name}")
        return super().find_class(module, name)


_PARTS_OF_ANSWERS = {
    ("clips.preprocess", "ModelInput"),
    ("clips.preprocess", "Sampling"),
    *(("clips.window_preprocess", name) for name in ("TimelineStart", "WindowInput", "TimelineEnd")),
    ("clips.decoding.frames", "VideoInfo"),
    *(("clips.decoding.errors", name) for name in ("NotAVideo", "Undecodable", "NoFrames", "LimitExceeded")),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}
