"""Trainer: one process's network, optimisers and data, trained epoch by epoch, saved and resumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.checkpoints.auxiliary_classes import without_auxiliary_classes
from training.checkpoints.checkpoint import Checkpoint, save_checkpoint
from training.checkpoints.resume_state import ResumeState, load_resume_state, save_resume_state
from training.engine.best_validation import BestValidation
from training.engine.data_source import DataSource
from training.engine.distributed import Processes
from training.engine.evaluation import Metric, score_clips
from training.engine.loops import Step, StepSettings, train_one_epoch
from training.model.tin import TIN, Normalise
from training.optim.class_weights import balanced_weights
from training.optim.freezing import freeze_stages
from training.optim.lr_schedule import RunLength, rate_factor
from training.optim.optimizers import make_optimizers
from training.optim.weight_average import WeightAverage
from training.recipes.recipe import Recipe

LAST, BEST, RESUME_STATE = "checkpoint.safetensors", "best.safetensors", "snapshot.pt"
"""Files of a work folder: the last epoch's checkpoint, the best validated one, and the resume state."""


class Trainer:
    """Trains a recipe's network to a checkpoint.

    Args:
        recipe: The recipe.
        source: The recipe's data.
        model: The network, initialised.
        processes: The processes that train together.
        seed: Seed of dropout; data and weights have theirs already.
        rate_scale: Factor on every learning rate, for the linear scaling rule of `--auto-scale-lr`.
    """

    def __init__(
        self, recipe: Recipe, source: DataSource, model: TIN, processes: Processes, *, seed: int, rate_scale: float
    ) -> None:
        self.recipe = recipe
        self.model = model.to(processes.device)
        freeze_stages(self.model, recipe.freeze_stages)
        self.average = WeightAverage(self.model, recipe.ema_decay) if recipe.ema_decay else None
        self.optimizers = make_optimizers(self.model, recipe.optim)
        self.epochs_done = 0
        self.best = BestValidation()
        self._source = source
        self._processes = processes
        self._trained = processes.wrap(self.model)
        self._normalise = Normalise(recipe.clip).to(processes.device)
        self.length = RunLength(recipe.epochs, source.steps_per_epoch)
        self._class_weights = self._weights_of_classes()
        self._seed = seed
        self._rate_scale = rate_scale

    @property
    def result(self) -> TIN:
        """The network that is validated and saved: the average of the trained one, or that one itself."""
        return self.model if self.average is None else self.average.network

    @property
    def steps_done(self) -> int:
        """Optimiser steps of all finished epochs."""
        return self.epochs_done * self.length.steps_per_epoch

    @property
    def stopped_early(self) -> bool:
        """True if the run ended before its last epoch, as no validation was better for as long as `patience` says."""
        patience = self.recipe.patience
        ran_out = patience is not None and self.best.validations_since >= patience
        return ran_out and self.epochs_done < self.recipe.epochs

    @property
    def is_finished(self) -> bool:
        """True if no epoch is left to train."""
        return self.stopped_early or self.epochs_done == self.recipe.epochs

    @property
    def identity(self) -> dict[str, Any]:
        """The settings that must be the same for a run to be resumed to the same weights."""
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "seed": self._seed,
            "rate_scale": self._rate_scale,
            "processes": self._processes.world_size,
        }

    def train_epoch(self) -> Iterator[Step]:
        """Train the next epoch, yielding each step. Its random state depends on seed, epoch and rank alone."""
        epoch, first_step = self.epochs_done, self.steps_done
        torch.manual_seed(_epoch_seed(self._seed, epoch, self._processes.rank))
        settings = StepSettings(
            label_smoothing=self.recipe.label_smoothing,
            clip_grad_norm=self.recipe.optim.clip_grad_norm,
            autocast=self.recipe.precision == "bf16",
            freeze_norm=epoch >= self.recipe.epochs * self.recipe.freeze_norm_from,
            class_weights=self._class_weights,
        )
        batches, factors = self._source.training_batches(epoch), self._factors(first_step)
        for step in train_one_epoch(
            self._trained, self._normalise, batches, self.optimizers, factors, settings, first_step
        ):
            if self.average is not None:
                self.average.update_parameters(self.model)
            yield step
        # Only one process's statistics reach the checkpoint: all must go on with the same for `--resume` to be exact.
        for model in dict.fromkeys((self.model, self.result)):
            self._processes.share_buffers(model)
        self.epochs_done += 1

    def validate(self) -> dict[str, float]:
        """Return the metrics and the loss over the validation set, the same in every process; note the best."""
        batches = self._source.validation_batches(self.epochs_done - 1)
        scores = score_clips(self.result, self._normalise, batches, self._processes)
        scores = scores.of_first_classes(len(self._source.labels))
        metrics = scores.measure(Metric) | {"loss": scores.loss}
        self.best = self.best.after(metrics, self.epochs_done)
        return metrics

    def save(self, work_dir: Path, metrics: Mapping[str, float]) -> None:
        """Replace the last checkpoint, the best one if these metrics are, then the resume state; in rank 0 only."""
        if not self._processes.is_first:
            return
        checkpoint = self._checkpoint(metrics)
        save_checkpoint(checkpoint, work_dir / LAST)
        if metrics and self.best.epoch == self.epochs_done:
            save_checkpoint(checkpoint, work_dir / BEST)
        save_resume_state(self._state(), work_dir / RESUME_STATE)

    def resume(self, work_dir: Path) -> None:
        """Restore the resume state. Raises CheckpointError if it is missing or of another run."""
        state = load_resume_state(work_dir / RESUME_STATE, self.identity)
        self.epochs_done, self.best = state.epochs_done, BestValidation(**state.best)
        self.model.load_state_dict(state.tensors)
        if self.average is not None and state.averaged is not None:
            self.average.load_state_dict(state.averaged)
        for optimizer, values in zip(self.optimizers, state.optimizers, strict=True):
            optimizer.load_state_dict(values)

    def _weights_of_classes(self) -> Tensor | None:
        if self.recipe.class_weights == "none":
            return None
        return torch.from_numpy(balanced_weights(self._source.class_counts)).to(self._processes.device)

    def _state(self) -> ResumeState:
        return ResumeState(
            self.identity,
            self.epochs_done,
            best=asdict(self.best),
            tensors=self.model.state_dict(),
            optimizers=[optimizer.state_dict() for optimizer in self.optimizers],
            averaged=None if self.average is None else self.average.state_dict(),
        )

    def _checkpoint(self, metrics: Mapping[str, float]) -> Checkpoint:
        training = self.identity | {"metrics": {**metrics, "epochs": self.epochs_done}}
        complete = Checkpoint(
            self.model.architecture, self.recipe.clip, self._source.labels, self.result.state_dict(), training
        )
        return without_auxiliary_classes(complete)

    def _factors(self, first_step: int) -> Iterator[float]:
        for step in range(first_step, self.length.steps):
            yield self._rate_scale * rate_factor(self.recipe.schedule, step, self.length)


def _epoch_seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])
