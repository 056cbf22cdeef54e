"""The proof that an artifact answers as its checkpoint does: the same clips through torch and through the backend that
serves, compared.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np
import torch
from numpy.typing import NDArray

from clips.spec import ClipSpec
from service.backends.base import Backend, Clips
from service.manifest import ParityReport
from training.checkpoint import Checkpoint
from training.model import Normalise
from training.synthetic import Studio

BATCHES = (1, 2, 5)
TOLERANCE_FP32 = 1e-4
LIBRARIES = ("torch", "onnx", "onnxruntime", "numpy")


def make_parity_clips(spec: ClipSpec, seed: int = 0) -> Clips:
    """uint8 [24, T, H, W, 3]: rendered motion for ordinary pictures, noise and flat fields for extreme ones."""
    studio = Studio(seed, num_textures=16)
    rendered = [studio.draw_example(spec, difficulty=1.0)[0] for _ in range(16)]
    shape = rendered[0].shape
    noise = [studio.rng.integers(0, 256, shape, np.uint8) for _ in range(6)]
    flat = [np.full(shape, level, np.uint8) for level in (0, 255)]
    return np.stack(rendered + noise + flat)


def compare(
    checkpoint: Checkpoint, checkpoint_sha256: str, artifact: bytes, backend: Backend, backend_name: str
) -> ParityReport:
    """Run both on the same clips at every batch size, and report the largest difference seen."""
    clips = make_parity_clips(checkpoint.clip)
    expected = _torch_logits(checkpoint, clips)
    by_batch = [_backend_logits(backend, clips, size) for size in BATCHES]
    return ParityReport(
        backend=backend_name,
        device=platform.processor() or platform.machine(),
        batches=BATCHES,
        num_clips=len(clips),
        clips_sha256=hashlib.sha256(clips.tobytes()).hexdigest(),
        checkpoint_sha256=checkpoint_sha256,
        artifact_sha256=hashlib.sha256(artifact).hexdigest(),
        tolerance=TOLERANCE_FP32,
        max_abs_logit_difference=max(float(np.abs(logits - expected).max()) for logits in by_batch),
        top1_agreement=min(top_agreement(logits, expected, 1) for logits in by_batch),
        top5_agreement=min(top_agreement(logits, expected, 5) for logits in by_batch),
        required_top1_agreement=1.0,
        versions={library: version(library) for library in LIBRARIES},
    )


def top_agreement(logits: NDArray[np.float32], expected: NDArray[np.float32], count: int) -> float:
    """The share of clips whose `count` likeliest labels are the same set."""
    ours = np.sort(np.argsort(-logits, axis=1, kind="stable")[:, :count], axis=1)
    theirs = np.sort(np.argsort(-expected, axis=1, kind="stable")[:, :count], axis=1)
    return float((ours == theirs).all(axis=1).mean())


@torch.inference_mode()
def _torch_logits(checkpoint: Checkpoint, clips: Clips) -> NDArray[np.float32]:
    model, normalise = checkpoint.build_model(), Normalise(checkpoint.clip)
    return np.concatenate([model(normalise(torch.from_numpy(clip))).numpy() for clip in _batches(clips, 4)])


def _backend_logits(backend: Backend, clips: Clips, size: int) -> NDArray[np.float32]:
    return np.concatenate([backend.infer(batch).logits for batch in _batches(clips, size)])


def _batches(clips: Clips, size: int) -> Iterator[Clips]:
    for start in range(0, len(clips), size):
        yield clips[start : start + size]
