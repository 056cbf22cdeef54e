"""Step `facts`: the GPU, its driver, the machine, and the versions of all packages that the figures depend on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess

import torch

from tests.gpu.device import require_gpu
from tests.gpu.session.figures import Figures
from tests.helpers.measuring.machine import cpu_name, installed_versions

PACKAGES = (
    "torch",
    "triton",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "cuda-bindings",
    "nvidia-cuda-nvrtc",
    "tensorrt",
    "av",
    "pydantic",
)


def run(figures: Figures) -> None:
    """Write the facts."""
    figures.add(
        python=platform.python_version(),
        cpu=cpu_name(),
        cores=os.cpu_count(),
        versions=installed_versions(PACKAGES),
        nvcc=_first_line("nvcc", "--version"),
    )
    require_gpu()
    properties = torch.cuda.get_device_properties(0)
    figures.add(
        gpu=properties.name,
        compute_capability=f"{properties.major}.{properties.minor}",
        multiprocessors=properties.multi_processor_count,
        gigabytes=round(properties.total_memory / 1e9, 1),
        cuda=torch.version.cuda,
        driver=_first_line("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
        summary=[f"{properties.name}, CUDA {torch.version.cuda}"],
    )


def _first_line(program: str, *arguments: str) -> str | None:
    path = shutil.which(program)
    if path is None:
        return None
    lines = subprocess.run([path, *arguments], capture_output=True, text=True, check=False).stdout.splitlines()
    return next((line for line in lines if "release" in line or program != "nvcc"), None)
