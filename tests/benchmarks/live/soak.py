"""Soak of `tin live`: half an hour of a real RTSP server, whose stream is cut twice; memory, CPU and dropped frames.

python -m tests.benchmarks.live.soak --minutes 30 --json tests/benchmarks/results/live-2026-11-30.json

Exits with 1 when memory grew by 5 % or more, or a cut was not got over.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tests.helpers.live.films import repeated
from tests.helpers.live.live_process import LiveProcess
from tests.helpers.live.rtsp_server import RtspServer
from tests.helpers.measuring.machine import cpu_name, versions_of
from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import cpu_seconds, resident_bytes

FILM = REPOSITORY / "service" / "web" / "predict" / "example.mp4"
FILM_SECONDS = 2.6
PACKAGES = ("av", "numpy", "onnxruntime", "opencv-python-headless")
CUTS = (1 / 3, 2 / 3)
"""When the server is ended, as shares of the time."""
CUT_SHARE, MOST_CUT_SECONDS = 0.1, 15.0
"""How long it is away, as a share of the time and at most."""
SAMPLE_SECONDS = 2.0
WARM_UP = 0.1
"""Share of the time after which memory is measured first, as long as the last share."""
MOST_GROWTH = 0.05


def main(
    minutes: Annotated[float, typer.Option(min=1, help="How long to run.")] = 30.0,
    out: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
) -> None:
    """Run `tin live` on a real RTSP server that is ended twice, and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        film = repeated(FILM, Path(folder) / "film.mp4", round(minutes * 60 / FILM_SECONDS) + 1)
        figures = _soak(film, 60 * minutes)
    text = json.dumps(figures, indent=2)
    typer.echo(text)
    if out is not None:
        out.write_text(f"{text}\n")
    raise typer.Exit(0 if _is_good(figures) else 1)


def _soak(film: Path, seconds: float) -> dict[str, Any]:
    with RtspServer(film) as server, LiveProcess(REPOSITORY / "model_store", server.url) as live:
        live.until("connected", seconds=120)
        began = time.monotonic()
        memory = [resident_bytes(live.process.pid) for _ in _moments(server, seconds)]
        wall, cpu = time.monotonic() - began, cpu_seconds(live.process.pid)
        live.process.send_signal(signal.SIGTERM)
        code = live.wait()
    share = max(1, round(WARM_UP * len(memory)))
    first, last = (statistics.median(part) for part in (memory[share : 2 * share], memory[-share:]))
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "load_at_end": os.getloadavg()[2],
        "versions": versions_of(PACKAGES),
        "film": f"{FILM.name}, again and again, over RTSP",
        "seconds": round(wall, 1),
        "exit_code": code,
        "resident_mb_after_warm_up": round(first / 1e6, 1),
        "resident_mb_at_end": round(last / 1e6, 1),
        "resident_mb_most": round(max(memory) / 1e6, 1),
        "memory_growth": round(last / first - 1, 4),
        "cpu_share_of_a_core": round(cpu / wall, 3),
        "lost": live.of_kind("lost"),
        "back": live.of_kind("connected")[1:],
        "segments": len(live.of_kind("segment")),
        "totals": live.rows[-1],
    }


def _moments(server: RtspServer, seconds: float) -> Iterator[None]:
    """Yield now and then for so many seconds; end the server at each cut, and start it again."""
    began = time.monotonic()
    cuts = [share * seconds for share in CUTS]
    back_at: float | None = None
    while (now := time.monotonic() - began) < seconds:
        if cuts and now >= cuts[0]:
            server.stop()
            back_at = cuts.pop(0) + min(CUT_SHARE * seconds, MOST_CUT_SECONDS)
        if back_at is not None and now >= back_at:
            server.start()
            back_at = None
        yield
        time.sleep(SAMPLE_SECONDS)


def _is_good(figures: dict[str, Any]) -> bool:
    is_back = len(figures["back"]) == len(CUTS) == figures["totals"]["reconnects"]
    return bool(figures["exit_code"] == 0 and is_back and figures["memory_growth"] < MOST_GROWTH)


if __name__ == "__main__":
    typer.run(main)
