"""The two loops: one epoch of training, one evaluation."""

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
from training.optim.optimizers import scale_rates


class NonFiniteLoss(Stopped):
    """The loss became NaN or infinite; the message names the step."""


@dataclass(frozen=True)
class Step:
    """What one optimiser step showed."""

    number: int
    loss: float
    accuracy: float
    learning_rate: float
    gradient_norm: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """How a step is made, the same for a whole epoch."""

    label_smoothing: float
    clip_grad_norm: float
    autocast: bool
    freeze_norm: bool


def train_one_epoch(
    model: nn.Module,
    normalise: nn.Module,
    batches: Iterable[Batch],
    optimizers: list[Optimizer],
    factors: Iterator[float],
    settings: StepSettings,
    first_step: int,
) -> Iterator[Step]:
    """Train on `batches` (uint8 clips [N, T, H, W, 3], labels [N]), yielding each step as it is done.

    `factors` gives what the learning rates are multiplied by at each step. Raises NonFiniteLoss before the weights are
    touched.
    """
    model.train()
    if settings.freeze_norm:
        freeze_norm(model)
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
    """Logits [N, K] in at least float32, and the mean loss."""
    with torch.autocast(batch.clips.device.type, torch.bfloat16, enabled=settings.autocast):
        logits: Tensor = model(normalise(batch.clips))
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    targets = soft_targets(batch.labels, logits.shape[1], settings.label_smoothing)
    return logits, functional.cross_entropy(logits, targets.to(logits.dtype))


def _descend(model: nn.Module, loss: Tensor, optimizers: list[Optimizer], clip_grad_norm: float) -> float:
    """One step of every optimiser; returns the gradient's norm before clipping."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip_grad_norm)
    for optimizer in optimizers:
        optimizer.step()
    return norm.item()


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of the clips that show an action whose likeliest one is right."""
    return (logits.argmax(dim=1) == labels)[labels >= 0].double().mean().item()


def soft_targets(labels: Tensor, num_classes: int, smoothing: float) -> Tensor:
    """Labels [N] to target probabilities [N, K]; a negative label, no action at all, makes every class as likely."""
    one_hot = functional.one_hot(labels.clamp(min=0), num_classes)
    share = torch.where(labels < 0, 1.0, smoothing)[:, None]
    return one_hot * (1 - share) + share / num_classes


@torch.inference_mode()
def evaluate(model: nn.Module, normalise: nn.Module, batches: Iterable[Batch]) -> Iterator[tuple[Tensor, Tensor]]:
    """For each batch of views (uint8 [N, V, T, H, W, 3]), logits [N, V, K] and labels [N], both on the CPU."""
    model.eval()
    for batch in _on_device(batches, model):
        logits: Tensor = model(normalise(batch.clips.flatten(0, 1)))
        yield logits.reshape(*batch.clips.shape[:2], -1).cpu(), batch.labels.cpu()


def freeze_norm(model: nn.Module) -> None:
    """Let batch normalisation use, and keep, its running statistics; its scale and shift go on learning."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
