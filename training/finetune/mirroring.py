"""Mirroring: clips are mirrored in training unless that swaps two classes, which a short run on them finds out.

The run learns the clips as they are. Then it answers them mirrored: steps to the left are taken for steps to the right,
and those for steps to the left, while a handshake stays a handshake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from training.checkpoints.checkpoint import load_checkpoint
from training.data.batch import Batch
from training.engine.callbacks import Callback
from training.engine.data_source import open_data_source
from training.engine.device import find_device
from training.engine.distributed import Processes
from training.engine.evaluation import ClipScores, score_clips
from training.engine.trainer import LAST
from training.finetune.budget import Budget, wanted_epochs
from training.finetune.defaults import (
    LEARNED_TO_JUDGE,
    MIN_MIRRORING_EPOCHS,
    MIRRORING_CLIPS,
    MIRRORING_EPOCHS,
    SIDES,
    SWAPPED_IF_DIRECTION,
)
from training.finetune.fold_processes import FoldProcesses
from training.finetune.listeners.events import Listener, Note, Stage
from training.finetune.run import Run, train_run
from training.finetune.run_writer import RunWriter
from training.lists.clip_set import LabelledClip
from training.lists.splits import Split
from training.model.tin import Normalise

WIDTH_AXIS = -2
"""Of views [N, V, T, H, W, 3]."""


@dataclass(frozen=True)
class MirroredAnswers:
    """Answers to the clips of a run as they are and mirrored, and their labels, int64 [N] each."""

    as_they_are: NDArray[np.int64]
    mirrored: NDArray[np.int64]
    labels: NDArray[np.int64]

    @property
    def are_learned(self) -> bool:
        """True when enough clips of every class are learned, so that its mirrored clips tell something."""
        return all(self._learned[self.labels == label].mean() >= LEARNED_TO_JUDGE for label in np.unique(self.labels))

    @property
    def swapped(self) -> float:
        """Largest share of the learned clips of two classes that mirroring turns into the other class."""
        pairs = combinations(np.unique(self.labels), 2)
        return max(self._share_swapped(*pair) for pair in pairs)

    @property
    def may_mirror(self) -> bool:
        """True when the classes are learned, and mirroring does not swap two of them."""
        return self.are_learned and self.swapped <= SWAPPED_IF_DIRECTION

    @property
    def _learned(self) -> NDArray[np.bool_]:
        learned: NDArray[np.bool_] = self.as_they_are == self.labels
        return learned

    def _share_swapped(self, one: np.int64, other: np.int64) -> float:
        own = self._learned & np.isin(self.labels, (one, other))
        swapped = own & np.isin(self.mirrored, (one, other)) & (self.mirrored != self.labels)
        return float(swapped.sum() / max(1, own.sum()))


def choose_mirroring(
    writer: RunWriter, splits: Sequence[Split], budget: Budget, listener: Listener, *, processes: int = 1
) -> list[bool]:
    """Return for each split the user's choice, or what a short run with its training clips alone finds out.

    Args:
        writer: Writes the short runs; it has the user's choice.
        splits: The splits; their validation clips are not used.
        budget: That of training; the short runs have a part of it.
        listener: Told of the progress and of what is found.
        processes: Runs that are trained at a time.

    Raises BadInput, Stopped and OSError.
    """
    if writer.wishes.mirror is not None:
        return [writer.wishes.mirror] * len(splits)
    listener.tell(Stage("train", "a short run finds out whether mirroring swaps two actions"))
    learned = [few_of_each_class(split.train) for split in splits]
    with TemporaryDirectory(prefix="mirroring-") as scratch:
        runs = [
            _short_run(writer, few, len(split.train), budget, Path(scratch, str(number)))
            for number, (few, split) in enumerate(zip(learned, splits, strict=True))
        ]
        steps = sum(run.steps(len(few)) for run, few in zip(runs, learned, strict=True))
        with listener.follow("mirroring", steps, 0) as progress:
            work = FoldProcesses(answer_mirrored, runs, count=processes, progress=_StepsOnly(progress))
            answers = dict(work.results())
    found = [answers[number] for number in range(len(splits))]
    listener.tell(Note(_describe(found)))
    return [answers.may_mirror for answers in found]


def answer_mirrored(run: Run, listener: Listener) -> MirroredAnswers:
    """Train a run, and answer its validation clips as they are and mirrored. Raises BadInput, Stopped and OSError."""
    train_run(run, listener)
    processes = Processes(find_device("auto"))
    model = load_checkpoint(run.folder / LAST).build_model().to(processes.device)
    normalise = Normalise(run.recipe.clip).to(processes.device)
    batches = open_data_source(run.recipe, run.settings.seed, processes, lambda line: None).validation_batches(0)
    upright = score_clips(model, normalise, batches, processes)
    return MirroredAnswers(
        _answers(upright), _answers(score_clips(model, normalise, _mirrored(batches), processes)), upright.labels
    )


def few_of_each_class(clips: Sequence[LabelledClip]) -> tuple[LabelledClip, ...]:
    """Return at most MIRRORING_CLIPS of each class, spread evenly over them, in the order of the clips."""
    chosen: set[LabelledClip] = set()
    for label in {clip.label for clip in clips}:
        own = [clip for clip in clips if clip.label == label]
        places = np.linspace(0, len(own) - 1, min(len(own), MIRRORING_CLIPS)).round().astype(int)
        chosen.update(own[place] for place in places)
    return tuple(clip for clip in clips if clip in chosen)


def _short_run(
    writer: RunWriter, learned: tuple[LabelledClip, ...], num_clips: int, budget: Budget, folder: Path
) -> Run:
    """Write a run on a few of so many clips, with a part of the steps that the budget has for all."""
    epochs = MIRRORING_EPOCHS * min(wanted_epochs(len(learned)), budget.epochs * num_clips / len(learned))
    short = replace(budget, side=SIDES[0], epochs=max(MIN_MIRRORING_EPOCHS, round(epochs)))
    return writer.write(Split(learned, learned), short, folder, mirror=False, is_fold=True)


class _StepsOnly:
    """Passes on the steps of runs whose checkpoints nobody keeps."""

    def __init__(self, progress: Callback) -> None:
        self.on_step = progress.on_step

    def on_validation(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Leave out a validation."""

    def on_message(self, text: str) -> None:
        """Leave out a message."""


def _describe(found: Sequence[MirroredAnswers]) -> str:
    chosen = sum(answers.may_mirror for answers in found)
    decision = {0: "training mirrors none", len(found): "training mirrors clips at random"}
    some = f"training mirrors clips at random in {chosen} of {len(found)} folds"
    return f"{_reason(found)}: {decision.get(chosen, some)}"


def _reason(found: Sequence[MirroredAnswers]) -> str:
    if not all(answers.are_learned for answers in found):
        return "a short run did not learn every class"
    largest = max(answers.swapped for answers in found)
    return f"mirroring turns {largest:.0%} of the clips of two classes into each other, at most"


def _answers(scores: ClipScores) -> NDArray[np.int64]:
    answers: NDArray[np.int64] = scores.probabilities.argmax(1)
    return answers


def _mirrored(batches: Iterable[Batch]) -> Iterator[Batch]:
    for batch in batches:
        yield batch._replace(clips=batch.clips.flip(WIDTH_AXIS))
