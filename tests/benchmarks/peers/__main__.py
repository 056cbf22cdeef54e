"""Whole answers of tin-serve and of what else one would run: rate, latency, CPU time, memory, overload, damage.

    python -m tests.benchmarks.peers [--short] [--models demo,R50] [--peers FastAPI,...] [--rounds 2] [--out FOLDER]

All contenders run at once, warm; one at a time has work. Each round takes every contender with one client and with
eight, in rotating order; rates are medians over the rounds, and their ratio is the median of the rounds' ratios, since
other work on the machine affects a whole round. At the end each contender gets five times the requests that it could
answer, then a damaged video. Clients and server share the cores.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from tests.benchmarks.peers.catalogue import CONTENDERS, OURS_FP32, Contender
from tests.benchmarks.peers.measure import Bench, Measured, Timing
from tests.benchmarks.peers.models import DEMO, R50, make_model
from tests.benchmarks.peers.report import print_tables, write_results
from tests.benchmarks.peers.server import Server
from tests.benchmarks.peers.videos import make_videos
from tests.helpers.measuring.worker import Worker

RESULTS = Path(__file__).parents[1] / "results"
TIMINGS = {DEMO: Timing(seconds=6, to_settle=1, overload=4), R50: Timing(seconds=7, to_settle=3, overload=4)}


class DifferentAnswers(RuntimeError):
    """A contender names another action than tin-serve with the same graph, so that its times would compare nothing."""


def run_model(
    name: str,
    contenders: Sequence[Contender],
    videos: dict[str, Path],
    rounds: int,
    folder: Path,
    console: Console,
) -> Measured:
    """Start all contenders with a model and measure them.

    Args:
        name: the model's name.
        contenders: those to compare.
        videos: paths by name.
        rounds: number of rounds.
        folder: folder for the model's files.
        console: where progress is shown.

    Raises:
        NotStarted: a contender does not answer.
        DifferentAnswers: their top-1 labels differ.
    """
    with ExitStack() as stack, console.status(f"making {name}") as status:
        model = make_model(name, folder / name)
        servers, answers = [], {}
        for contender in contenders:
            status.update(f"{name}: starting {contender.name}")
            servers.append(stack.enter_context(Server(contender, model)))
            answers[contender.name] = servers[-1].wait_until_ready(videos["plain"])
        _check_answers(contenders, answers)
        clients = stack.enter_context(Worker("tests.benchmarks.peers.clients"))
        least = stack.enter_context(Worker("tests.benchmarks.decoding.least", str(model.store)))
        bench = Bench(servers, clients, least, videos, TIMINGS[name])
        with_large = name == DEMO and "large" in videos
        return bench.measure(rounds, lambda text: status.update(f"{name}, {text}"), with_large=with_large)


def _check_answers(contenders: Sequence[Contender], answers: dict[str, str]) -> None:
    # Rounding to int8 may change the answer of a network with made weights.
    compared = {OURS_FP32, *(each.name for each in contenders if not each.is_ours)}
    if len({answers[each] for each in compared}) > 1:
        raise DifferentAnswers(str(answers))


def main() -> None:
    """Parse arguments, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--short",
        action="store_true",
        help="one round without the large video, and the demo model only, unless --models names others",
    )
    parser.add_argument("--models", type=_names, help="of demo and R50, separated by commas; by default both")
    parser.add_argument("--peers", type=_names, help="those to compare with, separated by commas; by default all")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--out", type=Path, help="folder of the figures as JSON and SVG; none of a short run by default"
    )
    arguments = parser.parse_args()
    # So that the servers are ended in any case.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    contenders = [each for each in CONTENDERS if each.is_ours or each.name in (arguments.peers or [each.name])]
    console = Console(width=150)
    models = arguments.models or ((DEMO,) if arguments.short else (DEMO, R50))
    rounds = 1 if arguments.short else arguments.rounds
    with tempfile.TemporaryDirectory() as folder:
        videos = make_videos(Path(folder), with_large=not arguments.short)
        measured = {}
        for name in models:
            measured[name] = run_model(name, contenders, videos, rounds, Path(folder), console)
            print_tables(name, measured[name], console)
    if out := arguments.out or (None if arguments.short else RESULTS):
        console.print(*write_results(measured, contenders, out))


def _names(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(","))


if __name__ == "__main__":
    main()
