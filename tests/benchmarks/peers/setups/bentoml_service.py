"""BentoML with a worker per core: https://docs.bentoml.com, "Parallelize requests handling".

bentoml serve tests.benchmarks.peers.setups.bentoml_service:VideoService
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bentoml

from tests.benchmarks.peers.setups.video_model import VideoModel


@bentoml.service(workers="cpu_count")
class VideoService:
    """A worker process with a model of its own."""

    def __init__(self) -> None:
        self.model = VideoModel()

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, video: Path) -> dict[str, Any]:
        """Name the action in an uploaded video, which BentoML has written to a file."""
        return self.model.predict(video.read_bytes())
