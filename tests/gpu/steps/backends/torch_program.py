"""Step `torch_program`: the torch backend on the GPU against the same program on the CPU, at every batch size."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from export.formats.torch_program import to_torch
from service.backends.torch_program import TorchProgramBackend
from tests.gpu.device import require_gpu
from tests.gpu.networks import small_checkpoint
from tests.gpu.replay import median_ms
from tests.gpu.session.figures import Figures

SIZES = (1, 2, 3, 5, 8, 13, 16, 20)
TOLERANCE = 1e-3


def run(figures: Figures) -> None:
    """Compare logits and take times."""
    checkpoint = small_checkpoint()
    side, frames = checkpoint.clip.crop, checkpoint.clip.num_frames
    clips = np.random.default_rng(0).integers(0, 256, (max(SIZES), frames, side, side, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt2"
        path.write_bytes(to_torch(checkpoint))
        with torch.inference_mode():
            expected = torch.export.load(path).module()(torch.from_numpy(clips))["logits"].numpy()
        figures.add(clips=list(clips.shape))
        require_gpu()
        torch.backends.cudnn.allow_tf32 = False  # the program's parity is that of float32
        free, started = torch.cuda.mem_get_info()[0], time.perf_counter()
        backend = TorchProgramBackend(path)
    figures.add(load_seconds=time.perf_counter() - started)
    figures.add(megabytes=(free - torch.cuda.mem_get_info()[0]) / 1e6)
    for size in SIZES:
        worst = float(np.abs(backend.infer(clips[:size]).logits - expected[:size]).max())
        taken = median_ms(lambda size=size: backend.infer(clips[:size]))  # type: ignore[misc]
        figures.add(**{f"batch_{size}": {"largest_difference": worst, "ms": taken}})
        if not worst <= TOLERANCE:
            raise AssertionError(f"logits of {size} clips differ by {worst:.2g} from the CPU's")
    figures.add(summary=[f"logits within {TOLERANCE:g} at {len(SIZES)} batch sizes"])
