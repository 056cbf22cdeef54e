"""The clips that an int8 graph takes its ranges from, and the others that it is then judged on.

They should look like what the model will be served: videos that its user names, half of them for either purpose. Only
a model that learned from rendered clips does without, and is given new ones.
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
"""Far from the seeds of training, validation and evaluation."""

logger = logging.getLogger(__name__)


class ClipSets(NamedTuple):
    """Two streams of clips, uint8 [V, T, H, W, 3] each, that have no video in common."""

    calibration: Iterator[Clips]
    validation: Iterator[Clips]


def clip_sets(checkpoint: Checkpoint, source: Path | None) -> ClipSets:
    """The clips of `source`, or rendered ones without it; raises ExportError when the model did not learn from such."""
    if source is not None:
        return ClipSets(calibration_clips(source, checkpoint.clip), validation_clips(source, checkpoint.clip))
    if not _learned_from_rendered_clips(checkpoint):
        raise ExportError("int8 needs clips like those to be served: name a folder of videos, or a list of them")
    return ClipSets(rendered_calibration_clips(checkpoint.clip), rendered_validation_clips(checkpoint.clip))


def calibration_clips(source: Path, spec: ClipSpec) -> Iterator[Clips]:
    """The views of every second video of a folder or list, spread over it, at most NUM_CALIBRATION videos.

    `source` is a folder, searched through all its levels, or a text file with one video's path a line, relative to
    the list. A video that cannot be read is skipped with a warning. Raises ExportError when none can be, or when
    `source` holds fewer than two.
    """
    return _readable(_spread(source_files(source)[0::2], NUM_CALIBRATION), source, spec)


def validation_clips(source: Path, spec: ClipSpec) -> Iterator[Clips]:
    """As `calibration_clips`, from the other videos, at most NUM_VALIDATION."""
    return _readable(_spread(source_files(source)[1::2], NUM_VALIDATION), source, spec)


def rendered_calibration_clips(spec: ClipSpec) -> Iterator[Clips]:
    """NUM_CALIBRATION clips as `training.synthetic.studio` renders them for training, uint8 [1, T, H, W, 3] each."""
    studio = Studio(RENDERED_SEED)
    for _ in range(NUM_CALIBRATION):
        yield studio.draw_example(spec, difficulty=1.0)[0][None]


def rendered_validation_clips(spec: ClipSpec) -> Iterator[Clips]:
    """Rendered films, encoded and decoded again: uint8 [1, T, H, W, 3], NUM_VALIDATION of them."""
    for video in rendered_videos(NUM_VALIDATION, RENDERED_SEED):
        yield make_evaluation_set([video], spec).clips


def source_files(source: Path) -> list[Path]:
    """The files that a folder holds or a list names, sorted, each once; ExportError when there are fewer than two."""
    videos = sorted(set(_files_in(source) if source.is_dir() else _files_listed_in(source)))
    if len(videos) < 2:
        raise ExportError(f"{source} has fewer than two videos; int8 takes one to calibrate and one to check at least")
    return videos


def digest_of(source: Path) -> str:
    """SHA-256 over the names and sizes of the videos that a folder holds or a list names."""
    described = [f"{path.name} {path.stat().st_size if path.exists() else None}\n" for path in source_files(source)]
    return hashlib.sha256("".join(described).encode()).hexdigest()


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("[!.]*") if path.is_file())


def _files_listed_in(source: Path) -> Iterator[Path]:
    try:
        lines = source.read_text().splitlines()
    except OSError as error:
        raise ExportError(f"{source}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ExportError(f"{source} is neither a folder of videos nor a text file with one a line") from error
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
        raise ExportError(f"none of {skipped} videos of {source} can be read")


def _learned_from_rendered_clips(checkpoint: Checkpoint) -> bool:
    recipe = checkpoint.training.get("recipe", {})
    return bool(recipe.get("data", {}).get("kind") == "synthetic")
