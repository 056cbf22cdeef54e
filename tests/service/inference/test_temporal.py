"""Sentences about the networks' temporal modules."""

from __future__ import annotations

from typing import get_args

from service.inference.temporal import DESCRIPTIONS
from service.store.manifest import TemporalKind
from training.model.tin import Temporal


def test_every_network_that_can_be_trained_has_its_sentence() -> None:
    assert set(DESCRIPTIONS) == set(get_args(TemporalKind)) == set(Temporal)
    assert len(set(DESCRIPTIONS.values())) == len(DESCRIPTIONS)
