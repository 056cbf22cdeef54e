"""Benchmark of interlacing on a GPU, run by `make gpu`; prints the figures and writes them by today's date.

- The plugin's kernel against a plain copy of the same memory, for the shapes that a ResNet-50 interlaces at batch 16.
  Offsets are below one frame, so that all but one frame is read. Goal: 0.85 of the copy's bandwidth.
- The torch model in fp16, replayed as a CUDA graph: without interlacing, with it as it is trained, and with the
  plugin's kernel in its place. Goal: 1.05 times the time without.
- ONNX Runtime's CUDA provider on the portable export, where it is installed.

Times are medians of interleaved replays.
"""

from __future__ import annotations

import datetime
import json
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnxruntime as ort
import torch
from rich.console import Console
from torch import Tensor

from clips.clip_spec import ClipSpec
from export.graph.onnx_export import to_onnx
from export.precision import Precision
from export.tensorrt_plugin.launch import Layout, plan_launch
from tests.helpers.measuring.machine import installed_versions
from training.checkpoints.checkpoint import Checkpoint
from training.model.tin import TIN, Architecture, Temporal

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "cuda-bindings", "nvidia-cuda-nvrtc", "onnx", "onnxruntime-gpu", "onnxruntime", "tensorrt")
NUM_FRAMES, NUM_CLASSES, BATCHES = 8, 174, (1, 4, 16)
SHAPES = ((16, 56, 56), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7))
"""Channels, height and width of the interlaced quarters of a ResNet-50."""
KINDS = ((Precision.FP32, Layout.LINEAR), (Precision.FP16, Layout.LINEAR), (Precision.FP16, Layout.HWC8))
WORKING_SET = 1 << 29
"""Bytes of all tensors, too many for any cache."""
ROUNDS = 20
SHARE_GOAL, RATIO_GOAL = 0.85, 1.05


def bench(out: Path = RESULTS) -> None:
    """Measure everything, print the figures and write them to `out`."""
    facts: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name(),
        "cuda": torch.version.cuda,
        "versions": installed_versions(PACKAGES),
        "bandwidth": [bandwidth(shape, *kind) for shape in SHAPES for kind in KINDS],
        "model": [model_times(batch) for batch in BATCHES],
        "onnxruntime_cuda": onnx_runtime_times(),
    }
    text = json.dumps(facts, indent=1)
    Console().print(text, *summary(facts), sep="\n", highlight=False, soft_wrap=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"gpu-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}.json").write_text(text + "\n")


def summary(facts: dict[str, Any]) -> list[str]:
    """Return one line for the worst value of each figure with a goal."""
    share = min(row["share_of_copy"] for row in facts["bandwidth"])
    ratios = [max(row[f"{name}_ratio"] for row in facts["model"]) for name in ("torch", "kernel")]
    return [
        f"kernel: at least {share:.2f} of a copy's bandwidth (goal {SHARE_GOAL})",
        f"model: interlaced by torch at most {ratios[0]:.3f}, by the kernel {ratios[1]:.3f} times as long as"
        f" without interlacing (goal {RATIO_GOAL})",
    ]


