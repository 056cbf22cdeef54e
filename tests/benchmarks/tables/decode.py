"""Tables of `make bench-decode`: each peer's ratio over all clips, and clip by clip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.benchmarks.tables.markdown import table

PEERS = {"decord": "decord", "torchcodec": "torchcodec", "opencv": "OpenCV", "pyav": "PyAV loop"}
PACKAGES = {"decord": "decord", "torchcodec": "torchcodec", "opencv": "opencv-python-headless"}
"""Packages whose version is told; the PyAV loop uses the same PyAV as tin-serve."""

Results = Mapping[str, Any]


def summary(results: Results) -> str:
    """Return the ratios of each peer over the clips that it reads rightly."""
    return table(("decoder", "geometric mean", "median"), _summary_rows(results))


def clips(results: Results) -> str:
    """Return a row for each made clip: packets fed, time and memory, and the ratio of each peer."""
    names = (f"{name}{_version(peer, results)}" for peer, name in PEERS.items())
    made = [video for video in results["videos"] if video["is_made"]]
    return table(("made clip", "packets fed", "tin-serve", *names), map(_clip_row, made))


def _summary_rows(results: Results) -> Iterator[tuple[str, ...]]:
    videos = results["videos"]
    for peer, name in PEERS.items():
        right = sum(peer not in video["failed"] and not video["wrong"][peer] for video in videos)
        counted = "" if right == len(videos) else f" ({right} of {len(videos)} clips)"
        ratios = (results[key][peer] for key in ("geometric_mean_ratio", "median_ratio"))
        yield (f"{name}{counted}", *(f"{ratio:.2f}" for ratio in ratios))


def _clip_row(video: Mapping[str, Any]) -> tuple[str, ...]:
    report, ours = video["report"], video["median_ms"]["ours"]
    cost = f"{ours:.0f} ms, {video['megabytes']['ours']:.0f} MB"
    peers = (_peer_cell(video, peer) for peer in PEERS)
    return (video["name"], f"{report['packets_fed']} of {report['packets']}", cost, *peers)


def _peer_cell(video: Mapping[str, Any], peer: str) -> str:
    if peer in video["failed"]:
        return "not read"
    wrong = f", {video['wrong'][peer]} wrong" if video["wrong"][peer] else ""
    return f"{video['median_ms'][peer] / video['median_ms']['ours']:.2f}{wrong}"


def _version(peer: str, results: Results) -> str:
    if peer not in PACKAGES:
        return ""
    return " " + ".".join(results["versions"][PACKAGES[peer]].split(".")[:2])
