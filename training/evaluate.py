"""`python -m training.evaluate RECIPE CHECKPOINT`: a checkpoint's accuracy on the recipe's validation set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from training.checkpoint import replace_file
from training.distributed import Processes, joined_processes
from training.errors import BadInput
from training.model import Normalise
from training.network import build_network, fill_network
from training.recipe import Recipe, load_recipe
from training.score import Metric, Scores, score
from training.source import open_source


def evaluate_checkpoint(recipe: Recipe, checkpoint: Path, processes: Processes) -> Scores:
    """Every process's share of the validation set, scored and put together; raises BadInput."""
    model = build_network(recipe)
    fill_network(model, checkpoint, new_head=False)
    source = open_source(recipe, 0, processes, Console(stderr=True).print)
    batches = source.validation_batches(recipe.epochs - 1)
    console = Console(stderr=True)
    shown = track(batches, "evaluating", len(batches), console=console, disable=not processes.is_first)
    normalise = Normalise(recipe.clip).to(processes.device)
    return score(model.to(processes.device), normalise, shown, processes)


def main(
    recipe: Annotated[str, typer.Argument(help="A recipe's name in training/recipes, or the path of a YAML file.")],
    checkpoint: Annotated[Path, typer.Argument(help="A .safetensors of this project, or a published .pth.")],
    further: Annotated[list[Metric] | None, typer.Argument(metavar="[METRIC]...", help="More of --eval.")] = None,
    metrics: Annotated[list[Metric] | None, typer.Option("--eval", help="What to measure.", show_default="all")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
    override: Annotated[list[str] | None, typer.Option("--set", help="Override: data.batch_size=32")] = None,
) -> None:
    """Print a checkpoint's accuracy, alone or under torchrun; a sharded evaluation gives the same figures."""
    try:
        with joined_processes() as processes:
            scores = evaluate_checkpoint(load_recipe(recipe, override), checkpoint, processes)
            figures = scores.measure([*(metrics or []), *(further or [])] or list(Metric))
            if processes.is_first:
                _print(figures, len(scores.labels))
                if out is not None:
                    result = {"checkpoint": checkpoint.name, "recipe": recipe, "clips": len(scores.labels), **figures}
                    replace_file(out, json.dumps(result, indent=2).encode() + b"\n")
    except BadInput as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


def _print(figures: dict[str, float], num_clips: int) -> None:
    table = Table(f"{num_clips} clips", "share")
    for name, share in figures.items():
        table.add_row(name, f"{share:.2%}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
