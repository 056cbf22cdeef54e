"""The device that a network runs on: found by name, described, and asked how much memory was used."""

from __future__ import annotations

import platform
import re
import resource
import sys
from pathlib import Path

import torch

from training.errors import BadInput


class DeviceError(BadInput):
    """The device is not there, or its memory is too small; the message names it."""


def find_device(name: str) -> torch.device:
    """`cpu`, `cuda`, `cuda:1`, or `auto`: a GPU where there is one. Raises DeviceError for one that is not there."""
    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    wanted = (gpus or ["cpu"])[0] if name == "auto" else "cuda:0" if name == "cuda" else name
    if wanted not in {"cpu", *gpus}:
        raise DeviceError(f"there is no device {name!r} here, only {', '.join(['cpu', *gpus])}")
    return torch.device(wanted)


def device_name(device: torch.device) -> str:
    """The GPU's own name, or the kind of processor and how many threads torch uses."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()}, threads: {torch.get_num_threads()}"


def peak_bytes(device: torch.device) -> int:
    """The most memory used at once so far: by tensors on a GPU; for the CPU, what this process had in RAM."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Linux counts in getrusage what the parent held before this program was started.
    status = Path("/proc/self/status")
    peaks = re.findall(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE) if status.exists() else []
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * (int(peaks[0]) if peaks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def synchronise(device: torch.device) -> None:
    """Let a GPU finish what it was given; the CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch could not get memory, which for the CPU only the message tells."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
