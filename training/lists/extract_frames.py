"""Extraction of videos to folders of frames, in parallel processes; an interrupted run can be continued.

A folder is written under a temporary path and renamed when it is complete, so existing folders are finished and are
skipped by the next run.
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
"""Format of a frame's file name, by its number from 1."""

CHUNK_FRAMES = 64
"""Frames decoded at a time: most Something-Something clips at once, while long videos do not fill the memory."""

SETTINGS = "settings.txt"
UNFINISHED = ".unfinished"


class ExtractionError(BadInput):
    """Frames cannot be extracted to this folder; the message names it and the remedy."""


def extract(
    videos: Mapping[str, Path], root: Path, *, height: int, quality: int, workers: int
) -> Iterator[FrameFolder]:
    """Write all frames of each video, in presentation order, to `root/<name>/img_00001.jpg` and so on.

    Args:
        videos: Paths of the videos, by the name of their folder.
        root: The folder of the frame folders.
        height: Height of the frames in pixels; the aspect ratio is kept.
        quality: JPEG quality, 1 to 100.
        workers: Worker processes.

    Yields:
        A FrameFolder for each video, in the order of `videos`; unreadable ones have a `problem`.

    Raises:
        ExtractionError: Another run, other settings, or a killed worker process.
        OSError: Frames cannot be written.
    """
    root.mkdir(parents=True, exist_ok=True)
    unfinished = root / UNFINISHED
    with _locked(root, f"height {height}, quality {quality}"):
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
    cause = f"a worker process was killed, perhaps for lack of memory, while it extracted one of {', '.join(names)}"
    return f"{root}: {cause}; run the command again with fewer workers"


@contextmanager
def _locked(root: Path, settings: str) -> Iterator[None]:
    """Lock `root` against other runs, and refuse frames of other settings in it."""
    with (root / SETTINGS).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExtractionError(f"{root}: another run is extracting frames to it; wait until it ends") from error
        file.seek(0)
        found = file.read().strip()
        if found not in {"", settings}:
            advice = "use the same settings, or another folder"
            raise ExtractionError(f"{root} has frames of {found}, not {settings}; {advice}")
        if not found:
            file.write(f"{settings}\n")
            file.flush()
        yield


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Exit with the parent process; a pool's workers would otherwise wait for work forever after its death."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _extract_one(name: str, video: Path, *, root: Path, height: int, quality: int) -> FrameFolder:
    folder, temporary = root / name, root / UNFINISHED / name
    if not folder.is_dir():
        temporary.mkdir()
        try:
            _write_frames(video, temporary, height, quality)
        except _Unreadable as unreadable:
            shutil.rmtree(temporary)
            return FrameFolder(name, problem=str(unreadable))
        temporary.rename(folder)
    return count_frames(folder, FILE_NAME)


class _Unreadable(Exception):
    """The video cannot be read. Unlike a failed write, this does not affect other videos."""


def _write_frames(video: Path, folder: Path, height: int, quality: int) -> None:
    for number, image in enumerate(_all_frames(video, height), start=1):
        (folder / FILE_NAME.format(number)).write_bytes(_jpeg(image, quality))


def _all_frames(video: Path, height: int) -> Iterator[Image]:
    for start in count(0, CHUNK_FRAMES):
        images, num_frames = _decode_chunk(video, start, height)
        yield from images
        if start + CHUNK_FRAMES >= num_frames:
            return


def _decode_chunk(video: Path, start: int, height: int) -> tuple[list[Image], int]:
    """Decode and scale CHUNK_FRAMES frames from `start` on; return them with the video's number of frames."""
    try:
        clip = decode(video, lambda num_frames: range(start, min(start + CHUNK_FRAMES, num_frames)))
    except ClipError as error:
        raise _Unreadable(str(error)) from error
    except OSError as error:
        raise _Unreadable(f"the file cannot be read: {error.strerror}") from error
    return [_scale(image, height) for image in clip.images], clip.video.frames


def _scale(image: Image, height: int) -> Image:
    """Scale to a height, keeping the aspect ratio; the width is rounded half up."""
    return resize(image, width=int(image.shape[1] * height / image.shape[0] + 0.5), height=height)


def _jpeg(image: Image, quality: int) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
