"""Report: a table of all videos, goals met or missed, and the results as JSON and as a picture."""

from __future__ import annotations

import datetime
import json
import platform
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.decoding.decoders import DECODERS, LEAST, LEAST_EXACT, PACKAGES, PEERS
from tests.benchmarks.decoding.measuring import Row
from tests.helpers.measuring.machine import cpu_name, versions_of

MAX_OVER_FLOOR, MAX_OVER_FLOOR_MEAN = 1.25, 1.10
MIN_TO_FASTEST = 0.98
MIN_TO_TORCHCODEC = 1.4
MAX_FULL_TO_LOOP = 1.05
MAX_TO_APPROXIMATE = 0.6
TEN_MINUTES = "h264 640x360 10 min"


@dataclass(frozen=True)
class Goal:
    """A figure that is to be at most, or at least, so much, and the video in which it is worst."""

    name: str
    value: float
    bound: float
    is_upper: bool = True
    video: str = ""
    least: float | None = None
    """The figure of a reader that needs no more than the floor and to open the container."""
    least_exact: float | None = None
    """The figure of one that reads every packet by FFmpeg as well."""

    @property
    def is_met(self) -> bool:
        """Return True for a figure on the right side of its bound."""
        return self.value <= self.bound if self.is_upper else self.value >= self.bound

    def __str__(self) -> str:
        sign = "<=" if self.is_upper else ">="
        facts = ", ".join(filter(None, (self.video, "" if self.is_met else self._leasts())))
        worst = f" ({facts})" if facts else ""
        return f"{'met' if self.is_met else 'MISSED'}: {self.name} {self.value:.2f} {sign} {self.bound}{worst}"

    def _leasts(self) -> str:
        if self.least is None or self.least_exact is None:
            return ""
        return f"floor and open: {self.least:.2f}, with every packet read: {self.least_exact:.2f}"


def goals(rows: Sequence[Row]) -> Iterator[Goal]:
    """Yield the goals that these videos can meet."""
    yield from _floor_goals([row for row in rows if row.report["path"] == "minimal" and row.median("floor")])
    fastest = [(ratio, peer, row) for row in rows for ratio, peer in _fastest(row)]
    if fastest:
        ratio, peer, row = min(fastest, key=lambda found: found[0])
        leasts = [_ratio(row.median(peer), row.together(names)) for names in (LEAST, LEAST_EXACT)]
        yield Goal("the fastest peer's time to ours, any video", ratio, MIN_TO_FASTEST, False, row.name, *leasts)
    with_b = [row.ratio("torchcodec") or 0 for row in rows if _has_b_frames(row) and row.is_right("torchcodec")]
    if with_b:
        yield Goal(
            "torchcodec's time to ours with B-frames, mean", statistics.geometric_mean(with_b), MIN_TO_TORCHCODEC, False
        )
    full = [row for row in rows if row.report["path"] == "full"]
    yield from _worst_to(
        "pyav to end", "our full path's time to a PyAV loop over all frames, any video", MAX_FULL_TO_LOOP, full
    )
    films = [row for row in rows if row.name == TEN_MINUTES]
    yield from _worst_to(
        "approximate", "our time to torchcodec's approximate mode at 10 minutes", MAX_TO_APPROXIMATE, films
    )
    yield Goal("videos with wrong frames of ours", sum(row.wrong["ours"] > 0 for row in rows), 0)


def _floor_goals(rows: Sequence[Row]) -> Iterator[Goal]:
    ratios = [(1 / ratio, row) for row in rows if (ratio := row.ratio("floor"))]
    if ratios:
        mean = statistics.geometric_mean(ratio for ratio, _ in ratios)
        leasts = [_mean_to_floor(names, rows) for names in (LEAST, LEAST_EXACT)]
        yield Goal("our time to the floor, geometric mean", mean, MAX_OVER_FLOOR_MEAN, True, "", *leasts)
        yield from _worst_to("floor", "our time to the floor, any video", MAX_OVER_FLOOR, rows)


def _mean_to_floor(names: Sequence[str], rows: Sequence[Row]) -> float | None:
    found = [ratio for row in rows if (ratio := _ratio(row.together(names), row.median("floor")))]
    return statistics.geometric_mean(found) if found else None


