"""A folder of a clip's frames, numbered from 1 without a gap."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

LOOKUP_THREADS = 32
"""Folders examined at once: enough for a network file system, where each look-up is a wait."""


@dataclass(frozen=True, slots=True)
class FrameFolder:
    """A folder of frames by its name: its number of frames, or the problem that makes it unusable."""

    name: str
    num_frames: int = 0
    problem: str = ""


def count_frames(folder: Path, file_name: str) -> FrameFolder:
    """Count a folder's frames; `file_name` is a format of their number, such as "img_{:05}.jpg". Raises OSError."""
    present = set(os.listdir(folder))
    num_frames = next(number for number in count() if file_name.format(number + 1) not in present)
    next_frame = file_name.format(num_frames + 1)
    if _has_more_frames(present, file_name, than=num_frames):
        return FrameFolder(folder.name, problem=f"{next_frame} is missing from its frames")
    return FrameFolder(folder.name, num_frames, "" if num_frames else f"its folder has no {next_frame}")


def count_all_frames(root: Path, names: Iterable[str], file_name: str) -> Iterator[FrameFolder]:
    """Count the frames of many folders below `root` in parallel, in their order. Raises OSError."""
    with ThreadPoolExecutor(LOOKUP_THREADS) as threads:
        yield from threads.map(lambda name: count_frames(root / name, file_name), names)


def _has_more_frames(present: set[str], file_name: str, *, than: int) -> bool:
    prefix, suffix = (re.escape(part) for part in re.split(r"\{.*\}", file_name))
    is_frame = re.compile(rf"{prefix}\d+{suffix}").fullmatch
    return sum(is_frame(name) is not None for name in present) > than
