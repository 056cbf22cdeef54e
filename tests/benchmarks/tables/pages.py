"""Pages with tables of results, each between two comments that name it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.latency import table as latency
from tests.benchmarks.live import table as live
from tests.benchmarks.load import table as load
from tests.benchmarks.start import table as start
from tests.benchmarks.tables import containers, decode, export, feeding, motions, overview, peers, ray
from tests.benchmarks.timelines import table as timelines
from tests.benchmarks.ut_interaction import table as ut_interaction
from tests.helpers.paths import REPOSITORY

RESULTS = Path(__file__).parents[1] / "results"

Make = Callable[..., str]


@dataclass(frozen=True)
class ResultTable:
    """A table of a page, the benchmarks whose newest results it shows, and the function that makes it of them."""

    page: str
    name: str
    benchmarks: str
    """Names, with commas between them."""
    make: Make

    def text(self) -> str:
        """Return the table of the newest results."""
        return self.make(*(newest_results(name) for name in self.benchmarks.split(",")))


TABLES = (
    ResultTable("README.md", "decoding by clip", "decode", decode.clips),
    ResultTable("README.md", "figures", "decode,load,start,export,export-demo,offline,ray-cluster", overview.figures),
    ResultTable("README.md", "motions", "motions", motions.motions),
    ResultTable("README.md", "whole answers", "peers", peers.summary),
    ResultTable("docs/containers.md", "images", "containers", containers.images),
    ResultTable("docs/decoding.md", "decoders", "decode", decode.summary),
    ResultTable("docs/decoding.md", "goals of decoding", "decode", decode.goals),
    ResultTable("docs/decoding.md", "films", "decode", decode.films),
    ResultTable("docs/export.md", "graphs", "export", export.graphs),
    ResultTable("docs/export.md", "demo graphs", "export-demo", export.graphs),
    ResultTable("docs/growing.md", "cores for a GPU", "decode,load", feeding.cores),
    ResultTable("docs/growing.md", "offline", "offline", ray.offline),
    ResultTable("docs/growing.md", "request cost", "ray-request-cost", ray.request_cost),
    ResultTable("docs/growing.md", "a thousand requests", "ray-request-cost", ray.thousand),
    ResultTable("docs/growing.md", "two replicas", "ray-cluster", ray.replicas),
    ResultTable("docs/live.md", "half an hour", "live", live.soak),
    ResultTable("docs/peers.md", "demo model", "peers", peers.demo),
    ResultTable("docs/peers.md", "TIN-R50", "peers", peers.r50),
    ResultTable("docs/peers.md", "overload", "peers", peers.overload),
    ResultTable("docs/peers.md", "damage", "peers", peers.damage),
    ResultTable("docs/peers.md", "goals", "peers", peers.goals),
    ResultTable("docs/serving.md", "rates", "load", load.rates),
    ResultTable("docs/serving.md", "goals of the gateway", "load", load.goals),
    ResultTable("docs/serving.md", "stages", "load", load.stages),
    ResultTable("docs/serving.md", "a video alone", "latency", latency.alone),
    ResultTable("docs/serving.md", "start and size", "start", start.figures),
    ResultTable("docs/teach.md", "UT-Interaction", "ut-interaction", ut_interaction.networks),
    ResultTable("docs/timelines.md", "segments", "timelines", timelines.rules),
)


class NoTable(ValueError):
    """A page lacks the comments between which a table belongs."""


def newest(benchmark: str) -> Path:
    """Return the newest results of a benchmark, `<benchmark>-<date>.json`. Raises FileNotFoundError."""
    dated = sorted(RESULTS.glob(f"{benchmark}-20??-??-??.json"))
    if not dated:
        raise FileNotFoundError(f"{RESULTS} has no results of {benchmark}")
    return dated[-1]


def newest_results(benchmark: str) -> dict[str, Any]:
    """Return the newest results of a benchmark, and as `measured` the day of its file. Raises FileNotFoundError."""
    path = newest(benchmark)
    return {**json.loads(path.read_bytes()), "measured": path.stem.removeprefix(f"{benchmark}-")}


def with_table(text: str, name: str, table: str) -> str:
    """Return a page's text with a table between its comments. Raises NoTable."""
    begin, end = f"<!-- table: {name} -->\n", f"\n<!-- end of table: {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise NoTable(f"no place, or more than one, for the table {name!r}")
    return pattern.sub(lambda _: f"{begin}{table}{end}", text)


def pages() -> dict[Path, str]:
    """Return the text of each page with the tables of the newest results. Raises NoTable and FileNotFoundError."""
    texts: dict[Path, str] = {}
    for each in TABLES:
        path = REPOSITORY / each.page
        texts[path] = with_table(texts.get(path) or path.read_text(), each.name, each.text())
    return texts
