"""Faults around a request to a real server: each costs its own request only."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.helpers.http import metric, problem
from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import free_port
from tests.helpers.servers.service import SERVER_PYTHON
from tests.helpers.waiting import until

DEADLINE = 3.0
GRACE = 3.0
QUEUE = 4

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds worker processes in /proc")


@pytest.fixture
def server(request, start_server, store):
    """Two decoders and four slots; the parameter is the deadline."""
    deadline = getattr(request, "param", 60)
    return start_server(
        model_store=store,
        decoders=2,
        max_queue=QUEUE,
        deadline_seconds=deadline,
        upload_grace_seconds=GRACE,
        drain_seconds=1,
    )


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def post(server, threads, videos) -> Callable[[], Future[httpx.Response]]:
    """Sends a good video from a thread of its own."""
    return lambda: threads.submit(httpx.post, f"{server.address}/predict", content=videos["mp4"], timeout=20)


def connect(server, body: bytes, announced: int) -> socket.socket:
    """Connect a client that announces `announced` bytes and sends `body`."""
    url = httpx.URL(server.address)
    connection = socket.create_connection((url.host, url.port), timeout=10)
    connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % announced + body)
    return connection


def is_full(server) -> bool:
    """Return True if a request is refused as overloaded; the probe sends no video."""
    with connect(server, b"", 1000) as connection:
        connection.settimeout(0.3)
        try:
            return connection.recv(4096).startswith(b"HTTP/1.1 503")
        except TimeoutError:
            return False


def until_queued(server, count: int) -> None:
    """Wait until as many videos wait or are in work."""
    until(lambda: metric(server.address, "tin_queue_depth") == count)


def kill_decoders(server) -> None:
    """Kill the decoders and wait until they are gone: a video given to a dying one would be lost."""
    killed = set(server.decoders())
    server.signal_decoders(signal.SIGKILL)
    until(lambda: killed.isdisjoint(server.decoders()))


def fill(server, post) -> list[Future[httpx.Response]]:
    """Stop the decoders and fill every slot with a video."""
    server.signal_decoders(signal.SIGSTOP)
    sent = [post() for _ in range(QUEUE)]
    until(lambda: is_full(server))
    return sent


def test_a_killed_decoder_costs_its_own_request(server, post):
    sent = fill(server, post)
    os.kill(server.decoders()[0], signal.SIGKILL)
    server.signal_decoders(signal.SIGCONT)
    answers = [future.result() for future in sent]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 503]
    (lost,) = (answer for answer in answers if answer.status_code == 503)
    assert problem(lost) == (503, "decoder-ended")
    until(lambda: len(server.decoders()) == 2)


def test_decoders_killed_while_idle_cost_nothing(server, post):
    for _ in range(3):
        kill_decoders(server)
        assert post().result().status_code == 200


def test_a_decoder_that_crashes_is_the_videos_fault(server, post):
    sent = fill(server, post)
    os.kill(server.decoders()[0], signal.SIGSEGV)
    server.signal_decoders(signal.SIGCONT)
    refused = [future.result() for future in sent if future.result().status_code != 200]
    assert [problem(answer) for answer in refused] == [(422, "undecodable")]


@pytest.mark.parametrize("server", [DEADLINE], indirect=True)
def test_decoders_that_hang_cost_the_deadline_and_are_replaced(server, post):
    before = set(server.decoders())
    server.signal_decoders(signal.SIGSTOP)
    started = time.monotonic()
    answers = [future.result() for future in (post(), post())]
    assert {problem(answer) for answer in answers} == {(504, "deadline-exceeded")}
    assert DEADLINE <= time.monotonic() - started < DEADLINE + 3
    assert post().result().status_code == 200
    assert not before & set(server.decoders())


def test_overload_is_refused_at_once_and_accepted_requests_are_answered(server, post):
    sent = fill(server, post)
    refused = [httpx.post(f"{server.address}/predict", content=b"\0" * 1000) for _ in range(20)]
    assert not any(future.done() for future in sent)
    server.signal_decoders(signal.SIGCONT)
    assert {problem(answer) for answer in refused} == {(503, "overloaded")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert [future.result().status_code for future in sent] == [200] * QUEUE


def test_a_key_with_too_many_requests_is_told_so(start_server, store, threads, videos):
    server = start_server(model_store=store, decoders=1, api_keys="one,two", max_queue_per_key=1)

    def post(key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.post(f"{server.address}/predict", content=videos["mp4"], headers=headers, timeout=20)

    server.signal_decoders(signal.SIGSTOP)
    sent = threads.submit(post, "one")
    until(lambda: metric(server.address, "tin_queue_depth") == 1)
    refused, other = post("one"), threads.submit(post, "two")
    assert problem(refused) == (429, "share-exceeded")
    assert int(refused.headers["retry-after"]) >= 1
    server.signal_decoders(signal.SIGCONT)
    assert [sent.result().status_code, other.result().status_code] == [200, 200]


def test_clients_that_leave_free_their_slots(server, post, videos):
    before = set(server.decoders())
    server.signal_decoders(signal.SIGSTOP)
    video = videos["mp4"]
    connections = [connect(server, video, len(video)) for _ in range(QUEUE)]
    until(lambda: is_full(server))
    for connection in connections:
        connection.close()
    until(lambda: not is_full(server))
    assert post().result().status_code == 200
    assert not before & set(server.decoders())


def test_after_a_refusal_half_as_many_videos_wait_as_there_are_decoders(server, videos):
    server.signal_decoders(signal.SIGSTOP)
    connections = []
    for count in range(QUEUE):
        connections.append(connect(server, videos["mp4"], len(videos["mp4"])))
        until_queued(server, count + 1)
    for depth in (3, 2):  # those that came last wait
        assert is_full(server)
        connections.pop().close()
        until_queued(server, depth)
    assert not is_full(server)
    for connection in connections:
        connection.close()


def test_sigterm_lets_what_was_accepted_finish(server, post, videos):
    video = videos["mp4"]
    halfway = connect(server, video[:100], len(video))
    sent = fill(server, post)
    server.process.terminate()
    until(lambda: httpx.get(f"{server.address}/health/ready").status_code == 503)
    assert problem(httpx.get(f"{server.address}/health/ready")) == (503, "draining")
    server.signal_decoders(signal.SIGCONT)
    assert [future.result().status_code for future in sent] == [200] * QUEUE
    halfway.sendall(video[100:])
    assert halfway.recv(4096).startswith(b"HTTP/1.1 200")
    halfway.close()
    decoders = server.decoders()
    assert server.process.wait(timeout=10) in {0, -signal.SIGTERM}
    until(lambda: not any(Path(f"/proc/{decoder}").exists() for decoder in decoders))


def test_half_open_uploads_take_no_work_from_others(server, post):
    connections = [connect(server, b"\0" * 100, 1_000_000) for _ in range(300)]
    for _ in range(5):
        assert post().result().status_code == 200
    time.sleep(GRACE)
    for connection in connections:
        answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"slow-upload" in answer or b"slow-upload" in connection.recv(4096)
        assert connection.recv(4096) == b""
        connection.close()


@pytest.fixture
def large_form(videos) -> dict[str, bytes]:
    """A good video of 1.5 MB, large enough for frameworks to use a temporary file."""
    free_space = (1_500_000).to_bytes(4, "big") + b"free"
    return {"video": videos["mp4"] + free_space + bytes(1_500_000 - len(free_space))}


def test_a_disk_that_fills_up_stops_nothing(server, post, large_form):
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, 0))  # no file of its takes a byte more
    answer = httpx.post(f"{server.address}/predict", files=large_form, timeout=20)
    assert answer.status_code == 200, answer.text
    kill_decoders(server)
    assert [post().result().status_code for _ in range(3)] == [200] * 3
    assert problem(httpx.post(f"{server.address}/predict", content=b"no video")) == (415, "not-a-video")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_log_on_a_full_disk_stops_nothing(store, large_form):
    address = f"http://127.0.0.1:{free_port()}"
    environment = os.environ | {"TIN_MODEL_STORE": str(store), "TIN_PORT": address.rpartition(":")[2]}
    command = [SERVER_PYTHON, "-m", "service", "serve"]
    with (
        Path("/dev/full").open("wb") as full,
        subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=full, stderr=full) as process,
    ):
        until(lambda: answers(address), seconds=20)
        for _ in range(3):
            assert httpx.post(f"{address}/predict", files=large_form, timeout=20).status_code == 200
            assert httpx.post(f"{address}/predict", content=b"no video").status_code == 415
        process.terminate()


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_uploads_that_fill_the_memory_are_sent_away_until_others_have_left(start_server, store, videos):
    server = start_server(model_store=store, max_upload_bytes=1_000_000, max_upload_bytes_held=1_000_000)
    url = f"{server.address}/predict"
    assert httpx.post(url, content=videos["mp4"]).status_code == 200
    with connect(server, bytes(990_000), 1_000_000):
        until(lambda: httpx.post(url, content=bytes(20_000)).status_code == 503)
        announced, in_chunks = httpx.post(url, content=bytes(20_000)), httpx.post(url, content=iter([bytes(20_000)]))
    for refused in (announced, in_chunks):
        assert problem(refused) == (503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
    until(lambda: httpx.post(url, content=videos["mp4"]).status_code == 200)
