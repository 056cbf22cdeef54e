"""Offline prediction of a folder: one video at a time, one per core, and on Ray, in interleaved rounds.

The time to start and to stop, some seconds for Ray, is reported apart, since it does not matter for a large folder.

python -m tests.benchmarks.bench_offline [--clip FILE]
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
from typing import Annotated

import typer
from rich.console import Console

from tests.helpers.measuring.results import RESULTS, write_results
from tests.helpers.paths import REPOSITORY
from tests.helpers.videos.linked import linked

CLIP = REPOSITORY / "service" / "doctor" / "clips" / "h264.mp4"


WAYS: dict[str, tuple[list[str], dict[str, str]]] = {
    "one at a time": ([], {"TIN_DECODERS": "1"}),
    "predict": ([], {}),
    "predict --ray": (["--ray"], {}),
}
"""Options and environment of each way."""


@dataclass(frozen=True)
class Run:
    """Measurement of one command."""

    seconds: float
    """From the start to the end of the process."""
    per_second: float
    """Videos per second, from the first result to the last."""
    beside: float
    """Seconds to start and to stop."""


def main(
    clip: Path = CLIP,
    videos: int = 2000,
    rounds: int = 3,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Print the figures of each round and the medians, and write them as JSON."""
    console = Console()
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        clips = Path(folder) / "clips"
        linked(clip.read_bytes(), clips, videos)
        for round_ in range(1, rounds + 1):
            for way, (options, environment) in WAYS.items():
                run = measure(clips, videos, options, environment)
                runs[way].append(run)
                console.print(f"round {round_}, {way}: {run.per_second:.1f} videos/s, {run.seconds:.1f} s in all")
    medians = {way: median_of(measured, runs["one at a time"]) for way, measured in runs.items()}
    for way, median in medians.items():
        console.print(
            f"{way:15} {median['per_second']:6.1f} videos/s, {median['ratio']:.2f} times; "
            f"{median['beside']:.1f} s to start and to stop"
        )
    figures = {
        "videos": videos,
        "medians": medians,
        "runs": {way: [vars(run) for run in measured] for way, measured in runs.items()},
    }
    console.print(str(write_results("offline", figures, ("ray", "onnxruntime", "av"), out)))


def median_of(runs: list[Run], base: list[Run]) -> dict[str, float]:
    """Return the medians of videos a second, of their ratio to `base` in the same round, and of the rest's seconds."""
    return {
        "per_second": statistics.median(run.per_second for run in runs),
        "ratio": statistics.median(run.per_second / one.per_second for run, one in zip(runs, base, strict=True)),
        "beside": statistics.median(run.beside for run in runs),
    }


def measure(clips: Path, videos: int, options: list[str], environment: dict[str, str]) -> Run:
    """Predict all videos of the folder to a new file, and measure.

    Args:
        clips: the folder.
        videos: number of videos in it.
        options: options of `predict`.
        environment: additional environment variables.
    """
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
    """Wait for a number of results; return the time, and the number of results at that time.

    Raises RuntimeError when the process ends before.
    """
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
