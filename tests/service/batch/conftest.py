"""Fixtures of batch prediction: settings and a loaded model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config.settings import Settings
from service.models.registry import Registry
from service.models.versions import LoadedModel


@pytest.fixture
def settings(store: Path) -> Settings:
    """Settings of the tiny store, with three decoders."""
    return Settings(model_store=store, onnx_threads=1, decoders=3)


@pytest.fixture
def model(settings: Settings) -> Iterator[LoadedModel]:
    """The newest `colours`."""
    registry = Registry.open(settings)
    yield registry.get("colours", "2")
    registry.close()
