"""A folder of a clip's frames, numbered from 1 without a gap."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FrameFolder:
    """What became of an item's frames: how many its folder holds, or why they cannot be used."""

    name: str
    num_frames: int = 0
    problem: str = ""


def count_frames(folder: Path, file_name: str) -> FrameFolder:
    """Count the frames; `file_name` is a format of their number, such as "img_{:05}.jpg". OSError as `os.listdir`."""
    present = set(os.listdir(folder))
    num_frames = next(number for number in count() if file_name.format(number + 1) not in present)
    next_frame = file_name.format(num_frames + 1)
    if _has_frame(present, file_name, beyond=num_frames):
        return FrameFolder(folder.name, problem=f"{next_frame} is missing from its frames")
    return FrameFolder(folder.name, num_frames, "" if num_frames else f"its folder has no {next_frame}")


def _has_frame(present: set[str], file_name: str, *, beyond: int) -> bool:
    """Whether there are more names of frames than `beyond`."""
    prefix, suffix = (re.escape(part) for part in re.split(r"\{.*\}", file_name))
    is_frame = re.compile(rf"{prefix}\d+{suffix}").fullmatch
    return sum(is_frame(name) is not None for name in present) > beyond
