"""`python -m training.train RECIPE --work-dir DIR`: train a checkpoint as a recipe says, alone or under torchrun."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import torch
import typer

from training.engine.build_model import build_model, load_weights
from training.engine.callbacks import Callbacks
from training.engine.data_source import open_data_source
from training.engine.distributed import Processes, joined_processes
from training.engine.progress import show_progress
from training.engine.run_log import RunLog
from training.engine.trainer import BEST, RESUME_STATE, Trainer
from training.errors import BadInput
from training.exit_codes import errors_as_exit_codes
from training.model.tin import TIN
from training.recipes.completion import complete_recipe
from training.recipes.recipe import Recipe, RecipeError
from training.zoo.weights import find_weights


def train(trainer: Trainer, callbacks: Callbacks, work_dir: Path, *, validating: bool) -> None:
    """Run the remaining epochs, or those until the run stops early: train, validate if due, save.

    Args:
        trainer: The trainer, new or resumed.
        callbacks: Observers of the run.
        work_dir: The folder for checkpoints.
        validating: Validate as often as the recipe says.
    """
    recipe = trainer.recipe
    if trainer.is_finished:
        callbacks.on_message(f"nothing is left to do: {_ending(trainer)}")
        return
    while not trainer.is_finished:
        epoch = trainer.epochs_done
        for step in trainer.train_epoch():
            callbacks.on_step(epoch, step)
        metrics: dict[str, float] = {}
        if validating and (trainer.epochs_done % recipe.validate_every == 0 or trainer.epochs_done == recipe.epochs):
            metrics = trainer.validate()
            callbacks.on_validation(epoch, metrics)
        trainer.save(work_dir, metrics)
    callbacks.on_message(_ending(trainer))


def _ending(trainer: Trainer) -> str:
    epochs, best = trainer.epochs_done, trainer.best
    kept = f"; {BEST} is from epoch {best.epoch}" if best.epoch else ""
    if trainer.stopped_early:
        return f"stopped early after epoch {epochs}: no better validation since epoch {best.epoch}{kept}"
    return f"finished after epoch {epochs}{kept}"


def build_trainer(
    recipe: Recipe, processes: Processes, report: Callable[[str], None], *, seed: int, auto_scale_lr: bool
) -> Trainer:
    """Open the data, build the network and load its initial weights.

    Args:
        recipe: The recipe.
        processes: The processes that train together.
        report: Called with a line for everything out of the ordinary.
        seed: Seed of weights, data and dropout.
        auto_scale_lr: Scale the learning rates with the total batch size.

    Raises:
        BadInput: Data, weights or recipe are missing or wrong.
    """
    source = open_data_source(recipe, seed, processes, report)
    torch.manual_seed(seed)
    model = build_model(recipe, num_auxiliary=source.num_auxiliary)
    if recipe.model.pretrained:
        _load_pretrained(recipe.model.pretrained, model, processes, report)
    total_batch = recipe.data.batch_size * processes.world_size
    scale = total_batch / recipe.optim.total_batch
    if scale != 1 and not auto_scale_lr:
        report(
            f"the total batch size is {total_batch}, but the learning rates are for {recipe.optim.total_batch}: "
            "see --auto-scale-lr"
        )
    return Trainer(recipe, source, model, processes, seed=seed, rate_scale=scale if auto_scale_lr else 1.0)


def _load_pretrained(pretrained: str, model: TIN, processes: Processes, report: Callable[[str], None]) -> None:
    with processes.one_at_a_time_on_each_node():
        weights = find_weights(pretrained).path
    report(f"starting from {weights}")
    for line in load_weights(model, weights, as_start=True).lines():
        report(line)


def _check_unused(work_dir: Path) -> None:
    if (work_dir / RESUME_STATE).exists():
        raise BadInput(f"{work_dir} already holds a run; continue it with --resume, or name another folder")


def _check_validates(recipe: Recipe, *, validating: bool) -> None:
    if recipe.patience is not None and not validating:
        raise RecipeError(f"recipe {recipe.name}: patience {recipe.patience} counts validations; add --validate")


def make_deterministic() -> None:
    """Make equal seeds give bit-identical weights on the same machine."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


def main(
    recipe: Annotated[str, typer.Argument(help="Name in training/recipes, or path of a YAML file.")],
    work_dir: Annotated[Path, typer.Option(help="Folder for checkpoints and logs.")],
    validate: Annotated[bool, typer.Option("--validate", help="Validate as the recipe says; keep the best.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of weights, data and dropout.")] = 0,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="Make equal seeds give equal bits.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue after the last finished epoch.")] = False,
    amp: Annotated[bool, typer.Option("--amp", help="Use mixed precision with bfloat16.")] = False,
    auto_scale_lr: Annotated[bool, typer.Option("--auto-scale-lr", help="Scale rates with the batch size.")] = False,
    threads: Annotated[int, typer.Option(help="Threads per process, without data loading.")] = 1,
    override: Annotated[list[str] | None, typer.Option("--set", help="Override a key: optim.lr=0.01.")] = None,
) -> None:
    """Train a model as a recipe says; the checkpoint is replaced after every epoch."""
    torch.set_num_threads(threads)
    if deterministic:
        make_deterministic()
    with errors_as_exit_codes():
        settings = [*(override or []), *(["precision=bf16"] if amp else [])]
        with joined_processes() as processes, ExitStack() as observing:
            with processes.one_at_a_time_on_each_node():
                chosen = complete_recipe(recipe, settings)
            callbacks = Callbacks()
            _check_validates(chosen, validating=validate)
            if not resume:
                _check_unused(work_dir)
            trainer = build_trainer(chosen, processes, callbacks.on_message, seed=seed, auto_scale_lr=auto_scale_lr)
            if resume:
                trainer.resume(work_dir)
            if processes.is_first:
                progress = show_progress(chosen.name, trainer.length.steps, first_step=trainer.steps_done)
                run_log = RunLog(work_dir, first_step=trainer.steps_done)
                callbacks.add(observing.enter_context(progress), observing.enter_context(run_log))
            train(trainer, callbacks, work_dir, validating=validate)


if __name__ == "__main__":
    typer.run(main)
