"""OIP backend: sends clips to a server of the Open Inference Protocol, which forms batches, and checks its health."""

from __future__ import annotations

import time
from contextlib import suppress

from service.backends.base import Clips, InferenceFailed, Outputs
from service.backends.oip.client import MOST_CLIPS, OipClient
from service.backends.oip.proof import Proof
from service.backends.remote.watched_server import WatchedServer

PROOF_SECONDS = 60.0
"""Time between two proofs while the server is up: it may exchange a model without going down."""


class OipBackend:
    """A model of the store, run by the server that `client` calls; a thread checks the server's health every second.

    The server must serve the model under the store's name and version. While it is down, or its metadata or its logits
    for the proof's clip are not those of the store's graph, calls raise RuntimeDown at once.
    """

    max_batch_size = 1

    def __init__(self, client: OipClient, proof: Proof) -> None:
        self._client = client
        self._proof = proof
        self.outputs = tuple(proof.shapes())
        self._most_clips = MOST_CLIPS
        self._last_proof = time.monotonic()
        self._server = WatchedServer(client.server, self._ping, self._prove, client.close)

    def infer(self, clips: Clips) -> Outputs:
        """Send uint8 clips [N, T, H, W, 3]; raises InferenceFailed, RuntimeFull and RuntimeDown."""
        with self._server.call():
            return self._infer(clips)

    def check_up(self) -> None:
        """Raise RuntimeDown with the reason while the server is down."""
        self._server.check_up()

    def close(self) -> None:
        """Stop the health checks; their thread closes the connections."""
        self._server.close()

    def _infer(self, clips: Clips) -> Outputs:
        at_once = self._most_clips
        parts = [self._infer_part(clips[start : start + at_once]) for start in range(0, len(clips), at_once)]
        return Outputs.joined([part.arrays() for part in parts])

    def _infer_part(self, clips: Clips) -> Outputs:
        return self._proof.checked(self._client.infer(clips, self.outputs), len(clips))

    def _ping(self) -> None:
        self._client.check_ready()
        if time.monotonic() - self._last_proof > PROOF_SECONDS:
            with suppress(InferenceFailed):  # one call that fails does not mean another model
                self._prove()

    def _prove(self) -> None:
        self._last_proof = time.monotonic()
        self._client.metadata().check((-1, *self._proof.clip.shape[1:]), self._proof.shapes())
        self._most_clips = self._client.most_clips()
        self._proof.check(self._infer(self._proof.clip))
