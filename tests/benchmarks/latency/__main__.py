"""Latency of a video alone, on one core and on two, and the throughput of four clients.

    python -m tests.benchmarks.latency [--rounds 5] [--out FOLDER]

Three services run at once, one at a time has work: one on a single core, one on two cores that decodes each video on
one thread, and one on two cores that decodes a video alone on both. Each round sends every clip to each of them, two at
once to the second, then lets four clients send to the latter two. Ratios are medians of the rounds' ratios, since other
work on the machine affects a whole round. Run it on a quiet machine: it measures wall-clock time.

Two videos at once share nothing but the machine, so the time of both tells the most that sharing one video could gain:
twice the time of one core, divided by it.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import track

from tests.benchmarks.decoding.clips import moving_picture
from tests.benchmarks.latency.clients import rate_of, seconds_at_once, seconds_of
from tests.benchmarks.latency.clips import BUSY, CLIPS
from tests.benchmarks.latency.figures import ONE_CORE, ONE_THREAD, TWO_CORES, Round
from tests.benchmarks.latency.report import print_tables, write_results
from tests.benchmarks.latency.services import running
from tests.benchmarks.tables.pages import RESULTS
from tests.helpers.videos.make_clip import make_clip

REQUESTS = 3
"""Requests for each clip, service and round."""
NUM_CLIENTS = 4
SECONDS = 3.0
"""Duration of one measurement of the throughput."""


def run_round(addresses: dict[str, str], videos: dict[str, bytes], names: Sequence[str]) -> Round:
    """Measure each clip at each service, then the throughput of those on two cores, in the order of `names`."""
    milliseconds: dict[str, dict[str, float]] = {}
    both: dict[str, float] = {}
    for clip in CLIPS:
        times = {name: seconds_of(addresses[name], videos[clip.name], REQUESTS) for name in names}
        milliseconds[clip.name] = {name: statistics.median(each) * 1000 for name, each in times.items()}
        both[clip.name] = statistics.median(seconds_at_once(addresses[ONE_THREAD], videos[clip.name], REQUESTS)) * 1000
    rates: dict[str, dict[str, float]] = {}
    for clip in BUSY:
        on_two = [name for name in names if name != ONE_CORE]
        rates[clip.name] = {name: rate_of(addresses[name], videos[clip.name], NUM_CLIENTS, SECONDS) for name in on_two}
    return Round(milliseconds, rates, both)


def main() -> None:
    """Parse arguments, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the figures as JSON")
    arguments = parser.parse_args()
    console = Console()
    videos = {clip.name: make_clip(clip, moving_picture) for clip in CLIPS}
    with ExitStack() as stack:
        addresses = {name: stack.enter_context(running(name)) for name in (ONE_CORE, ONE_THREAD, TWO_CORES)}
        for address in addresses.values():
            seconds_of(address, videos[CLIPS[0].name], REQUESTS)
        orders = [list(addresses), list(addresses)[::-1]]
        rounds = [
            run_round(addresses, videos, orders[number % 2])
            for number in track(range(arguments.rounds), "rounds", console=console)
        ]
    print_tables(rounds, console)
    console.print(write_results(rounds, arguments.out))


if __name__ == "__main__":
    main()
