"""Check of labelled clips by their content: each is decoded, and no video counts twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from clips.clip_spec import ClipSpec
from clips.decoding.decode import decode
from clips.decoding.errors import ClipError
from clips.sampling import evaluation_indices
from clips.video_info import VideoInfo
from training.files import sha256_of
from training.lists.clip_set import ClipSet, ClipSetError, LabelledClip, clips_per_class


@dataclass(frozen=True, slots=True)
class CheckedClip:
    """A clip after its check: facts about its video, or the problem that makes it unreadable."""

    clip: LabelledClip
    video: VideoInfo | None = None
    problem: str = ""


@dataclass(frozen=True)
class UsableClips:
    """The clips that training can use, facts about the videos by path, and the clips left out.

    `unreadable` maps paths to reasons; `copies` are paths of videos that their class has under another path too.
    """

    clip_set: ClipSet
    videos: Mapping[Path, VideoInfo]
    unreadable: Mapping[Path, str]
    copies: tuple[Path, ...]


def check_clips(clip_set: ClipSet) -> Iterator[CheckedClip]:
    """Decode the evaluation frames of each clip, on all cores, and yield the results in the clips' order."""

    def check(clip: LabelledClip) -> CheckedClip:
        try:
            return CheckedClip(clip, _describe(clip_set.root / clip.path))
        except ClipError as error:
            return CheckedClip(clip, problem=str(error))
        except OSError as error:
            return CheckedClip(clip, problem=f"the file cannot be read: {error.strerror}")

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        yield from threads.map(check, clip_set.clips)


def usable_clips(clip_set: ClipSet, checked: Iterable[CheckedClip], *, skip_unreadable: bool = False) -> UsableClips:
    """Leave out copies within a class and, with `skip_unreadable`, clips that cannot be read.

        usable_clips(clip_set, check_clips(clip_set))

    Raises ClipSetError for an unreadable clip, for a class without a readable one, and for a video that two classes or
    two splits have.
    """
    checked = list(checked)
    unreadable = {each.clip.path: each.problem for each in checked if each.problem}
    if unreadable and not skip_unreadable:
        raise ClipSetError(_explain_unreadable(clip_set, unreadable))
    readable = [each.clip for each in checked if not each.problem]
    _check_classes_left(clip_set, readable)
    copies = _copies(clip_set.root, readable)
    kept = tuple(clip for clip in readable if clip.path not in copies)
    videos = {each.clip.path: each.video for each in checked if each.video}
    return UsableClips(replace(clip_set, clips=kept), videos, unreadable, tuple(copies))


def _describe(path: Path) -> VideoInfo:
    """Return a video's facts. Raises ClipError or OSError for one that cannot be read."""
    num_frames = ClipSpec().num_frames
    return decode(path, lambda available: evaluation_indices(available, num_frames)).video


def _explain_unreadable(clip_set: ClipSet, unreadable: Mapping[Path, str]) -> str:
    path, reason = next(iter(unreadable.items()))
    count = f"{len(unreadable)} of {len(clip_set.clips)} clips"
    return f"{clip_set.root / path}: {reason} (unreadable: {count}); replace it, or use --skip-unreadable"


def _check_classes_left(clip_set: ClipSet, readable: Iterable[LabelledClip]) -> None:
    left = clips_per_class(readable)
    for label in clip_set.labels:
        if not left[label]:
            raise ClipSetError(f"no clip of the class {label!r} can be read; add some, or remove the class")


def _copies(root: Path, clips: Iterable[LabelledClip]) -> Collection[Path]:
    """Return the clips whose content an earlier clip has; only files of equal size are read."""
    sizes = {clip: (root / clip.path).stat().st_size for clip in clips}
    clips_of_size = Counter(sizes.values())
    first_of: dict[str, LabelledClip] = {}
    copies: dict[Path, None] = {}
    for clip in (clip for clip, size in sizes.items() if clips_of_size[size] > 1):
        first = first_of.setdefault(sha256_of(root / clip.path), clip)
        if first is not clip:
            _check_copy(first, clip)
            copies[clip.path] = None
    return copies


def _check_copy(first: LabelledClip, clip: LabelledClip) -> None:
    """Check that a copy is not in another class, split or group, where it would contradict the first."""
    for kind in ("label", "split", "group"):
        one, other = getattr(first, kind), getattr(clip, kind)
        if one != other:
            raise ClipSetError(
                f"{first.path} and {clip.path} are one video with the {kind}s {one} and {other}; leave one of them out"
            )
