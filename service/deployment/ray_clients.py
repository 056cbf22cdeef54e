"""Clients of the Ray Serve deployments: decoders, models and batching in other processes, behind the local interfaces.

Ray gives a request to another replica as long as none has taken it. A request that is lost with its replica or its node
is sent again here: decoding and inference have no side effects, so doing them twice is safe.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from grpc.aio import AioRpcError
from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError, RayTaskError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, ReplicaUnavailableError

from clips.decoding.errors import ClipError
from clips.model_input import ModelInput, TimelineStart
from clips.windows import Windowing
from service.backends.base import Clips, Outputs
from service.decoding.job import DecodeJob
from service.deployment.ray_nodes import NodeLosses, NodeLost
from service.inference.batcher import Inferred
from service.inference.pipeline import ReplicaLost
from service.inference.windows import InferredPart, InferredWindow
from service.limits.slots import Overloaded
from service.models.versions import LoadedModel
from service.telemetry.run_statistics import Run

MODELS = "models"
DECODERS = "decoders"

LOST = (
    AioRpcError,
    NodeDiedError,
    NodeLost,
    ObjectLostError,
    RayActorError,
    ReplicaUnavailableError,
    WorkerCrashedError,
)
"""Exceptions for a replica that is gone, of which the request is not to blame."""

MAX_LOSSES = 3
"""Losses of one call in a row: the replicas of a lost node are found dead one by one."""

RETRY_AFTER_SECONDS = 1

node_losses = NodeLosses()

logger = logging.getLogger("service")


@dataclass
class ClusterBackend:
    """A version of a model as the replicas of `models` have it loaded."""

    name: str
    version: str
    max_batch_size: int

    def infer(self, clips: Clips) -> Outputs:
        """Refuse: the loop that asks a replica must not wait for it; `RemoteBatcher` infers."""
        raise TypeError(f"{self.name} {self.version} is loaded in the cluster, not here")

    def close(self) -> None:
        """Free nothing: the replicas hold the model."""


class RemoteDecoders:
    """`service.inference.pipeline.Decoders` by replicas; `deployment` is a handle of `ray_serve.DecoderReplica`."""

    def __init__(self, deployment: Any) -> None:
        self._deployment = deployment

    async def preprocess(self, job: DecodeJob) -> ModelInput:
        """Run `Decoder.preprocess` in some replica. When this is cancelled, the worker that decodes there is killed.

        Raises what Decoder.preprocess does, Overloaded and ReplicaLost.
        """
        answer: ModelInput | ClipError = await call(self._deployment.preprocess, job)
        if isinstance(answer, ClipError):
            raise answer
        return answer

    async def windows(
        self, job: DecodeJob, windowing: Windowing, model: LoadedModel
    ) -> AsyncGenerator[InferredPart, None]:
        """Decode and infer in some replica; after a loss another one goes on with the first window that is missing.

        Raises what Decoder.windows and Batcher.infer do, Overloaded and ReplicaLost.
        """
        received, num_losses = _ReceivedParts(), 0
        while num_losses < MAX_LOSSES:
            request = (job, windowing, model.name, model.version, received.next_window)
            try:
                async with _streamed(self._deployment, request) as parts:
                    async for part in parts:
                        if received.is_new(part):
                            num_losses = 0
                            yield part
                return
            except LOST as error:
                num_losses += 1
                logger.warning("a timeline goes on elsewhere, as its replica was lost: %s", type(error).__name__)
        raise _lost_too_often()


@dataclass
class _ReceivedParts:
    """The parts of a timeline that have been handed on, so that none comes twice after a loss."""

    num_windows: int | None = None
    num_received: int = 0
    _num_to_skip: int = 0

    @property
    def next_window(self) -> int:
        """The window to go on with. The last one is asked for again where only the end is missing."""
        first = min(self.num_received, (self.num_windows or 1) - 1)
        self._num_to_skip = self.num_received - first
        return first

    def is_new(self, part: InferredPart | ClipError) -> bool:
        """Count a part and return True unless it was received before; raises a ClipError."""
        match part:
            case ClipError():
                raise part
            case TimelineStart():
                is_first, self.num_windows = self.num_windows is None, part.num_windows
                return is_first
            case InferredWindow() if self._num_to_skip:
                self._num_to_skip -= 1
                return False
            case InferredWindow():
                self.num_received += 1
        return True


@asynccontextmanager
async def _streamed(deployment: Any, request: tuple[object, ...]) -> AsyncIterator[AsyncIterator[Any]]:
    """The parts that a replica streams, which is cancelled at the end; raises what the replica raises."""
    parts = deployment.options(stream=True).windows.remote(*request)
    try:
        yield node_losses.watched_parts(parts)
    except RayTaskError as error:
        raise error.cause from None
    except BackPressureError as error:
        raise _cluster_is_full() from error
    finally:
        parts.cancel()


class RemoteBatcher:
    """`service.inference.pipeline.Batching` by replicas; `deployment` is a handle of `ray_serve.ModelReplica`.

    `observe` is called with each call as a run of its own; in which batch it ran is known in the replica only.
    """

    def __init__(self, deployment: Any, observe: Callable[[Run], None]) -> None:
        self._deployment = deployment
        self._observe = observe

    async def infer(self, model: LoadedModel, clips: Clips) -> Inferred:
        """Run a model with a ClusterBackend on uint8 clips [N, T, H, W, 3], in a replica's batch with others.

        Raises InferenceFailed, Overloaded and ReplicaLost.
        """
        if not isinstance(model.backend, ClusterBackend):
            raise TypeError(f"{type(model.backend).__name__} is loaded here, not in the cluster")
        started, infer_ns, failed = time.perf_counter_ns(), 0, True
        try:
            inferred: Inferred = await call(self._deployment.infer, model.name, model.version, clips)
            infer_ns, failed = round(inferred.seconds * 1e9), False
        finally:
            queue_ns = max(0, time.perf_counter_ns() - started - infer_ns)
            self._observe(Run(model.key, (len(clips),), (queue_ns,), 0, infer_ns, 0, time.time(), failed=failed))
        return inferred


async def call(method: Any, *args: object) -> Any:
    """Return what a deployment's method returns, or raise what it raises; sent again when its replica is lost.

    Raises Overloaded where the deployment's queue is full, and ReplicaLost.
    """
    for _ in range(MAX_LOSSES):
        try:
            return await node_losses.watched(method.remote(*args))
        except RayTaskError as error:
            raise error.cause from None
        except BackPressureError as error:
            raise _cluster_is_full() from error
        except LOST as error:
            logger.warning("a request is sent again, as its replica was lost: %s", type(error).__name__)
    raise _lost_too_often()


def _cluster_is_full() -> Overloaded:
    return Overloaded(f"the cluster's queues are full; send it again in {RETRY_AFTER_SECONDS} s", RETRY_AFTER_SECONDS)


def _lost_too_often() -> ReplicaLost:
    return ReplicaLost(f"{MAX_LOSSES} replicas were lost while they worked on this; send it again")
