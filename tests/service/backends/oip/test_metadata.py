"""Metadata of the protocol, compared with the store's graph."""

from __future__ import annotations

from typing import Any

import pytest

from service.backends.oip.metadata import ModelMetadata
from service.backends.oip.proof import Proof
from service.backends.remote.errors import NotServed
from tests.helpers.servers.scripted_oip import ScriptedModel

VIDEO = {"name": "video", "datatype": "BYTES", "shape": [1]}


def check(metadata: dict[str, Any], proof: Proof) -> None:
    ModelMetadata.model_validate(metadata).check((-1, *proof.clip.shape[1:]), proof.shapes())


def changed(model: ScriptedModel, part: str, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    metadata = model.metadata()
    for tensor in metadata[part]:
        if tensor["name"] == name:
            tensor.update(changes)
    return metadata


def test_the_store_s_own_model_fits(model: ScriptedModel, proof: Proof) -> None:
    check(model.metadata(), proof)


def test_axes_of_any_length_fit_and_so_does_a_model_that_does_more(model: ScriptedModel, proof: Proof) -> None:
    metadata = changed(model, "outputs", "features", {"shape": [-1, -1]})
    metadata["inputs"].append(VIDEO)
    metadata["outputs"].insert(0, {"name": "labels", "datatype": "BYTES", "shape": [-1]})
    check(metadata, proof)


@pytest.mark.parametrize(
    ("part", "name", "changes"),
    [
        ("inputs", "clips", {"shape": [-1, 8, 224, 224, 3]}),
        ("inputs", "clips", {"shape": [-1, 8, 32, 32]}),
        ("inputs", "clips", {"shape": [1, 8, 32, 32, 3]}),
        ("inputs", "clips", {"datatype": "FP32"}),
        ("inputs", "clips", {"name": "input"}),
        ("outputs", "logits", {"shape": [-1, 7]}),
        ("outputs", "logits", {"datatype": "FP16"}),
        ("outputs", "weights", {"name": "weights_0"}),
        ("outputs", "offsets", {"shape": [-1, 3, 2]}),
    ],
)
def test_another_model_is_refused(
    model: ScriptedModel, proof: Proof, part: str, name: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(NotServed, match=name):
        check(changed(model, part, name, changes), proof)
