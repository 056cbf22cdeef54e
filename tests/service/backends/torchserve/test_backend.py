"""TorchServe backend, against a real TorchServe, and a scripted one for rare failures."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.backends.base import BackendUnavailable, InferenceFailed, RemoteBackend, RuntimeDown
from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.backends.remote import watched_server
from service.backends.torchserve import token
from service.backends.torchserve.backend import TorchServeBackend
from service.backends.torchserve.token import InferenceKey
from tests.helpers.servers.scripted_server import HEALTHY, Reply, ScriptedServer
from tests.helpers.servers.torchserve import DEMO, TorchServe, need_torchserve
from tests.helpers.waiting import until

STORE = DEMO.parents[1]
ARCHIVE = DEMO / "model.mar"
CLIPS = np.random.default_rng(0).integers(0, 256, (40, 8, 96, 96, 3), np.uint8)
SHA256 = "a" * 64


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A real one, which serves the demo model."""
    need_torchserve(java=True)
    with TorchServe(tmp_path_factory.mktemp("server"), STORE / "tin-motion.mar") as server:
        server.wait_until_ready("tin-motion")
        yield server


@pytest.fixture
def open_backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., TorchServeBackend]]:
    """Opens a backend that looks often and is closed in the end."""
    opened: list[TorchServeBackend] = []

    def open_backend(*arguments: Any, **options: Any) -> TorchServeBackend:
        opened.append(TorchServeBackend(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(watched_server, "HEALTH_CHECK_SECONDS", 0.05)
    yield open_backend
    for backend in opened:
        backend.close()


@pytest.fixture
def small_archive(tmp_path: Path) -> Path:
    """An archive that holds nothing but its card: clips of 2 x 4 x 4 pixels."""
    return archive_of(tmp_path / "small.mar", clip_shape=(2, 4, 4, 3))


def archive_of(path: Path, **card: Any) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", json.dumps({"name": "tin-motion", "version": "1", "sha256": SHA256} | card))
    return path


def answering(**changes: Any) -> Callable[[str, str], Reply]:
    """Reply of the handler of `small_archive` to one clip, with changes."""
    answer = {"model": {"sha256": SHA256}, "logits": [[1.0, 2.0]], "offsets": [[[0, 0]]], "weights": [[[[1, 1]]]]}
    return lambda method, path: HEALTHY if path == "/ping" else (200, answer | changes)


def outage(backend: TorchServeBackend) -> str:
    try:
        backend.check_up()
    except RuntimeDown as reason:
        return str(reason)
    return ""


def is_up(backend: TorchServeBackend) -> bool:
    return not outage(backend)


def test_a_real_one_answers_as_onnx_runtime_does(
    server: TorchServe, open_backend: Callable[..., TorchServeBackend]
) -> None:
    backend = open_backend(ARCHIVE, server.addresses["inference"], InferenceKey(server.key_file))
    assert isinstance(backend, RemoteBackend)
    expected = OnnxRuntimeBackend(DEMO / "model.onnx").infer(CLIPS)
    found = backend.infer(CLIPS)  # 8.8 MB: more than one body may have
    for name in ("logits", "offsets", "weights"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-5, rtol=0)


def test_a_real_one_takes_many_calls_at_once(
    server: TorchServe, open_backend: Callable[..., TorchServeBackend]
) -> None:
    backend = open_backend(ARCHIVE, server.addresses["inference"], InferenceKey(server.key_file))
    one_by_one = np.concatenate([backend.infer(clip[None]).logits for clip in CLIPS[:8]])
    with ThreadPoolExecutor(8) as threads:
        at_once = list(threads.map(lambda clip: backend.infer(clip[None]).logits, CLIPS[:8]))
    np.testing.assert_allclose(np.concatenate(at_once), one_by_one, atol=1e-5, rtol=0)


def test_a_real_one_renews_the_key_and_takes_the_new_one(
    server: TorchServe, open_backend: Callable[..., TorchServeBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = InferenceKey(server.key_file, server.addresses["management"])
    before = key.current()
    monkeypatch.setattr(token, "RENEWING_SECONDS", 7200)
    backend = open_backend(ARCHIVE, server.addresses["inference"], key)
    until(lambda: key.current() != before)
    monkeypatch.undo()
    refused = httpx.get(f"{server.addresses['inference']}/ping", headers={"Authorization": f"Bearer {before}"})
    assert refused.json()["type"] == "InvalidKeyException"
    assert backend.infer(CLIPS[:1]).logits.shape == (1, 16)


def test_a_key_that_a_real_one_refuses(
    server: TorchServe, open_backend: Callable[..., TorchServeBackend], tmp_path: Path
) -> None:
    stale = tmp_path / "key_file.json"
    stale.write_text('{"inference": {"key": "stale"}, "API": {"key": "stale"}}')
    for key, reason in [(InferenceKey(stale), "key_file.json"), (None, "key")]:
        backend = open_backend(ARCHIVE, server.addresses["inference"], key)
        with pytest.raises(RuntimeDown, match=reason):
            backend.infer(CLIPS[:1])


def test_a_real_one_that_runs_another_graph_is_refused(
    server: TorchServe, open_backend: Callable[..., TorchServeBackend], tmp_path: Path
) -> None:
    for version, reason in [("1", f"runs another tin-motion 1 .* not {SHA256}"), ("2", "version: 2 does not exist")]:
        other = archive_of(tmp_path / "other.mar", version=version, clip_shape=CLIPS.shape[1:])
        backend = open_backend(other, server.addresses["inference"], InferenceKey(server.key_file))
        with pytest.raises(RuntimeDown, match=reason):
            backend.infer(CLIPS[:1])


def test_one_that_is_started_later_is_found(
    open_backend: Callable[..., TorchServeBackend], small_archive: Path
) -> None:
    with ScriptedServer() as gone:
        pass
    backend = open_backend(small_archive, gone.url)
    with pytest.raises(RuntimeDown, match="ConnectError"):
        backend.infer(np.zeros((1, 2, 4, 4, 3), np.uint8))
    with ScriptedServer(answering(), gone.port):
        until(lambda: is_up(backend))
        np.testing.assert_array_equal(backend.infer(np.zeros((1, 2, 4, 4, 3), np.uint8)).logits, [[1, 2]])
    until(lambda: not is_up(backend))


def test_it_is_up_only_when_a_clip_comes_through(
    open_backend: Callable[..., TorchServeBackend], small_archive: Path
) -> None:
    with ScriptedServer(answering(model={"sha256": "b" * 64})) as server:
        backend = open_backend(small_archive, server.url)
        until(lambda: len(server.calls) > 5)
        with pytest.raises(RuntimeDown, match="runs another tin-motion 1"):
            backend.check_up()
        server.reply = lambda method, path: HEALTHY if path == "/ping" else (500, {"message": "Worker died."})
        until(lambda: len(server.calls) > 10)
        with pytest.raises(RuntimeDown, match="Worker died"):
            backend.check_up()
        server.reply = answering()
        until(lambda: is_up(backend))


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ({"logits": [[1, 2], [3, 4]]}, InferenceFailed, "2 answers for 1 clips"),
        ({"logits": "no"}, RuntimeDown, "tin-motion 1"),
        ({"model": None}, RuntimeDown, "tin-motion 1"),
        ({"model": {"sha256": "b" * 64}}, RuntimeDown, "runs another"),
    ],
)
def test_an_answer_of_something_else_is_never_taken(
    open_backend: Callable[..., TorchServeBackend],
    small_archive: Path,
    answer: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with ScriptedServer(answering()) as server:
        backend = open_backend(small_archive, server.url)
        server.reply = answering(**answer)
        with pytest.raises(error, match=message):
            backend.infer(np.zeros((1, 2, 4, 4, 3), np.uint8))


def test_a_failure_of_one_call_does_not_stop_the_others(
    open_backend: Callable[..., TorchServeBackend], small_archive: Path
) -> None:
    with ScriptedServer(answering()) as server:
        backend = open_backend(small_archive, server.url)
        server.reply = lambda method, path: HEALTHY if path == "/ping" else (500, {})
        for _ in range(5):
            with pytest.raises(InferenceFailed):
                backend.infer(np.zeros((1, 2, 4, 4, 3), np.uint8))
        assert is_up(backend)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_what_is_no_archive_of_ours_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.mar"
    path.write_bytes(content)
    with pytest.raises(BackendUnavailable, match=r"model\.mar .* model\.json"):
        TorchServeBackend(path, "http://127.0.0.1:1")
