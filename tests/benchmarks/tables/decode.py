"""Tables of `make bench-decode`: each peer's ratio over all clips, clip by clip, goals, and films of growing length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.benchmarks.tables.markdown import table

NAMES = {
    "decord": "decord",
    "decord2": "decord2",
    "torchcodec": "torchcodec",
    "opencv": "OpenCV",
    "pyav": "PyAV loop",
}
PACKAGES = {"decord": "decord", "decord2": "decord2", "torchcodec": "torchcodec", "opencv": "opencv-python-headless"}
"""Packages whose version is told; the PyAV loop uses the same PyAV as tin-serve."""

Results = Mapping[str, Any]


def summary(results: Results) -> str:
    """Return the ratios of each peer over the clips that it reads rightly."""
    return table(("decoder", "geometric mean", "median"), _summary_rows(results))


def clips(results: Results) -> str:
    """Return a row for each made clip: packets fed, time and memory, and the ratio of each peer."""
    peers = _peers(results)
    names = (f"{NAMES[peer]}{_version(peer, results)}" for peer in peers)
    made = [video for video in results["videos"] if video.get("is_made") or video.get("kind") == "clip"]
    return table(("made clip", "packets fed", "tin-serve", *names), (_clip_row(video, peers) for video in made))


def goals(results: Results) -> str:
    """Return a row for each goal: the figure, its bound, and whether it is met."""
    rows = [_goal_row(goal) for goal in results.get("goals", [])]
    return table(("figure", "measured", "goal", ""), rows)


def _goal_row(goal: Mapping[str, Any]) -> tuple[str, ...]:
    bound = f"{'at most' if goal['is_upper'] else 'at least'} {goal['bound']}"
    least = "" if goal.get("least") is None else f", floor and open: {goal['least']:.2f}"
    least += "" if goal.get("least_exact") is None else f", with every packet read: {goal['least_exact']:.2f}"
    return goal["name"], f"{goal['value']:.2f}", bound, "met" if goal["is_met"] else f"missed{least}"


def films(results: Results) -> str:
    """Return a row for each film: milliseconds of tin-serve, of the floor, and of peers that seek."""
    found = [video for video in results["videos"] if video.get("kind") == "film"]
    names = {"ours": "tin-serve", "floor": "floor", **NAMES, "approximate": "torchcodec, approximate"}
    shown = [name for name in names if found and all(video["median_ms"].get(name) for video in found)]
    rows = ((video["name"], *(f"{video['median_ms'][name]:.0f} ms" for name in shown)) for video in found)
    return table(("film", *(names[name] for name in shown)), rows)


def _peers(results: Results) -> list[str]:
    return [peer for peer in NAMES if peer in results["geometric_mean_ratio"]]


def _summary_rows(results: Results) -> Iterator[tuple[str, ...]]:
    for peer in _peers(results):
        name = NAMES[peer]
        videos = [video for video in results["videos"] if peer in video["failed"] or peer in video["wrong"]]
        right = sum(peer not in video["failed"] and not video["wrong"][peer] for video in videos)
        counted = "" if right == len(videos) else f" ({right} of {len(videos)} clips)"
        ratios = (results[key][peer] for key in ("geometric_mean_ratio", "median_ratio"))
        yield (f"{name}{counted}", *(f"{ratio:.2f}" for ratio in ratios))


def _clip_row(video: Mapping[str, Any], peers: Sequence[str]) -> tuple[str, ...]:
    report, ours = video["report"], video["median_ms"]["ours"]
    cost = f"{ours:.0f} ms, {video['megabytes']['ours']:.0f} MB"
    cells = (_peer_cell(video, peer) for peer in peers)
    return (video["name"], f"{report['packets_fed']} of {report['packets']}", cost, *cells)


def _peer_cell(video: Mapping[str, Any], peer: str) -> str:
    if peer in video["failed"]:
        return "not read"
    wrong = f", {video['wrong'][peer]} wrong" if video["wrong"][peer] else ""
    return f"{video['median_ms'][peer] / video['median_ms']['ours']:.2f}{wrong}"


def _version(peer: str, results: Results) -> str:
    if peer not in PACKAGES:
        return ""
    return " " + ".".join(results["versions"][PACKAGES[peer]].split(".")[:2])
