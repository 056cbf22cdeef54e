"""Comparison of a backend's logits with torch's, on the same clips.

A trained network has learned certain offsets, and may never produce whole numbers, zero or the limits +-2. A second
network, equal except for made offsets, is therefore exported and compared as well.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import math
import platform
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec
from clips.cpu_quota import usable_cores
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
"""In frames; assigned to the two offsets of each block in turn."""
EXCERPTS = 3
"""Clips from each real video."""

Logits = NDArray[np.float32]
"""float32 [N, K]."""


@dataclass(frozen=True)
class Reference:
    """A checkpoint and the clips on which artifacts are compared with it; torch runs on them once.

    `rendered` and `real` are uint8 [N, T, H, W, 3].
    """

    checkpoint: Checkpoint
    checkpoint_sha256: str
    rendered: Clips
    real: Clips

    @classmethod
    def of(cls, checkpoint: Checkpoint, checkpoint_sha256: str) -> Reference:
        """Make the reference of a checkpoint, with clips of the checkpoint's shape."""
        return cls(checkpoint, checkpoint_sha256, make_clips(checkpoint.clip), real_clips(checkpoint.clip))

    @cached_property
    def clips(self) -> Clips:
        """All clips, uint8 [N, T, H, W, 3]."""
        return np.concatenate([self.rendered, self.real])

    @cached_property
    def logits(self) -> Logits:
        """Torch's logits for all clips, float32 [N, K]."""
        return torch_logits(self.checkpoint, self.clips)

    @cached_property
    def with_made_offsets(self) -> Reference:
        """The reference with the same clips and the checkpoint's offsets replaced by MADE_OFFSETS."""
        return dataclasses.replace(self, checkpoint=with_made_offsets(self.checkpoint))


@dataclass(frozen=True)
class Agreement:
    """Shares of clips with the same top-1 label, and with the same set of top-5 labels."""

    num_clips: int
    top1: float
    top5: float


@dataclass(frozen=True)
class Difference:
    """Largest absolute difference of a logit, and smallest agreement, over all batch sizes.

    `max_abs_logit` is torch's largest absolute logit: the scale by which the difference is judged.
    """

    max_abs_logit_difference: float
    max_abs_logit: float
    agreement: Agreement


def compare(reference: Reference, backend: Backend) -> Difference:
    """Compare a backend with torch on all clips, in batches of each size of BATCHES."""
    expected = reference.logits
    by_batch = [backend_logits(backend, reference.clips, size) for size in BATCHES]
    return Difference(
        max(float(np.abs(logits - expected).max()) for logits in by_batch),
        float(np.abs(expected).max()),
        min((agreement(logits, expected) for logits in by_batch), key=lambda each: each.top1),
    )


def agreement(logits: Logits, expected: Logits) -> Agreement:
    """Return the agreement of two backends' logits [N, K] for the same clips."""
    return Agreement(len(logits), top_agreement(logits, expected, 1), top_agreement(logits, expected, 5))


def agreement_on(clips: Iterable[Clips], backend: Backend, expected: Backend) -> Agreement:
    """Return the agreement of two backends on batches of uint8 clips [N, T, H, W, 3].

    Raises ExportError when there is no batch.
    """
    pairs = [(backend.infer(batch).logits, expected.infer(batch).logits) for batch in clips]
    if not pairs:
        raise ExportError("there is no clip on which to compare the backends")
    logits, others = zip(*pairs, strict=True)
    return agreement(np.concatenate(logits), np.concatenate(others))


def clips_sha256(clips: Clips) -> str:
    """Return the SHA-256 of the clips' bytes, in hex."""
    return hashlib.sha256(clips.tobytes()).hexdigest()


def environment() -> tuple[str, dict[str, str]]:
    """Return the CPU's name, and the versions of the LIBRARIES of both sides of the comparison."""
    return platform.processor() or platform.machine(), {library: version(library) for library in LIBRARIES}


