"""`python -m training.train RECIPE --work-dir DIR`, alone or under torchrun: a recipe becomes a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import torch
import typer

from training.engine.build_model import build_model, load_weights, resolve_weights
from training.engine.callbacks import Callbacks
from training.engine.data_source import open_data_source
from training.engine.distributed import Processes, joined_processes
from training.engine.progress import show_progress
from training.engine.run_log import RunLog
from training.engine.trainer import RESUME_STATE, Trainer
from training.errors import BadInput
from training.exit_codes import errors_as_exit_codes
from training.model.tin import TIN
from training.recipes.recipe import Recipe, load_recipe

Say = Callable[[str], None]


def train(trainer: Trainer, callbacks: Callbacks, work_dir: Path, *, validating: bool) -> None:
    """Every epoch that is left: train, validate where it is time to, save."""
    recipe = trainer.recipe
    while trainer.epochs_done < recipe.epochs:
        epoch = trainer.epochs_done
        for step in trainer.train_epoch():
            callbacks.on_step(epoch, step)
        metrics: dict[str, float] = {}
        if validating and (trainer.epochs_done % recipe.validate_every == 0 or trainer.epochs_done == recipe.epochs):
            metrics = trainer.validate()
            callbacks.on_validation(epoch, metrics)
        trainer.save(work_dir, metrics)


def build_trainer(recipe: Recipe, processes: Processes, say: Say, *, seed: int, auto_scale_lr: bool) -> Trainer:
    """Open the data, build the network and fill it; raises BadInput."""
    source = open_data_source(recipe, seed, processes, say)
    torch.manual_seed(seed)
    model = build_model(recipe)
    if recipe.model.pretrained:
        _start_from(recipe.model.pretrained, model, processes, say)
    total_batch = recipe.data.batch_size * processes.world_size
    scale = total_batch / recipe.optim.total_batch
    if scale != 1 and not auto_scale_lr:
        say(f"{total_batch} clips a step, but the rates are meant for {recipe.optim.total_batch}: see --auto-scale-lr")
    return Trainer(recipe, source, model, processes, seed=seed, rate_scale=scale if auto_scale_lr else 1.0)


def _start_from(pretrained: str, model: TIN, processes: Processes, say: Say) -> None:
    with processes.one_at_a_time_on_each_node():
        weights = resolve_weights(pretrained)
    say(f"starting from {weights}")
    for line in load_weights(model, weights, as_start=True).lines():
        say(line)


def _check_unused(work_dir: Path) -> None:
    if (work_dir / RESUME_STATE).exists():
        raise BadInput(f"{work_dir} holds a run; --resume goes on with it, or name another folder")


def make_deterministic() -> None:
    """Let equal seeds give equal weights to the bit, on one machine."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


def main(
    recipe: Annotated[str, typer.Argument(help="A recipe's name in training/recipes, or the path of a YAML file.")],
    work_dir: Annotated[Path, typer.Option(help="Where checkpoints and logs are written.")],
    validate: Annotated[bool, typer.Option("--validate", help="Validate as the recipe says; keep the best.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of weights, data and dropout.")] = 0,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="Equal seeds give equal bits.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the work folder's last whole epoch.")] = False,
    amp: Annotated[bool, typer.Option("--amp", help="Compute in bfloat16 where that is safe.")] = False,
    auto_scale_lr: Annotated[bool, typer.Option("--auto-scale-lr", help="Scale the rates with the batch.")] = False,
    threads: Annotated[int, typer.Option(help="Threads of each process, besides those that load data.")] = 1,
    override: Annotated[list[str] | None, typer.Option("--set", help="Override: optim.lr=0.01")] = None,
) -> None:
    """Train a model as a recipe says; the checkpoint is replaced after every epoch."""
    torch.set_num_threads(threads)
    if deterministic:
        make_deterministic()
    with errors_as_exit_codes():
        chosen = load_recipe(recipe, [*(override or []), *(["precision=bf16"] if amp else [])])
        with joined_processes() as processes, ExitStack() as listening:
            callbacks = Callbacks()
            if not resume:
                _check_unused(work_dir)
            trainer = build_trainer(chosen, processes, callbacks.on_message, seed=seed, auto_scale_lr=auto_scale_lr)
            if resume:
                trainer.resume(work_dir)
            if processes.is_first:
                progress = show_progress(chosen.name, trainer.length.steps, first_step=trainer.steps_done)
                run_log = RunLog(work_dir, first_step=trainer.steps_done)
                callbacks.add(listening.enter_context(progress), listening.enter_context(run_log))
            train(trainer, callbacks, work_dir, validating=validate)


if __name__ == "__main__":
    typer.run(main)
