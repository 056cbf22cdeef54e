"""The service on a cluster of Ray's: nodes that come, and go under load; all of them are on this machine."""

from __future__ import annotations

import json
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from tests.helpers.processes import free_port
from tests.helpers.servers.ray_cluster import (
    Replica,
    node_options,
    raylet_of,
    replicas,
    require_ray,
    running_cluster,
)
from tests.helpers.videos.clip_recipes import x264
from tests.helpers.videos.make_clip import make_clip
from tests.helpers.waiting import until

require_ray()

import ray  # noqa: E402
from ray import serve  # noqa: E402

from service.config.settings import Settings  # noqa: E402
from service.deployment.ray_serve import app, max_decoders_per_node, open_in_replica  # noqa: E402
from service.models.registry import Registry  # noqa: E402
from service.store.version_control import pin  # noqa: E402
from service.teaching.errors import BadTeachFolder  # noqa: E402
from tests.benchmarks.bench_cluster import compare, deployed  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, and what it leaves to the end of the process

CLIENTS = 4
WORKER_CORES = 5

DEADLINE_SECONDS = 300
"""Of an answer, long, as the machine that loses a node here is the one that starts its replicas elsewhere."""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def cluster(port) -> Iterator[Any]:
    """A head node, which has room for the ingress only, and a worker, to which everything else has to go."""
    with running_cluster(head_cores=0, port=port) as cluster:
        cluster.first_worker = cluster.add_node(num_cpus=WORKER_CORES, **node_options())
        yield cluster


@pytest.fixture(scope="module")
def service(cluster, store, port) -> Iterator[httpx.Client]:
    """The whole service in the cluster."""
    deploy(store)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_SECONDS + 10) as client:
        yield client


def deploy(store: Path, **settings: object) -> None:
    """Again, with other settings, it is a rolling update."""
    serve.run(
        app({"model_store": str(store), "deadline_seconds": DEADLINE_SECONDS, "max_queue": 16} | settings), name="tin"
    )


def without_times(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "timing_ms"}


def test_answers_are_those_of_the_single_process(service, client, videos):
    for query in ("", "?model=colours&version=1&top_k=2", "?stability=true&features=true", "?explain=true"):
        ours, single = (each.post(f"/predict{query}", content=videos["mp4"]) for each in (service, client))
        assert (ours.status_code, single.status_code) == (200, 200)
        assert without_times(ours.json()) == without_times(single.json())


def test_timelines_are_decoded_by_decoder_replicas(service, client, cluster, film):
    with ThreadPoolExecutor(1) as thread:
        answering = thread.submit(timeline_of, service, film)
        (busy,) = until(decoding_timelines, DEADLINE_SECONDS)
        idle = [replica for replica in replicas() if replica.deployment == "ingress"]
        rows = answering.result()
    assert (busy.deployment, busy.raylet) == ("decoders", raylet_of(cluster.first_worker))
    assert [replica.num_workers for replica in idle] == [0]
    assert rows == timeline_of(client, film)


def test_errors_are_those_of_the_single_process(service, client, videos, not_videos):
    asked = [("/predict", body) for body in not_videos.values()]
    asked += [(f"/predict?{query}", videos["mp4"]) for query in ("top_k=0", "model=none", "model=broken")]
    asked += [("/timeline", body) for body in not_videos.values()]
    for path, body in asked:
        ours, single = (each.post(path, content=body, headers={"X-Request-ID": "same"}) for each in (service, client))
        assert ours.status_code == single.status_code
        assert ours.json() == single.json()


def test_models_and_readiness_are_those_of_the_single_process(service, client):
    listed = [dict(each.get("/models").json(), max_upload_bytes=None) for each in (service, client)]
    assert listed[0] == listed[1]
    assert service.get("/health/ready").json() == {"status": "ready"}


@pytest.mark.parametrize(("given", "threads"), [(0, 2), (3, 3)])
def test_a_replica_infers_on_the_cores_that_it_was_given(cluster, store, given, threads):
    @ray.remote(num_cpus=2)
    def threads_of_replica() -> int:
        with mock.patch.object(Registry, "open") as opened:
            open_in_replica(Settings(model_store=store, onnx_threads=given))
        return int(opened.call_args.args[0].onnx_threads)

    assert ray.get(threads_of_replica.remote()) == threads


