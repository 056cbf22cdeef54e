"""Benchmark of decoders on eight frames of a video, in one interleaved run on one core.

    python -m tests.benchmarks.bench_decode [VIDEO ...] [--rounds 5] [--out FOLDER]

Every decoder opens the file by its path, determines its length, and returns the eight evaluation frames in full size as
RGB arrays, with one thread, in a process of its own. Times are CPU time, medians over the rounds. A peer's frame is
wrong if another frame of the video is clearly closer to it than the requested one; ours if any bit differs from a full
decode's. torchcodec comes without FFmpeg and gets PyAV's, so that both decode with the same build.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import math
import multiprocessing
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from rich.console import Console
from rich.table import Table

from clips.decoding.decode import decode
from clips.decoding.frames import Image
from clips.sampling import evaluation_indices
from tests.helpers.measuring.machine import cpu_name, stay_on_one_core, versions_of
from tests.helpers.videos.clip_recipes import ClipRecipe
from tests.helpers.videos.make_clip import make_clip

RESULTS = Path(__file__).parent / "results"
PEERS = ("decord", "torchcodec", "opencv", "pyav")
IMPORTED_LATE = {"decord": "decord", "torchcodec": "torchcodec.decoders"}
"""Imported by the process that measures it only."""
PACKAGES = ("av", "decord", "torchcodec", "torch", "opencv-python-headless", "numpy")
LENT = "BENCH_DECODE_LENT_FFMPEG"
CLEARLY = 1.5
SMALLEST_ERROR = 3.0
"""Mean difference, of 255, below which a frame is correct: decoders convert to RGB with different rounding."""

X264 = {"x264-params": "threads=1:sliced-threads=0"}
"""FFmpeg's defaults: medium, three B-frames as a pyramid, three references; one slice per frame, as usual."""
NO_B = X264 | {"bf": "0", "preset": "veryfast"}
X265 = {"preset": "fast", "x265-params": "log-level=none:pools=none:frame-threads=1"}
REALTIME = {"deadline": "realtime", "cpu-used": "8"}
CLIPS = (
    ClipRecipe("h264 340x256 gop 250", options=X264, width=340, height=256, frames=300, gop=250),
    ClipRecipe("h264 340x256 gop 12", options=X264, width=340, height=256, frames=300),
    ClipRecipe("h264 640x360 gop 150", options=X264, width=640, height=360, frames=250, gop=150),
    ClipRecipe("h264 640x360 ts gop 50", "mpegts", options=X264, width=640, height=360, frames=250, gop=50),
    ClipRecipe("h264 720p mkv gop 250", "matroska", options=X264, width=1280, height=720, frames=200, gop=250),
    ClipRecipe(
        "h264 1080p gop 250", options=X264 | {"preset": "veryfast"}, width=1920, height=1080, frames=150, gop=250
    ),
    ClipRecipe("h264 720p no B gop 30", options=NO_B, width=1280, height=720, frames=150, gop=30),
    ClipRecipe("hevc 640x360 gop 250", "mp4", "libx265", X265, width=640, height=360, frames=250, gop=250),
    ClipRecipe("hevc 720p gop 60", "mp4", "libx265", X265, width=1280, height=720, frames=120, gop=60),
    ClipRecipe("mpeg4 avi 340x256", "avi", "mpeg4", {"bf": "0", "b": "800k"}, width=340, height=256, frames=300),
    ClipRecipe("mpeg4 avi 340x256 B", "avi", "mpeg4", {"bf": "2", "b": "800k"}, width=340, height=256, frames=300),
    ClipRecipe("vp8 640x360", "webm", "libvpx", REALTIME | {"b": "1M"}, width=640, height=360, frames=250, gop=60),
    ClipRecipe("vp9 640x360", "webm", "libvpx-vp9", REALTIME | {"b": "1M"}, width=640, height=360, frames=250, gop=60),
    ClipRecipe("av1 640x360", "mp4", "libsvtav1", {"preset": "12"}, width=640, height=360, frames=250, gop=60),
    ClipRecipe("mjpeg 640x360", "mov", "mjpeg", width=640, height=360, frames=120, pixels="yuvj420p"),
)


