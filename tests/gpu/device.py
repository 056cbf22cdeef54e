"""The GPU of these tests, or the reason to skip what needs one."""

from __future__ import annotations

import importlib
import importlib.util
import os

import torch

from export.tensorrt_plugin.compile import INTERLACE, CompilationFailed, compile_ptx
from tests.gpu.session.step import Missing


def require_gpu() -> None:
    """Raise Missing unless torch sees a CUDA GPU."""
    if not torch.cuda.is_available():
        raise Missing("torch sees no CUDA GPU")


def require_package(module: str) -> None:
    """Raise Missing unless a module can be found."""
    if importlib.util.find_spec(module) is None:
        raise Missing(f"{module} is not installed")


def why_not() -> str:
    """Return the reason to skip tests of the plugin's kernels; empty if they can run."""
    if not torch.cuda.is_available():
        return "torch sees no CUDA GPU"
    try:
        importlib.import_module("cuda.bindings.driver")
        compile_ptx(INTERLACE, 8)
    except (ImportError, CompilationFailed) as error:
        return str(error)
    return ""


def why_no_triton() -> str:
    """Return the reason to skip tests of the Triton kernels; empty with a GPU or in Triton's interpreter."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    return "" if training_device() else "torch sees no CUDA GPU, and TRITON_INTERPRET is not set"


def training_device() -> torch.device | None:
    """Return the device for Triton kernels: CUDA, the CPU in Triton's interpreter, or None."""
    if os.environ.get("TRITON_INTERPRET") == "1":
        return torch.device("cpu")
    return torch.device("cuda") if torch.cuda.is_available() else None
