"""Fixtures: a model in this process, and a service of the same store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tin
from tests.helpers.servers.service import running_services
from tests.helpers.stores import publish


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model `colours`, with a threshold."""
    root = tmp_path_factory.mktemp("model_store")
    publish(root, "colours", "1", threshold=0.1)
    return root


@pytest.fixture(scope="module")
def model(store: Path) -> Iterator[tin.Model]:
    """The model that the service has, too."""
    with tin.load(store=store, onnx_threads=1) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def url(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that asks for the key "sésame" and takes 1 MB."""
    with running_services(lambda: tmp_path_factory.mktemp("service")) as start:
        yield start(model_store=store, onnx_threads=1, api_keys="sésame", max_upload_bytes=10**6).address
