"""Every public method of tritonclient's HTTP clients is called, and docs/protocols.md lists what happens."""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferenceServerClientPlugin, InferInput, InferRequestedOutput
from tritonclient.http.aio import InferenceServerClient as AsyncClient
from tritonclient.utils import InferenceServerException

from tests.helpers.paths import REPOSITORY

pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore:Unclosed:ResourceWarning"
)

PAGE = REPOSITORY / "docs" / "protocols.md"


def _inputs() -> list[InferInput]:
    tensor = InferInput("clips", [2, 8, 32, 32, 3], "UINT8")
    return [tensor.set_data_from_numpy(np.zeros((2, 8, 32, 32, 3), np.uint8))]


ANSWERED: dict[str, Callable[[Any], Any]] = {
    "is_server_live": lambda client: client.is_server_live(),
    "is_server_ready": lambda client: client.is_server_ready(),
    "is_model_ready": lambda client: client.is_model_ready("colours", "1"),
    "get_server_metadata": lambda client: client.get_server_metadata(),
    "get_model_metadata": lambda client: client.get_model_metadata("colours", "1"),
    "get_model_config": lambda client: client.get_model_config("colours", "1"),
    "get_model_repository_index": lambda client: client.get_model_repository_index(),
    "get_inference_statistics": lambda client: client.get_inference_statistics(),
    "infer": lambda client: client.infer(
        "colours", _inputs(), outputs=[InferRequestedOutput("logits", class_count=2)], model_version="1"
    ),
    "async_infer": lambda client: client.async_infer("colours", _inputs()).get_result(),
}
"""Calls that are answered, by method."""

REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "load_model": (lambda client: client.load_model("colours"), "files of the model store"),
    "unload_model": (lambda client: client.unload_model("colours"), "files of the model store"),
    "get_system_shared_memory_status": (lambda client: client.get_system_shared_memory_status(), "shared memory"),
    "register_system_shared_memory": (
        lambda client: client.register_system_shared_memory("region", "/key", 8),
        "shared memory",
    ),
    "unregister_system_shared_memory": (
        lambda client: client.unregister_system_shared_memory("region"),
        "shared memory",
    ),
    "get_cuda_shared_memory_status": (lambda client: client.get_cuda_shared_memory_status("region"), "shared memory"),
    "register_cuda_shared_memory": (
        lambda client: client.register_cuda_shared_memory("region", b"aGFuZGxl", 0, 8),
        "shared memory",
    ),
    "unregister_cuda_shared_memory": (lambda client: client.unregister_cuda_shared_memory(), "shared memory"),
    "get_trace_settings": (lambda client: client.get_trace_settings("colours"), "trace settings"),
    "update_trace_settings": (lambda client: client.update_trace_settings(settings={}), "trace settings"),
    "get_log_settings": (lambda client: client.get_log_settings(), "log settings"),
    "update_log_settings": (lambda client: client.update_log_settings({}), "log settings"),
}
"""Calls that are refused, by method, and what the reason is about."""

LOCAL = {"close", "generate_request_body", "parse_response_body", "plugin", "register_plugin", "unregister_plugin"}
"""Methods that call no server."""


def _methods(kind: type[Any]) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def _call(base_url: str, kind: type[Any], call: Callable[[Any], Any]) -> Any:
    address = base_url.removeprefix("http://")
    if kind is InferenceServerClient:
        with kind(address) as client:
            return call(client)

    async def asked() -> Any:
        async with AsyncClient(address) as client:
            return await call(client)

    try:
        return asyncio.run(asked())
    finally:
        gc.collect()  # the client leaves responses unread, and their connections warn when they are collected


CLIENTS = pytest.mark.parametrize("kind", [InferenceServerClient, AsyncClient], ids=["sync", "asyncio"])


@CLIENTS
def test_every_method_is_called(kind: type[Any]) -> None:
    assert _methods(kind) <= {*ANSWERED, *REFUSED, *LOCAL}


def test_every_method_is_on_the_page() -> None:
    table = PAGE.read_text().partition("## Calls of Triton's client")[2].partition("\n## ")[0]
    listed = [name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(_methods(InferenceServerClient))
    refused = {
        name
        for row in re.findall(r"^\| (`.*?) \| refused", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert refused == set(REFUSED)


@CLIENTS
@pytest.mark.parametrize("method", ANSWERED)
def test_it_is_answered(base_url: str, kind: type[Any], method: str) -> None:
    if method not in _methods(kind):
        pytest.skip("the asyncio client awaits infer instead")
    answer = _call(base_url, kind, ANSWERED[method])
    assert answer


@pytest.mark.parametrize("coding", [None, "gzip", "deflate"])
def test_both_clients_read_the_same(base_url: str, coding: str | None) -> None:
    answers = [
        _call(base_url, kind, lambda client: client.infer("colours", _inputs(), response_compression_algorithm=coding))
        for kind in (InferenceServerClient, AsyncClient)
    ]
    for name in ("logits", "features", "offsets", "weights", "labels"):
        np.testing.assert_array_equal(*[answer.as_numpy(name) for answer in answers])


@CLIENTS
@pytest.mark.parametrize("method", REFUSED)
def test_it_is_refused_with_the_reason(base_url: str, kind: type[Any], method: str) -> None:
    call, reason = REFUSED[method]
    with pytest.raises(InferenceServerException, match=reason) as refused:
        _call(base_url, kind, call)
    assert refused.value.status() == "400"


def test_the_others_call_no_server() -> None:
    client = InferenceServerClient("localhost:1")
    body, length = client.generate_request_body(_inputs())
    assert len(body) > length
    assert client.parse_response_body(b'{"outputs": []}').get_response() == {"outputs": []}
    plugin = _Plugin()
    client.register_plugin(plugin)
    assert client.plugin() is plugin
    client.unregister_plugin()
    client.close()


class _Plugin(InferenceServerClientPlugin):  # type: ignore[misc]
    def __call__(self, request: Any) -> None:
        """Change nothing."""


@pytest.mark.parametrize(
    "path",
    ["models/colours/generate", "models/colours/versions/1/generate_stream", "cudasharedmemory/region/a/status"],
)
def test_other_addresses_of_triton_say_why_they_are_refused(client: Any, path: str) -> None:
    for method in ("GET", "POST"):
        response = client.request(method, f"/v2/{path}")
        assert response.status_code == 400
        assert list(response.json()) == ["error"]
