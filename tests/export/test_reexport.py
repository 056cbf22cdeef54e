"""The batch command on a store that somebody else reads at the same time, and killed at any point."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from export.formats.catalogue import ExportRequest
from export.publishing.atomic import ASIDE
from export.publishing.publish import publish
from service.store.model_store import ModelStore
from tests.helpers.paths import REPOSITORY


def command(store, *arguments):
    return [sys.executable, "-m", "export.reexport", str(store), *arguments]


def run(store, *arguments):
    return subprocess.run(command(store, *arguments), cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.fixture
def store(subject, tmp_path, quick):
    publish(subject, tmp_path / "store")
    publish(ExportRequest("letters", "2", subject.checkpoint), tmp_path / "store")
    return tmp_path / "store"


def make_stale(store, version):
    path = store / "letters" / version / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["artifacts"][0]["made_from"]["torch"] = "1.0"
    aside = path.with_suffix(".aside")
    aside.write_text(json.dumps(manifest))
    aside.replace(path)


def test_a_store_is_brought_up_to_date_past_a_failure(store, tmp_path):
    make_stale(store, "1")
    (store / "letters" / "2" / "checkpoint.json").write_text("{}")
    report = tmp_path / "report.json"
    done = run(store, "--formats", "onnx,triton", "--jobs", "2", "--report", str(report))
    assert done.returncode == 1, done.stderr
    statuses = {(row["version"], row["format"]): row["status"] for row in json.loads(report.read_text())}
    assert statuses == {("1", "onnx"): "rebuilt", ("2", "onnx"): "failed"}
    assert "checkpoint.json" in done.stdout or "not a checkpoint" in done.stdout
    assert (store / "letters" / "config.pbtxt").exists()


def test_killed_at_any_point_it_leaves_a_store_that_serves_and_ends_the_next_time(store):
    """A reader opens the store all the while; what it finds is whole every time."""
    stop = threading.Event()
    found: list[object] = []

    def read():
        while not stop.is_set():
            try:
                found.append(ModelStore(store).open("letters", "1").manifest)
            except Exception as error:  # whatever it is, the test is to tell it
                found.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    rng = random.Random(0)
    for _ in range(3):
        make_stale(store, "1")
        process = subprocess.Popen(command(store), cwd=REPOSITORY, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(rng.uniform(3, 9))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        ModelStore(store).open("letters", "1")
    done = run(store)
    stop.set()
    reader.join()
    assert done.returncode == 0, done.stdout
    assert not [each for each in found if isinstance(each, Exception)]
    assert not list(store.rglob(f"{ASIDE}*"))
    assert "rebuilt" not in run(store).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--formats", "coreml"], "there is no format 'coreml'"), ([], "there is no model in")],
)
def test_what_cannot_be_done_is_told(tmp_path, arguments, message):
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
