"""TorchServe handler: PyAV and OpenCV before a TorchScript model, which TorchServe's base handler loads.

https://pytorch.org/serve/custom_service.html. TorchServe starts a worker process per core, each with a handler.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch
from ts.torch_handler.base_handler import BaseHandler

from tests.benchmarks.peers.setups.processing import answer, middle_frames, prepare


class VideoHandler(BaseHandler):  # type: ignore[misc]
    """Names the action in a video of each request."""

    def initialize(self, context: Any) -> None:
        """Load the model and its card; one thread, as there is a worker per core."""
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        super().initialize(context)
        self.card = json.loads((Path(context.system_properties["model_dir"]) / "card.json").read_text())

    def preprocess(self, data: list[dict[str, Any]]) -> torch.Tensor:
        """Return uint8 clips [N, T, H, W, 3]."""
        return torch.from_numpy(np.stack([self._clip(row.get("data") or row.get("body")) for row in data]))

    def postprocess(self, data: torch.Tensor) -> list[dict[str, Any]]:
        """Return the five likeliest actions for each row of logits."""
        return [answer(logits, self.card["labels"]) for logits in data.numpy()]

    def _clip(self, video: Any) -> Any:
        with av.open(io.BytesIO(video), "r") as container:
            stream = container.streams.video[0]
            wanted = middle_frames(stream.frames, self.card["num_frames"])
            frames = {}
            for index, frame in enumerate(container.decode(stream)):
                if index in wanted:
                    frames[index] = prepare(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), self.card)
                if index == wanted[-1]:
                    break
        return np.stack([frames[index] for index in wanted])
