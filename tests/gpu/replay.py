"""Times on a GPU: medians of CUDA graphs that are replayed in turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch

ROUNDS = 20


def replay(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return median milliseconds of each piece of work, replayed as a CUDA graph, interleaved."""
    graphs = {name: record(piece) for name, piece in work.items()}
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, graph in graphs.items():
            times[name].append(timed(graph.replay))
    return {name: statistics.median(taken) for name, taken in times.items()}


def record(piece: Callable[[], object]) -> torch.cuda.CUDAGraph:
    """Capture the work as a graph, after it has run outside of one."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side), torch.inference_mode():
        piece()
        piece()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph), torch.inference_mode():
        piece()
    return graph


def timed(run: Callable[[], object]) -> float:
    """Return the milliseconds of a call on the GPU."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


def median_ms(run: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return median milliseconds of a call after two others; it has ended on the GPU when it returns."""
    run()
    run()
    return statistics.median(timed(run) for _ in range(rounds))
