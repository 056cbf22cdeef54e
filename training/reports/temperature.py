"""Temperature scaling: one number that divides all logits, so that a probability is the share of right answers.

Guo, Pleiss, Sun, Weinberger: "On Calibration of Modern Neural Networks", ICML 2017.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

MAX_TEMPERATURE = 20.0
"""Temperatures lie between this and its reciprocal."""


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Fit the temperature that minimises the negative log-likelihood of validation clips.

    Args:
        logits: Logits [N, V, K], whose probabilities are averaged over V views.
        labels: Classes [N].

    Where every answer is right, the likelihood alone would make each of them certain. The targets are therefore Platt's
    ("Probabilistic Outputs for Support Vector Machines", 1999): of N clips, N + 1 in N + 2 for the labelled class.
    """
    scores = torch.from_numpy(logits).double()
    targets = _platt_targets(torch.from_numpy(labels), scores.shape[-1])
    raw = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([raw], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = _negative_log_likelihood(scores / _bounded(raw), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return _bounded(raw).item()


def _bounded(raw: Tensor) -> Tensor:
    """Map any number to a temperature; 0 to 1."""
    return torch.exp(math.log(MAX_TEMPERATURE) * torch.tanh(raw))


def _platt_targets(labels: Tensor, num_classes: int) -> Tensor:
    """Map labels [N] to target probabilities [N, K]; the other classes share what the labelled one leaves."""
    rest = 1 / (len(labels) + 2)
    one_hot = functional.one_hot(labels, num_classes).double()
    return one_hot * (1 - rest) + (1 - one_hot) * rest / max(num_classes - 1, 1)


def _negative_log_likelihood(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of targets [N, K] and the averaged probabilities of scores [N, V, K]."""
    log_probabilities = scores.log_softmax(-1).logsumexp(1) - math.log(scores.shape[1])
    return -(targets * log_probabilities).sum(1).mean()
