"""Timing cache: TensorRT's timings of earlier builds. They hold for one target only, so each has its own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from service.backends.tensorrt import Target
from training.files import replace_file


def timings_file(folder: Path, target: Target, precision: str) -> Path:
    """Return the file in a folder for builds of a precision for a target."""
    return folder / Path(target.file_name(precision)).with_suffix(".timings").name


def load_timings(config: Any, file: Path) -> None:
    """Let a build use the timings in a file, or none where there is no file or TensorRT does not take it."""
    known = file.read_bytes() if file.exists() else b""
    cache = config.create_timing_cache(known)
    if cache is None or not config.set_timing_cache(cache, False):
        config.set_timing_cache(config.create_timing_cache(b""), False)


def save_timings(config: Any, file: Path) -> None:
    """Write a build's timings to a file, if TensorRT kept any."""
    cache = config.get_timing_cache()
    if cache is not None:
        replace_file(file, bytes(cache.serialize()))
