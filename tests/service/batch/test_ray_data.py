"""Batch prediction on a Ray cluster: lost nodes and interrupted runs leave each video with one result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.ray_cluster import node_options, require_ray, running_nodes
from tests.helpers.videos.linked import linked

require_ray()

from service.batch.ray_data import MAX_TASKS, num_tasks  # noqa: E402

WORKER_CORES = 2
NUM_VIDEOS = 1200


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head node without room for work, and a worker."""
    with running_nodes(head_cores=0) as cluster:
        cluster.first_worker = cluster.add_node(num_cpus=WORKER_CORES, **node_options())
        yield cluster


@pytest.fixture
def run(cluster, store, tmp_path):
    """Starts a command on the cluster; its answers go to answers.jsonl. What still runs at the end is killed."""
    started = []

    def start(*arguments: str, address: str = cluster.address, command: str = "predict") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "service", command, "--ray", "--store", str(store)),
                *("--out", str(tmp_path / "answers.jsonl")),
                *arguments,
            ],
            cwd=REPOSITORY,
            env=os.environ | {"RAY_ADDRESS": address},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


@pytest.fixture
def names(videos, tmp_path) -> list[str]:
    return linked(videos["mp4"], tmp_path / "clips", NUM_VIDEOS)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "answers.jsonl").read_text("utf-8").splitlines()]


def wait_for_some(folder: Path, process: subprocess.Popen[str]) -> None:
    out = folder / "answers.jsonl"
    while not out.exists() or not out.stat().st_size:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=300)
    return process.returncode, stdout, stderr


def files(folder: Path) -> list[str]:
    return sorted(line["file"] for line in lines(folder))


def test_answers_are_those_of_the_single_process(run, run_cli, tmp_path, videos, not_videos):
    (tmp_path / "clips").mkdir()
    for name, content in {**videos, "text.mp4": not_videos["text"]}.items():
        (tmp_path / "clips" / f"a.{name}").write_bytes(content)
    asked = [str(tmp_path / "clips"), "nowhere.mp4", "--top-k", "3", "--stability", "--features"]
    code, stdout, stderr = finished(run(*asked))
    single = run_cli("predict", "--out", str(tmp_path / "single.jsonl"), *asked)
    assert (code, stdout) == (single.returncode, single.stdout) == (1, "")
    assert told(stderr) == told(single.stderr)
    expected = [json.loads(line) for line in (tmp_path / "single.jsonl").read_text("utf-8").splitlines()]
    assert by_file(lines(tmp_path)) == by_file(expected)


def test_timelines_are_those_of_the_single_process(run, run_cli, tmp_path, videos, not_videos):
    (tmp_path / "clips").mkdir()
    for name, content in {**videos, "text.mp4": not_videos["text"]}.items():
        (tmp_path / "clips" / f"a.{name}").write_bytes(content)
    asked = [str(tmp_path / "clips"), "--window-seconds", "0.5", "--from", "0.1"]
    code, stdout, stderr = finished(run(*asked, command="timeline"))
    single = run_cli("timeline", "--out", str(tmp_path / "single.jsonl"), *asked)
    assert (code, stdout) == (single.returncode, single.stdout) == (1, ""), stderr
    expected = [json.loads(line) for line in (tmp_path / "single.jsonl").read_text("utf-8").splitlines()]
    assert by_file(lines(tmp_path)) == by_file(expected)
    assert sum("segments" in answer for answer in expected) >= 2, "those that are long enough for the part"


def told(stderr: str) -> list[str]:
    """All but how far it is, which is told to who waits long; the files of answers differ."""
    lines = stderr.replace("answers.jsonl", "single.jsonl").splitlines()
    return sorted(line for line in lines if " a second, " not in line)


def by_file(answers: list[dict[str, Any]]) -> dict[str, Any]:
    return {answer["file"]: {**answer, "timing_ms": None} for answer in answers}


def test_a_run_that_was_killed_goes_on(run, names, tmp_path):
    first = run(str(tmp_path / "clips"))
    wait_for_some(tmp_path, first)
    first.kill()
    first.communicate()
    assert 0 < (tmp_path / "answers.jsonl").read_bytes().count(b"\n") < NUM_VIDEOS
    assert finished(run(str(tmp_path / "clips")))[0] == 0
    assert files(tmp_path) == names


def test_a_node_that_is_lost_costs_no_answer(run, cluster, names, tmp_path):
    second_worker = cluster.add_node(num_cpus=WORKER_CORES, **node_options())
    process = run(str(tmp_path / "clips"))
    wait_for_some(tmp_path, process)
    cluster.remove_node(second_worker, allow_graceful=False)
    code, stdout, stderr = finished(process)
    assert (code, stdout) == (0, ""), stderr
    assert stderr.endswith(f"{tmp_path}/answers.jsonl: {NUM_VIDEOS:,} of {NUM_VIDEOS:,} videos are answered\n")
    assert files(tmp_path) == names


def test_with_gpus_decoding_and_inference_are_apart(run, cluster, names, tmp_path):
    worker = cluster.add_node(num_cpus=WORKER_CORES, num_gpus=1, **node_options())
    try:
        code, _, stderr = finished(run(str(tmp_path / "clips")))
    finally:
        cluster.remove_node(worker)
    assert code == 0, stderr
    assert files(tmp_path) == names


def test_where_no_cluster_answers_it_says_so_at_once(run, tmp_path):
    code, stdout, stderr = finished(run(str(tmp_path), address="127.0.0.1:1"))
    assert (code, stdout) == (2, "")
    assert "error: no Ray cluster answers at '127.0.0.1:1' (RAY_ADDRESS)" in stderr
    assert "Connection refused" in stderr


@pytest.mark.parametrize("num_videos", [1, 7, 1_000, 100_000, 10_000_000])
@pytest.mark.parametrize("num_cores", [0, 1, 2, 1000])
def test_tasks_are_enough_for_all_cores_and_not_too_many(num_videos, num_cores):
    tasks = num_tasks(num_videos, num_cores)
    assert 1 <= tasks <= min(num_videos, MAX_TASKS)
    assert tasks == num_videos or tasks >= min(MAX_TASKS, 8 * num_cores)
