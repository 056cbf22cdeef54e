"""Backend protocol: a runtime with a loaded model, its outputs and its errors.

BackendError
├── BackendUnavailable   the artifact cannot run on this machine
├── InferenceFailed      the runtime failed on these clips
└── TryLater             the runtime cannot run them now
    ├── RuntimeFull      its queue is full (a server's)
    ├── RuntimeDown      it does not answer, or serves another model (a server)
    └── DeviceLost       the GPU runs nothing any more; a new process is needed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from service.backends.contract import OUTPUTS

Clips = NDArray[np.uint8]
"""uint8 [N, T, H, W, 3], RGB: the model input of every exported graph."""


class BackendError(Exception):
    """Base of the errors of backends; each backend maps its runtime's exceptions to these."""


class BackendUnavailable(BackendError):
    """The runtime or the artifact cannot be used on this machine."""


class InferenceFailed(BackendError):
    """The runtime failed on these clips."""


class TryLater(BackendError):
    """The runtime cannot run these clips now; `retry_after` is in whole seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type[TryLater], tuple[str, int]]:
        """Pickle with `retry_after`, for replicas that raise it in another process."""
        return type(self), (str(self), self.retry_after)


class RuntimeFull(TryLater):
    """The runtime's queue is full."""


class RuntimeDown(TryLater):
    """The runtime does not answer, or serves another model."""


class DeviceLost(TryLater):
    """The GPU runs nothing any more in this process, which must be started again."""


@dataclass(frozen=True)
class Outputs:
    """Outputs of the graph for N clips of T frames, by a model of K classes, D features and B blocks.

    `logits` float32 [N, K]; `features` float32 [N, D], the head's input; `offsets` float32 [N, B, 2], in frames;
    `weights` float32 [N, B, T, 2]. An output is None where the graph does not have it: `offsets` and `weights` of
    networks that do not interlace, `features` of graphs from before there were any.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32] | None = None
    offsets: NDArray[np.float32] | None = None
    weights: NDArray[np.float32] | None = None

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the outputs that are there, by name, in the contract's order."""
        return {name: array for name in OUTPUTS if (array := getattr(self, name)) is not None}

    @classmethod
    def joined(cls, parts: Sequence[Mapping[str, NDArray[Any]]]) -> Self:
        """Return the outputs of several runs of one graph, given by name, as those of one run."""
        return cls(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


class Backend(Protocol):
    """A loaded model, ready to infer. `infer` may be called from several threads."""

    max_batch_size: int
    """Largest useful number of clips per call; 1 where a batch takes as long as its clips one by one."""

    def infer(self, clips: Clips) -> Outputs:
        """Run the model on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""

    def close(self) -> None:
        """Free what the runtime holds; the backend is not used afterwards."""


@runtime_checkable
class CheckedBackend(Backend, Protocol):
    """A backend that may stop answering for good or for a while: one on a GPU, or on a server."""

    def check_up(self) -> None:
        """Raise DeviceLost, or RuntimeDown if the last health check of the server failed; returns at once."""


@runtime_checkable
class RemoteBackend(CheckedBackend, Protocol):
    """A backend whose runtime is a server: it forms batches of concurrent calls itself, and may be down.

    `infer` may raise RuntimeFull and RuntimeDown as well.
    """

    outputs: tuple[str, ...] | None
    """Names of the graph's outputs; None where only the server knows them."""


@runtime_checkable
class DeviceBackend(CheckedBackend, Protocol):
    """A backend of which is known where it runs."""

    device: str
    """Such as cuda:0, or cpu."""


@runtime_checkable
class ReplicatedBackend(Backend, Protocol):
    """A backend that is several: the model on several devices, each of which runs a batch of its own."""

    replicas: tuple[Backend, ...]
    """In the order of the devices; `infer` runs on the first."""


@runtime_checkable
class StagingBackend(Backend, Protocol):
    """A backend that copies the clips of one call to its device while those of another run."""

    calls_at_once: int
    """Calls of `infer` that get on at the same time."""


def calls_at_once(backend: Backend) -> int:
    """Return the number of calls of `infer` that get on at the same time; 1 for a backend that stages nothing."""
    return backend.calls_at_once if isinstance(backend, StagingBackend) else 1


def replicas_of(backend: Backend) -> tuple[Backend, ...]:
    """Return the backends that can run batches at the same time; a backend without replicas is its only one."""
    return backend.replicas if isinstance(backend, ReplicatedBackend) else (backend,)


def devices_of(backend: Backend) -> tuple[str, ...]:
    """Return the devices of the replicas, such as ("cuda:0", "cuda:1"); () for a server's, which only it knows."""
    if isinstance(backend, RemoteBackend):
        return ()
    return tuple(each.device if isinstance(each, DeviceBackend) else "cpu" for each in replicas_of(backend))


def one_line(error: object) -> str:
    """Return an error's message on one line, or the name of its type when it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def check_clips(clips: Clips, clip: tuple[int, ...]) -> None:
    """Raise InferenceFailed unless `clips` is uint8 [N, *clip], the sizes that a graph was made for."""
    if clips.dtype != np.uint8 or clips.shape[1:] != clip:
        wanted, given = ("x".join(map(str, shape)) for shape in (clip, clips.shape[1:]))
        raise InferenceFailed(f"the model takes clips of uint8 {wanted}, not {clips.dtype} {given}")


def infer_together(backend: Backend, clips: Sequence[Clips]) -> list[Outputs]:
    """Run the clips of several videos in one call: one Outputs for each array of `clips`, uint8 [N, T, H, W, 3].

    The arrays may differ in N only. Raises what `backend.infer` raises.
    """
    return split_outputs(backend.infer(np.concatenate(clips)), [len(each) for each in clips])


def split_outputs(outputs: Outputs, sizes: Sequence[int]) -> list[Outputs]:
    """Split the outputs for clips in a row into those of as many clips each as `sizes` says."""
    arrays = outputs.arrays()
    ends = np.cumsum(sizes)[:-1]
    split = (np.split(array, ends) for array in arrays.values())
    return [Outputs(**dict(zip(arrays, parts, strict=True))) for parts in zip(*split, strict=True)]
