"""GPU health: tells a failed batch from a GPU that is lost.

After some errors no call of CUDA succeeds any more in the process; only a new process can use the GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from service.backends.base import DeviceLost, InferenceFailed

MAX_FAILURES_IN_A_ROW = 3

RETRY_SECONDS = 30
"""About the time until a supervisor has started the process again and its models are loaded."""

STICKY_ERRORS = (
    "illegal memory access",
    "illegal instruction",
    "misaligned address",
    "invalid address space",
    "invalid program counter",
    "unspecified launch failure",
    "launch timed out",
    "hardware stack error",
    "uncorrectable ecc error",
    "device-side assert",
    "driver shutting down",
    "no cuda-capable device",
)
"""Parts of CUDA's error texts after which its context is of no use."""


class GpuHealth:
    """Counts failures of a backend in a row. Safe to use from several threads."""

    def __init__(self) -> None:
        self._failures = 0
        self._lost = ""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note whether the block's inference succeeds; raises what the block raises."""
        try:
            yield
        except InferenceFailed as error:
            self._failures += 1
            if self._failures >= MAX_FAILURES_IN_A_ROW or _is_sticky(error):
                self._lost = str(error)
            raise
        self._failures = 0

    def check_up(self) -> None:
        """Raise DeviceLost after a sticky error, or MAX_FAILURES_IN_A_ROW failures without a success."""
        if self._lost:
            raise DeviceLost(f"the GPU runs nothing any more: {self._lost}", RETRY_SECONDS)


def _is_sticky(error: InferenceFailed) -> bool:
    message = str(error).lower()
    return any(text in message for text in STICKY_ERRORS)