def bandwidth(shape: tuple[int, int, int], precision: Precision, layout: Layout, num_clips: int = 16) -> dict[str, Any]:
    """Return microseconds per tensor of the kernel and of a copy, and the kernel's share of the copy's bandwidth.

    Args:
        shape: channels, height and width.
        precision: type of the features.
        layout: memory layout of the features.
        num_clips: batch size.
    """
    kernels, launch = load_kernels(), plan_launch(shape, precision, layout)
    size = num_clips * NUM_FRAMES * launch.frame_size
    count = max(2, WORKING_SET // (2 * size * precision.num_bytes))
    first = torch.randn(size, device="cuda").to(torch.float16 if precision is Precision.FP16 else torch.float32)
    pairs = [(first.clone(), torch.empty_like(first)) for _ in range(count)]
    offsets = torch.tensor([[0.5, -0.25]] * num_clips, device="cuda")
    weights = torch.rand(num_clips, NUM_FRAMES, 2, device="cuda")

    def interlace_all() -> None:
        for features, output in pairs:
            kernels.launch_into(launch, features, offsets, weights, output)

    def copy_all() -> None:
        for features, output in pairs:
            output.copy_(features)

    copied, interlaced = replay({"copy": copy_all, "kernel": interlace_all}).values()
    return {
        "shape": [num_clips * NUM_FRAMES, *shape],
        "precision": precision,
        "layout": layout,
        "kernel": launch.kernel,
        "copy_us": 1000 * copied / count,
        "kernel_us": 1000 * interlaced / count,
        "copy_gb_per_s": 2e-6 * size * precision.num_bytes * count / copied,
        "share_of_copy": copied / interlaced,
    }


def model_times(num_clips: int) -> dict[str, float]:
    """Return milliseconds of the R50 in fp16, channels last, and their ratios to the time without interlacing."""
    frames = torch.randn(num_clips, NUM_FRAMES, 3, 224, 224, device="cuda", dtype=torch.float16)
    plain, tin = (make_model(temporal) for temporal in (Temporal.NONE, Temporal.TIN))

    def with_kernel() -> None:
        with kernel_instead_of_torch():
            tin(frames)

    work = {"without": lambda: plain(frames), "torch": lambda: tin(frames), "kernel": with_kernel}
    times = replay(work)
    ratios = {f"{name}_ratio": times[name] / times["without"] for name in ("torch", "kernel")}
    return {"batch": num_clips, **{f"{name}_ms": time for name, time in times.items()}, **ratios}


def make_model(temporal: Temporal) -> TIN:
    """Return an untrained R50."""
    model = TIN(Architecture(num_classes=NUM_CLASSES, temporal=temporal)).eval().cuda().half()
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return model


@cache
def load_kernels() -> Any:
    """Return the plugin's kernels; they must be loaded before a graph is captured."""
    from tests.gpu.kernel import Kernels  # noqa: PLC0415 - it needs cuda-bindings

    return Kernels(NUM_FRAMES)


@contextmanager
def kernel_instead_of_torch() -> Iterator[None]:
    """Make models interlace with the plugin's kernel inside the block."""
    kernels = load_kernels()

    def interlace(features: Tensor, offsets: Tensor, weights: Tensor, *, num_channels: int, **_: object) -> Tensor:
        quarter, rest = features.tensor_split([num_channels], dim=1)
        layout = Layout.LINEAR if num_channels % 8 else Layout.HWC8
        order = torch.channels_last if layout is Layout.HWC8 else torch.contiguous_format
        launch = plan_launch(quarter.shape[1:], Precision.FP16, layout)
        planned = offsets.float().contiguous(), weights.float().contiguous()
        moved = kernels.launch(launch, quarter.contiguous(memory_format=order), *planned)
        return torch.cat([moved, rest], dim=1)

    with patch("training.model.interlace.interlace", interlace):
        yield


def replay(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return median milliseconds of each piece of work, replayed as a CUDA graph, interleaved."""
    graphs = {name: record(piece) for name, piece in work.items()}
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, graph in graphs.items():
            times[name].append(timed(graph.replay))
    return {name: statistics.median(taken) for name, taken in times.items()}


def record(piece: Callable[[], object]) -> torch.cuda.CUDAGraph:
    """Capture the work as a graph, after it has run outside of one."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side), torch.inference_mode():
        piece()
        piece()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph), torch.inference_mode():
        piece()
    return graph


def timed(run: Callable[[], object]) -> float:
    """Return the milliseconds of a call on the GPU."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


def onnx_runtime_times() -> dict[int, float] | str:
    """Return milliseconds by batch size, with inputs and outputs on the GPU; or the reason why there are none."""
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return "ONNX Runtime has no CUDA provider here"
    spec, architecture = ClipSpec(), Architecture(num_classes=NUM_CLASSES)
    labels = tuple(str(index) for index in range(NUM_CLASSES))
    graph = to_onnx(Checkpoint(architecture, spec, labels, TIN(architecture).eval().state_dict(), {}))
    session = ort.InferenceSession(graph, providers=["CUDAExecutionProvider"])
    return {batch: onnx_runtime_time(session, batch) for batch in BATCHES}


def onnx_runtime_time(session: ort.InferenceSession, num_clips: int) -> float:
    """Return median milliseconds of one batch."""
    binding = session.io_binding()
    clips = np.zeros((num_clips, NUM_FRAMES, 224, 224, 3), np.uint8)
    binding.bind_ortvalue_input("clips", ort.OrtValue.ortvalue_from_numpy(clips, "cuda", 0))
    for output in session.get_outputs():
        binding.bind_output(output.name, "cuda")

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    run()
    return statistics.median(timed(run) for _ in range(ROUNDS))


if __name__ == "__main__":
    bench()
