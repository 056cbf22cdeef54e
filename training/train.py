"""`python -m training.train RECIPE --work-dir DIR`: a recipe becomes a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from training.checkpoint import Checkpoint, CheckpointError, load_checkpoint, load_strictly, save_checkpoint
from training.dataset import SyntheticClips, load_batches
from training.engine import NonFiniteLoss, Step, StepRule, evaluate, train_one_epoch
from training.model import TIN, Architecture, Normalise
from training.motions import LABELS
from training.optim import make_optimizers, rate_factor
from training.recipe import Lesson, Recipe, RecipeError, load_recipe

VALIDATION_SEED = 1_000_000
"""Far from every training seed."""


class Run:
    """One training run: the model, the optimisers and the log, from the first lesson to the last."""

    def __init__(self, recipe: Recipe, work_dir: Path, seed: int, start_from: Path | None = None) -> None:
        torch.manual_seed(seed)
        self.recipe = recipe
        self.seed = seed
        self.work_dir = work_dir
        self.model = build_model(recipe)
        self.started_from = _fill_from(self.model, start_from)
        self.normalise = Normalise(recipe.clip)
        self.optimizers = make_optimizers(self.model, recipe.optim)
        self.steps_done = 0
        work_dir.mkdir(parents=True, exist_ok=True)
        self._log_path = work_dir / "log.jsonl"

    def lessons(self) -> Iterator[tuple[int, Lesson, Iterator[tuple[Tensor, Tensor]]]]:
        """Every epoch's number, its lesson, and the endless batches of that lesson."""
        epoch = 0
        for number, lesson in enumerate(self.recipe.lessons):
            spec = replace(self.recipe.clip, crop=lesson.side)
            dataset = SyntheticClips(
                spec,
                difficulty=lesson.difficulty,
                seed=(self.seed, number),
                shuffled_share=self.recipe.data.shuffled_share,
            )
            batches = load_batches(dataset, batch_size=self.recipe.data.batch_size, workers=2)
            for _ in range(lesson.epochs):
                yield epoch, lesson, batches
                epoch += 1

    def train(self, epoch: int, batches: Iterator[tuple[Tensor, Tensor]]) -> Iterator[Step]:
        """One epoch, step by step."""
        rule = StepRule(
            label_smoothing=self.recipe.label_smoothing,
            clip_grad_norm=self.recipe.optim.clip_grad_norm,
            autocast=self.recipe.precision == "bf16",
            freeze_norm=epoch >= self.recipe.epochs * self.recipe.freeze_norm_from,
        )
        epoch_batches = islice(batches, self.recipe.data.steps_per_epoch)
        first_step = epoch * self.recipe.data.steps_per_epoch
        yield from train_one_epoch(
            self.model, self.normalise, epoch_batches, self.optimizers, self._rates(first_step), rule, first_step
        )

    def validate(self, lesson: Lesson) -> float:
        """Top-1 accuracy on clips that are never trained on, at the lesson's size."""
        spec = replace(self.recipe.clip, crop=lesson.side)
        dataset = SyntheticClips(spec, difficulty=1.0, seed=(VALIDATION_SEED, self.seed))
        batches = load_batches(dataset, batch_size=self.recipe.data.batch_size, workers=1)
        count = -(-self.recipe.data.validation_clips // self.recipe.data.batch_size)
        logits, labels = evaluate(self.model, self.normalise, islice(batches, count))
        return (logits.argmax(dim=1) == labels).float().mean().item()

    def save(self, metrics: dict[str, float]) -> None:
        """Replace the work folder's checkpoint."""
        training: dict[str, Any] = {
            "recipe": self.recipe.model_dump(mode="json"),
            "seed": self.seed,
            "metrics": metrics,
        }
        if self.started_from is not None:
            training["started_from"] = self.started_from
        architecture = self.model.architecture
        tensors = self.model.state_dict()
        checkpoint = Checkpoint(architecture, self.recipe.clip, LABELS, tensors, training)
        save_checkpoint(checkpoint, self.work_dir / "checkpoint.safetensors")

    def log(self, **fields: object) -> None:
        """Add a line to `log.jsonl`."""
        with self._log_path.open("a") as log:
            log.write(json.dumps(fields) + "\n")

    def _rates(self, first_step: int) -> Iterator[list[float]]:
        section = self.recipe.optim
        for step in range(first_step, self.recipe.total_steps):
            factor = rate_factor(step, self.recipe.total_steps, section)
            yield [section.muon_lr * factor, section.adamw_lr * factor]


def _fill_from(model: TIN, path: Path | None) -> dict[str, Any] | None:
    """Fill the model from a checkpoint, strictly; returns how that one was trained."""
    if path is None:
        return None
    checkpoint = load_checkpoint(path)
    load_strictly(model, checkpoint.tensors)
    return checkpoint.training


def build_model(recipe: Recipe) -> TIN:
    """The recipe's network, freshly initialised."""
    section = recipe.model
    architecture = Architecture(
        num_classes=len(LABELS),
        depth=section.depth,
        width=section.width,
        num_frames=recipe.clip.num_frames,
        temporal=section.temporal,
    )
    model = TIN(architecture, section.dropout)
    for interlace in model.interlaces:
        interlace.offset_net.start_at(section.initial_offset)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def main(
    recipe: Annotated[str, typer.Argument(help="A recipe's name in training/recipes, or the path of a YAML file.")],
    work_dir: Annotated[Path, typer.Option(help="Where checkpoint and log are written.")],
    seed: Annotated[int, typer.Option(help="Seed of weights and data.")] = 0,
    start_from: Annotated[Path | None, typer.Option(help="Go on from the weights of this checkpoint.")] = None,
    threads: Annotated[int, typer.Option(help="Threads of the network; two more processes render.")] = 1,
    override: Annotated[list[str] | None, typer.Option("--set", help="Override: optim.muon_lr=0.01")] = None,
) -> None:
    """Train a model as a recipe says; the checkpoint is replaced after every epoch."""
    try:
        chosen = load_recipe(recipe, override)
        run = Run(chosen, work_dir, seed, start_from)
    except (RecipeError, CheckpointError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    torch.set_num_threads(threads)
    try:
        _train_with_progress(run)
    except NonFiniteLoss as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


def _train_with_progress(run: Run) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), TextColumn("{task.fields[state]}")) as progress:
        bar = progress.add_task(run.recipe.name, total=run.recipe.total_steps, state="")
        for epoch, lesson, batches in run.lessons():
            for step in run.train(epoch, batches):
                progress.update(bar, advance=1, state=f"loss {step.loss:.3f}  top-1 {step.accuracy:.0%}")
                run.log(epoch=epoch, **asdict(step))
            accuracy = run.validate(lesson)
            run.log(epoch=epoch, validation_top1=accuracy)
            run.save({"validation_top1": accuracy, "epochs": epoch + 1})
            progress.console.print(f"epoch {epoch + 1}/{run.recipe.epochs}: validation top-1 {accuracy:.1%}")


if __name__ == "__main__":
    typer.run(main)
