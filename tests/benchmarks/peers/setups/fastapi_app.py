"""Plain FastAPI, run by `uvicorn --workers`, a worker per core: https://fastapi.tiangolo.com/deployment/server-workers."""

from typing import Any

from fastapi import FastAPI, UploadFile

from tests.benchmarks.peers.setups.video_model import VideoModel

app = FastAPI()
model = VideoModel()


@app.post("/predict")
def predict(video: UploadFile) -> dict[str, Any]:
    """Name the action in an uploaded video, in a thread of FastAPI's pool."""
    return model.predict(video.file.read())
