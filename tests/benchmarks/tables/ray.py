"""Tables of the benchmarks on Ray: CPU of a request, two replicas, offline prediction, and what a thousand need."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.tables.markdown import table

REQUESTS_PER_SECOND = 1000
UTILISATION = 0.7
"""Of a core, before queues grow; assumed."""

Results = Mapping[str, Any]

PROCESSES = {
    "ingress": "`ingress`, the FastAPI application",
    "haproxy": "HAProxy before it",
    "proxy": "Ray's proxy, in reserve",
    "decoders": "`decoders`, without the workers that decode",
    "models": "`models`, with inference",
    "raylet": "raylets",
    "gcs": "Ray's control store",
}

WAYS = {
    "one at a time": "`predict`, one at a time (`TIN_DECODERS=1`)",
    "predict": "`predict`",
    "predict --ray": "`predict --ray`",
}


@dataclass(frozen=True)
class Load:
    """Requests of one kind: ms of CPU to decode, and of CPU or GPU to infer; MB of a video and of the model's input."""

    title: str
    decode_ms: float
    infer_ms: float
    video_mb: float
    input_mb: float
    on_gpu: bool = False


LOADS = (
    Load("demo model, H.264 340x256, 200 kB", 35, 7.5, 0.2, 0.22),
    Load("demo model, MPEG-4 AVI 340x256, 200 kB", 11, 7.5, 0.2, 0.22),
    Load("TIN-R50 int8, H.264 640x360, 1 MB", 70, 200, 1, 1.2),
    Load("TIN-R50 fp32, H.264 640x360, 1 MB", 70, 621, 1, 1.2),
    Load("TIN-R50 on GPUs, H.264 640x360, 1 MB", 70, 2, 1, 1.2, on_gpu=True),
    Load("TIN-R50 on GPUs, H.264 1080p, 5 MB", 420, 2, 5, 1.2, on_gpu=True),
)


def request_cost(results: Results) -> str:
    """Return the CPU time of a request by process, its sums, and their goals."""
    rows = [(title, f"{results['median_ms'][name]:.1f} ms", "") for name, title in PROCESSES.items()]
    infer, titles = results["infer_ms"], {"e": "`e`: ingress, HAProxy, proxy", "o": "`o`: the others less inference"}
    rows.append(("inference itself, in one process", f"{infer:.1f} ms", ""))
    rows += [
        (titles[goal["name"]], f"{goal['ms']:.1f} ms", f"goal: at most {goal['at_most']} ms")
        for goal in results["goals"]
    ]
    return table(("", "CPU of a request", ""), rows)


def replicas(results: Results) -> str:
    """Return the ratio of two model replicas to one."""
    rows = [("median", f"{results['median_ratio']:.2f}")]
    rows += [(f"round {number}", f"{ratio:.2f}") for number, ratio in enumerate(results["ratios"], 1)]
    return table((f"{results['infer_ms']:g} ms a clip", "two replicas over one"), rows)


def offline(results: Results) -> str:
    """Return a row for each way of predicting a folder."""
    rows = (
        (title, f"{median['per_second']:.1f}", f"{median['ratio']:.2f} times", f"{median['beside']:.1f} s")
        for way, title in WAYS.items()
        for median in [results["medians"][way]]
    )
    return table(("", "videos/s", "", "to start and to stop"), rows)


def thousand(results: Results) -> str:
    """Return the processes that a thousand requests a second need, by kind of requests."""
    heading = (
        f"{REQUESTS_PER_SECOND:,} requests/s",
        "d",
        "decoders",
        "i",
        "models",
        "ingress replicas",
        "further cores",
        "network",
    )
    return table(heading, _loads(results["sums_ms"]))


def _loads(sums_ms: Mapping[str, float]) -> Iterator[tuple[str, ...]]:
    ingress, further = _busy(sums_ms["e"]), _busy(sums_ms["o"])
    for load in LOADS:
        models, unit = _busy(load.infer_ms), "GPUs" if load.on_gpu else "cores"
        gigabytes = REQUESTS_PER_SECOND * 2 * (load.video_mb + load.input_mb) / 1000
        infer = f"{'g = ' if load.on_gpu else ''}{load.infer_ms:g} ms"
        decoders = f"{_busy(load.decode_ms)} cores"
        yield (
            load.title,
            f"{load.decode_ms:g} ms",
            decoders,
            infer,
            f"{models} {unit}",
            f"{ingress}",
            f"{further}",
            f"{gigabytes:.3g} GB/s",
        )


def _busy(milliseconds: float) -> int:
    """Processes that each have UTILISATION of a core, for REQUESTS_PER_SECOND that take so long."""
    return math.ceil(REQUESTS_PER_SECOND * milliseconds / 1000 / UTILISATION)
