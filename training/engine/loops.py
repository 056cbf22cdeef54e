"""The training loop over one epoch, and the evaluation loop."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from training.data.batch import Batch
from training.errors import Stopped
from training.optim.freezing import freeze_norm
from training.optim.optimizers import scale_rates


class NonFiniteLoss(Stopped):
    """The loss is NaN or infinite; the message names the step."""


@dataclass(frozen=True)
class Step:
    """Figures of one optimiser step: loss, top-1 accuracy, learning rate, gradient norm before clipping, seconds."""

    number: int
    loss: float
    accuracy: float
    learning_rate: float
    gradient_norm: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """Settings of every step of an epoch."""

    label_smoothing: float
    clip_grad_norm: float
    autocast: bool
    freeze_norm: bool
    """Batch normalisation keeps its statistics everywhere, not only in frozen stages."""
    class_weights: Tensor | None = None
    """Factors [K] on the loss of each clip, by its label."""


def train_one_epoch(
    model: nn.Module,
    normalise: nn.Module,
    batches: Iterable[Batch],
    optimizers: list[Optimizer],
    factors: Iterator[float],
    settings: StepSettings,
    first_step: int,
) -> Iterator[Step]:
    """Train for one epoch, yielding each step as it is done.

    Args:
        model: The network, perhaps wrapped for several processes.
        normalise: The module from uint8 clips to the network's input.
        batches: Clips uint8 [N, T, H, W, 3] and labels int64 [N].
        optimizers: Optimisers of `make_optimizers`.
        factors: The factor on the learning rates for each step.
        settings: Loss, clipping and precision.
        first_step: Number of the epoch's first step, counted from the run's start.

    Raises:
        NonFiniteLoss: The loss is NaN or infinite; the weights are those before the step.
    """
    model.train()
    freeze_norm(model, everywhere=settings.freeze_norm)
    started = time.monotonic()
    for number, batch in enumerate(_on_device(batches, model), start=first_step):
        logits, loss = _forward(model, normalise, batch, settings)
        if not math.isfinite(loss.item()):
            raise NonFiniteLoss(f"the loss is {loss.item()} at step {number}; lower the learning rates")
        scale_rates(optimizers, next(factors))
        gradient_norm = _descend(model, loss, optimizers, settings.clip_grad_norm)
        now = time.monotonic()
        rate = optimizers[0].param_groups[0]["lr"]
        yield Step(number, loss.item(), _accuracy(logits, batch.labels), rate, gradient_norm, now - started)
        started = now


def _on_device(batches: Iterable[Batch], model: nn.Module) -> Iterator[Batch]:
    device = next(model.parameters()).device
    for batch in batches:
        yield batch._replace(clips=batch.clips.to(device), labels=batch.labels.to(device))


def _forward(model: nn.Module, normalise: nn.Module, batch: Batch, settings: StepSettings) -> tuple[Tensor, Tensor]:
    """Return logits [N, K] in at least float32, and the mean loss."""
    with torch.autocast(batch.clips.device.type, torch.bfloat16, enabled=settings.autocast):
        logits: Tensor = model(normalise(batch.clips))
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return logits, training_loss(logits, batch.labels, settings)


def training_loss(logits: Tensor, labels: Tensor, settings: StepSettings) -> Tensor:
    """Return the mean cross-entropy of logits [N, K] and labels [N], smoothed and weighted by class.

    A clip without a label has the weight 1.
    """
    targets = soft_targets(labels, logits.shape[1], settings.label_smoothing).to(logits.dtype)
    if settings.class_weights is None:
        return functional.cross_entropy(logits, targets)
    weights = torch.where(labels < 0, 1.0, settings.class_weights[labels.clamp(min=0)])
    return (weights * functional.cross_entropy(logits, targets, reduction="none")).mean()


def _descend(model: nn.Module, loss: Tensor, optimizers: list[Optimizer], clip_grad_norm: float) -> float:
    """Take one step of every optimiser; return the gradient's norm before clipping."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip_grad_norm)
    for optimizer in optimizers:
        optimizer.step()
    return norm.item()


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the top-1 accuracy over the clips that have a label."""
    return (logits.argmax(dim=1) == labels)[labels >= 0].double().mean().item()


def soft_targets(labels: Tensor, num_classes: int, smoothing: float) -> Tensor:
    """Map labels [N] to target probabilities [N, K], uniform for a negative label (no action)."""
    one_hot = functional.one_hot(labels.clamp(min=0), num_classes)
    share = torch.where(labels < 0, 1.0, smoothing)[:, None]
    return one_hot * (1 - share) + share / num_classes


@torch.inference_mode()
def evaluate(model: nn.Module, normalise: nn.Module, batches: Iterable[Batch]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield logits [N, V, K] and labels [N], both on the CPU, for each batch of views uint8 [N, V, T, H, W, 3].

    The network runs on one view of each clip at a time, so that more views take no more memory.
    """
    model.eval()
    for batch in _on_device(batches, model):
        logits = [model(normalise(views)) for views in batch.clips.unbind(dim=1)]
        yield torch.stack(logits, dim=1).cpu(), batch.labels.cpu()
