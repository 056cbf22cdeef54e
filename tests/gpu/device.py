"""The GPU that these tests need, or why they cannot run."""

import importlib
import importlib.util
import os

import torch

from export.tensorrt_plugin.compile import CompilationFailed, compile_ptx


def why_not():
    """What the plugin's kernels lack on this machine, in a few words; nothing when all is there."""
    if not torch.cuda.is_available():
        return "torch sees no CUDA GPU"
    try:
        importlib.import_module("cuda.bindings.driver")
        compile_ptx(8)
    except (ImportError, CompilationFailed) as error:
        return str(error)
    return ""


def why_no_triton():
    """The same for the kernels of training, which Triton's interpreter runs on any machine."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    return "" if training_device() else "torch sees no CUDA GPU, and TRITON_INTERPRET is not set"


def training_device():
    """Where Triton runs kernels; None where it cannot."""
    if os.environ.get("TRITON_INTERPRET") == "1":
        return torch.device("cpu")
    return torch.device("cuda") if torch.cuda.is_available() else None
