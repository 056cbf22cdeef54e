"""LitServe with a worker per core: https://lightning.ai/docs/litserve.

python -m tests.benchmarks.peers.setups.litserve_server PORT
"""

import os
import sys
from typing import Any

import litserve
from fastapi import UploadFile

from tests.benchmarks.peers.setups.video_model import VideoModel


class VideoAPI(litserve.LitAPI):  # type: ignore[misc]
    """A worker process with a model of its own."""

    def setup(self, device: str) -> None:
        self.model = VideoModel()

    def decode_request(self, request: UploadFile) -> bytes:
        return request.file.read()

    def predict(self, video: bytes) -> dict[str, Any]:
        return self.model.predict(video)

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    server = litserve.LitServer(VideoAPI(), accelerator="cpu", workers_per_device=len(os.sched_getaffinity(0)))
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
