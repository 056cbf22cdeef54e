"""Usual way to name the action in a video: decord, OpenCV, ONNX Runtime. Used by all peers that serve ONNX graphs."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
from decord import VideoReader, cpu

from tests.benchmarks.peers.setups.processing import MODEL_FOLDER, answer, middle_frames, prepare


class VideoModel:
    """A session of one thread: each server has a worker process per core."""

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or Path(os.environ[MODEL_FOLDER])
        self._card = json.loads((folder / "card.json").read_text())
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        cv2.setNumThreads(1)

    def predict(self, video: bytes) -> dict[str, Any]:
        """Return the five likeliest actions in a video file."""
        reader = VideoReader(io.BytesIO(video), ctx=cpu(0), num_threads=1)
        frames = reader.get_batch(middle_frames(len(reader), self._card["num_frames"])).asnumpy()
        clip = np.stack([prepare(frame, self._card) for frame in frames])
        (logits,) = self._session.run(["logits"], {"clips": clip[None]})
        return answer(logits[0], self._card["labels"])