def _worst_to(decoder: str, name: str, bound: float, rows: Sequence[Row]) -> Iterator[Goal]:
    """Yield the goal that our time is at most so many times that of a decoder, by the video in which it is worst."""
    ratios = [(1 / ratio, row) for row in rows if (ratio := row.ratio(decoder))]
    if ratios:
        worst, row = max(ratios, key=lambda found: found[0])
        leasts = [_ratio(row.together(names), row.median(decoder)) for names in (LEAST, LEAST_EXACT)]
        yield Goal(name, worst, bound, True, row.name, *leasts)


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    return None if numerator is None or not denominator else numerator / denominator


def _fastest(row: Row) -> list[tuple[float, str]]:
    """Return the ratio of the fastest right peer's time to ours, and its name, if there is any."""
    peers = (*PEERS, "approximate")
    ratios = [(ratio, peer) for peer in peers if row.is_right(peer) and (ratio := row.ratio(peer))]
    return [min(ratios)] if ratios else []


def _has_b_frames(row: Row) -> bool:
    """Return True for a made clip whose encoder makes B-frames, which decoders may leave out."""
    return row.kind == "clip" and row.name.startswith(("h264", "hevc")) and "no B" not in row.name


def ratios(rows: Sequence[Row], peer: str) -> list[float]:
    """Return the ratios for the videos of which a peer returns the right frames."""
    return [ratio for row in rows if row.is_right(peer) and (ratio := row.ratio(peer))]


def print_report(rows: Sequence[Row], console: Console) -> None:
    """Print milliseconds, ratios to ours and wrong frames per video, then a line for each goal."""
    table = Table("video", "path", "fed", "ours ms", *[name for name in DECODERS if name != "ours"])
    for row in rows:
        fed = f"{row.report['packets_fed']}/{row.report['packets']}"
        cells = [_cell(row, name) for name in DECODERS if name != "ours"]
        table.add_row(row.name, row.report["path"], fed, f"{row.median('ours'):.1f}", *cells)
    console.print(table)
    for goal in goals(rows):
        console.print(str(goal))


def _cell(row: Row, decoder: str) -> str:
    if decoder not in row.milliseconds:
        return "not read" if decoder in row.failed and decoder in PEERS else ""
    wrong = f", {row.wrong[decoder]} wrong" if row.wrong[decoder] else ""
    return f"{row.median(decoder):.1f} ({row.ratio(decoder):.2f}x{wrong})"


def write_results(rows: Sequence[Row], rounds: int, out: Path) -> tuple[Path, Path]:
    """Write the figures as JSON and the ratios as a picture, named by today's date; return the paths."""
    out.mkdir(parents=True, exist_ok=True)
    stem = out / f"decode-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}"
    measured = {peer: found for peer in PEERS if (found := ratios(rows, peer))}
    facts = {
        "machine": {"processor": cpu_name(), "python": platform.python_version()},
        "versions": versions_of(PACKAGES),
        "rounds": rounds,
        "geometric_mean_ratio": {peer: statistics.geometric_mean(found) for peer, found in measured.items()},
        "median_ratio": {peer: statistics.median(found) for peer, found in measured.items()},
        "goals": [{**vars(goal), "is_met": goal.is_met} for goal in goals(rows)],
        "videos": [{**vars(row), "median_ms": {name: row.median(name) for name in DECODERS}} for row in rows],
    }
    stem.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    draw(rows, stem.with_suffix(".png"))
    return stem.with_suffix(".json"), stem.with_suffix(".png")


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the ratios of the peers' times to ours as bars."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9, 0.5 * len(rows) + 1.5), layout="constrained")
    axes = figure.subplots()
    for number, peer in enumerate(PEERS):
        places = [place + (number - 1.5) * 0.2 for place in range(len(rows))]
        axes.barh(places, [(row.ratio(peer) or 1) - 1 for row in rows], left=1, height=0.2, label=peer)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda ratio, place: f"{ratio:g}")
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("CPU time for eight frames, as a multiple of this decoder's")
    axes.legend()
    figure.savefig(path, dpi=110)