def top_agreement(logits: Logits, expected: Logits, count: int) -> float:
    """Return the share of clips whose `count` most probable labels are the same set."""
    ours = np.sort(np.argsort(-logits, axis=1, kind="stable")[:, :count], axis=1)
    theirs = np.sort(np.argsort(-expected, axis=1, kind="stable")[:, :count], axis=1)
    return float((ours == theirs).all(axis=1).mean())


def make_clips(spec: ClipSpec, seed: int = 0) -> Clips:
    """Return rendered motion (ordinary input), and noise and flat fields (extreme input), uint8 [24, T, H, W, 3]."""
    studio = Studio(seed, num_textures=16)
    rendered = [studio.draw_example(spec, difficulty=1.0)[0] for _ in range(16)]
    shape = rendered[0].shape
    noise = [studio.rng.integers(0, 256, shape, np.uint8) for _ in range(6)]
    flat = [np.full(shape, level, np.uint8) for level in (0, 255)]
    return np.stack(rendered + noise + flat)


def real_clips(spec: ClipSpec, videos: Sequence[Path] | None = None) -> Clips:
    """Return EXCERPTS clips from each of V videos, uint8 [3 V, T, H, W, 3].

    By default the videos are the real footage in the packages that training installs.
    """
    paths = packaged_footage() if videos is None else videos
    return np.concatenate([_excerpt(path, part, spec) for path in paths for part in range(EXCERPTS)])


def _excerpt(path: Path, part: int, spec: ClipSpec) -> Clips:
    def pick(num_frames: int) -> list[int]:
        length = num_frames // EXCERPTS
        return [part * length + index for index in evaluation_indices(length, spec.num_frames)]

    return make_views(decode(path, pick).images, spec)[:1]


def with_made_offsets(checkpoint: Checkpoint) -> Checkpoint:
    """Return the checkpoint with offsets that are MADE_OFFSETS for any input."""
    tensors = dict(checkpoint.tensors)
    made = itertools.cycle(MADE_OFFSETS)
    for name in sorted(checkpoint.tensors):  # the order of a file is another than that of a network
        if name.endswith("offset_net.fc2.weight"):
            tensors[name] = torch.zeros_like(tensors[name])
        if name.endswith("offset_net.fc2.bias"):
            tensors[name] = torch.tensor([_bias_for(next(made)), _bias_for(next(made))], dtype=tensors[name].dtype)
    return dataclasses.replace(checkpoint, tensors=tensors)


def _bias_for(offset: float) -> float:
    """Invert offset = 2 MAX_OFFSET (sigmoid(bias) - 1/2), the last step of an OffsetNet."""
    share = offset / (2 * MAX_OFFSET) + 0.5
    return math.copysign(math.inf, offset) if share in {0, 1} else math.log(share / (1 - share))


def torch_logits(checkpoint: Checkpoint, clips: Clips) -> Logits:
    """Return the logits [N, K] of the plain network, as in training, for uint8 clips [N, T, H, W, 3]."""
    model, normalise = checkpoint.build_model(), Normalise(checkpoint.clip)

    @torch.inference_mode()
    def run(clip: Clips) -> Logits:
        return np.asarray(model(normalise(torch.from_numpy(clip))).numpy())

    with _one_core_each() as threads:
        return np.concatenate(list(threads.map(run, _batches(clips, 1))))


def backend_logits(backend: Backend, clips: Clips, size: int) -> Logits:
    """Return a backend's logits [N, K] for uint8 clips [N, T, H, W, 3], run in batches of `size`."""
    return np.concatenate([backend.infer(batch).logits for batch in _batches(clips, size)])


def _batches(clips: Clips, size: int) -> Iterator[Clips]:
    for start in range(0, len(clips), size):
        yield clips[start : start + size]


@contextmanager
def _one_core_each() -> Iterator[ThreadPoolExecutor]:
    # Several threads within a clip wait for each other in every layer: 20 times as long where other processes run.
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(usable_cores(), "torch", functools.partial(torch.set_num_threads, 1)) as threads:
            yield threads
    finally:
        torch.set_num_threads(before)
