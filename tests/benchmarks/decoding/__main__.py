"""Benchmark of decoders on eight frames of a video, in one interleaved run on one core.

    python -m tests.benchmarks.decoding [VIDEO or FOLDER ...] [--rounds 3] [--only NAME] [--out FOLDER]

Every decoder opens the file by its path, determines its length, and returns the eight evaluation frames in full size as
RGB arrays, with one thread, in a process of its own. Times are CPU time, medians over the rounds. Freed memory stays
with each process, as with the workers of the service: else the kernel's pages cost more than a small video.

The floor is the time to decode and convert exactly the packets that our plan feeds, or all on the full path: no
container is opened and no packet looked at. To open the container alone is measured as well: no reader of the file
needs less than both. So is reading every packet once: one that counts the frames and gets its packets from FFmpeg needs
all three.

A peer's frame is wrong if another frame of the video is clearly closer to it than the requested one, or if it lies on
its side; ours if any bit differs from a full decode's. torchcodec comes without FFmpeg and gets PyAV's, so that both
decode with the same build. Videos of your own are named by number and codec.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
from rich.console import Console

from clips.decoding.decode import decode
from clips.decoding.errors import ClipError
from tests.benchmarks.decoding.clips import CLIPS, FILMS, encoded_scene, moving_picture
from tests.benchmarks.decoding.decoders import LEAST_EXACT, PEERS, eight
from tests.benchmarks.decoding.measuring import Reference, Row, measure
from tests.benchmarks.decoding.report import print_report, write_results
from tests.helpers.measuring.machine import stay_on_one_core
from tests.helpers.videos.make_clip import make_clip

RESULTS = Path(__file__).parents[1] / "results"
LENT = "BENCH_DECODE_LENT_FFMPEG"
ON_FILMS = ("ours", *LEAST_EXACT, "decord2", "torchcodec", "approximate")
"""The others decode every packet, which takes them minutes."""


def measure_clips(only: str, rounds: int, folder: Path) -> Iterator[Row]:
    """Make and measure the clips whose name contains `only`."""
    for recipe in CLIPS:
        if only in recipe.name:
            path = folder / "clip"
            path.write_bytes(make_clip(recipe, moving_picture))
            yield measure(recipe.name, "clip", path, ("ours", *LEAST_EXACT, *PEERS), rounds)


def measure_films(only: str, rounds: int, folder: Path) -> Iterator[Row]:
    """Make and measure the films whose name contains `only`."""
    films = [film for film in FILMS if only in film.name]
    if not films:
        return
    scene, path = folder / "scene", folder / "film"
    scene.write_bytes(encoded_scene())
    reference = Reference.of(scene, ())
    for film in films:
        film.write(path, scene.read_bytes())
        yield measure(film.name, "film", path, ON_FILMS, rounds, reference)


def measure_files(files: Sequence[Path], rounds: int) -> Iterator[Row]:
    """Measure videos of the user's own."""
    for number, path in enumerate(files, 1):
        info = decode(path, eight).video
        name = f"real clip {number}: {info.codec} {info.width}x{info.height}"
        yield measure(name, "file", path, ("ours", *LEAST_EXACT, *PEERS), rounds)


def videos_in(paths: Sequence[Path]) -> list[Path]:
    """Return files, and of folders those files, in order, that can be decoded."""
    return [file for path in paths for file in (filter(_is_video, sorted(path.iterdir())) if path.is_dir() else [path])]


def _is_video(path: Path) -> bool:
    try:
        decode(path, eight)
    except ClipError:
        return False
    return True


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
    command = [sys.executable, "-m", "tests.benchmarks.decoding", *sys.argv[1:]]
    code = subprocess.run(command, env=environment, check=False).returncode
    shutil.rmtree(folder)
    raise SystemExit(code)


def main() -> None:
    """Parse arguments, pin to one core, make videos, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="make only the clips and films whose name contains this")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    _lend_ffmpeg_to_torchcodec()
    stay_on_one_core()
    console = Console(width=170)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder, rounds = Path(name), arguments.rounds
        for found in (
            measure_clips(arguments.only, rounds, folder),
            measure_films(arguments.only, rounds, folder),
            measure_files(videos_in(arguments.videos), rounds),
        ):
            for row in found:
                console.print(f"{row.name}: {row.median('ours'):.1f} ms", style="dim")
                rows.append(row)
    print_report(rows, console)
    console.print(*write_results(rows, arguments.rounds, arguments.out))


if __name__ == "__main__":
    main()
