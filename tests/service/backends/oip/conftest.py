"""Fixtures: a published model of colours, its proof, and a scripted server that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.backends.oip.proof import Proof
from service.store.model_store import ModelStore, StoredModel
from tests.helpers.servers.scripted_oip import ScriptedModel
from tests.helpers.servers.scripted_server import ScriptedServer


@pytest.fixture
def stored(tmp_path: Path, publish: Callable[..., Path]) -> StoredModel:
    """Version 1 of `colours`."""
    publish(tmp_path, "colours", "1")
    return ModelStore(tmp_path).open("colours")


@pytest.fixture
def proof(stored: StoredModel) -> Proof:
    """Its proof."""
    return Proof.of(stored, stored.manifest.artifacts[0])


@pytest.fixture
def model(proof: Proof) -> ScriptedModel:
    """The model as the server has it."""
    return ScriptedModel("colours", proof)


@pytest.fixture
def server(model: ScriptedModel) -> Iterator[ScriptedServer]:
    """The server."""
    with ScriptedServer(model.reply) as server:
        yield server
