"""The decoders and the batcher of other processes: deployments of Ray Serve behind the signatures of our own.

Ray gives a request to another replica as long as none has taken it. One that is lost with its replica or its node is
sent again here: decoding and inference change nothing, so doing them twice is safe.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from ray import serve
from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError, RayTaskError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, ReplicaUnavailableError

from clips.clip_spec import ClipSpec
from clips.decoding.errors import ClipError
from clips.decoding.limits import DecodeLimits
from clips.preprocess import ModelInput
from service.backends.base import Backend, Clips, Outputs
from service.deployment.replica import ReplicaLost
from service.inference.batcher import Inferred
from service.limits.admission import Overloaded

MODELS = "models"
DECODERS = "decoders"

LOST = (NodeDiedError, ObjectLostError, RayActorError, ReplicaUnavailableError, WorkerCrashedError)
"""How Ray tells that whoever had a request is gone, and that the request is not to blame."""

MAX_LOSSES = 3
"""Of one call: the replicas of a lost node are found dead one by one."""

RETRY_AFTER_SECONDS = 1

logger = logging.getLogger("service")


@dataclass
class ClusterBackend:
    """A version of a model as the replicas of `models` have it loaded."""

    name: str
    version: str
    max_batch_size: int

    def infer(self, clips: Clips) -> Outputs:
        """What a replica answers to uint8 clips [N, T, H, W, 3]; for threads, as it blocks. Raises InferenceFailed."""
        response = serve.get_deployment_handle(MODELS).infer.remote(self.name, self.version, clips)
        inferred: Inferred = response.result()
        return inferred.outputs

    def close(self) -> None:
        """Nothing is held here."""


class RemoteDecoders:
    """Stands in for a DecoderPool; `deployment` is a handle of service.deployment.ray_serve.DecoderReplica."""

    def __init__(self, deployment: Any) -> None:
        self._deployment = deployment

    async def preprocess(
        self, video: bytes, spec: ClipSpec, limits: DecodeLimits, *, thumbnails: bool, shifted: bool = False
    ) -> ModelInput:
        """`Decoder.preprocess` in some replica. When this is cancelled, the child that decodes there is killed.

        Raises what Decoder.preprocess does, Overloaded and ReplicaLost.
        """
        answer: ModelInput | ClipError = await call(
            self._deployment.preprocess, video, spec, limits, thumbnails=thumbnails, shifted=shifted
        )
        if isinstance(answer, ClipError):
            raise answer
        return answer


class RemoteBatcher:
    """Stands in for a Batcher; `deployment` is a handle of service.deployment.ray_serve.ModelReplica."""

    def __init__(self, deployment: Any) -> None:
        self._deployment = deployment

    async def infer(self, backend: Backend, clips: Clips) -> Inferred:
        """Run a ClusterBackend's model on uint8 clips [N, T, H, W, 3], in a replica's batch with others.

        Raises InferenceFailed, Overloaded and ReplicaLost.
        """
        if not isinstance(backend, ClusterBackend):
            raise TypeError(f"{type(backend).__name__} is loaded here, not in the cluster")
        inferred: Inferred = await call(self._deployment.infer, backend.name, backend.version, clips)
        return inferred


async def call(method: Any, *args: object, **kwargs: object) -> Any:
    """What a deployment's method returns, or raises, in a replica; sent again when that replica is lost.

    Raises Overloaded where the deployment's queue is full, and ReplicaLost.
    """
    for _ in range(MAX_LOSSES):
        try:
            return await method.remote(*args, **kwargs)
        except RayTaskError as error:
            raise error.cause from None
        except BackPressureError as error:
            message = f"the cluster has too much to do; send it again in {RETRY_AFTER_SECONDS} s"
            raise Overloaded(message, RETRY_AFTER_SECONDS) from error
        except LOST as error:
            logger.warning("a request is sent again, as its replica was lost: %s", type(error).__name__)
    raise ReplicaLost(f"{MAX_LOSSES} replicas were lost while they worked on this; send it again")
