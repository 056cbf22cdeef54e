"""Step `onnx_cuda`: ONNX Runtime on CUDA: parity with the CPU, callers on many threads, and its options.

Float32 answers within the bound of their proof; the memory of the GPU does not grow with the number of threads.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch

from export.graph.onnx_export import to_onnx
from export.precision import Precision
from service.backends.onnx_cuda import CUDA, OnnxCudaBackend
from service.backends.onnx_runtime import OnnxRuntimeBackend
from tests.gpu.device import require_gpu
from tests.gpu.networks import r50_checkpoint, small_checkpoint
from tests.gpu.replay import median_ms
from tests.gpu.session.figures import Figures
from tests.gpu.session.step import Missing

SIZES = (1, 3, 16)
TOLERANCE = 1e-4
NUM_THREADS = 8
MAX_GROWTH_MB = 32
BATCHES = (1, 4, 16)
VARIANTS: dict[str, dict[str, str]] = {
    "as served": {},
    "nhwc": {"prefer_nhwc": "1"},
    "heuristic search": {"cudnn_conv_algo_search": "HEURISTIC"},
    "nhwc, heuristic search": {"prefer_nhwc": "1", "cudnn_conv_algo_search": "HEURISTIC"},
}
"""Options beside those that the service gives: the memory layout of convolutions, and the search for their kernels.

The service takes none of them before a GPU has shown which is fastest.
"""


def run(figures: Figures) -> None:
    """Check parity and threads with a small network, then measure the options with a ResNet-50 in float16."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small.onnx", Path(folder) / "r50.onnx"
        small.write_bytes(to_onnx(small_checkpoint()))
        clips = np.random.default_rng(0).integers(0, 256, (max(SIZES), 8, 96, 96, 3), np.uint8)
        expected = OnnxRuntimeBackend(small).infer(clips).logits
        figures.add(version=ort.__version__, providers=ort.get_available_providers())
        require_gpu()
        require_onnx_cuda()
        _parity(OnnxCudaBackend(small), clips, expected, figures)
        large.write_bytes(to_onnx(r50_checkpoint(), precision=Precision.FP16))
        rows = {}
        for name, options in VARIANTS.items():
            rows[name] = _times(large, options)
            figures.add(r50_fp16=rows)
    fastest = min(rows, key=lambda name: rows[name][f"ms_{max(BATCHES)}"])
    parity = f"logits within {TOLERANCE:g} of the CPU's; {NUM_THREADS} threads without growth"
    figures.add(summary=[parity, f"fastest at batch {max(BATCHES)}: {fastest}"])


def require_onnx_cuda() -> None:
    """Raise Missing unless ONNX Runtime was built with CUDA."""
    if CUDA not in ort.get_available_providers():
        raise Missing("this onnxruntime was built without CUDA; `make gpu-pack` holds one with it")


def _parity(backend: OnnxCudaBackend, clips: Any, expected: Any, figures: Figures) -> None:
    for size in SIZES:
        worst = float(np.abs(backend.infer(clips[:size]).logits - expected[:size]).max())
        taken = median_ms(lambda size=size: backend.infer(clips[:size]))  # type: ignore[misc]
        figures.add(**{f"batch_{size}": {"largest_difference": worst, "ms": taken}})
        if not worst <= TOLERANCE:
            raise AssertionError(f"logits of {size} clips differ by {worst:.2g} from the CPU's")
    rows: list[list[float]] = []
    for _ in range(NUM_THREADS):
        thread = threading.Thread(target=_by_another_thread, args=(backend, clips[:1], rows))
        thread.start()
        thread.join()
    figures.add(threads=[{"ms": taken, "free_mb": free} for taken, free in rows])
    grown = rows[0][1] - rows[-1][1]
    if grown > MAX_GROWTH_MB:
        raise AssertionError(f"the GPU's memory grew by {grown:.0f} MB over {NUM_THREADS} threads")


def _by_another_thread(backend: OnnxCudaBackend, clips: Any, rows: list[list[float]]) -> None:
    started = time.perf_counter()
    backend.infer(clips)
    rows.append([1000 * (time.perf_counter() - started), torch.cuda.mem_get_info()[0] / 1e6])


def _times(path: Path, options: dict[str, str]) -> dict[str, float]:
    """Return the seconds of loading, which records each batch size, and milliseconds of a call by batch size."""
    started = time.perf_counter()
    backend = OnnxCudaBackend(path, options=options)
    row = {"load_seconds": time.perf_counter() - started}
    clips = np.random.default_rng(0).integers(0, 256, (max(BATCHES), 8, 224, 224, 3), np.uint8)
    for batch in BATCHES:
        row[f"ms_{batch}"] = median_ms(lambda batch=batch: backend.infer(clips[:batch]), rounds=10)  # type: ignore[misc]
    backend.close()
    return row