def moving_picture(recipe: ClipRecipe) -> Any:
    """Yield frames of a camera that pans, turns and zooms over a soft texture with grain, and of a crossing object."""
    rng = np.random.default_rng(7)
    height, width = recipe.height, recipe.width
    coarse = rng.integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    texture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for index in range(recipe.frames):
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), index * 0.3, 1 + index * 0.002)
        turn += np.array([[0, 0, index * 0.7], [0, 0, index * 0.4]])
        frame = cv2.warpAffine(texture, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        left = index * 5 % (width - height // 4)
        frame[height // 3 : height // 2, left : left + height // 4] = texture[
            : height // 2 - height // 3, : height // 4
        ]
        grain = rng.integers(0, 4, (height, width, 1), np.uint8)
        grainy = np.asarray(cv2.add(frame, np.repeat(grain, 3, axis=2)), np.uint8)
        yield av.VideoFrame.from_ndarray(grainy, format="rgb24")


def eight(num_frames: int) -> list[int]:
    """Return the indices of the eight evaluation frames."""
    return evaluation_indices(num_frames, 8)


def with_ours(path: str) -> Sequence[Image]:
    """Decode by this repository."""
    return decode(Path(path), eight).images


def with_decord(path: str) -> Any:
    """Decode by decord."""
    from decord import VideoReader, cpu  # noqa: PLC0415

    reader = VideoReader(path, ctx=cpu(0), num_threads=1)
    return reader.get_batch(eight(len(reader))).asnumpy()


def with_torchcodec(path: str) -> Any:
    """Decode by torchcodec in its default, exact mode."""
    from torchcodec.decoders import VideoDecoder  # noqa: PLC0415

    decoder = VideoDecoder(path, num_ffmpeg_threads=1, dimension_order="NHWC")
    return decoder.get_frames_at(eight(len(decoder))).data.numpy()


def with_opencv(path: str) -> Sequence[Image]:
    """Decode by OpenCV: grab up to the last index, retrieve the indices."""
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    indices = eight(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    images = {}
    for index in range(indices[-1] + 1):
        if not capture.grab():
            raise EOFError(f"no frame {index}")
        if index in indices:
            images[index] = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
    return [np.asarray(images[index], np.uint8) for index in indices]


def with_pyav(path: str) -> Sequence[Image]:
    """Decode by PyAV in a plain loop over all frames."""
    with av.open(path, "r") as container:
        video = container.streams.video[0]
        video.codec_context.thread_count = 1
        indices = eight(video.frames or _count(path))
        images = {}
        for index, frame in enumerate(container.decode(video)):
            if index in indices:
                images[index] = frame.to_ndarray(format="rgb24")
            if index == indices[-1]:
                break
    return [np.asarray(images[index], np.uint8) for index in indices]


def _count(path: str) -> int:
    with av.open(path, "r") as container:
        return sum(packet.size > 0 for packet in container.demux(video=0))


DECODERS: dict[str, Callable[[str], Any]] = {
    "ours": with_ours,
    "decord": with_decord,
    "torchcodec": with_torchcodec,
    "opencv": with_opencv,
    "pyav": with_pyav,
}


@dataclass
class Row:
    """Results for one video, by decoder: milliseconds of each round, wrong frames, errors, peak memory."""

    name: str
    is_made: bool
    report: dict[str, Any]
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)

    def median(self, decoder: str) -> float | None:
        """Return median milliseconds; None if the decoder failed."""
        return None if decoder in self.failed else statistics.median(self.milliseconds[decoder])

    def ratio(self, peer: str) -> float | None:
        """Return the ratio of the peer's time to ours; None if either failed."""
        theirs, ours = self.median(peer), self.median("ours")
        return theirs / ours if theirs and ours else None


class Worker:
    """Process in which one decoder reads one video again and again, isolated from the other decoders."""

    def __init__(self, decoder: str, path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(decoder, str(path), theirs), daemon=True)
        self._process.start()

    def first(self) -> tuple[list[Image], float] | str:
        """Return the frames and the peak megabytes beyond the imports; or the error."""
        first: tuple[list[Image], float] | str = self._pipe.recv()
        return first

    def milliseconds(self) -> float:
        """Decode once more; return milliseconds of CPU time, summed over threads."""
        self._pipe.send(True)
        return float(self._pipe.recv())

    def close(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.join()


def _work(decoder: str, path: str, pipe: Connection) -> None:
    cv2.setNumThreads(1)
    decode_eight = DECODERS[decoder]
    try:
        if decoder in IMPORTED_LATE:
            importlib.import_module(IMPORTED_LATE[decoder])
        before = _peak_kilobytes()
        images = list(decode_eight(path))
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {str(error).splitlines()[0][:120]}")
        return
    pipe.send((images, (_peak_kilobytes() - before) / 1024))
    del images
    while pipe.recv():
        started = time.process_time()
        decode_eight(path)
        pipe.send((time.process_time() - started) * 1000)


def _peak_kilobytes() -> int:
    # getrusage would include the memory of the parent at the time of the fork.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def measure(name: str, path: Path, rounds: int, *, is_made: bool) -> Row:
    """Measure all decoders on one video, interleaved."""
    clip = decode(path, eight)
    row = Row(name, is_made, vars(clip.report).copy())
    small, expected = _reference(path, clip.indices)
    workers = {decoder: Worker(decoder, path) for decoder in DECODERS}
    for decoder, worker in workers.items():
        first = worker.first()
        if isinstance(first, str):
            row.failed[decoder] = first
            continue
        images, row.megabytes[decoder] = first
        if decoder == "ours":
            row.wrong[decoder] = sum(not np.array_equal(a, b) for a, b in zip(images, expected, strict=True))
        else:
            pairs = zip(images, clip.indices, strict=False)
            row.wrong[decoder] = sum(_is_wrong(image, small, index) for image, index in pairs)
    for number in range(rounds):
        for decoder in _rotated([decoder for decoder in DECODERS if decoder not in row.failed], number):
            row.milliseconds.setdefault(decoder, []).append(workers[decoder].milliseconds())
    for worker in workers.values():
        worker.close()
    return row


def _rotated(names: list[str], by: int) -> list[str]:
    by %= len(names)
    return names[by:] + names[:by]


def _reference(path: Path, indices: Sequence[int]) -> tuple[np.ndarray[Any, Any], list[Image]]:
    """Return all frames of a full decode, reduced, and those of the indices in full size."""
    small, wanted = [], {}
    with av.open(str(path), "r") as container:
        video = container.streams.best("video")
        assert isinstance(video, VideoStream)
        for index, frame in enumerate(container.decode(video)):
            image = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
            small.append(_shrunk(image))
            if index in indices:
                wanted[index] = np.asarray(image, np.uint8)
    return np.stack(small), [wanted[index] for index in indices]


def _shrunk(image: Any) -> np.ndarray[Any, Any]:
    return cv2.resize(np.ascontiguousarray(image), (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)


def _is_wrong(image: Any, small: np.ndarray[Any, Any], index: int) -> bool:
    errors = np.abs(small - _shrunk(image)).mean(axis=(1, 2, 3))
    return bool(errors[index] > SMALLEST_ERROR and errors[index] > CLEARLY * errors.min())


def ratios(rows: Sequence[Row], peer: str) -> list[float]:
    """Return the ratios for the videos of which both decoders return the right frames."""
    return [ratio for row in rows if not row.wrong.get(peer) and (ratio := row.ratio(peer))]


def summary(rows: Sequence[Row], peer: str) -> str:
    """Return one line on a peer: ratios over the videos that it reads rightly, wrong frames, failures."""
    measured = ratios(rows, peer)
    wrong = sum(row.wrong.get(peer, 0) > 0 for row in rows)
    failed = sum(peer in row.failed for row in rows)
    times = f"{statistics.geometric_mean(measured):.2f} times our time (median {statistics.median(measured):.2f})"
    return f"{peer}: {times}; wrong frames in {wrong} videos, {failed} not read"


def print_table(rows: Sequence[Row], console: Console) -> None:
    """Print milliseconds, ratios to ours and wrong frames per video, then one line per peer."""
    table = Table("video", "path", "fed", "ours ms", *[f"{peer} ms" for peer in PEERS], "ours MB")
    for row in rows:
        fed = f"{row.report['packets_fed']}/{row.report['packets']}"
        cells = [_cell(row, peer) for peer in PEERS]
        memory = f"{row.megabytes.get('ours', math.nan):.0f}"
        table.add_row(row.name, row.report["path"], fed, f"{row.median('ours'):.1f}", *cells, memory)
    console.print(table)
    for peer in PEERS:
        console.print(summary(rows, peer))
    console.print(f"ours: wrong frames in {sum(row.wrong['ours'] > 0 for row in rows)} videos")


def _cell(row: Row, peer: str) -> str:
    if peer in row.failed:
        return "not read"
    wrong = f", {row.wrong[peer]} wrong" if row.wrong[peer] else ""
    return f"{row.median(peer):.1f} ({row.ratio(peer):.2f}x{wrong})"


def write_results(rows: Sequence[Row], rounds: int, out: Path) -> tuple[Path, Path]:
    """Write the figures as JSON and the ratios as a picture, named by today's date; return the paths."""
    out.mkdir(parents=True, exist_ok=True)
    stem = out / f"decode-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}"
    facts = {
        "machine": {"processor": cpu_name(), "python": platform.python_version()},
        "versions": versions_of(PACKAGES),
        "rounds": rounds,
        "geometric_mean_ratio": {peer: statistics.geometric_mean(ratios(rows, peer)) for peer in PEERS},
        "median_ratio": {peer: statistics.median(ratios(rows, peer)) for peer in PEERS},
        "videos": [{**vars(row), "median_ms": {name: row.median(name) for name in DECODERS}} for row in rows],
    }
    stem.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    draw(rows, stem.with_suffix(".png"))
    return stem.with_suffix(".json"), stem.with_suffix(".png")


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the ratios of the peers' times to ours as bars."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9, 0.6 * len(rows) + 1.5), layout="constrained")
    axes = figure.subplots()
    for number, peer in enumerate(PEERS):
        places = [place + (number - 1.5) * 0.2 for place in range(len(rows))]
        axes.barh(places, [(row.ratio(peer) or 1) - 1 for row in rows], left=1, height=0.2, label=peer)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda ratio, place: f"{ratio:g}")
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("CPU time for eight frames, as a multiple of this decoder's")
    axes.legend()
    figure.savefig(path, dpi=110)


def _lend_ffmpeg_to_torchcodec() -> None:
    """Restart this program with PyAV's libraries under the names that torchcodec searches for."""
    bundled = Path(av.__file__).parents[1] / "av.libs"
    if LENT in os.environ or not bundled.is_dir():
        return
    folder = Path(tempfile.mkdtemp())
    for library in (*bundled.glob("libav*.so.*"), *bundled.glob("libsw*.so.*")):
        name, _, version = library.name.partition(".so.")
        (folder / f"{name.split('-')[0]}.so.{version.split('.')[0]}").symlink_to(library)
    paths = f"{folder}:{bundled}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    environment = os.environ | {"LD_LIBRARY_PATH": paths, LENT: str(folder)}
    command = [sys.executable, "-m", "tests.benchmarks.bench_decode", *sys.argv[1:]]
    code = subprocess.run(command, env=environment, check=False).returncode
    shutil.rmtree(folder)
    raise SystemExit(code)


def main() -> None:
    """Parse arguments, pin to one core, generate videos, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="generate only the clips whose name contains this")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    _lend_ffmpeg_to_torchcodec()
    stay_on_one_core()
    console = Console(width=150)
    with tempfile.TemporaryDirectory() as folder:
        made = [one for one in CLIPS if arguments.only in one.name]
        rows = []
        for number, one in enumerate((*made, *arguments.videos), 1):
            is_made = isinstance(one, ClipRecipe)
            name, path = one.name, Path(folder) / "made" if is_made else one
            console.print(f"{number} of {len(made) + len(arguments.videos)}: {name}", style="dim")
            if isinstance(one, ClipRecipe):
                path.write_bytes(make_clip(one, moving_picture))
            rows.append(measure(name, path, arguments.rounds, is_made=is_made))
    print_table(rows, console)
    console.print(*write_results(rows, arguments.rounds, arguments.out))


if __name__ == "__main__":
    main()
