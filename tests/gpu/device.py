"""The GPU that these tests need, or why they cannot run."""

import importlib

import torch

from export.plugin.compile import CompilationFailed, compile_ptx


def why_not():
    """What is missing on this machine, in a few words; nothing when all is there."""
    if not torch.cuda.is_available():
        return "torch sees no CUDA GPU"
    try:
        importlib.import_module("cuda.bindings.driver")
        compile_ptx(8)
    except (ImportError, CompilationFailed) as error:
        return str(error)
    return ""
