"""`python -m training.evaluate RECIPE CHECKPOINT`: accuracy of a checkpoint on a recipe's validation set."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from clips.clip_spec import ClipSpec
from training.engine.build_model import build_model, load_weights
from training.engine.data_source import open_data_source
from training.engine.distributed import Processes, joined_processes
from training.engine.evaluation import ClipScores, Cost, Metric, score_clips
from training.exit_codes import errors_as_exit_codes
from training.files import replace_file, replace_json
from training.model.tin import Normalise
from training.recipes.protocol import Protocol, with_protocol
from training.recipes.recipe import Recipe, load_recipe


def evaluate_checkpoint(recipe: Recipe, checkpoint: Path, processes: Processes) -> tuple[ClipScores, Cost]:
    """Score a checkpoint on the recipe's validation set, sharded over the processes. Raises BadInput."""
    model = build_model(recipe)
    load_weights(model, checkpoint, as_start=False)
    console = Console(stderr=True)
    source = open_data_source(recipe, 0, processes, console.print)
    batches = source.validation_batches(recipe.epochs - 1)
    shown = track(batches, "evaluating", len(batches), console=console, disable=not processes.is_first)
    normalise = Normalise(recipe.clip).to(processes.device)
    started = time.perf_counter()
    scores = score_clips(model.to(processes.device), normalise, shown, processes)
    return scores, Cost(recipe.clip.num_views, len(scores.labels), time.perf_counter() - started)


def main(
    recipe: Annotated[str, typer.Argument(help="Name in training/recipes, or path of a YAML file.")],
    checkpoint: Annotated[Path, typer.Argument(help=".safetensors file of this project, or published .pth file.")],
    further: Annotated[list[Metric] | None, typer.Argument(metavar="[METRIC]...", help="More for --eval.")] = None,
    metrics: Annotated[list[Metric] | None, typer.Option("--eval", help="Metric.", show_default="all")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
    scores_out: Annotated[
        Path | None, typer.Option("--scores", help="Also write the probabilities and label of every clip (.npz).")
    ] = None,
    protocol: Annotated[
        Protocol | None,
        typer.Option(
            help="Views of a clip: fast is one centre crop; accurate is the recipe's, as in the best published tables.",
            show_default="the recipe's clip",
        ),
    ] = None,
    override: Annotated[list[str] | None, typer.Option("--set", help="Override a key: data.batch_size=32.")] = None,
) -> None:
    """Print a checkpoint's accuracy and its cost.

    The probabilities of a clip's views are averaged. Under torchrun the evaluation is sharded and gives the same
    figures.
    """
    with errors_as_exit_codes(), joined_processes() as processes:
        chosen = load_recipe(recipe, override)
        chosen = with_protocol(chosen, protocol) if protocol else chosen
        scores, cost = evaluate_checkpoint(chosen, checkpoint, processes)
        figures = scores.measure([*(metrics or []), *(further or [])] or list(Metric))
        if processes.is_first:
            Console().print(_figures_table(figures, cost))
            Console().print(_in_words(cost, chosen.clip), highlight=False, soft_wrap=True)
            _write(figures | _facts(cost, protocol, checkpoint), scores, out, scores_out)


def _write(result: dict[str, Any], scores: ClipScores, out: Path | None, scores_out: Path | None) -> None:
    if out is not None:
        replace_json(out, result)
    if scores_out is not None:
        content = io.BytesIO()
        np.savez_compressed(content, probabilities=scores.probabilities, labels=scores.labels)
        replace_file(scores_out, content.getvalue())


def _facts(cost: Cost, protocol: Protocol | None, checkpoint: Path) -> dict[str, Any]:
    return {
        "clips": cost.num_clips,
        "checkpoint": checkpoint.name,
        "protocol": protocol or "recipe",
        "views_per_clip": cost.num_views,
        "forward_passes": cost.forward_passes,
        "seconds_per_clip": round(cost.seconds_per_clip, 4),
    }


def _in_words(cost: Cost, clip: ClipSpec) -> str:
    views = "view" if cost.num_views == 1 else "views"
    return (
        f"{cost.num_views} {views} per clip ({clip.describe_views()}), {cost.forward_passes:,} forward passes, "
        f"{cost.seconds_per_clip:.3g} s per clip"
    )


def _figures_table(figures: dict[str, float], cost: Cost) -> Table:
    table = Table(f"{cost.num_clips} clips", "share")
    for name, share in figures.items():
        table.add_row(name, f"{share:.2%}")
    return table


if __name__ == "__main__":
    typer.run(main)
