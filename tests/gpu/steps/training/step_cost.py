"""Step `training`: interlacing with its gradients, the memory of a training step, and the rate of the model alone.

- Interlacing and its gradients, fused and in torch's own operators, on the features of the four stages of a ResNet-50
  for six videos.
- Peak memory of training steps of six videos in float32 and bfloat16, and what MMAction2 reports for its recipe.
- Videos a second of the model alone, one at a time.

Times are medians of interleaved runs.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tests.gpu.device import require_gpu, require_package
from tests.gpu.session.figures import Figures
from training.model.interlace import SHIFT_DIVISOR, interlace
from training.model.interlace_ops import Backward, interlace_plain
from training.model.tin import TIN, Architecture

FORMS: dict[str, Callable[..., Tensor]] = {"fused": interlace, "plain": interlace_plain}
STAGES = ((256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7))
"""Channels, height and width of the features before a block."""
ORDERS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}
PRECISIONS = {"fp32": None, "bf16": torch.bfloat16}
NUM_VIDEOS = 6
GOAL_MEGABYTES = {"fp32": 6181, "bf16": 3500}
"""The least that MMAction2 reports for six videos a GPU (its recipes: 6181, 6185 and 6187), and half of it."""
ROUNDS, CALLS = 20, 10


@dataclass(frozen=True)
class Setting:
    """A network's architecture, the side of its frames in pixels, and a device."""

    architecture: Architecture
    side: int
    device: torch.device

    def model(self, order: torch.memory_format = torch.contiguous_format) -> TIN:
        """Return an untrained network with weights in that memory format."""
        return TIN(self.architecture).to(self.device, memory_format=order)  # type: ignore[call-overload, no-any-return]

    def frames(self, num_videos: int) -> Tensor:
        """Return noise, float32 [N, T, 3, H, W]."""
        return torch.randn(num_videos, self.architecture.num_frames, 3, self.side, self.side, device=self.device)


def run(figures: Figures) -> None:
    """Measure everything."""
    Setting(Architecture(num_classes=3, depth=18, width=0.25, num_frames=2), 32, torch.device("cpu")).model()
    figures.add(goals=GOAL_MEGABYTES)
    require_package("triton")
    require_gpu()
    setting = Setting(Architecture(num_classes=400), 224, torch.device("cuda"))
    megabytes = {}
    for name, (form, order) in step_forms().items():
        for precision, dtype in PRECISIONS.items():
            megabytes[f"{name}, {precision}"] = step_megabytes(setting, form, order, dtype)
            figures.add(step_megabytes=megabytes)
    rows = []
    for stage in STAGES:
        for name_of_order in ORDERS:
            rows.append(interlace_times(stage, name_of_order, setting.device))
            figures.add(interlace=rows)
    figures.add(videos_per_second=videos_per_second(setting))
    figures.add(summary=summary(megabytes, rows))


def summary(megabytes: dict[str, float], rows: list[dict[str, Any]]) -> list[str]:
    """Return one line for each goal, and one for the kernels."""
    lines = []
    for precision, goal in GOAL_MEGABYTES.items():
        least = min(value for name, value in megabytes.items() if name.endswith(precision))
        met = "met" if least <= goal else "missed"
        lines.append(f"a training step of {NUM_VIDEOS} videos in {precision}: {least:.0f} MB (goal {goal}: {met})")
    ratios = [row["plain_over_fused"] for row in rows]
    return [
        *lines,
        f"interlace and gradients: plain takes {min(ratios):.2f} to {max(ratios):.2f} times as long as fused",
    ]


def interlace_times(
    stage: tuple[int, int, int], order: str, device: torch.device, num_videos: int = NUM_VIDEOS, num_frames: int = 8
) -> dict[str, Any]:
    """Return milliseconds of interlacing with its gradients in each form, and their ratio.

    Args:
        stage: channels, height and width of the features.
        order: memory format, a key of ORDERS.
        device: device to run on.
        num_videos: batch size.
        num_frames: frames per video.
    """
    shape = num_videos * num_frames, *stage
    features, upstream = (torch.randn(shape, device=device).contiguous(memory_format=ORDERS[order]) for _ in range(2))
    offsets = 4 * torch.rand(num_videos, 2, device=device) - 2
    weights = 2 * torch.rand(num_videos, num_frames, 2, device=device)
    leaves = [tensor.requires_grad_() for tensor in (features, offsets, weights)]
    settings = {"num_channels": stage[0] // SHIFT_DIVISOR, "backward": Backward.ADJOINT}

    def there_and_back(form: Callable[..., Tensor]) -> Callable[[], object]:
        return lambda: torch.autograd.grad(form(*leaves, **settings), leaves, upstream)

    times = in_turns({name: there_and_back(form) for name, form in FORMS.items()}, device)
    ratio = times["plain"] / times["fused"]
    milliseconds = {f"{name}_ms": 1000 * taken for name, taken in times.items()}
    return {"shape": shape, "order": order, **milliseconds, "plain_over_fused": ratio}


def step_forms() -> dict[str, tuple[Callable[..., Tensor], torch.memory_format]]:
    """Return every form in every memory format, by name."""
    return {f"{name}, {order}": (FORMS[name], ORDERS[order]) for name in FORMS for order in ORDERS}


def step_megabytes(
    setting: Setting, form: Callable[..., Tensor], order: torch.memory_format, dtype: torch.dtype | None = None
) -> float:
    """Return the peak GPU memory of tensors in training steps, in units of 2^20 bytes, as in MMCV's logs."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(setting.device)
    train_steps(setting, form, order, dtype=dtype)
    return torch.cuda.max_memory_allocated(setting.device) / 2**20


def train_steps(
    setting: Setting,
    form: Callable[..., Tensor],
    order: torch.memory_format,
    num_videos: int = NUM_VIDEOS,
    num_steps: int = 3,
    dtype: torch.dtype | None = None,
) -> list[float]:
    """Return the losses of a few steps of SGD with momentum, on the same videos.

    Args:
        setting: network, size and device.
        form: the interlacing.
        order: memory format of the weights.
        num_videos: batch size.
        num_steps: number of steps.
        dtype: type of autocast; None for float32.
    """
    model, frames = setting.model(order), setting.frames(num_videos)
    labels = torch.arange(num_videos, device=setting.device) % setting.architecture.num_classes
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    losses = []
    with patch("training.model.interlace.interlace", form):
        for _ in range(num_steps):
            with torch.autocast(setting.device.type, dtype, enabled=dtype is not None):
                loss = cross_entropy(model(frames), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def videos_per_second(setting: Setting) -> float:
    """Return the rate of the model alone, in float32, one video at a time, without decoding."""
    model, frames = setting.model().eval(), setting.frames(1)

    def infer() -> None:
        with torch.inference_mode():
            model(frames)

    return 1 / in_turns({"model": infer}, setting.device)["model"]


def in_turns(work: dict[str, Callable[[], object]], device: torch.device) -> dict[str, float]:
    """Return median seconds of each piece of work, after a warm-up, interleaved."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for piece in work.values():
        seconds_of(piece, device)
    for _ in range(ROUNDS):
        for name, piece in work.items():
            times[name].append(seconds_of(piece, device))
    return {name: statistics.median(taken) for name, taken in times.items()}


def seconds_of(piece: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of one call, averaged over CALLS in a row."""
    synchronize(device)
    start = time.perf_counter()
    for _ in range(CALLS):
        piece()
    synchronize(device)
    return (time.perf_counter() - start) / CALLS


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished its work; the CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
