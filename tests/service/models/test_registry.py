"""Registry: a refused version leaves the others alone, and the newest good one answers."""

from __future__ import annotations

import json
import os
import shutil
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from clips.clip_spec import ClipSpec
from service.backends.base import Backend, InferenceFailed
from service.backends.contract import OUTPUTS
from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.config.settings import Settings
from service.models.artifact_selection import Candidate, open_backend
from service.models.registry import RENAMING_SECONDS, ModelUnavailable, NoModelReady, Registry
from service.models.versions import LoadedModel, RefusedModel
from service.store.manifest import MANIFEST_FILE
from service.store.model_store import ModelNotFound
from tests.helpers.fakes.fake_backend import FakeBackend
from tests.helpers.stores import colour_graph

Publish = Callable[..., Path]


def _graph(output: str, input_type: int = TensorProto.UINT8) -> bytes:
    """Any graph that is not one of the contract, or not one of the manifest."""
    node = helper.make_node("Cast", ["clips"], [output], to=TensorProto.FLOAT)
    shape: list[str | int | None] = ["N", 8, 32, 32, 3]
    values = [helper.make_tensor_value_info(name, kind, shape) for name, kind in (("clips", input_type), (output, 1))]
    return bytes(
        helper.make_model(
            helper.make_graph([node], "other", values[:1], values[1:]),
            opset_imports=[helper.make_opsetid("", 18)],
            ir_version=9,
        ).SerializeToString()
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(model_store=tmp_path, onnx_threads=1)


@pytest.fixture
def backend(tmp_path: Path, publish: Publish) -> Iterator[OnnxRuntimeBackend]:
    backend = OnnxRuntimeBackend(publish(tmp_path, "colours", "1") / "model.onnx", num_threads=1)
    yield backend
    backend.close()


def test_onnx_backend_answers_under_the_contract(backend: OnnxRuntimeBackend) -> None:
    outputs = backend.infer(np.full((3, 8, 32, 32, 3), (0, 0, 200), np.uint8))
    assert outputs.logits.shape == (3, 6)
    assert outputs.logits.argmax(axis=1).tolist() == [2, 2, 2]
    arrays = outputs.arrays()
    assert (arrays["offsets"].shape, arrays["weights"].shape) == ((3, 2, 2), (3, 2, 8, 2))


@pytest.mark.parametrize(("temporal", "num_outputs"), [("tin", 4), ("tsm", 2), ("none", 2)])
def test_a_loaded_model_knows_its_network_and_its_outputs(
    settings: Settings, publish: Publish, temporal: str, num_outputs: int
) -> None:
    publish(settings.model_store, "colours", "1", temporal=temporal)
    model = Registry.open(settings).get("colours")
    assert (model.temporal, model.outputs) == (temporal, OUTPUTS[:num_outputs])


def test_a_graph_from_before_there_were_features_is_served_without(settings: Settings, publish: Publish) -> None:
    outputs = ("logits", "offsets", "weights")
    publish(settings.model_store, "colours", "1", graph=colour_graph(outputs))
    assert Registry.open(settings).get("colours").outputs == outputs


def test_onnx_runtimes_own_failure_becomes_ours(backend: OnnxRuntimeBackend) -> None:
    with pytest.raises(InferenceFailed, match="ONNX Runtime"):
        backend.infer(np.zeros((1, 8, 16, 16, 3), np.uint8))


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (b"no graph", "model.onnx"),
        (_graph("scores"), "logits: tensor\\(float\\) of rank 2"),
        (_graph("logits", input_type=TensorProto.FLOAT), "clips: tensor\\(float\\) of rank 5, not clips"),
    ],
)
def test_graph_outside_the_contract_is_refused(settings: Settings, publish: Publish, graph: bytes, reason: str) -> None:
    publish(settings.model_store, "other", "1", graph=graph)
    registry = Registry.open(settings)
    with pytest.raises(ModelUnavailable, match=reason):
        registry.get("other", "1")
    with pytest.raises(NoModelReady):
        registry.get()


def test_graph_that_does_not_fit_its_manifest_is_refused(settings: Settings, publish: Publish, tmp_path: Path) -> None:
    model = onnx.load(publish(tmp_path / "elsewhere", "colours", "1") / "model.onnx")
    (colours,) = (value for value in model.graph.initializer if value.name == "colours")
    colours.CopyFrom(onnx.numpy_helper.from_array(np.zeros((3, 5), np.float32), "colours"))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 5
    publish(settings.model_store, "colours", "1", graph=model.SerializeToString())
    (refused,) = Registry.open(settings).refused()
    assert "(1, 5)" in refused.reason
    assert "6 labels" in refused.reason


