"""One child process that decodes, and the pipe to it.

A child is forked from a server of its own that has imported the decoders and nothing of ours, so it holds no model, no
socket and no other request. Videos and views go through the pipe as they are: 5 MB take about 1.5 ms, 8 x 224 x 224 x 3
half a millisecond, and a descriptor of shared memory is no faster.

DecoderError
├── DecoderEnded    something outside ended the child: an operator, or the kernel for want of memory
└── DecoderFailed   a fault of ours
"""

from __future__ import annotations

import math
import multiprocessing
import resource
import signal
import threading
import time
import traceback
from multiprocessing.connection import Connection

import cv2

from clips.bounds import Bounds
from clips.errors import BoundsExceeded, ClipError, Undecodable
from clips.spec import ClipSpec
from service.preprocess import ModelInput, preprocess

MAX_OPEN_FILES = 32

_CONTEXT = multiprocessing.get_context("forkserver")
_EXIT_CODES = threading.Lock()
"""An exit code can be read once only, and multiprocessing reads those of all children whenever it starts one."""


class DecoderError(Exception):
    """Base of what goes wrong with a child through no fault of the video."""


class DecoderEnded(DecoderError):
    """The child was ended from outside."""


class DecoderFailed(DecoderError):
    """The child raised what nobody foresaw; the message is its traceback."""


class Decoder:
    """A child, used for one video at a time. `max_memory_bytes` bounds its address space."""

    def __init__(self, max_memory_bytes: int) -> None:
        _CONTEXT.set_forkserver_preload([__name__])
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(theirs, max_memory_bytes), daemon=True, name="decoder")
        self._is_killed = False
        with _EXIT_CODES:
            self._process.start()
        theirs.close()

    @property
    def is_alive(self) -> bool:
        """Whether it can take another video."""
        with _EXIT_CODES:
            return not self._is_killed and self._process.is_alive()

    def preprocess(self, video: bytes, spec: ClipSpec, bounds: Bounds, *, thumbnails: bool) -> ModelInput:
        """`service.preprocess.preprocess` in the child; blocks until it answers or is killed.

        Raises clips.errors.ClipError, also when the video makes the child crash, and DecoderError.
        """
        try:
            self._connection.send((video, spec, bounds, thumbnails))
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._cause_of_death(bounds) from error
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, ModelInput)
        return answer

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

    def _cause_of_death(self, bounds: Bounds) -> ClipError | DecoderError:
        with _EXIT_CODES:
            self._process.join()
        if self._process.exitcode == -signal.SIGXCPU:
            return _too_long(bounds)
        if self._process.exitcode == -signal.SIGKILL:
            return DecoderEnded("the decoder was ended from outside, or memory ran out; send the video again")
        return Undecodable("the video makes the decoder crash; it is damaged, or made to do harm")


def _serve(connection: Connection, max_memory_bytes: int) -> None:
    """The child's life: until the server closes the pipe, or is gone."""
    # A signal to the whole group is the server's to answer: it lets the videos in work finish first.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _limit(max_memory_bytes)
    while True:
        try:
            job = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(_answer(*job))


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


def _answer(video: bytes, spec: ClipSpec, bounds: Bounds, thumbnails: bool) -> ModelInput | Exception:
    _limit_processor_time(bounds.max_cpu_seconds)
    try:
        return preprocess(video, spec, bounds, thumbnails=thumbnails)
    except ClipError as error:
        return error
    except (MemoryError, cv2.error):  # OpenCV tells a want of memory in its own way
        return BoundsExceeded("decoding takes more memory than one video is given; send a smaller video")
    except Exception:
        return DecoderFailed(traceback.format_exc())


def _limit_processor_time(more_seconds: float) -> None:
    # Decoding keeps to its bounds between packets; the kernel ends what does not come back from one. The kernel counts
    # whole seconds of the process's whole life.
    seconds = math.ceil(time.process_time() + more_seconds) + 1
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (_at_most(seconds, most), most))


def _at_most(limit: int, most: int) -> int:
    return limit if most == resource.RLIM_INFINITY else min(limit, most)


def _too_long(bounds: Bounds) -> BoundsExceeded:
    limit = f"{bounds.max_cpu_seconds:g} s of processor time"
    return BoundsExceeded(f"decoding takes more than {limit}; send a shorter or smaller video")
