"""Targets: the files in which the segments of videos are saved, one for each video."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from service.batch.errors import SavingError
from service.batch.inputs import STANDARD_INPUT
from service.segment_files.formats import WRITERS, format_of
from service.store.addresses import address_of

MP4 = "mp4"
FORMATS = (*WRITERS, MP4)
"""All formats of segment files: those of text, and the video with its actions drawn on it."""

Targets = Mapping[Path, Path]
"""The target of each video."""


def plan_targets(videos: Sequence[Path], save: Path, file_format: str | None) -> Targets:
    """Choose where the segments of each video go: `save` itself, or files of `file_format` in the folder `save`.

        plan_targets([Path("a.mp4")], Path("a.srt"), None)               # a.mp4: a.srt
        plan_targets([Path("a/x.mp4"), Path("b/x.mov")], Path("out"), "csv")    # out/a/x.csv, out/b/x.csv

    A folder gets the folders of the videos below the one that they share. Where two videos of a folder have the same
    name but for the suffix, their targets keep it: x.mp4.csv.

    Raises SavingError, and UnknownFormat for a suffix that names no format.
    """
    if file_format is not None:
        return _targets_in(save, file_format, videos)
    if len(videos) != 1 or save.is_dir():
        raise SavingError(f"--save {save} is one file for one video; for more, --save FOLDER --format srt")
    format_of(save, FORMATS)
    if not save.absolute().parent.is_dir():
        raise SavingError(f"cannot save {save}: there is no folder {save.parent}")
    return {videos[0]: save}


def check_targets(targets: Targets, videos: Sequence[Path], *, overwrite: bool) -> None:
    """Raise SavingError where the target of a video is a video, or is there and may not be replaced."""
    sources = {video.resolve() for video in targets if not address_of(video)}
    for video in videos:
        target = targets[video]
        if target.resolve() in sources:
            raise SavingError(f"{target} is one of the videos; save its segments under another name")
        if target.exists() and not overwrite:
            raise SavingError(f"{target} is there already; --overwrite replaces it")


def _targets_in(folder: Path, file_format: str, videos: Sequence[Path]) -> Targets:
    if folder.exists() and not folder.is_dir():
        raise SavingError(f"{folder} is no folder; --format saves one file for each video in a folder")
    places = {video: _place(video) for video in videos}
    shared = Path(os.path.commonpath([place.parent for place in places.values()])) if places else Path()
    stems = Counter(place.with_suffix("") for place in set(places.values()))
    return {
        video: folder / _named(place, file_format, keep_suffix=stems[place.with_suffix("")] > 1).relative_to(shared)
        for video, place in places.items()
    }


def _place(video: Path) -> Path:
    """Return an absolute path that stands for the video, also for an address or a stream."""
    if address := address_of(video):
        return Path("/", address.partition("://")[2])
    return Path("stdin").absolute() if video == STANDARD_INPUT else video.absolute()


def _named(place: Path, file_format: str, *, keep_suffix: bool) -> Path:
    return place.with_name(f"{place.name if keep_suffix else place.stem}.{file_format}")
