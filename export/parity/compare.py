"""The proof that an artifact answers as its checkpoint does: the same clips through torch and through the backend that
serves, compared.

A network interlaces by what it learned, which may leave whole offsets, the borders +-2 and zero untried. So a second
network, the same but for its offsets, which are made, is exported and compared as well.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec
from clips.decoding.decode import decode
from clips.sampling import evaluation_indices
from clips.transforms import make_views
from export.errors import ExportError
from service.backends.base import Backend, Clips
from training.checkpoints.checkpoint import Checkpoint
from training.model.interlace import MAX_OFFSET
from training.model.tin import Normalise
from training.synthetic.out_of_domain import packaged_footage
from training.synthetic.studio import Studio

BATCHES = (1, 2, 5)
LIBRARIES = ("torch", "onnx", "onnxruntime", "numpy")
MADE_OFFSETS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -1.25, 1.999)
"""In frames; dealt to the blocks' two offsets in turn."""
EXCERPTS = 3
"""Clips from each real video."""

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """A checkpoint and the clips on which others are compared with it; torch's answers are computed once."""

    checkpoint: Checkpoint
    checkpoint_sha256: str
    rendered: Clips
    real: Clips

    @classmethod
    def of(cls, checkpoint: Checkpoint, checkpoint_sha256: str) -> Reference:
        """With clips of the checkpoint's own shape."""
        return cls(checkpoint, checkpoint_sha256, make_clips(checkpoint.clip), real_clips(checkpoint.clip))

    @cached_property
    def clips(self) -> Clips:
        """uint8 [N, T, H, W, 3]: all of them."""
        return np.concatenate([self.rendered, self.real])

    @cached_property
    def logits(self) -> Logits:
        """Torch's, [N, K]."""
        return torch_logits(self.checkpoint, self.clips)

    @cached_property
    def with_made_offsets(self) -> Reference:
        """The same clips, and the checkpoint with other offsets."""
        return dataclasses.replace(self, checkpoint=with_made_offsets(self.checkpoint))


@dataclass(frozen=True)
class Agreement:
    """The shares of clips whose likeliest label, and whose five likeliest, are the same."""

    num_clips: int
    top1: float
    top5: float


@dataclass(frozen=True)
class Difference:
    """Between a backend's logits and torch's, the worst over all batch sizes."""

    max_abs_logit_difference: float
    agreement: Agreement


def compare(reference: Reference, backend: Backend) -> Difference:
    """Run all clips in batches of each size."""
    expected = reference.logits
    by_batch = [backend_logits(backend, reference.clips, size) for size in BATCHES]
    return Difference(
        max(float(np.abs(logits - expected).max()) for logits in by_batch),
        min((agreement(logits, expected) for logits in by_batch), key=lambda each: each.top1),
    )


def agreement(logits: Logits, expected: Logits) -> Agreement:
    """Between two backends' logits [N, K] for the same clips."""
    return Agreement(len(logits), top_agreement(logits, expected, 1), top_agreement(logits, expected, 5))


def agreement_on(clips: Iterable[Clips], backend: Backend, expected: Backend) -> Agreement:
    """Between two backends on a stream of clips, uint8 [N, T, H, W, 3]; ExportError when there is none."""
    pairs = [(backend.infer(batch).logits, expected.infer(batch).logits) for batch in clips]
    if not pairs:
        raise ExportError("there is no clip to compare the answers on")
    logits, others = zip(*pairs, strict=True)
    return agreement(np.concatenate(logits), np.concatenate(others))


def clips_sha256(clips: Clips) -> str:
    """The digest of the clips' bytes."""
    return hashlib.sha256(clips.tobytes()).hexdigest()


def surroundings() -> tuple[str, dict[str, str]]:
    """The processor, and the versions of the libraries that both sides use."""
    return platform.processor() or platform.machine(), {library: version(library) for library in LIBRARIES}


def top_agreement(logits: Logits, expected: Logits, count: int) -> float:
    """The share of clips whose `count` likeliest labels are the same set."""
    ours = np.sort(np.argsort(-logits, axis=1, kind="stable")[:, :count], axis=1)
    theirs = np.sort(np.argsort(-expected, axis=1, kind="stable")[:, :count], axis=1)
    return float((ours == theirs).all(axis=1).mean())


def make_clips(spec: ClipSpec, seed: int = 0) -> Clips:
    """uint8 [24, T, H, W, 3]: rendered motion for ordinary pictures, noise and flat fields for extreme ones."""
    studio = Studio(seed, num_textures=16)
    rendered = [studio.draw_example(spec, difficulty=1.0)[0] for _ in range(16)]
    shape = rendered[0].shape
    noise = [studio.rng.integers(0, 256, shape, np.uint8) for _ in range(6)]
    flat = [np.full(shape, level, np.uint8) for level in (0, 255)]
    return np.stack(rendered + noise + flat)


def real_clips(spec: ClipSpec, videos: Sequence[Path] | None = None) -> Clips:
    """uint8 [3 V, T, H, W, 3]: the parts of V videos, by default those that come with the training packages."""
    paths = packaged_footage() if videos is None else videos
    return np.concatenate([_excerpt(path, part, spec) for path in paths for part in range(EXCERPTS)])


def _excerpt(path: Path, part: int, spec: ClipSpec) -> Clips:
    def pick(num_frames: int) -> list[int]:
        length = num_frames // EXCERPTS
        return [part * length + index for index in evaluation_indices(length, spec.num_frames)]

    return make_views(decode(path, pick).images, spec)[:1]


def with_made_offsets(checkpoint: Checkpoint) -> Checkpoint:
    """The same network, except that its offsets are MADE_OFFSETS whatever it sees."""
    tensors = dict(checkpoint.tensors)
    made = itertools.cycle(MADE_OFFSETS)
    for name in checkpoint.tensors:
        if name.endswith("offset_net.fc2.weight"):
            tensors[name] = torch.zeros_like(tensors[name])
        if name.endswith("offset_net.fc2.bias"):
            tensors[name] = torch.tensor([_bias_for(next(made)), _bias_for(next(made))], dtype=tensors[name].dtype)
    return dataclasses.replace(checkpoint, tensors=tensors)


def _bias_for(offset: float) -> float:
    """What the last layer of an OffsetNet must answer: the inverse of 2 MAX (sigmoid(x) - 1/2)."""
    share = offset / (2 * MAX_OFFSET) + 0.5
    return math.copysign(math.inf, offset) if share in {0, 1} else math.log(share / (1 - share))


@torch.inference_mode()
def torch_logits(checkpoint: Checkpoint, clips: Clips) -> Logits:
    """[N, K] of the plain network, as it was trained."""
    model, normalise = checkpoint.build_model(), Normalise(checkpoint.clip)
    return np.concatenate([model(normalise(torch.from_numpy(clip))).numpy() for clip in _batches(clips, 4)])


def backend_logits(backend: Backend, clips: Clips, size: int) -> Logits:
    """[N, K], `size` clips at a time."""
    return np.concatenate([backend.infer(batch).logits for batch in _batches(clips, size)])


def _batches(clips: Clips, size: int) -> Iterator[Clips]:
    for start in range(0, len(clips), size):
        yield clips[start : start + size]
