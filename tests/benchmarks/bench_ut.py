"""Benchmark of fine-tuning on UT-Interaction (Ryoo and Aggarwal, 2010): real people, six classes, two sets of 60 clips.

    python -m tests.benchmarks.bench_ut DATA [--out FOLDER]

The literature's protocol: ten folds in each set, each without one recording, whose clips are measured; accuracy is the
share of all clips of a set. TIN, TSM and TSN start from the same convolutions and train as `tin finetune` does
by default, with the same budget; TIN with three seeds. The same clips are also measured with their frames shuffled and
reversed. DATA holds labels.csv: file, label, subject, set, fold.

A run that is started again goes on after the last fold that was measured.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clips.cpu_quota import usable_cores
from tests.benchmarks.ut_interaction.figures import SETS, SetFigures, print_confusions, print_table
from tests.benchmarks.ut_interaction.plot import plot_accuracies
from tests.helpers.measuring.machine import cpu_name, versions_of
from tests.helpers.paths import REPOSITORY
from training.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from training.engine.device import find_device
from training.engine.distributed import Processes
from training.engine.trainer import LAST
from training.files import replace_json
from training.finetune.budget import BudgetLimits
from training.finetune.clips_given import ClipsGiven
from training.finetune.cross_validation import FoldRun, Folds, folds_at_a_time
from training.finetune.fold_processes import FoldProcesses
from training.finetune.listeners.events import Listener
from training.finetune.listeners.terminal import Terminal
from training.finetune.preparation import prepare_folds
from training.finetune.run import Run, train_run
from training.finetune.wishes import Wishes
from training.lists.clip_set import ClipSet
from training.model.tin import Temporal
from training.reports.confusion_matrix import ConfusionMatrix
from training.reports.evaluation import evaluate_checkpoint
from training.zoo.start import Start, read_start

RESULTS = Path(__file__).parent / "results"
DEMO = REPOSITORY / "model_store" / "tin-motion" / "1" / "checkpoint.safetensors"
NETWORKS = ((Temporal.TIN, 3), (Temporal.NONE, 1), (Temporal.TSM, 1))
"""Networks and their numbers of seeds."""

NAMES = {Temporal.TIN: "TIN", Temporal.TSM: "TSM", Temporal.NONE: "TSN"}
PACKAGES = ("torch", "av", "opencv-python-headless", "numpy")
MINUTES = 3.0
"""Time limit of a fold."""

FOLD_FILE = "measured.json"


@dataclass(frozen=True)
class OneSet(ClipsGiven):
    """The clips of one set of the table; a recording is a group."""

    name: str = ""

    def read(self) -> ClipSet:
        """Read the clips of the set. Raises ClipSetError."""
        every = super().read()
        with self.source.open(newline="") as table:
            members = {Path(row["file"]) for row in csv.DictReader(table) if row["set"] == self.name}
        return replace(every, clips=tuple(clip for clip in every.clips if clip.path in members))


@dataclass(frozen=True)
class FoldFigures:
    """Answers of a fold's last checkpoint: labels and answers by the order of the frames, and the cost of training."""

    labels: list[int]
    sampled: list[int]
    shuffled: list[int]
    reversed: list[int]
    minutes: float
    cpu_minutes: float


def start_of(temporal: Temporal, checkpoint: Path, folder: Path) -> Start:
    """Write the convolutions of a checkpoint as the weights of a network with another temporal module."""
    original = load_checkpoint(checkpoint)
    if temporal is original.architecture.temporal:
        return read_start(str(checkpoint))
    tensors = {name: tensor for name, tensor in original.tensors.items() if ".interlace." not in name}
    architecture = replace(original.architecture, temporal=temporal)
    path = folder / f"{NAMES[temporal].lower()}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(replace(original, architecture=architecture, tensors=tensors), path)
    return read_start(str(path))


def measure_set(temporal: Temporal, seed: int, given: OneSet, start: Start, folder: Path, minutes: float) -> SetFigures:
    """Train and measure the folds of a set, except those that the folder has figures of already.

    Args:
        temporal: The temporal module.
        seed: Seed of the head, the order and the augmentation.
        given: The clips.
        start: The weights to begin with.
        folder: The folder of the folds.
        minutes: Time limit of a fold.
    """
    wishes = Wishes(NAMES[temporal].lower(), BudgetLimits(minutes), 0.2, seed, None, _threads())
    folds = prepare_folds(given, start, wishes, Folds(), folder, Terminal(), resume=(folder / "fold-1").exists())
    figures = _measure_folds(folds)
    labels = _joined(figures, "labels")
    answers = {order: _joined(figures, order) for order in ("sampled", "shuffled", "reversed")}
    shares = {order: float((answer == labels).mean()) for order, answer in answers.items()}
    return SetFigures(
        NAMES[temporal],
        seed,
        given.name,
        len(labels),
        shares["sampled"],
        shares["shuffled"],
        shares["reversed"],
        statistics.fmean(fold.minutes for fold in figures),
        statistics.fmean(fold.cpu_minutes for fold in figures),
        ConfusionMatrix.of(labels, answers["sampled"], given.read().labels).counts.tolist(),
    )


