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

from training.model import TIN, Normalise


class NonFiniteLoss(Exception):
    """The loss became NaN or infinite; the message names the step."""


@dataclass(frozen=True)
class Step:
    """What one optimiser step showed."""

    number: int
    loss: float
    accuracy: float
    gradient_norm: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class StepRule:
    """How a step is made, the same for a whole epoch."""

    label_smoothing: float
    clip_grad_norm: float
    autocast: bool
    freeze_norm: bool


def train_one_epoch(
    model: TIN,
    normalise: Normalise,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizers: list[Optimizer],
    rates: Iterator[list[float]],
    rule: StepRule,
    first_step: int,
) -> Iterator[Step]:
    """Train on `batches` (uint8 clips [N, T, H, W, 3], labels [N]), yielding each step as it is done.

    `rates` gives each step's learning rates, one per optimiser. Raises NonFiniteLoss before the weights are touched.
    """
    model.train()
    if rule.freeze_norm:
        _freeze_norm(model)
    started = time.monotonic()
    for number, (clips, labels) in enumerate(batches, start=first_step):
        with torch.autocast(clips.device.type, torch.bfloat16, enabled=rule.autocast):
            logits = model(normalise(clips))
        targets = soft_targets(labels, logits.shape[1], rule.label_smoothing)
        loss = functional.cross_entropy(logits.float(), targets)
        if not math.isfinite(loss.item()):
            raise NonFiniteLoss(f"the loss is {loss.item()} at step {number}; lower the learning rates")
        gradient_norm = _descend(model, loss, optimizers, next(rates), rule.clip_grad_norm)
        accuracy = (logits.argmax(dim=1) == labels)[labels >= 0].float().mean().item()
        now = time.monotonic()
        yield Step(number, loss.item(), accuracy, gradient_norm, now - started)
        started = now


def _descend(model: TIN, loss: Tensor, optimizers: list[Optimizer], rates: list[float], clip_grad_norm: float) -> float:
    """One step of every optimiser, at its rate; returns the gradient's norm before clipping."""
    for optimizer, rate in zip(optimizers, rates, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip_grad_norm)
    for optimizer in optimizers:
        optimizer.step()
    return norm.item()


def soft_targets(labels: Tensor, num_classes: int, smoothing: float) -> Tensor:
    """Labels [N] to target probabilities [N, K]; a negative label, no action at all, makes every class as likely."""
    one_hot = functional.one_hot(labels.clamp(min=0), num_classes)
    share = torch.where(labels < 0, 1.0, smoothing)[:, None]
    return one_hot * (1 - share) + share / num_classes


@torch.inference_mode()
def evaluate(model: TIN, normalise: Normalise, batches: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Logits float32 [all, K] and labels int64 [all] of batches of clips [N, T, H, W, 3]."""
    model.eval()
    results = [(model(normalise(clips)), labels) for clips, labels in batches]
    return torch.cat([logits for logits, _ in results]), torch.cat([labels for _, labels in results])


def _freeze_norm(model: nn.Module) -> None:
    """Let batch normalisation use, and keep, its running statistics; its scale and shift go on learning."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
