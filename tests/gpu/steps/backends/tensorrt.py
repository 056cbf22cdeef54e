"""Step `tensorrt`: engines with the plugin, where TensorRT is installed: tests, and a ResNet-50 in float16."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from export.formats.tensorrt import to_tensorrt
from export.graph.onnx_export import GraphVariant, to_onnx
from export.precision import Precision
from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.backends.tensorrt import TensorRTBackend
from tests.gpu.device import require_gpu, require_package
from tests.gpu.networks import r50_checkpoint
from tests.gpu.outcomes import run_tests
from tests.gpu.replay import median_ms
from tests.gpu.session.figures import Figures
from tests.helpers.paths import REPOSITORY

TESTS = REPOSITORY / "tests/gpu/test_tensorrt.py"
BATCHES = (1, 4, 16)
TOLERANCE = 2e-2


def run(figures: Figures) -> None:
    """Run the tests, then build, compare and time an engine."""
    require_package("tensorrt")
    require_gpu()
    run_tests([TESTS], figures)
    checkpoint = r50_checkpoint()
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference.onnx"
        reference.write_bytes(to_onnx(checkpoint))
        clips = np.random.default_rng(0).integers(0, 256, (max(BATCHES), 8, 224, 224, 3), np.uint8)
        expected = OnnxRuntimeBackend(reference).infer(clips[:1]).logits
        started = time.perf_counter()
        graph = to_onnx(checkpoint, GraphVariant.PLUGIN, Precision.FP16)
        engine = to_tensorrt(graph, "fp16", batches=BATCHES)
        figures.add(build_seconds=time.perf_counter() - started, engine_bytes=len(engine.plan))
        path = Path(folder) / engine.file
        path.write_bytes(engine.plan)
        backend = TensorRTBackend(path)
    worst = float(np.abs(backend.infer(clips[:1]).logits - expected).max() / max(1.0, np.abs(expected).max()))
    times = {batch: median_ms(lambda batch=batch: backend.infer(clips[:batch])) for batch in BATCHES}  # type: ignore[misc]
    figures.add(largest_difference=worst, ms=times, summary=[f"{16000 / times[16]:.0f} clips a second at batch 16"])
    backend.close()
    if not worst <= TOLERANCE:
        raise AssertionError(f"logits differ by {worst:.2g} of the largest from the CPU's")
