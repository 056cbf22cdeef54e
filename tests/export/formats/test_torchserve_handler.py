"""Handler of a TorchServe archive, run in this process."""

import ast
import contextlib
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from export.formats import torchserve_handler
from export.formats.torchserve_runner import ArchiveBackend
from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.store.manifest import Manifest
from tests.helpers.servers.torchserve import DEMO, archive_demo, need_torchserve


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    need_torchserve()
    return archive_demo(tmp_path_factory.mktemp("archive") / "tin-motion.mar")


@pytest.fixture(scope="module")
def backend(archive):
    with contextlib.closing(ArchiveBackend(archive)) as backend:
        yield backend


@pytest.fixture(scope="module")
def clips():
    return np.random.default_rng(0).integers(0, 256, (3, 8, 96, 96, 3), np.uint8)


def test_a_request_of_several_clips_gets_an_answer_for_each(backend, clips):
    [(status, answer)] = backend.answer([clips.tobytes()])
    expected = OnnxRuntimeBackend(DEMO / "model.onnx", num_threads=1, whole_batches=True).infer(clips)
    labels = Manifest.model_validate_json((DEMO / "manifest.json").read_bytes()).labels
    assert status == 200
    assert answer["labels"] == [labels[index] for index in expected.logits.argmax(1)]
    assert answer["model"]["name"] == "tin-motion"
    for name in torchserve_handler.OUTPUTS:
        np.testing.assert_array_equal(np.array(answer[name], np.float32), getattr(expected, name))


def test_bad_requests_of_a_batch_leave_the_others_alone(backend, clips):
    good = [clips[:1].tobytes(), clips[1:].tobytes()]
    answers = backend.answer([b"", good[0], good[0][:-1], good[1]])
    assert [status for status, _ in answers] == [400, 200, 400, 200]
    assert "221184" in answers[0][1]["error"]
    assert "221183" in answers[2][1]["error"]
    alone = [backend.answer([body])[0][1]["logits"] for body in good]
    assert [len(answers[index][1]["logits"]) for index in (1, 3)] == [1, 2]
    np.testing.assert_allclose(answers[1][1]["logits"], alone[0], atol=1e-5)
    np.testing.assert_allclose(answers[3][1]["logits"], alone[1], atol=1e-5)


def test_a_batch_is_one_run_of_the_graph(archive, clips, monkeypatch):
    runs, run = [], ort.InferenceSession.run

    def record(session, names, feeds):
        runs.append(len(feeds["clips"]))
        return run(session, names, feeds)

    monkeypatch.setattr(ort.InferenceSession, "run", record)
    with contextlib.closing(ArchiveBackend(archive)) as backend:
        backend.answer([clips[:1].tobytes(), b"", clips[1:].tobytes()])
        backend.answer([b""])
    assert runs == [3]


def test_the_file_stands_alone():
    tree = ast.parse(Path(torchserve_handler.__file__).read_text())
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    third_party = {"numpy", "numpy.typing", "onnxruntime"}
    assert froms | plain <= third_party | sys.stdlib_module_names
    assert len([node for node in tree.body if isinstance(node, ast.ClassDef)]) == 1
