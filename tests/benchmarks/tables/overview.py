"""Table of the README: a line for each figure that the pages tell more of, with the day when it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.benchmarks.tables.decode import NAMES
from tests.benchmarks.tables.markdown import table

Results = Mapping[str, Any]


def figures(
    decode: Results, load: Results, start: Results, export: Results, demo: Results, offline: Results, cluster: Results
) -> str:
    """Return a row for each benchmark.

    Args:
        decode: results of `make bench-decode`.
        load: results of `make load`.
        start: results of `make bench-start`.
        export: results of `make bench-export` with TIN-R50.
        demo: results of `make bench-export` with the demo model.
        offline: results of `bench_offline`.
        cluster: results of `bench_cluster`.
    """
    rows = [
        ("decoding eight frames", _decoding(decode), decode, "`make bench-decode`, [Decoding](docs/decoding.md)"),
        ("gateway", _gateway(load), load, "`make load`, [Serving](docs/serving.md)"),
        ("start", _start(start), start, "`make bench-start`, [Serving](docs/serving.md#start-and-size)"),
        ("exported TIN-R50", _exported(export), export, "`make bench-export`, [Export](docs/export.md)"),
        ("exported demo model", _exported(demo), demo, "the same"),
        ("`tin predict`, folders", _offline(offline), offline, _module("bench_offline")),
        ("two replicas on Ray", _replicas(cluster), cluster, _module("bench_cluster")),
    ]
    return table(
        ("", "result", "measured", "command, page"),
        ((name, text, results["measured"], where) for name, text, results, where in rows),
    )


def _decoding(results: Results) -> str:
    ratios = results["geometric_mean_ratio"]
    slowest, *others = sorted(ratios, key=ratios.__getitem__, reverse=True)
    rest = ", ".join(f"{NAMES[peer]} {ratios[peer]:.2f}" for peer in others)
    wrong = sum(video["wrong"]["ours"] for video in results["videos"])
    times = f"{NAMES[slowest]} takes {ratios[slowest]:.2f} times tin-serve's time, {rest}"
    return f"{times}, each over the videos that it reads rightly; {wrong} wrong frames"


def _gateway(results: Results) -> str:
    return f"{results['goals'][0]['value']:.2f} of a bare loop that does the same work"


def _start(results: Results) -> str:
    return f"ready {results['ready_seconds']:.1f} s after it was started"


def _exported(results: Results) -> str:
    ratios = {(goal["slower"], goal["faster"]): goal["ratio"] for goal in results["goals"]}
    eager, int8 = ratios["torch eager", "exported"], ratios["exported", "int8"]
    parts = [f"torch eager takes {eager:.2f} times its time", f"int8 is {int8:.2f} times as fast as fp32"]
    if (plain := ratios.get(("exported", "exported, no interlace"))) is not None:
        parts.insert(0, f"interlacing costs {100 * (plain - 1):.0f} %")
    return f"{', '.join(parts)} ({'with' if results['machine']['vnni'] else 'without'} VNNI)"


def _offline(results: Results) -> str:
    plain, ray = (results["medians"][way]["ratio"] for way in ("predict", "predict --ray"))
    return f"{plain:.2f} times as many videos a second as one at a time; `--ray` {ray:.2f}"


def _replicas(results: Results) -> str:
    ratios: Sequence[float] = results["ratios"]
    lowest, highest = min(ratios), max(ratios)
    return f"{lowest:.2f} to {highest:.2f} times ({len(ratios)} rounds) as many requests a second as one"


def _module(name: str) -> str:
    return f"`python -m tests.benchmarks.{name}`, [Growing](docs/growing.md)"
