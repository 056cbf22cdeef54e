"""OIP backend against a scripted server, which fails in every way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from service.backends.base import InferenceFailed, RemoteBackend, RuntimeDown, RuntimeFull
from service.backends.oip import backend as oip_backend
from service.backends.oip.backend import OipBackend
from service.backends.oip.client import OipClient
from service.backends.oip.proof import Proof
from service.backends.remote import watched_server
from tests.helpers.servers.scripted_oip import ScriptedModel, binary_answer
from tests.helpers.servers.scripted_server import Raw, Reply, ScriptedServer
from tests.helpers.waiting import until

CLIP = np.zeros((1, 8, 32, 32, 3), np.uint8)

Open = Callable[[str], OipBackend]


@pytest.fixture
def open_backend(monkeypatch: pytest.MonkeyPatch, proof: Proof) -> Iterator[Open]:
    """Opens a backend that looks often and is closed in the end."""
    opened: list[OipBackend] = []

    def open_backend(url: str) -> OipBackend:
        opened.append(OipBackend(OipClient(url, "colours", "1", key="", read_seconds=0.5), proof))
        return opened[-1]

    monkeypatch.setattr(watched_server, "HEALTH_CHECK_SECONDS", 0.05)
    yield open_backend
    for backend in opened:
        backend.close()


def is_up(backend: OipBackend) -> bool:
    try:
        backend.check_up()
    except RuntimeDown:
        return False
    return True


def test_the_store_s_model_is_served(
    open_backend: Open, server: ScriptedServer, proof: Proof, model: ScriptedModel
) -> None:
    backend = open_backend(server.url)
    assert isinstance(backend, RemoteBackend)
    assert is_up(backend)
    assert backend.outputs == ("logits", "features", "offsets", "weights")
    for name, array in backend.infer(CLIP).arrays().items():
        np.testing.assert_array_equal(array, proof.expected.arrays()[name])
    assert server.num_calls(f"{model.path}/infer") == 2


def test_many_clips_go_in_calls_that_the_server_takes(
    open_backend: Open, server: ScriptedServer, model: ScriptedModel
) -> None:
    model.replies["config"] = (200, {"max_batch_size": 1})
    backend = open_backend(server.url)
    assert backend.infer(np.concatenate([CLIP] * 3)).logits.shape == (3, 6)
    assert server.num_calls(f"{model.path}/infer") == 1 + 3


def test_calls_go_out_at_once(open_backend: Open, server: ScriptedServer) -> None:
    backend = open_backend(server.url)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: backend.infer(CLIP).logits, range(16)))
    assert {each.shape for each in found} == {(1, 6)}


def other_outputs(model: ScriptedModel, kind: str) -> Reply:
    logits = model.outputs()["logits"]
    changes = {
        "other logits": {"logits": logits + 1},
        "no numbers": {"logits": logits * np.float32(np.nan)},
        "wrong shape": {"logits": logits[:, :5]},
        "wrong dtype": {"logits": logits.astype(np.float64)},
        "two clips": {name: np.concatenate([array] * 2) for name, array in model.outputs().items()},
    }
    return binary_answer(model.outputs(**changes[kind]))


def failures(model: ScriptedModel) -> dict[str, dict[str, Reply]]:
    """Replies of a server that does not run the model, by kind."""
    kinds = ("other logits", "no numbers", "wrong shape", "wrong dtype", "two clips")
    other = model.metadata() | {"outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 6]}]}
    return {
        **{kind: {"infer": other_outputs(model, kind)} for kind in kinds},
        "cut": {"infer": binary_answer(model.outputs(), sent=100)},
        "garbage": {"infer": Raw(b"garbage")},
        "fails": {"infer": (500, {"error": "out of memory"})},
        "hangs": {"infer": "hang"},
        "wants a key": {"infer": (401, {})},
        "other metadata": {"": (200, other)},
        "no metadata": {"": Raw(b"garbage")},
        "model missing": {"ready": (404, {}), "": (404, {}), "infer": (404, {})},
        "not ready": {"ready": (503, {})},
        "breaks": {"ready": "break"},
    }


KINDS = [
    *("other logits", "no numbers", "wrong shape", "wrong dtype", "two clips", "cut", "garbage", "fails", "hangs"),
    *("wants a key", "other metadata", "no metadata", "model missing", "not ready", "breaks"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_is_down_until_it_runs_the_model(
    open_backend: Open, server: ScriptedServer, model: ScriptedModel, kind: str
) -> None:
    model.replies = failures(model)[kind]
    backend = open_backend(server.url)
    with pytest.raises(RuntimeDown, match="server"):
        backend.check_up()
    with pytest.raises(RuntimeDown) as caught:
        backend.infer(CLIP)
    assert caught.value.retry_after >= 1
    model.replies = {}
    until(lambda: is_up(backend))
    assert backend.infer(CLIP).logits.shape == (1, 6)


@pytest.mark.parametrize("kind", ["wrong shape", "wrong dtype", "two clips", "garbage", "wants a key", "model missing"])
def test_an_answer_of_something_else_is_never_taken(
    open_backend: Open, server: ScriptedServer, model: ScriptedModel, kind: str
) -> None:
    backend = open_backend(server.url)
    model.replies = failures(model)[kind]
    with pytest.raises(RuntimeDown):
        backend.infer(CLIP)
    assert not is_up(backend)


@pytest.mark.parametrize(
    ("reply", "error"), [((500, {}), InferenceFailed), ((400, {}), InferenceFailed), ((503, {}), RuntimeFull)]
)
def test_a_failure_of_one_call_does_not_stop_the_others(
    open_backend: Open, server: ScriptedServer, model: ScriptedModel, reply: Reply, error: type[Exception]
) -> None:
    backend = open_backend(server.url)
    model.replies["infer"] = reply
    for _ in range(5):
        with pytest.raises(error):
            backend.infer(CLIP)
    assert is_up(backend)


def test_a_model_that_is_exchanged_while_the_server_is_up_is_found(
    open_backend: Open, server: ScriptedServer, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oip_backend, "PROOF_SECONDS", 0.1)
    backend = open_backend(server.url)
    model.replies["infer"] = (500, {})
    calls = server.num_calls(f"{model.path}/infer")
    until(lambda: server.num_calls(f"{model.path}/infer") > calls + 2)
    assert is_up(backend)
    model.replies["infer"] = other_outputs(model, "other logits")
    until(lambda: not is_up(backend))


def test_one_that_is_started_later_is_found(open_backend: Open, model: ScriptedModel) -> None:
    with ScriptedServer() as gone:
        pass
    backend = open_backend(gone.url)
    with pytest.raises(RuntimeDown, match="ConnectError"):
        backend.infer(CLIP)
    with ScriptedServer(model.reply, gone.port):
        until(lambda: is_up(backend))
        assert backend.infer(CLIP).logits.shape == (1, 6)
    until(lambda: not is_up(backend))
