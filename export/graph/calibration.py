"""Calibration and validation clips for int8: some set the ranges of activations, others measure the agreement.

Both should resemble the videos to be served. The user names a folder or a list of videos, half of which go to either
set. Only a model trained on rendered clips needs none: new clips are rendered for it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from clips.clip_spec import ClipSpec
from export.errors import ExportError
from service.backends.base import Clips
from training.checkpoints.checkpoint import Checkpoint
from training.data.batch import NO_LABEL
from training.data.dataset import read_views
from training.data.readers import UnreadableItem, VideoReader
from training.lists.item_list import ListItem
from training.synthetic.evaluation_sets import make_evaluation_set, rendered_videos
from training.synthetic.studio import Studio

NUM_CALIBRATION = 256
NUM_VALIDATION = 512
RENDERED_SEED = 3_000_000
"""Not among the seeds of training, validation and evaluation."""

logger = logging.getLogger(__name__)


class ClipSets(NamedTuple):
    """Two streams of clips, uint8 [V, T, H, W, 3] for V views of a video, without a common video."""

    calibration: Iterator[Clips]
    validation: Iterator[Clips]


def clip_sets(checkpoint: Checkpoint, source: Path | None) -> ClipSets:
    """Return the clips of the videos in `source`, or rendered clips where it is None.

    Raises ExportError when `source` is None and the model was not trained on rendered clips, or when `source` names
    fewer than two videos.
    """
    if source is not None:
        return ClipSets(calibration_clips(source, checkpoint.clip), validation_clips(source, checkpoint.clip))
    if not _learned_from_rendered_clips(checkpoint):
        raise ExportError("int8 needs clips like those to be served: name a folder or a list of videos with --videos")
    return ClipSets(rendered_calibration_clips(checkpoint.clip), rendered_validation_clips(checkpoint.clip))


def calibration_clips(source: Path, spec: ClipSpec) -> Iterator[Clips]:
    """Yield the views of every second video of `source`, at most NUM_CALIBRATION videos, evenly spread.

    `source` is a folder, searched at any depth, or a text file with one path a line, relative to the file's folder.
    Each item is uint8 [V, T, H, W, 3]. A video that cannot be read is skipped with a warning. Raises ExportError when
    no video can be read, or when `source` names fewer than two.
    """
    return _readable(_spread(source_files(source)[0::2], NUM_CALIBRATION), source, spec)


def validation_clips(source: Path, spec: ClipSpec) -> Iterator[Clips]:
    """Yield the views of the videos that `calibration_clips` leaves out, at most NUM_VALIDATION videos.

    Items, skipped videos and errors are those of `calibration_clips`.
    """
    return _readable(_spread(source_files(source)[1::2], NUM_VALIDATION), source, spec)


def rendered_calibration_clips(spec: ClipSpec) -> Iterator[Clips]:
    """Yield NUM_CALIBRATION clips of `training.synthetic.studio`, rendered as for training, uint8 [1, T, H, W, 3]."""
    studio = Studio(RENDERED_SEED)
    for _ in range(NUM_CALIBRATION):
        yield studio.draw_example(spec, difficulty=1.0)[0][None]


def rendered_validation_clips(spec: ClipSpec) -> Iterator[Clips]:
    """Yield NUM_VALIDATION rendered videos, encoded and decoded again, uint8 [1, T, H, W, 3]."""
    for video in rendered_videos(NUM_VALIDATION, RENDERED_SEED):
        yield make_evaluation_set([video], spec).clips


def source_files(source: Path) -> list[Path]:
    """Return the files in a folder, at any depth, or those that a list names: sorted, without duplicates.

    Raises ExportError when there are fewer than two, or the list cannot be read.
    """
    videos = sorted(set(_files_in(source) if source.is_dir() else _files_listed_in(source)))
    if len(videos) < 2:
        raise ExportError(f"{source} has fewer than two videos; int8 needs one to calibrate and one to validate")
    return videos


def digest_of(source: Path) -> str:
    """Return the SHA-256 over the names and sizes of the videos in `source`, in hex."""
    described = [f"{path.name} {path.stat().st_size if path.exists() else None}\n" for path in source_files(source)]
    return hashlib.sha256("".join(described).encode()).hexdigest()


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("[!.]*") if path.is_file())


def _files_listed_in(source: Path) -> Iterator[Path]:
    try:
        lines = source.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ExportError(f"{source}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ExportError(f"{source} is neither a folder of videos nor a text file with one path a line") from error
    return (source.parent / line.strip() for line in lines if line.strip())


def _spread(videos: Sequence[Path], limit: int) -> list[Path]:
    count = min(len(videos), limit)
    return [videos[index * len(videos) // count] for index in range(count)]


def _readable(videos: Sequence[Path], source: Path, spec: ClipSpec) -> Iterator[Clips]:
    skipped = 0
    for path in videos:
        try:
            yield read_views(ListItem(path, NO_LABEL), VideoReader(), spec)
        except UnreadableItem as error:
            logger.warning("skipped %s", error)
            skipped += 1
    if skipped == len(videos):
        raise ExportError(f"none of the {skipped} videos of {source} can be read")


def _learned_from_rendered_clips(checkpoint: Checkpoint) -> bool:
    recipe = checkpoint.training.get("recipe", {})
    return bool(recipe.get("data", {}).get("kind") == "synthetic")
