"""OIP client: errors of the server and the connection, and the number of calls."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from service.backends.base import InferenceFailed, RuntimeFull
from service.backends.oip.client import MOST_CLIPS, OipClient
from service.backends.remote.errors import NotServed, Unreachable
from tests.helpers.servers.scripted_oip import ScriptedModel, binary_answer, json_answer
from tests.helpers.servers.scripted_server import Raw, Reply, ScriptedServer

CLIP = np.zeros((1, 8, 32, 32, 3), np.uint8)
OUTPUTS = ("logits", "features", "offsets", "weights")
INFER = "/v2/models/colours/versions/1/infer"


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[OipClient]:
    client = OipClient(server.url, "colours", "1", key="secret", read_seconds=0.3)
    yield client
    client.close()


def test_arrays_come_as_bytes_and_as_json(client: OipClient, model: ScriptedModel, server: ScriptedServer) -> None:
    expected = model.outputs()
    for answer in (binary_answer(expected), json_answer(expected)):
        model.replies["infer"] = answer
        found = client.infer(CLIP, OUTPUTS)
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            assert found[name].dtype == np.float32
            np.testing.assert_array_equal(found[name], array)
    assert server.calls == [(INFER, "Bearer secret")] * 2
    assert server.num_connections == 1


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        ((503, {"error": "queue\nis full"}), RuntimeFull, "queue is full"),
        (Raw(b"", 429, {"Retry-After": "9"}), RuntimeFull, "in 9 s"),
        ((500, {"error": "out of memory"}), InferenceFailed, "500: out of memory$"),
        ((400, {"error": "unexpected shape"}), InferenceFailed, "400: unexpected shape$"),
        ((302, ""), InferenceFailed, "302"),
        ((413, ""), InferenceFailed, "size"),
        ((504, "upstream"), InferenceFailed, "504"),
        ((404, {"error": "unknown model"}), NotServed, "colours 1: unknown model$"),
        ((401, {}), NotServed, "TIN_OIP_KEY"),
        ((403, "no"), NotServed, "TIN_OIP_KEY"),
        ((502, "<html>"), Unreachable, "proxy"),
        ("hang", InferenceFailed, "ReadTimeout"),
        ("break", Unreachable, "Error"),
        (Raw(b"{}" * 500, sent=300), Unreachable, "Error"),
    ],
)
def test_a_call_that_fails_is_not_sent_again(
    server: ScriptedServer,
    client: OipClient,
    model: ScriptedModel,
    reply: Reply,
    error: type[Exception],
    message: str,
) -> None:
    model.replies["infer"] = reply
    with pytest.raises(error, match=message):
        client.infer(CLIP, OUTPUTS)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Raw(b""),
        Raw(b"garbage"),
        Raw(b"\xff\xfe{}"),
        Raw(b"[]"),
        Raw(b'{"outputs": 3}'),
        Raw(b'{"outputs": [{}]}'),
        Raw(b'{"outputs": [{"name": "logits", "datatype": "FP32", "shape": [1, 6], "data": ["a"]}]}'),
        Raw(b'{"outputs": [{"name": "logits", "datatype": "FP32", "shape": [1, 6], "data": [1]}]}'),
        Raw(b"{}", headers={"Inference-Header-Content-Length": "-5"}),
        Raw(b"{}", headers={"Inference-Header-Content-Length": "some"}),
        Raw(b"{}", headers={"Inference-Header-Content-Length": "9999999"}),
    ],
    ids=lambda answer: repr(answer.body[:20]) + str(*answer.headers.values()),
)
def test_what_is_not_of_the_protocol_is_not_served(client: OipClient, model: ScriptedModel, answer: Raw) -> None:
    model.replies["infer"] = answer
    with pytest.raises(NotServed, match="colours 1"):
        client.infer(CLIP, OUTPUTS)


def test_bytes_that_are_missing_at_the_end(client: OipClient, model: ScriptedModel) -> None:
    whole = binary_answer(model.outputs())
    model.replies["infer"] = Raw(whole.body[:-4], headers=whole.headers)
    with pytest.raises(NotServed):
        client.infer(CLIP, OUTPUTS)


def test_an_output_that_is_missing_is_left_out(client: OipClient, model: ScriptedModel) -> None:
    arrays = model.outputs()
    del arrays["features"]
    model.replies["infer"] = binary_answer(arrays)
    assert list(client.infer(CLIP, OUTPUTS)) == ["logits", "offsets", "weights"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((404, {}), NotServed),
        ((400, {"error": "unknown"}), NotServed),
        ((401, {}), NotServed),
        ((503, {}), Unreachable),
        ((500, {}), Unreachable),
        ((302, {}), Unreachable),
        ("break", Unreachable),
    ],
)
def test_a_model_that_is_not_ready(
    client: OipClient, model: ScriptedModel, reply: Reply, error: type[Exception]
) -> None:
    client.check_ready()
    model.replies.update({"ready": reply, "": reply})
    with pytest.raises(error):
        client.check_ready()
    with pytest.raises(error):
        client.metadata()


@pytest.mark.parametrize("reply", [Raw(b"garbage"), (200, {}), (200, {"inputs": [], "outputs": [{"name": 3}]})])
def test_metadata_that_is_none(client: OipClient, model: ScriptedModel, reply: Reply) -> None:
    model.replies[""] = reply
    with pytest.raises(NotServed, match="colours 1"):
        client.metadata()


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ((404, {}), MOST_CLIPS),
        ((200, {"max_batch_size": 4}), 4),
        ((200, {"max_batch_size": 0}), MOST_CLIPS),
        ((200, {"max_batch_size": 1000}), MOST_CLIPS),
        ((200, {"max_batch_size": "many"}), MOST_CLIPS),
        (Raw(b"garbage"), MOST_CLIPS),
    ],
)
def test_how_many_clips_one_call_may_hold(client: OipClient, model: ScriptedModel, reply: Reply, number: int) -> None:
    model.replies["config"] = reply
    assert client.most_clips() == number


def test_nobody_is_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = OipClient(f"http://127.0.0.1:{taken.getsockname()[1]}", "colours", "1", "", read_seconds=1)
        with pytest.raises(Unreachable, match="ConnectError"):
            client.infer(CLIP, OUTPUTS)
        client.close()
