"""A folder of videos by `predict` in one process and by `predict --ray` on all cores of this machine, in turns.

Ray takes some seconds to start and to stop, which a large folder does not notice: they are told apart.
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

from tests.service.conftest import REPOSITORY, linked

CLIP = REPOSITORY / "service" / "doctor_clips" / "h264.mp4"


@dataclass(frozen=True)
class Run:
    """Of one command."""

    seconds: float
    """From its start to its end."""
    per_second: float
    """Videos, from the first answer to the last."""


def main(clip: Path = CLIP, videos: int = 2000, rounds: int = 3) -> None:
    """Print what each round gives, and the medians."""
    with tempfile.TemporaryDirectory() as folder:
        clips = Path(folder) / "clips"
        linked(clip.read_bytes(), clips, videos)
        pairs = []
        for round_ in range(1, rounds + 1):
            pairs.append((measure(clips, videos, []), measure(clips, videos, ["--ray"])))
            single, ray = pairs[-1]
            typer.echo(
                f"round {round_}: one process {single.per_second:.1f} videos/s, {single.seconds:.1f} s in all; "
                f"--ray {ray.per_second:.1f} videos/s, {ray.seconds:.1f} s in all"
            )
    ratio = statistics.median(ray.per_second / single.per_second for single, ray in pairs)
    overhead = statistics.median(ray.seconds - videos / ray.per_second for _, ray in pairs)
    typer.echo(f"{os.cpu_count()} cores: --ray predicts {ratio:.2f} times as many videos a second as one process")
    typer.echo(f"it takes {overhead:.1f} s beside that, to start and to stop (medians)")


def measure(clips: Path, videos: int, options: list[str]) -> Run:
    """All of the folder, to a new file."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answers.jsonl"
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "predict", *options, "--out", str(out), str(clips)],
            cwd=REPOSITORY,
            env=os.environ | {"RAY_ADDRESS": "local", "RAY_USAGE_STATS_ENABLED": "0"},
            stderr=subprocess.DEVNULL,
        )
        at_first, first = wait_for(out, 1, process)
        at_last, last = wait_for(out, videos, process)
        process.wait()
        return Run(time.perf_counter() - started, (last - first) / (at_last - at_first))


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
