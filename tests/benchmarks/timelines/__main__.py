"""Benchmark of timelines: segments of films with known ones, by several rules.

    python -m tests.benchmarks.timelines [--data DATA --folds RUNS] [--write]

Films are rendered actions in a row, and cut-outs over real footage where the packages with it are installed, both for
the demo model; and clips of UT-Interaction in DATA, for the models that `make bench-ut` left in RUNS. Window, step and
threshold are tuned on films of other seeds, or on the first set of UT-Interaction; figures are those of the rest.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from clips.cpu_quota import usable_cores
from service.config.settings import Settings
from service.models.open_model import open_model
from service.models.versions import LoadedModel
from tests.benchmarks.timelines.films import KnownFilm, rendered_films
from tests.benchmarks.timelines.footage_films import footage_films
from tests.benchmarks.timelines.predictions import Namer, PredictedFilm, TimelineChoice, predict_film
from tests.benchmarks.timelines.report import RuleFigures, plot, print_table
from tests.benchmarks.timelines.tuning import PLAIN, figures_of, rules, tune
from tests.benchmarks.timelines.ut_films import films_of, folds_of
from tests.helpers.measuring.machine import cpu_name, versions_of
from tests.helpers.paths import REPOSITORY
from training.checkpoints.checkpoint import store_timeline
from training.files import replace_file, replace_json

RESULTS = Path(__file__).parents[1] / "results"
STORE = REPOSITORY / "model_store"
PACKAGES = ("onnxruntime", "torch", "av", "opencv-python-headless", "numpy")

TUNING_SEED, TEST_SEED = 1, 2

LENGTHS, UT_LENGTHS = (1.5, 2.0, 3.0), (2.0, 3.0, 4.0)
"""Seconds of the windows that are tried; the clips of UT-Interaction are longer."""

UT_THRESHOLD = 0.5
"""Stands for the threshold that a model of a fold has not: too few clips choose one."""

Task = Iterable[tuple[KnownFilm, Namer]]


def predict(name: str, films: Task, lengths: Sequence[float]) -> Iterator[PredictedFilm]:
    """Predict the windows of films, and print how far it is."""
    started = time.monotonic()
    for number, (film, namer) in enumerate(films, start=1):
        yield predict_film(film, namer, lengths)
        Console(stderr=True).print(f"{name}: {number} films, {time.monotonic() - started:.0f} s")


def namer_of(model: LoadedModel) -> Namer:
    """Return a model of the store as one that names windows."""
    return Namer(
        model.labels, model.spec, lambda views: model.probabilities(model.backend.infer(views).logits[:, None])
    )


def measure(name: str, films: Task, tuned: TimelineChoice, threshold: float) -> list[RuleFigures]:
    """Return the figures of each rule over films that nothing was tuned on."""
    predicted = list(predict(name, films, sorted({PLAIN.window_seconds, tuned.window_seconds})))
    chosen = rules(threshold, tuned)
    return [RuleFigures(name, rule, choice, figures_of(predicted, choice)) for rule, choice in chosen.items()]


def bench_demo(num_films: int) -> tuple[TimelineChoice, list[RuleFigures]]:
    """Tune and measure with the demo model: rendered films, and films over footage."""
    model = open_model(Settings(model_store=STORE, onnx_threads=1))
    films = {"rendered": partial(rendered_films, num_films), "over footage": partial(footage_films, num_films)}
    task = {
        (name, seed): zip(make(seed), itertools.repeat(namer_of(model)))
        for name, make in films.items()
        for seed in (TUNING_SEED, TEST_SEED)
    }
    tuned = tune([list(predict(f"{name}, to tune", task[name, TUNING_SEED], LENGTHS)) for name in films])
    threshold = model.threshold or 0.0
    rows = [row for name in films for row in measure(name, task[name, TEST_SEED], tuned, threshold)]
    model.backend.close()
    return tuned, rows


def bench_ut(data: Path, runs: Path) -> list[RuleFigures]:
    """Tune on the films of set 1 and measure those of set 2, each with the model that has not seen its clips."""
    tuned = tune([list(predict("UT-Interaction set 1, to tune", films_of(folds_of(runs, "set1", data)), UT_LENGTHS))])
    return measure("UT-Interaction set 2", films_of(folds_of(runs, "set2", data)), tuned, UT_THRESHOLD)


def to_json(rows: Sequence[RuleFigures]) -> dict[str, Any]:
    """Return the figures with date, machine and versions as plain JSON types."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": cpu_name(),
        "cores": usable_cores(),
        "versions": versions_of(PACKAGES),
        "figures": [row.to_json() for row in rows],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--films", type=int, default=8, help="films of each kind, to tune and to measure")
    parser.add_argument("--data", type=Path, help="folder of UT-Interaction")
    parser.add_argument("--folds", type=Path, default=Path("work-dirs", "bench-ut"), help="runs of `make bench-ut`")
    parser.add_argument(
        "--write", action="store_true", help="write the tuned parameters into the demo model's checkpoint"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    tuned, rows = bench_demo(arguments.films)
    if arguments.data:
        rows += bench_ut(arguments.data, arguments.folds)
    print_table(rows)
    file = arguments.out / f"timelines-{datetime.datetime.now(datetime.UTC).date()}"
    replace_json(file.with_suffix(".json"), to_json(rows))
    replace_file(file.with_suffix(".svg"), plot(rows).encode())
    if arguments.write:
        names = ("window_seconds", "step_seconds", "min_probability")
        parameters = {name: getattr(tuned, name) for name in names}
        store_timeline(STORE / "tin-motion" / "1" / "checkpoint.safetensors", parameters)


if __name__ == "__main__":
    main()
