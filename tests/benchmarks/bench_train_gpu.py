"""Benchmark of training on a GPU, run by `make gpu`; prints the figures and writes them by today's date.

- Interlacing and its gradients, fused and in torch's own operators, on the features of the four stages of a ResNet-50
  for six videos.
- Peak memory of training steps of six videos, in both forms, and the memory that MMAction2 reports for its recipe.
- Videos per second of the model alone, one at a time.
- Ten minutes of the demo recipe with the ResNet-50 at 224 pixels.

Times are medians of interleaved runs.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from rich.console import Console
from torch import Tensor
from torch.nn.functional import cross_entropy

from tests.helpers.measuring.machine import installed_versions
from tests.helpers.paths import REPOSITORY
from training.model.interlace import SHIFT_DIVISOR, interlace
from training.model.interlace_ops import Backward, interlace_plain
from training.model.tin import TIN, Architecture

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "triton", "numpy")
FORMS: dict[str, Callable[..., Tensor]] = {"fused": interlace, "plain": interlace_plain}
STAGES = ((256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7))
"""Channels, height and width of the features before a block."""
ORDERS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}
NUM_VIDEOS = 6
PUBLISHED_MEGABYTES = 6187
"""Of MMAction2's Kinetics-400 recipe, six videos a GPU; its others report 6181 and 6185."""
ROUNDS, CALLS = 20, 10
DEMO_SECONDS = 600
DEMO_OVERRIDES = (
    "model.depth=50",
    "model.width=1.0",
    "clip.crop=224",
    f"data.batch_size={NUM_VIDEOS}",
    "data.lessons=[{from_epoch: 0, side: 224, difficulty: 0.2}]",
)
"""Overrides with which the demo recipe trains a network of the published size."""


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


def bench(out: Path = RESULTS) -> None:
    """Measure everything, print the figures and write them to `out`."""
    setting = Setting(Architecture(num_classes=400), 224, torch.device("cuda"))
    facts: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name(),
        "cuda": torch.version.cuda,
        "versions": installed_versions(PACKAGES),
        "interlace": [interlace_times(stage, order, setting.device) for stage in STAGES for order in ORDERS],
        "step_megabytes": {name: step_megabytes(setting, *form) for name, form in step_forms().items()},
        "published_megabytes": PUBLISHED_MEGABYTES,
        "videos_per_second": videos_per_second(setting),
        "demo": run_demo(DEMO_OVERRIDES, DEMO_SECONDS),
    }
    Console().print(json.dumps(facts, indent=1), *summary(facts), sep="\n", highlight=False, soft_wrap=True)
    write_results(facts, out)


def write_results(facts: dict[str, Any], out: Path) -> Path:
    """Write all figures as JSON, named by today's date; return the path."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"train-gpu-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}.json"
    path.write_text(json.dumps(facts, indent=1) + "\n")
    return path


def summary(facts: dict[str, Any]) -> list[str]:
    """Return one line per measurement."""
    ratios = [row["plain_over_fused"] for row in facts["interlace"]]
    memory = ", ".join(f"{name} {megabytes:.0f} MB" for name, megabytes in facts["step_megabytes"].items())
    demo = facts["demo"]
    return [
        f"interlace and gradients: plain takes {min(ratios):.2f} to {max(ratios):.2f} times as long as fused",
        f"a training step of {NUM_VIDEOS} videos: {memory}; published {facts['published_megabytes']} MB",
        f"the model alone: {facts['videos_per_second']:.1f} videos a second, one at a time",
        f"demo recipe: {demo['steps']} steps in {demo['seconds']:.0f} s, loss {demo['first_loss']:.3f} to"
        f" {demo['last_loss']:.3f}",
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


def step_megabytes(setting: Setting, form: Callable[..., Tensor], order: torch.memory_format) -> float:
    """Return the peak GPU memory of tensors in training steps, in units of 2^20 bytes, as in MMCV's logs."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(setting.device)
    train_steps(setting, form, order)
    return torch.cuda.max_memory_allocated(setting.device) / 2**20


def train_steps(
    setting: Setting,
    form: Callable[..., Tensor],
    order: torch.memory_format,
    num_videos: int = NUM_VIDEOS,
    num_steps: int = 3,
) -> list[float]:
    """Return the losses of a few steps of SGD with momentum in float32, on the same videos.

    Args:
        setting: network, size and device.
        form: the interlacing.
        order: memory format of the weights.
        num_videos: batch size.
        num_steps: number of steps.
    """
    model, frames = setting.model(order), setting.frames(num_videos)
    labels = torch.arange(num_videos, device=setting.device) % setting.architecture.num_classes
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    losses = []
    with patch("training.model.interlace.interlace", form):
        for _ in range(num_steps):
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


def run_demo(overrides: tuple[str, ...], seconds: float) -> dict[str, float]:
    """Train the demo recipe for a time or to its end; return steps, and mean losses of the first and last tenth."""
    settings = [word for override in overrides for word in ("--set", override)]
    torch.cuda.empty_cache()  # the training process needs the GPU's memory
    with tempfile.TemporaryDirectory() as work_dir:
        command = [sys.executable, "-m", "training.train", "tin_motion", "--work-dir", work_dir, *settings]
        start = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, cwd=REPOSITORY, timeout=seconds, check=True)
        taken = time.monotonic() - start
        rows = [json.loads(line) for line in (Path(work_dir) / "log.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]
    tenth = max(1, len(losses) // 10)
    return {
        "steps": len(losses),
        "seconds": taken,
        "first_loss": statistics.mean(losses[:tenth]),
        "last_loss": statistics.mean(losses[-tenth:]),
    }


if __name__ == "__main__":
    bench()
