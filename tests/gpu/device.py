"""The GPU for these tests, or the reason to skip them."""

import importlib
import importlib.util
import os

import torch

from export.tensorrt_plugin.compile import CompilationFailed, compile_ptx


def why_not():
    """Return the reason to skip tests of the plugin's kernels; empty if they can run."""
    if not torch.cuda.is_available():
        return "torch sees no CUDA GPU"
    try:
        importlib.import_module("cuda.bindings.driver")
        compile_ptx(8)
    except (ImportError, CompilationFailed) as error:
        return str(error)
    return ""


def why_no_triton():
    """Return the reason to skip tests of the Triton kernels; empty with a GPU or in Triton's interpreter."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    return "" if training_device() else "torch sees no CUDA GPU, and TRITON_INTERPRET is not set"


def training_device():
    """Return the device for Triton kernels: CUDA, the CPU in Triton's interpreter, or None."""
    if os.environ.get("TRITON_INTERPRET") == "1":
        return torch.device("cpu")
    return torch.device("cuda") if torch.cuda.is_available() else None
