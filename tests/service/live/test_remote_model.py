"""Remote model: a service answers as the model in this process does, and its failures pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from service.backends.base import RuntimeDown, RuntimeFull
from service.backends.remote.server_client import ServerClient
from service.config.settings import Settings
from service.inference.timeline_plan import plan_timeline
from service.live.remote_model import ServiceBackend, open_remote_model
from service.models.open_model import open_model
from service.models.registry import NoModelReady
from service.models.versions import LoadedModel
from tests.helpers.live.live_process import LiveProcess
from tests.helpers.servers.scripted_server import Reply, ScriptedServer
from tests.helpers.stores import publish

KEY = "sésame"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`colours` with a threshold, and `crops`, which sees a video as many clips."""
    root = tmp_path_factory.mktemp("model_store")
    publish(root, "colours", "1", threshold=0.2)
    publish(root, "crops", "1", clip=ClipSpec(num_frames=8, short_side=40, crop=32, view=View.TEN, clips=2))
    return root


@pytest.fixture(scope="module")
def url(store: Path, start_service: Callable[..., str]) -> str:
    """A service that asks for a key and takes few clips at once."""
    return start_service(model_store=store, api_keys=KEY, onnx_threads=1, max_clips_per_request=3)


@pytest.fixture
def opened(url: str) -> Iterator[Callable[..., LoadedModel]]:
    """Opens models of the service, which are closed at the end."""
    models: list[LoadedModel] = []

    def open_one(**options: Any) -> LoadedModel:
        models.append(open_remote_model(url, **options))
        return models[-1]

    yield open_one
    for model in models:
        model.backend.close()


@pytest.mark.parametrize("name", ["colours", "crops"])
def test_it_answers_as_the_model_in_this_process(opened: Callable[..., LoadedModel], store: Path, name: str) -> None:
    remote, local = opened(key=KEY, name=name), open_model(Settings(model_store=store, onnx_threads=1), name)
    shape = (remote.spec.num_views, remote.spec.num_frames, remote.spec.crop, remote.spec.crop, 3)
    clips = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    with closing(local.backend):
        assert np.array_equal(remote.backend.infer(clips).logits, local.backend.infer(clips).logits)
    for field in ("labels", "spec", "temperature", "threshold", "digest"):
        assert getattr(remote, field) == getattr(local, field), field
    assert plan_timeline(remote, 1) == plan_timeline(local, 1)


def test_the_default_model_is_the_services(opened: Callable[..., LoadedModel]) -> None:
    assert (opened(key=KEY).name, opened(key=KEY).version) == ("colours", "1")


def test_a_wrong_key_is_an_answer_that_may_change(opened: Callable[..., LoadedModel]) -> None:
    model = opened(key="wrong")
    with pytest.raises(RuntimeDown, match="key"):
        model.backend.infer(np.zeros((1, 8, 32, 32, 3), np.uint8))


@pytest.mark.parametrize("options", [{"name": "none"}, {"name": "colours", "version": "7"}])
def test_a_model_that_is_not_there_is_named(opened: Callable[..., LoadedModel], options: dict[str, str]) -> None:
    with pytest.raises(NoModelReady, match=" ".join(options.values())):
        opened(key=KEY, **options)


def test_what_is_no_service_is_an_error() -> None:
    with pytest.raises(NoModelReady, match="127"):
        open_remote_model("http://127.0.0.1:1")
    with (
        ScriptedServer(lambda method, path: (200, {"a": 1})) as other,
        pytest.raises(NoModelReady, match="no tin-serve"),
    ):
        open_remote_model(other.url)


@pytest.mark.parametrize(
    ("reply", "error"), [((503, {}), RuntimeFull), ("break", RuntimeDown), ((200, {"outputs": []}), RuntimeDown)]
)
def test_a_failure_may_pass(reply: Reply, error: type[Exception]) -> None:
    with ScriptedServer(lambda method, path: reply) as server:
        backend = ServiceBackend(ServerClient("it", server.url, 5.0), "v2/models/a/versions/1", 16)
        with closing(backend), pytest.raises(error):
            backend.infer(np.zeros((1, 8, 32, 32, 3), np.uint8))


def test_live_posts_its_clips(url: str, film: Path, tmp_path: Path) -> None:
    windows = ("--window-seconds", "0.4", "--step-seconds", "0.4")
    with LiveProcess(tmp_path, film, "--url", url, "--api-key", KEY, "--model", "colours", *windows) as live:
        assert live.wait() == 0
    assert live.rows[0]["model"]["name"] == "colours"
    assert [row["label"] for row in live.of_kind("segment")] == ["Showing red", "Showing green", "Showing blue"]
