"""Wishes: what the user of a fine-tuning run has chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.finetune.budget import BudgetLimits
from training.lists.clip_set import LabelledClip
from training.lists.splits import Split, split_clips


@dataclass(frozen=True)
class Wishes:
    """Choices of the user: the model's name, limits, share of validation, seed, mirroring, threads of torch.

    Without a choice of mirroring, the clips decide.
    """

    name: str
    limits: BudgetLimits
    val_share: float
    seed: int
    mirror: bool | None
    threads: int

    def split(self, clips: Sequence[LabelledClip]) -> Split:
        """Split clips into training and validation. Raises SplitError."""
        return split_clips(clips, val_share=self.val_share, seed=self.seed)
