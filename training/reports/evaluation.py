"""Evaluation of a checkpoint on a recipe's validation set: scores, cost, and the data that they are of."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import track

from training.checkpoints.checkpoint import SUFFIX, load_checkpoint, store_temperature
from training.engine.build_model import build_model, load_weights
from training.engine.data_source import DataSource, open_data_source
from training.engine.distributed import Processes
from training.engine.evaluation import ClipScores, Cost, score_clips
from training.model.tin import Normalise
from training.recipes.recipe import Recipe
from training.reports.controls import NUM_ORDERS, Controls, with_controls
from training.reports.temperature import fit_temperature


@dataclass(frozen=True)
class Evaluation:
    """A checkpoint's scores on a recipe's validation set, their cost, and the data that they are of.

    `controls` is there when the frames were also shuffled and reversed.
    """

    recipe: Recipe
    source: DataSource
    scores: ClipScores
    cost: Cost
    controls: Controls | None = None

    def with_temperature(self, temperature: float) -> Evaluation:
        """Return the evaluation with probabilities of another temperature."""
        controls = self.controls and self.controls.with_temperature(temperature)
        return replace(self, scores=self.scores.with_temperature(temperature), controls=controls)


def evaluate_checkpoint(
    recipe: Recipe, checkpoint: Path, processes: Processes, *, with_orders: bool = False
) -> Evaluation:
    """Score a checkpoint on the recipe's validation set, sharded over the processes. Raises BadInput.

    Args:
        recipe: The recipe, whose clip says the views.
        checkpoint: File of this project, whose temperature counts, or published file.
        processes: The processes that share the clips.
        with_orders: Also score the clips with their frames shuffled and reversed.
    """
    model = build_model(recipe)
    load_weights(model, checkpoint, as_start=False)
    console = Console(stderr=True)
    source = open_data_source(recipe, 0, processes, console.print)
    batches = source.validation_batches(recipe.epochs - 1)
    shown = track(batches, "evaluating", len(batches), console=console, disable=not processes.is_first)
    seen = with_controls(shown, processes) if with_orders else shown
    normalise = Normalise(recipe.clip).to(processes.device)
    started = time.perf_counter()
    scores = score_clips(model.to(processes.device), normalise, seen, processes)
    seconds = time.perf_counter() - started
    scores = scores.with_temperature(_temperature_of(checkpoint))
    controls = Controls.of(scores) if with_orders else None
    cost = Cost(recipe.clip.num_views, len(scores.labels), seconds, NUM_ORDERS if with_orders else 1)
    return Evaluation(recipe, source, controls.sampled if controls else scores, cost, controls)


def calibrate_checkpoint(done: Evaluation, checkpoint: Path) -> Evaluation:
    """Fit the temperature to an evaluation and write it into the checkpoint's JSON; return the evaluation with it.

    Raises CheckpointError and OSError.
    """
    temperature = fit_temperature(done.scores.logits, done.scores.labels)
    store_temperature(checkpoint, temperature)
    return done.with_temperature(temperature)


def _temperature_of(checkpoint: Path) -> float:
    """Return a checkpoint's temperature: 1 for a published file."""
    return load_checkpoint(checkpoint).temperature if checkpoint.suffix == SUFFIX else 1.0
