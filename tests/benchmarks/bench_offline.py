"""A folder of videos by `predict`, one at a time, as many as there are cores, and by `predict --ray`, in turns.

Each takes some time to start and to stop, Ray some seconds, which a large folder does not notice: it is told apart.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import typer

from tests.helpers.paths import REPOSITORY
from tests.helpers.videos.linked import linked

CLIP = REPOSITORY / "service" / "doctor" / "clips" / "h264.mp4"


WAYS: dict[str, tuple[list[str], dict[str, str]]] = {
    "one at a time": ([], {"TIN_DECODERS": "1"}),
    "predict": ([], {}),
    "predict --ray": (["--ray"], {}),
}
"""The options and the environment of each."""


@dataclass(frozen=True)
class Run:
    """Of one command on so many videos."""

    seconds: float
    """From its start to its end."""
    per_second: float
    """Videos, from the first answer to the last."""
    beside: float
    """Seconds that it takes to start and to stop."""


def main(clip: Path = CLIP, videos: int = 2000, rounds: int = 3) -> None:
    """Print what each round gives, and the medians."""
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        clips = Path(folder) / "clips"
        linked(clip.read_bytes(), clips, videos)
        for round_ in range(1, rounds + 1):
            for way, (options, environment) in WAYS.items():
                run = measure(clips, videos, options, environment)
                runs[way].append(run)
                typer.echo(f"round {round_}, {way}: {run.per_second:.1f} videos/s, {run.seconds:.1f} s in all")
    typer.echo(f"medians on {os.cpu_count()} cores:")
    base = runs["one at a time"]
    for way, measured in runs.items():
        ratio = statistics.median(run.per_second / one.per_second for run, one in zip(measured, base, strict=True))
        rate = statistics.median(run.per_second for run in measured)
        beside = statistics.median(run.beside for run in measured)
        typer.echo(f"{way:15} {rate:6.1f} videos/s, {ratio:.2f} times; {beside:.1f} s to start and to stop")


def measure(clips: Path, videos: int, options: list[str], environment: dict[str, str]) -> Run:
    """All of the folder, to a new file."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answers.jsonl"
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "predict", *options, "--out", str(out), str(clips)],
            cwd=REPOSITORY,
            env=os.environ | {"RAY_ADDRESS": "local", "RAY_USAGE_STATS_ENABLED": "0"} | environment,
            stderr=subprocess.DEVNULL,
        )
        at_first, first = wait_for(out, 1, process)
        at_last, last = wait_for(out, videos, process)
        process.wait()
        seconds, per_second = time.perf_counter() - started, (last - first) / (at_last - at_first)
        return Run(seconds, per_second, seconds - videos / per_second)


def wait_for(out: Path, answers: int, process: subprocess.Popen[bytes]) -> tuple[float, int]:
    """When there were so many, and how many there were then."""
    while True:
        is_running = process.poll() is None
        found = out.read_bytes().count(b"\n") if out.exists() else 0
        if found >= answers:
            return time.perf_counter(), found
        if not is_running:
            raise RuntimeError(f"predict ended after {found} of {answers} answers")
        time.sleep(0.05)


if __name__ == "__main__":
    typer.run(main)
