"""Devices: look-up by name, description, peak memory and synchronisation."""

from __future__ import annotations

import platform
import re
import resource
import sys
from pathlib import Path

import torch

from training.errors import BadInput


class DeviceError(BadInput):
    """The device does not exist, or its memory is too small; the message names it."""


def find_device(name: str) -> torch.device:
    """Return the device `cpu`, `cuda`, `cuda:1` or `auto`, a GPU if there is one. Raises DeviceError."""
    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    wanted = (gpus or ["cpu"])[0] if name == "auto" else "cuda:0" if name == "cuda" else name
    if wanted not in {"cpu", *gpus}:
        raise DeviceError(f"no device {name!r}; this machine has {', '.join(['cpu', *gpus])}")
    return torch.device(wanted)


def device_name(device: torch.device) -> str:
    """Return the GPU's name, or the CPU's architecture and torch's number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()}, threads: {torch.get_num_threads()}"


def peak_bytes(device: torch.device) -> int:
    """Return the peak memory so far in bytes: of tensors on a GPU, or of this process's RAM on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # On Linux getrusage also counts what the parent process held at the fork.
    status = Path("/proc/self/status")
    peaks = re.findall(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE) if status.exists() else []
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * (int(peaks[0]) if peaks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def synchronise(device: torch.device) -> None:
    """Wait until a GPU has finished its queued work; return at once on the CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return True if torch could not allocate memory; on the CPU only the message says so."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