def _measure_folds(folds: Sequence[FoldRun]) -> list[FoldFigures]:
    """Return the figures of each fold; folds that are not measured yet are trained side by side."""
    left = [fold for fold in folds if not (fold.run.folder / FOLD_FILE).exists()]
    if left:
        count = folds_at_a_time(left, _threads())
        with Terminal().follow(folds[0].run.recipe.name, sum(fold.steps for fold in left), 0) as progress:
            work = FoldProcesses(measure_fold, [fold.run for fold in left], count=count, progress=progress)
            for number, figures in work.results():
                progress.on_message(_describe(left[number], figures))
    return [FoldFigures(**json.loads((fold.run.folder / FOLD_FILE).read_bytes())) for fold in folds]


def measure_fold(run: Run, listener: Listener) -> FoldFigures:
    """Train the run of a fold, measure it and write its figures into its folder."""
    began, cpu_began = time.monotonic(), time.process_time()
    train_run(run, listener)
    figures = _answers(run, (time.monotonic() - began) / 60, (time.process_time() - cpu_began) / 60)
    replace_json(run.folder / FOLD_FILE, asdict(figures))
    return figures


def _describe(fold: FoldRun, figures: FoldFigures) -> str:
    right = sum(a == b for a, b in zip(figures.labels, figures.sampled, strict=True))
    return f"{fold.run.folder.name} ({fold.group}): {right} of {len(figures.labels)} right"


def _answers(run: Run, minutes: float, cpu_minutes: float) -> FoldFigures:
    done = evaluate_checkpoint(run.recipe, run.folder / LAST, Processes(find_device("auto")), with_orders=True)
    assert done.controls is not None
    orders = (done.controls.sampled, done.controls.shuffled, done.controls.reversed)
    sampled, shuffled, backwards = (scores.probabilities.argmax(1).tolist() for scores in orders)
    return FoldFigures(done.scores.labels.tolist(), sampled, shuffled, backwards, minutes, cpu_minutes)


def _joined(figures: Sequence[FoldFigures], name: str) -> np.ndarray:
    return np.concatenate([getattr(fold, name) for fold in figures])


def _threads() -> int:
    return min(torch.get_num_threads(), usable_cores())


def to_json(figures: Sequence[SetFigures], labels: Sequence[str], checkpoint: Path) -> dict[str, Any]:
    """Return the figures with date, machine and versions as plain JSON types."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": cpu_name(),
        "cores": usable_cores(),
        "versions": versions_of(PACKAGES),
        "start": json.loads(checkpoint.with_suffix(".json").read_bytes())["sha256"],
        "labels": list(labels),
        "figures": [asdict(each) for each in figures],
    }


def measured_sets(arguments: argparse.Namespace) -> Iterator[SetFigures]:
    """Yield the figures of each seed, network and set, all networks with the first seed before the others."""
    for seed in range(arguments.seeds):
        for temporal in (temporal for temporal, seeds in NETWORKS if seed < seeds):
            start = start_of(temporal, arguments.checkpoint, arguments.work_dir)
            for name in SETS:
                given = OneSet(arguments.data / "labels.csv", group="subject", ignore=("set", "fold"), name=name)
                folder = arguments.work_dir / f"{NAMES[temporal].lower()}-{seed}-{name}"
                yield measure_set(temporal, seed, given, start, folder, arguments.minutes)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder with labels.csv")
    parser.add_argument("--checkpoint", type=Path, default=DEMO, help="weights to start from")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of TIN")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="time limit of a fold")
    parser.add_argument("--work-dir", type=Path, default=Path("work-dirs", "bench-ut"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    labels = OneSet(arguments.data / "labels.csv", group="subject", ignore=("set", "fold"), name=SETS[0]).read().labels
    file = arguments.out / f"ut-interaction-{datetime.datetime.now(datetime.UTC).date()}"
    figures: list[SetFigures] = []
    for each in measured_sets(arguments):
        figures.append(each)
        print_table(figures)
        replace_json(file.with_suffix(".json"), to_json(figures, labels, arguments.checkpoint))
        file.with_suffix(".svg").write_text(plot_accuracies(figures))
    print_confusions(figures, labels)


if __name__ == "__main__":
    main()
