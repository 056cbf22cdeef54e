"""`python -m training.evaluate RECIPE CHECKPOINT`: accuracy of a checkpoint on a recipe's validation set."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from training.engine.build_model import build_model, load_weights
from training.engine.data_source import open_data_source
from training.engine.distributed import Processes, joined_processes
from training.engine.evaluation import ClipScores, Metric, score_clips
from training.exit_codes import errors_as_exit_codes
from training.files import replace_file, replace_json
from training.model.tin import Normalise
from training.recipes.recipe import Recipe, load_recipe


def evaluate_checkpoint(recipe: Recipe, checkpoint: Path, processes: Processes) -> ClipScores:
    """Score a checkpoint on the recipe's validation set, sharded over the processes. Raises BadInput."""
    model = build_model(recipe)
    load_weights(model, checkpoint, as_start=False)
    console = Console(stderr=True)
    source = open_data_source(recipe, 0, processes, console.print)
    batches = source.validation_batches(recipe.epochs - 1)
    shown = track(batches, "evaluating", len(batches), console=console, disable=not processes.is_first)
    normalise = Normalise(recipe.clip).to(processes.device)
    return score_clips(model.to(processes.device), normalise, shown, processes)


def main(
    recipe: Annotated[str, typer.Argument(help="Name in training/recipes, or path of a YAML file.")],
    checkpoint: Annotated[Path, typer.Argument(help=".safetensors file of this project, or published .pth file.")],
    further: Annotated[list[Metric] | None, typer.Argument(metavar="[METRIC]...", help="More for --eval.")] = None,
    metrics: Annotated[list[Metric] | None, typer.Option("--eval", help="Metric.", show_default="all")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
    scores_out: Annotated[
        Path | None, typer.Option("--scores", help="Also write the probabilities and label of every clip (.npz).")
    ] = None,
    override: Annotated[list[str] | None, typer.Option("--set", help="Override a key: data.batch_size=32.")] = None,
) -> None:
    """Print a checkpoint's accuracy; under torchrun the evaluation is sharded and gives the same figures."""
    with errors_as_exit_codes(), joined_processes() as processes:
        scores = evaluate_checkpoint(load_recipe(recipe, override), checkpoint, processes)
        figures = scores.measure([*(metrics or []), *(further or [])] or list(Metric))
        if processes.is_first:
            Console().print(_figures_table(figures, len(scores.labels)))
            _write(figures | {"clips": len(scores.labels), "checkpoint": checkpoint.name}, scores, out, scores_out)


def _write(result: dict[str, Any], scores: ClipScores, out: Path | None, scores_out: Path | None) -> None:
    if out is not None:
        replace_json(out, result)
    if scores_out is not None:
        content = io.BytesIO()
        np.savez_compressed(content, probabilities=scores.probabilities, labels=scores.labels)
        replace_file(scores_out, content.getvalue())


def _figures_table(figures: dict[str, float], num_clips: int) -> Table:
    table = Table(f"{num_clips} clips", "share")
    for name, share in figures.items():
        table.add_row(name, f"{share:.2%}")
    return table


if __name__ == "__main__":
    typer.run(main)
