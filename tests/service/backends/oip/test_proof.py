"""Proof that a server runs a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clips.clip_spec import ClipSpec
from service.backends.base import BackendUnavailable
from service.backends.oip.proof import Proof, moving_pattern
from service.backends.remote.errors import NotServed
from service.store.model_store import ModelStore, StoredModel
from tests.helpers.stores import colour_graph


def test_the_clip_is_the_same_every_time_and_uses_all_values() -> None:
    spec = ClipSpec(num_frames=16, crop=64, short_side=64)
    clip = moving_pattern(spec)
    assert (clip.shape, clip.dtype.name) == ((1, 16, 64, 64, 3), "uint8")
    np.testing.assert_array_equal(clip, moving_pattern(spec))
    assert clip.min() < 10
    assert clip.max() > 245
    assert not np.array_equal(clip[:, 0], clip[:, 1])
    assert len(np.unique(clip.mean((0, 1, 2, 3)))) == 3


def test_the_limit_is_that_of_the_parity_report(stored: StoredModel) -> None:
    (artifact,) = stored.manifest.artifacts
    assert Proof.of(stored, artifact).limit == artifact.parity.limit == 1e-4
    assert Proof.of(stored, artifact, tolerance=0.02).limit == 0.02
    int8 = artifact.parity.model_copy(update={"tolerance": None, "max_abs_logit_difference": 0.25})
    assert Proof.of(stored, artifact.model_copy(update={"parity": int8})).limit == 0.5


def test_the_store_s_own_logits_prove_it(proof: Proof) -> None:
    outputs = proof.expected
    proof.check(outputs)
    proof.check(replace(outputs, logits=outputs.logits + np.float32(0.5e-4)))


@pytest.mark.parametrize("other", [2e-4, -1.0, np.nan, np.inf])
def test_other_logits_do_not(proof: Proof, other: float) -> None:
    logits = proof.expected.logits.copy()
    logits[0, 2] += other
    with pytest.raises(NotServed, match="TIN_OIP_TOLERANCE"):
        proof.check(replace(proof.expected, logits=logits))


def test_answers_have_the_type_and_shape_of_the_store_s_graph(proof: Proof) -> None:
    arrays = proof.expected.arrays()
    assert proof.checked(arrays, 1).arrays().keys() == arrays.keys()
    for changes in (
        {"logits": arrays["logits"].astype(np.float64)},
        {"logits": arrays["logits"][:, :5]},
        {"offsets": np.concatenate([arrays["offsets"]] * 2)},
        {"features": arrays["features"][0]},
    ):
        with pytest.raises(NotServed, match=next(iter(changes))):
            proof.checked({**arrays, **changes}, 1)
    with pytest.raises(NotServed, match="weights"):
        proof.checked({name: array for name, array in arrays.items() if name != "weights"}, 1)


def test_a_graph_from_before_there_were_features_has_none(publish: Callable[..., Path], tmp_path: Path) -> None:
    publish(tmp_path, "old", "1", graph=colour_graph(("logits", "offsets", "weights")))
    stored = ModelStore(tmp_path).open("old")
    proof = Proof.of(stored, stored.manifest.artifacts[0])
    assert list(proof.shapes()) == ["logits", "offsets", "weights"]


def test_labels_that_are_not_the_graph_s(stored: StoredModel) -> None:
    (artifact,) = stored.manifest.artifacts
    fewer = replace(stored, manifest=stored.manifest.model_copy(update={"labels": ("a", "b")}))
    with pytest.raises(BackendUnavailable, match="2 labels"):
        Proof.of(fewer, artifact)