def test_decoders_leave_a_core_of_each_node_to_the_models(cluster, store):
    assert max_decoders_per_node() == WORKER_CORES - 1
    decoders = app({"model_store": str(store)})._bound_deployment.init_args[0]._bound_deployment
    assert decoders._replica_config.max_replicas_per_node == WORKER_CORES - 1


def test_a_second_replica_serves_nearly_twice_as_much(cluster):
    with deployed(1) as one, deployed(2) as two:
        ratios = compare(one, two, rounds=3)
    assert statistics.median(ratios) >= 1.5


def test_a_rolling_update_loses_no_request(service, store, videos):
    ask, new_limit = asker(service, videos["mp4"]), 9_000_000
    with ThreadPoolExecutor(CLIENTS) as threads:
        updating = threads.submit(deploy, store, max_upload_bytes=new_limit)
        statuses = [ask()]
        while not updating.done():
            statuses += threads.map(lambda _: ask(), range(CLIENTS))
        updating.result()
    assert set(statuses) == {200}
    assert service.get("/models").json()["max_upload_bytes"] == new_limit


def test_a_policy_takes_effect_with_a_rolling_update(service, store, videos, tmp_path):
    pinned = shutil.copytree(store, tmp_path / "store")
    pin(pinned, "colours", "1")
    deploy(pinned)
    answer = service.post("/predict?model=colours", content=videos["mp4"]).json()
    rows = {row["version"]: row for row in service.get("/models").json()["models"] if row["name"] == "colours"}
    deploy(store)
    assert answer["model"]["version"] == "1"
    assert [(row["policy"], row["is_default"]) for row in rows.values()] == [("pinned 1", True), ("pinned 1", False)]
    assert service.post("/predict?model=colours", content=videos["mp4"]).json()["model"]["version"] == "2"


def test_an_update_waits_for_answers_until_their_deadline(store):
    ingress = app({"model_store": str(store), "deadline_seconds": DEADLINE_SECONDS})._bound_deployment
    assert ingress._deployment_config.graceful_shutdown_timeout_s > DEADLINE_SECONDS


def test_no_accepted_request_is_lost_with_its_node(service, client, cluster, videos, film):
    ask = asker(service, videos["mp4"])
    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        second_worker = cluster.add_node(num_cpus=WORKER_CORES, **node_options())
        timeline = threads.submit(timeline_of, service, film)
        until(decoding_timelines, DEADLINE_SECONDS)
        under_way = [threads.submit(ask) for _ in range(40)]
        wait_for_some(under_way)
        cluster.remove_node(cluster.first_worker, allow_graceful=False)
        assert not timeline.done()
        statuses = [answer.result() for answer in under_way]
        rows = timeline.result()
        later = list(threads.map(lambda _: ask(), range(40)))
    workers = {each.raylet for each in replicas() if each.deployment != "ingress"}
    assert statuses == later == [200] * 40
    assert rows == timeline_of(client, film)
    assert workers == {raylet_of(second_worker)}


@pytest.fixture(scope="module")
def film() -> bytes:
    """Forty seconds, which make hundreds of windows."""
    return make_clip(x264("film", frames=40 * 25, gop=50))


def timeline_of(service: httpx.Client, film: bytes) -> list[dict[str, Any]]:
    """The rows of the answer, without the times that they took."""
    answer = service.post("/timeline", content=film, params={"window_seconds": 2, "step_seconds": 0.125})
    assert answer.status_code == 200, answer.text
    return [without_times(json.loads(row)) for row in answer.text.splitlines()]


def decoding_timelines() -> list[Replica]:
    """Replicas with more workers than the one that decodes videos."""
    return [replica for replica in replicas() if replica.num_workers > 1]


def asker(service: httpx.Client, video: bytes) -> Callable[[], int]:
    return lambda: service.post("/predict", content=video).status_code


def wait_for_some(answers: list[Future[int]]) -> None:
    while not any(answer.done() for answer in answers):
        time.sleep(0.005)


def test_teaching_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTeachFolder, match="not on Ray"):
        app({"teach": True, "teach_folder": tmp_path})
