"""Step `staging`: clips a second of full batches, one call at a time and with the next one copied meanwhile.

A ResNet-50 in float16, by ONNX Runtime on CUDA and, where it is installed, by TensorRT. Each batch is brought together
from single clips, as the service does.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from export.formats.tensorrt import to_tensorrt
from export.graph.onnx_export import GraphVariant, to_onnx
from export.precision import Precision
from service.backends.base import Backend, Clips, calls_at_once
from service.backends.onnx_cuda import OnnxCudaBackend
from service.backends.tensorrt import TensorRTBackend
from tests.gpu.device import require_gpu
from tests.gpu.networks import r50_checkpoint
from tests.gpu.session.figures import Figures
from tests.gpu.steps.backends.onnx_cuda import require_onnx_cuda

NUM_BATCHES = 40
ROUNDS = 5


def run(figures: Figures) -> None:
    """Measure each backend that is there."""
    clips = np.random.default_rng(0).integers(0, 256, (OnnxCudaBackend.max_batch_size, 1, 8, 224, 224, 3), np.uint8)
    figures.add(batch=len(clips), batches=NUM_BATCHES)
    require_gpu()
    require_onnx_cuda()
    checkpoint, rates = r50_checkpoint(), {}
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "r50.onnx"
        graph.write_bytes(to_onnx(checkpoint, precision=Precision.FP16))
        rates["onnx_cuda"] = _rates(OnnxCudaBackend(graph), clips)
        figures.add(clips_per_second=rates)
        if importlib.util.find_spec("tensorrt") is not None:
            plugin = to_onnx(checkpoint, GraphVariant.PLUGIN, Precision.FP16)
            engine = to_tensorrt(plugin, "fp16", batches=(len(clips),))
            path = Path(folder) / engine.file
            path.write_bytes(engine.plan)
            rates["tensorrt"] = _rates(TensorRTBackend(path), clips)
            figures.add(clips_per_second=rates)
    figures.add(summary=[f"{name}: {on:.0f} clips a second, {off:.0f} without" for name, (off, on) in rates.items()])


def _rates(backend: Backend, clips: Clips) -> tuple[float, float]:
    """Return clips a second without staging and with it: the best of interleaved rounds."""
    rates = [(_rate(backend, clips, 1), _rate(backend, clips, calls_at_once(backend))) for _ in range(ROUNDS)]
    backend.close()
    without, with_staging = zip(*rates, strict=True)
    return max(without), max(with_staging)


def _rate(backend: Backend, clips: Clips, num_callers: int) -> float:
    with ThreadPoolExecutor(num_callers) as callers:
        started = time.perf_counter()
        for _ in callers.map(lambda _: backend.infer(np.concatenate(clips)), range(NUM_BATCHES)):
            pass
        return NUM_BATCHES * len(clips) / (time.perf_counter() - started)
