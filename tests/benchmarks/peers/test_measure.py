"""The benchmark with tin-serve as its only contender, which needs no package of a peer."""

import pytest

from tests.benchmarks.peers.catalogue import CONTENDERS, OURS
from tests.benchmarks.peers.figures import ANSWERED
from tests.benchmarks.peers.measure import MANY, ONE, OVERLOAD, Bench, Timing
from tests.benchmarks.peers.models import DEMO, STORE, ServedModel
from tests.benchmarks.peers.plot import plot_rates
from tests.benchmarks.peers.report import model_facts
from tests.benchmarks.peers.server import NotStarted, Server
from tests.helpers.measuring.worker import Worker
from tests.helpers.videos.clip_recipes import x264
from tests.helpers.videos.make_clip import cached_clip

TIMING = Timing(seconds=0.5, to_settle=0.1, overload=0.5)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    whole = cached_clip(x264("peers"))
    paths = {name: folder / f"{name}.mp4" for name in ("main", "damaged")}
    paths["main"].write_bytes(whole)
    paths["damaged"].write_bytes(whole[: len(whole) // 2])
    return paths


@pytest.fixture(scope="module")
def measured(videos, tmp_path_factory):
    model = ServedModel(DEMO, STORE, tmp_path_factory.mktemp("model"))
    with (
        Server(CONTENDERS[0], model) as server,
        Worker("tests.benchmarks.peers.clients") as clients,
        Worker("tests.benchmarks.decoding.least", str(STORE)) as least,
    ):
        assert server.wait_until_ready(videos["main"])
        yield Bench([server], clients, least, videos, TIMING).measure(2, lambda _: None, with_large=False)


@pytest.mark.parametrize("name", [ONE, MANY])
def test_every_load_is_answered(measured, name):
    loads = measured.rounds[name][OURS]
    assert len(loads) == 2
    for load in loads:
        assert load.fates[ANSWERED] > 0
        assert load.lost == 0
        assert load.server_ms > 0
        assert load.megabytes > 10


def test_overload_loses_nothing(measured):
    (load,) = measured.rounds[OVERLOAD][OURS]
    assert load.lost == 0
    assert sum(load.fates.values()) > 0


def test_decoding_and_inference_alone_take_less_than_an_answer(measured):
    (load, _) = measured.rounds[ONE][OURS]
    assert len(measured.least_ms) == 2
    assert all(0 < least < load.server_ms for least in measured.least_ms)


def test_a_damaged_video_is_answered(measured):
    damage = measured.damage[OURS]
    assert (damage.status, damage.has_trace, damage.is_alive) == (422, False, True)


def test_results_hold_every_load_and_are_drawn(measured):
    facts = model_facts(DEMO, measured)
    assert set(facts["loads"]) == set(facts["rates"]) == {ONE, MANY, OVERLOAD}
    assert len(facts["rates"][ONE][OURS]) == 2
    assert plot_rates({"models": {DEMO: facts}}).count("<rect") == 1


def test_a_server_that_ends_at_once_is_told(videos, tmp_path):
    model = ServedModel(DEMO, tmp_path / "no-store", tmp_path)
    with Server(CONTENDERS[0], model) as server, pytest.raises(NotStarted, match=OURS):
        server.wait_until_ready(videos["main"])
