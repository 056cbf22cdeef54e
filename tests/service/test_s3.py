"""Videos, results and models in buckets of a real S3 server: moto's, where it and s3fs are installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.helpers.processes import free_port
from tests.helpers.waiting import until

pytest.importorskip("moto.server", reason="moto[server] is not installed")
s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")

Environment = dict[str, str]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The environment of a client of an S3 server."""
    address = f"http://127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", port], stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(address), seconds=60)
        yield {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "TIN_STORE_CACHE": str(tmp_path_factory.mktemp("cache")),
        }
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def bucket(s3: Environment, store: Path, videos: dict[str, bytes]):
    """Holds `models`, which is the store, and two `clips`."""
    files = s3fs.S3FileSystem(key="test", secret="test", endpoint_url=s3["AWS_ENDPOINT_URL"], use_listings_cache=False)
    files.mkdir("bucket")
    for file in (path for path in store.rglob("*") if path.is_file()):
        files.pipe_file(f"bucket/models/{file.relative_to(store)}", file.read_bytes())
    for name in ("a.mp4", "b.mp4"):
        files.pipe_file(f"bucket/clips/{name}", videos["mp4"])
    return files


def test_videos_are_predicted_into_results_that_a_second_run_resumes(s3, bucket, run_cli):
    asked = ["predict", "s3://bucket/clips/a.mp4", "--out", "s3://bucket/runs/results.jsonl"]
    done = run_cli(*asked, **s3)
    assert (done.returncode, done.stderr) == (0, "s3://bucket/runs/results.jsonl: 1 of 1 videos are answered\n")
    done = run_cli("predict", "s3://bucket/clips/", *asked[2:], **s3)
    assert (done.returncode, done.stderr) == (0, "s3://bucket/runs/results.jsonl: 2 of 2 videos are answered\n")
    lines = bucket.cat_file("bucket/runs/results.jsonl").splitlines()
    assert [json.loads(line)["file"] for line in lines] == [f"s3://bucket/clips/{name}.mp4" for name in "ab"]
    assert list(Path(s3["TIN_STORE_CACHE"], "results").iterdir()) == []


@pytest.mark.parametrize("out", ["s3://nowhere/results.jsonl", "s3://bucket/clips"])
def test_an_address_that_cannot_be_written_is_one_line(s3, bucket, run_cli, out):
    done = run_cli("predict", "s3://bucket/clips/a.mp4", "--out", out, **s3)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert out in done.stderr


def test_models_are_listed_and_served(s3, bucket, run_cli, start_service, videos, monkeypatch):
    listed = run_cli("models", "--json", **s3, TIN_MODEL_STORE="s3://bucket/models")
    assert listed.returncode == 0, listed.stderr
    assert "colours" in {json.loads(line)["name"] for line in listed.stdout.splitlines()}
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    address = start_service(model_store="s3://bucket/models")
    answer = httpx.post(f"{address}/predict", content=videos["mp4"], timeout=30)
    assert (answer.status_code, answer.json()["model"]["name"]) == (200, "colours")


def _answers(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.TransportError:
        return False
