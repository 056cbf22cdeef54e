"""Videos become folders of frames, in parallel processes. What is done stays done, however a run ends.

A folder is written aside and renamed when it is whole, so one that is there is finished, and the next run leaves it.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import cv2

from clips.decoding.decode import decode
from clips.decoding.errors import ClipError
from clips.decoding.frames import Image
from clips.transforms import resize
from training.errors import BadInput
from training.lists.frame_folder import FrameFolder, count_frames

FILE_NAME = "img_{:05}.jpg"
"""The format of a frame's file name, by its number."""

STRETCH = 64
"""So many frames are decoded at a time: most clips of Something-Something whole, and no long one fills the memory."""

SETTINGS = "settings.txt"
UNFINISHED = ".unfinished"


class ExtractionError(BadInput):
    """Frames cannot be extracted to this folder; the message names it and says what to do."""


def extract(
    videos: Mapping[str, Path], root: Path, *, height: int, quality: int, workers: int
) -> Iterator[FrameFolder]:
    """Write the frames of each video, in the order of their times, to `root/<its name>/img_00001.jpg` and so on.

    Frames are scaled to `height`, their aspect kept; `quality` is JPEG's, to 100. Yields what became of each video, in
    their order. Raises ExtractionError, and OSError when frames cannot be written; it can then be run again.
    """
    root.mkdir(parents=True, exist_ok=True)
    unfinished = root / UNFINISHED
    with _claimed(root, f"height {height}, quality {quality}"):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            job = partial(_extract_one, root=root, height=height, quality=quality)
            with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker) as pool:
                chunk = min(16, 1 + len(videos) // (16 * workers))
                yield from pool.map(job, videos.keys(), videos.values(), chunksize=chunk)
        except BrokenProcessPool as error:
            raise ExtractionError(_explain_killed(root, sorted(os.listdir(unfinished)))) from error
        finally:
            shutil.rmtree(unfinished)


def _explain_killed(root: Path, names: Sequence[str]) -> str:
    cause = f"a process was killed, perhaps for lack of memory, while it was at one of {', '.join(names)}"
    return f"{root}: {cause}; run it again, with fewer workers"


@contextmanager
def _claimed(root: Path, settings: str) -> Iterator[None]:
    """Keep other runs away from `root`, and frames of other settings out of it."""
    with (root / SETTINGS).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExtractionError(f"{root}: another run is extracting frames to it; wait for it to end") from error
        file.seek(0)
        found = file.read().strip()
        if found not in {"", settings}:
            raise ExtractionError(f"{root} has frames of {found}, not {settings}; use the same, or another folder")
        if not found:
            file.write(f"{settings}\n")
            file.flush()
        yield


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A pool's processes would wait for work for ever if their parent were killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _extract_one(name: str, video: Path, *, root: Path, height: int, quality: int) -> FrameFolder:
    folder, aside = root / name, root / UNFINISHED / name
    if not folder.is_dir():
        aside.mkdir()
        try:
            _write_frames(video, aside, height, quality)
        except _Unreadable as unreadable:
            shutil.rmtree(aside)
            return FrameFolder(name, problem=str(unreadable))
        aside.rename(folder)
    return count_frames(folder, FILE_NAME)


class _Unreadable(Exception):
    """The video cannot be read; unlike frames that cannot be written, that concerns no other."""


def _write_frames(video: Path, folder: Path, height: int, quality: int) -> None:
    for number, image in enumerate(_every_frame(video, height), start=1):
        (folder / FILE_NAME.format(number)).write_bytes(_jpeg(image, quality))


def _every_frame(video: Path, height: int) -> Iterator[Image]:
    for start in count(0, STRETCH):
        images, num_frames = _decode_stretch(video, start, height)
        yield from images
        if start + STRETCH >= num_frames:
            return


def _decode_stretch(video: Path, start: int, height: int) -> tuple[list[Image], int]:
    """Frames from `start` on, scaled, so that those in full size are given up; and how many the whole video has."""
    try:
        clip = decode(video, lambda num_frames: range(start, min(start + STRETCH, num_frames)))
    except ClipError as error:
        raise _Unreadable(str(error)) from error
    except OSError as error:
        raise _Unreadable(f"the file cannot be read: {error.strerror}") from error
    return [_scale(image, height) for image in clip.images], clip.video.frames


def _scale(image: Image, height: int) -> Image:
    """Keep the aspect ratio; the width rounds half up."""
    return resize(image, width=int(image.shape[1] * height / image.shape[0] + 0.5), height=height)


def _jpeg(image: Image, quality: int) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
