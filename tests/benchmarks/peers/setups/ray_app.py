"""Ray Serve with FastAPI and a replica per core: https://docs.ray.io/en/latest/serve/http-guide.html.

python -m tests.benchmarks.peers.setups.ray_app PORT
"""

import os
import sys
from typing import Any

import ray
from fastapi import FastAPI, UploadFile
from ray import serve

from tests.benchmarks.peers.setups.video_model import VideoModel

CORES = len(os.sched_getaffinity(0))
app = FastAPI()


@serve.deployment(num_replicas=CORES, ray_actor_options={"num_cpus": 1})
@serve.ingress(app)
class VideoDeployment:
    """A replica with a model of its own."""

    def __init__(self) -> None:
        self.model = VideoModel()

    @app.post("/predict")
    def predict(self, video: UploadFile) -> dict[str, Any]:
        """Name the action in an uploaded video, in a thread of FastAPI's pool."""
        return self.model.predict(video.file.read())


if __name__ == "__main__":
    ray.init("local", num_cpus=CORES, include_dashboard=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(VideoDeployment.bind(), blocking=True)  # type: ignore[attr-defined]