def test_newest_good_version_answers(settings: Settings, publish: Publish) -> None:
    for version in ("1", "2"):
        publish(settings.model_store, "colours", version)
    publish(settings.model_store, "colours", "3", top1_agreement=0.5)
    registry = Registry.open(settings)
    assert registry.get("colours").version == "2"
    with pytest.raises(ModelUnavailable, match="colours 3"):
        registry.get("colours", "3")
    with pytest.raises(ModelNotFound, match="1, 2, 3"):
        registry.get("colours", "4")


def test_probabilities_have_the_temperature_of_the_manifest(settings: Settings, publish: Publish) -> None:
    path = publish(settings.model_store, "colours", "1") / MANIFEST_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"temperature": 2.0}))
    model = Registry.open(settings).get("colours")
    logits = np.log(np.array([[16.0, 4.0, 1.0, 1.0, 1.0, 1.0]]))
    np.testing.assert_allclose(model.probabilities(logits), [0.4, 0.2, 0.1, 0.1, 0.1, 0.1])


def test_an_answer_is_likely_from_the_threshold_of_the_manifest_on(settings: Settings, publish: Publish) -> None:
    publish(settings.model_store, "colours", "1")
    publish(settings.model_store, "colours", "2", threshold=0.25)
    registry = Registry.open(settings)
    assert registry.get("colours", "1").is_likely(0.1) is None
    model = registry.get("colours", "2")
    assert [model.is_likely(probability) for probability in (0.2, 0.25, 0.3)] == [False, True, True]


def _loaded(name: str, backend: FakeBackend) -> LoadedModel:
    return LoadedModel(name, "1", "0" * 64, "model.onnx", "runs everywhere", ("a", "b"), ClipSpec(), backend)


def test_default_model_is_the_first_good_one_or_the_one_set() -> None:
    versions: dict[str, list[LoadedModel | RefusedModel]] = {
        "a": [RefusedModel("a", "1", "bad")],
        "b": [_loaded("b", FakeBackend(2))],
        "c": [_loaded("c", FakeBackend(2))],
    }
    assert Registry(versions).get().name == "b"
    assert Registry(versions, "c").get().name == "c"
    with pytest.raises(NoModelReady, match="'d'"):
        Registry(versions, "d").get()


def test_close_frees_the_backends() -> None:
    backend = FakeBackend(2)
    Registry({"b": [_loaded("b", backend), RefusedModel("b", "2", "bad")]}).close()
    assert backend.closed


def test_a_version_whose_manifest_stayed_is_not_loaded_again(settings: Settings, publish: Publish) -> None:
    folder = publish(settings.model_store, "colours", "1")
    registry = Registry.open(settings)
    backend = registry.get().backend
    (folder / "notes.txt").write_text("a file that the manifest does not name")
    for path in folder.iterdir():
        os.utime(path)
    registry.refresh(settings)
    assert registry.get().backend is backend


def test_a_model_that_is_held_outlives_its_removal(settings: Settings, publish: Publish) -> None:
    folder = publish(settings.model_store, "colours", "1")
    registry = Registry.open(settings)
    held = registry.get()
    gone = weakref.ref(held.backend)
    shutil.rmtree(folder)
    registry.refresh(settings)
    with pytest.raises(ModelNotFound):
        registry.get("colours", "1")
    assert held.backend.infer(np.full((1, 8, 32, 32, 3), (0, 0, 200), np.uint8)).logits.argmax() == 2
    del held
    assert gone() is None


def test_a_version_that_is_missing_while_it_is_renamed_stays(settings: Settings, publish: Publish) -> None:
    folder = publish(settings.model_store, "colours", "1")
    registry = Registry.open(settings)
    backend = registry.get().backend
    folder.rename(settings.model_store / "aside")
    back = threading.Timer(RENAMING_SECONDS / 2, (settings.model_store / "aside").rename, [folder])
    back.start()
    registry.refresh(settings)
    back.join()
    assert registry.get().backend is backend


def test_files_that_are_exchanged_while_they_are_read_are_read_again(
    settings: Settings, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = publish(settings.model_store, "colours", "1")
    other = publish(settings.model_store / ".aside", "colours", "1", graph=_graph("scores"))

    def exchange_first(candidate: Candidate, path: Path, settings: Settings) -> Backend:
        if other.exists():
            shutil.rmtree(folder)
            other.rename(folder)
        return open_backend(candidate, path, settings)

    monkeypatch.setattr("service.models.loading.open_backend", exchange_first)
    (refused,) = Registry.open(settings).refused()
    assert "logits" in refused.reason


def test_the_default_model_stays_while_it_is_ready(settings: Settings, publish: Publish) -> None:
    publish(settings.model_store, "middle", "1")
    registry = Registry.open(settings)
    publish(settings.model_store, "another", "1")
    registry.refresh(settings)
    assert registry.get().name == "middle"
    shutil.rmtree(settings.model_store / "middle")
    registry.refresh(settings)
    assert registry.get().name == "another"
    publish(settings.model_store, "a-third", "1")
    registry.refresh(settings)
    assert registry.get().name == "another"
