"""TorchServe archive, served by a real TorchServe."""

import dataclasses
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from export.errors import ExportError
from service.backends.onnx_runtime import OnnxRuntimeBackend
from tests.helpers.servers.torchserve import DEMO, TorchServe, archive_demo, need_torchserve

SPEC = ClipSpec(crop=96, view=View.SQUEEZE)
RAW = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def clips():
    return np.random.default_rng(0).integers(0, 256, (6, 8, 96, 96, 3), np.uint8)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    need_torchserve(java=True)
    archive = archive_demo(tmp_path_factory.mktemp("archives") / "tin-motion.mar")
    with TorchServe(tmp_path_factory.mktemp("server"), archive) as server:
        server.wait_until_ready("tin-motion")
        yield server


@pytest.fixture
def post(server):
    """A function that posts a body to the model, by default with the token and as raw bytes."""

    def post(body, **headers):
        address = f"{server.addresses['inference']}/predictions/tin-motion"
        return httpx.post(address, content=body, headers=server.token("inference") | RAW | headers, timeout=30)

    return post


def test_a_real_torchserve_answers_with_the_same_logits(post, clips):
    bodies = [clips[:1].tobytes(), clips[1:2].tobytes(), clips[2:].tobytes()]
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(post, bodies))
    found = np.concatenate([np.array(answer.json()["logits"], np.float32) for answer in answers])
    expected = OnnxRuntimeBackend(DEMO / "model.onnx").infer(clips).logits
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_a_bad_request_fails_alone(post, clips):
    good = clips[0].tobytes()
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(post, [good, good[:-1], good, b"{}"]))
    assert [answer.status_code for answer in answers] == [200, 400, 200, 400]
    assert "221183" in answers[1].json()["error"]


def test_a_body_of_another_type_is_a_bad_request(post):
    answer = post(b"[1, 2, 3]", **{"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "application/octet-stream" in answer.json()["error"]


def test_a_call_without_a_valid_token_is_refused(post, server, clips):
    refused = post(clips[0].tobytes(), Authorization="Bearer guessed")
    assert refused.status_code == 400
    assert "Token Authorization failed" in refused.json()["message"]
    assert httpx.get(f"{server.addresses['management']}/models").status_code == 400


def test_the_same_graph_gives_the_same_bytes(tmp_path):
    need_torchserve()
    first, second = (archive_demo(tmp_path / name) for name in ("first.mar", "second.mar"))
    assert first.read_bytes() == second.read_bytes()
    assert archive_demo(tmp_path / "other.mar", version="2").read_bytes() != first.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.read("model.onnx") == (DEMO / "model.onnx").read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["a", "b"]}, "16 classes.*2 labels"),
        ({"spec": dataclasses.replace(SPEC, crop=64)}, r"\(8, 96, 96, 3\).*\(8, 64, 64, 3\)"),
    ],
)
def test_a_graph_that_does_not_fit_is_not_archived(changes, message, tmp_path):
    with pytest.raises(ExportError, match=message):
        archive_demo(tmp_path / "tin-motion.mar", **changes)
    assert list(tmp_path.iterdir()) == []


def test_the_archiver_s_refusal_is_reported(tmp_path):
    need_torchserve()
    with pytest.raises(ExportError, match=r"two words: .*filter for model name"):
        archive_demo(tmp_path / "tin-motion.mar", name="two words")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_archiver_is_an_error_that_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "model_archiver", None)
    with pytest.raises(ExportError, match=r"tin-serve\[torchserve\]"):
        archive_demo(tmp_path / "tin-motion.mar")
