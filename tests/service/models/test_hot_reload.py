"""Hot reload: changes in the store take effect in a running server and cost no request."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import onnx
import pytest

from service.config.settings import Settings
from service.models.hot_reload import live_registry
from service.models.registry import Registry
from service.store import version_control
from service.store.atomic import replace_folder
from service.store.model_store import sha256_of
from service.store.policy import LATEST, ServingPolicy
from tests.helpers.waiting import until

Publish = Callable[..., Path]
POLL_SECONDS = 0.1
NUM_CLIENTS = 4


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, publish: Publish) -> Path:
    """A store of one model, which all tests add theirs to."""
    root = tmp_path_factory.mktemp("live") / "store"
    publish(root, "colours", "1")
    return root


@pytest.fixture(scope="module")
def server(root: Path, start_service: Callable[..., str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=start_service(model_store=root, store_poll_seconds=POLL_SECONDS), timeout=20) as client:
        yield client


@pytest.fixture
def put(root: Path, publish: Publish, tmp_path: Path) -> Callable[..., str]:
    """Puts a version in its place as `export` does, in one step, and returns the digest of its graph.

    `trained_by` makes the graph another.
    """

    def put(name: str, version: str, trained_by: str = "nobody", *, corrupt: bool = False, store: Path = root) -> str:
        aside = tmp_path / trained_by
        model = onnx.load(publish(aside / "plain", name, version) / "model.onnx")
        model.producer_name = trained_by
        folder = publish(aside, name, version, graph=model.SerializeToString())
        digest = f"sha256:{sha256_of(folder / 'model.onnx')}"
        if corrupt:
            (folder / "model.onnx").write_bytes(b"damaged")
        (store / name).mkdir(exist_ok=True)
        replace_folder(folder, store / name / version, old=aside / "old")
        shutil.rmtree(aside)
        return digest

    return put


def _status(client: httpx.Client, name: str, version: str) -> dict[str, Any] | None:
    models = client.get("/models").json()["models"]
    return next((row for row in models if (row["name"], row["version"]) == (name, version)), None)


def _is_ready(client: httpx.Client, name: str, version: str) -> bool:
    status = _status(client, name, version)
    return status is not None and status["status"] == "ready"


def _ready(client: httpx.Client, name: str, version: str) -> dict[str, Any]:
    status = _status(client, name, version)
    assert status is not None
    assert status["status"] == "ready"
    return status


def _answered_by(client: httpx.Client, video: bytes, name: str) -> dict[str, Any]:
    response = client.post("/predict", params={"model": name}, content=video)
    assert response.status_code == 200, response.text
    model: dict[str, Any] = response.json()["model"]
    return model


@contextmanager
def _load_on(client: httpx.Client, video: bytes, name: str) -> Iterator[list[httpx.Response]]:
    """Four clients that post all the time; yields what they are answered, each with the time at which it was sent."""
    answers: list[httpx.Response] = []
    ended = threading.Event()

    def post() -> None:
        with httpx.Client(base_url=client.base_url, timeout=20) as own:
            while not ended.is_set():
                sent = time.monotonic()
                answer = own.post("/predict", params={"model": name}, content=video)
                answer.extensions["sent"] = sent
                answers.append(answer)

    threads = [threading.Thread(target=post) for _ in range(NUM_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _until_answered_by(answers: list[httpx.Response], version: str, digest: str) -> None:
    def has_taken_over() -> bool:
        model = answers[-1].json()["model"] if answers else {}
        return (model.get("version"), model.get("digest")) == (version, digest)

    until(has_taken_over)


def test_swaps_under_load_lose_no_request(
    server: httpx.Client, put: Callable[..., str], root: Path, videos: dict[str, bytes]
) -> None:
    put("swapped", "1", "first")
    until(lambda: _is_ready(server, "swapped", "1"))
    with _load_on(server, videos["short.mp4"], "swapped") as answers:
        for number in range(5):
            first = put("swapped", "1", f"again {number}")
            _until_answered_by(answers, "1", first)
        second = put("swapped", "2")
        _until_answered_by(answers, "2", second)
        shutil.rmtree(root / "swapped" / "2")
        _until_answered_by(answers, "1", first)
    assert {answer.status_code for answer in answers} == {200}


def _answers_from_now_on(answers: list[httpx.Response]) -> set[tuple[int, str]]:
    """Statuses and versions of answers to requests that have not been sent yet."""
    now = time.monotonic()

    def sent_since() -> list[httpx.Response]:
        return [answer for answer in answers if answer.extensions["sent"] > now]

    until(lambda: len(sent_since()) > 2 * NUM_CLIENTS)
    return {(answer.status_code, answer.json()["model"]["version"]) for answer in sent_since()}


def test_policies_and_removals_under_load_lose_no_request(
    server: httpx.Client,
    put: Callable[..., str],
    run_cli: Callable[..., subprocess.CompletedProcess[str]],
    root: Path,
    videos: dict[str, bytes],
) -> None:
    digests = {version: put("ruled", version, f"trained {version}") for version in ("1", "2", "3")}
    until(lambda: _is_ready(server, "ruled", "3"))
    changes: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: run_cli("models", "pin", "ruled", "2", "--store", str(root)).check_returncode(), "2"),
        (lambda: version_control.pin(root, "ruled", "1"), "1"),
        (lambda: version_control.serve(root, "ruled", ServingPolicy(serve=("1", "2"))), "2"),
        (lambda: version_control.serve(root, "ruled", LATEST), "3"),
        (lambda: version_control.remove(root, "ruled", "3"), "2"),
        (lambda: version_control.pin(root, "ruled", "1"), "1"),
        (lambda: version_control.remove(root, "ruled", "1", force=True), "2"),
    )
    with _load_on(server, videos["short.mp4"], "ruled") as answers:
        for change, version in changes:
            change()
            _until_answered_by(answers, version, digests[version])
            assert _answers_from_now_on(answers) == {(200, version)}
    assert {answer.status_code for answer in answers} == {200}


def test_a_policy_is_shown_with_what_answers(server: httpx.Client, put: Callable[..., str], root: Path) -> None:
    def shown() -> list[tuple[str, str, str, bool]]:
        rows = [row for row in server.get("/models").json()["models"] if row["name"] == "shown"]
        return [(row["version"], row["status"], row["policy"], row["is_default"]) for row in rows]

    for version in ("1", "2"):
        put("shown", version)
    until(lambda: shown() == [("1", "ready", "latest", False), ("2", "ready", "latest", True)])
    version_control.pin(root, "shown", "1")
    until(lambda: shown() == [("1", "ready", "pinned 1", True), ("2", "ready", "pinned 1", False)])
    assert server.get("/v2/models/shown").json()["versions"] == ["1", "2"]
    version_control.serve(root, "shown", ServingPolicy(serve=("2",)))
    until(lambda: shown() == [("1", "unloaded", "2", False), ("2", "ready", "2", True)])
    assert server.get("/v2/models/shown").json()["versions"] == ["2"]
    (root / "shown" / "policy.json").write_text("damaged")
    until(lambda: (_status(server, "shown", "2") or {})["policy_refused"])
    assert shown() == [("1", "unloaded", "2", False), ("2", "ready", "2", True)]


def test_a_corrupt_new_version_is_shown_and_the_old_one_goes_on(
    server: httpx.Client, put: Callable[..., str], videos: dict[str, bytes]
) -> None:
    put("damaged", "1")
    until(lambda: _is_ready(server, "damaged", "1"))
    put("damaged", "2", corrupt=True)
    status = until(lambda: _status(server, "damaged", "2"))
    assert status["status"] == "refused"
    assert "damaged/2/model.onnx is not the file that was published" in status["reason"]
    assert _answered_by(server, videos["short.mp4"], "damaged")["version"] == "1"


def test_corrupt_files_in_place_are_shown_until_good_ones_come(
    server: httpx.Client, put: Callable[..., str], videos: dict[str, bytes]
) -> None:
    first = put("exchanged", "1", "first")
    until(lambda: _is_ready(server, "exchanged", "1"))
    put("exchanged", "1", "second", corrupt=True)
    reason = until(lambda: _ready(server, "exchanged", "1")["reason"])
    assert "exchanged/1/model.onnx is not the file that was published" in reason
    assert _answered_by(server, videos["short.mp4"], "exchanged")["digest"] == first
    third = put("exchanged", "1", "third")
    until(lambda: _ready(server, "exchanged", "1")["digest"] == third)
    assert _answered_by(server, videos["short.mp4"], "exchanged")["digest"] == third
    assert _ready(server, "exchanged", "1")["reason"] is None


def test_a_version_that_is_removed_is_served_no_more(
    server: httpx.Client, put: Callable[..., str], root: Path, videos: dict[str, bytes]
) -> None:
    for version in ("1", "2"):
        put("removed", version)
    until(lambda: _is_ready(server, "removed", "2"))
    shutil.rmtree(root / "removed" / "2")
    until(lambda: _status(server, "removed", "2") is None)
    assert _answered_by(server, videos["short.mp4"], "removed")["version"] == "1"
    asked = server.post("/predict", params={"model": "removed", "version": "2"}, content=videos["short.mp4"])
    assert asked.status_code == 404


def test_a_version_that_is_copied_file_by_file_is_served_once_it_is_whole(
    server: httpx.Client, root: Path, publish: Publish, tmp_path: Path
) -> None:
    folder, target = publish(tmp_path, "copied", "1"), root / "copied" / "1"
    target.mkdir(parents=True)
    shutil.copy(folder / "manifest.json", target)
    assert "model.onnx cannot be read" in until(lambda: _status(server, "copied", "1"))["reason"]
    shutil.copy(folder / "model.onnx", target)
    assert until(lambda: _is_ready(server, "copied", "1"))


def _versions_after(settings: Settings, change: Callable[[], None], seconds: float) -> list[str]:
    async def run() -> list[str]:
        async with live_registry(settings) as registry:
            change()
            await asyncio.sleep(seconds)
            return [version.version for version in registry.all()]

    return asyncio.run(run())


def test_every_change_is_logged(
    tmp_path: Path, publish: Publish, put: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    store = tmp_path / "store"
    for version in ("1", "2"):
        publish(store, "colours", version)

    def change() -> None:
        put("colours", "1", "worse", corrupt=True, store=store)
        shutil.rmtree(store / "colours" / "2")
        put("colours", "3", corrupt=True, store=store)
        put("colours", "4", store=store)

    with caplog.at_level("INFO", logger="service"):
        assert _versions_after(Settings(model_store=store, store_poll_seconds=0.05), change, 1) == ["1", "3", "4"]
    logged = [(record.levelname, record.getMessage().split()[2]) for record in caplog.records]
    assert logged == [("INFO", "1"), ("INFO", "2"), ("WARNING", "1"), ("WARNING", "3"), ("INFO", "4"), ("INFO", "2")]


def test_a_store_that_is_gone_leaves_what_is_loaded(tmp_path: Path, publish: Publish) -> None:
    store = tmp_path / "store"
    publish(store, "colours", "1")
    settings = Settings(model_store=store, store_poll_seconds=0.05)
    assert _versions_after(settings, lambda: shutil.rmtree(store), 0.5) == ["1"]
    assert Registry.open(settings).all() == []


def test_zero_seconds_is_never(tmp_path: Path, publish: Publish) -> None:
    publish(tmp_path, "colours", "1")
    settings = Settings(model_store=tmp_path, store_poll_seconds=0)
    assert _versions_after(settings, lambda: shutil.rmtree(tmp_path / "colours"), 0.5) == ["1"]
