"""Command `python -m export.reexport`, on a store that is read meanwhile, and killed at any time."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
import typer
from typer.testing import CliRunner

from export.publishing.atomic import ASIDE
from export.publishing.rebuild import RebuildTask, rebuild
from export.reexport import main
from service.store.model_store import ModelStore
from tests.helpers.paths import REPOSITORY


def command(store, *arguments):
    return [sys.executable, "-m", "export.reexport", "--store", str(store), *arguments]


def run(store, *arguments):
    return subprocess.run(command(store, *arguments), cwd=REPOSITORY, capture_output=True, text=True, check=False)


def make_stale(store, version):
    path = store / "letters" / version / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["artifacts"][0]["made_from"]["torch"] = "1.0"
    aside = path.with_suffix(".aside")
    aside.write_text(json.dumps(manifest))
    aside.replace(path)


def test_stale_artifacts_are_rebuilt_past_a_failure(store, tmp_path):
    make_stale(store, "1")
    (store / "letters" / "2" / "checkpoint.json").write_text("{}")
    report = tmp_path / "report.json"
    done = run(store, "--formats", "onnx,triton", "--jobs", "2", "--report", str(report))
    assert done.returncode == 1, done.stderr
    statuses = {(row["version"], row["format"]): row["status"] for row in json.loads(report.read_text())}
    assert statuses == {("1", "onnx"): "rebuilt", ("2", "onnx"): "failed"}
    assert "checkpoint.json" in done.stdout or "not a checkpoint" in done.stdout
    assert (store / "letters" / "config.pbtxt").exists()


def test_killed_at_any_time_it_leaves_a_valid_store_and_completes_the_next_time(store):
    """Check that a reader, which opens the store all the time, always finds it whole."""
    stop = threading.Event()
    found: list[object] = []

    def read():
        while not stop.is_set():
            try:
                found.append(ModelStore(store).open("letters", "1").manifest)
            except Exception as error:  # any error fails the test below
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
    assert [each.status for each in rebuild(RebuildTask(store, "letters", "1", ("onnx",)))] == ["fresh"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--store", "{store}", "--formats", "coreml"], "coreml"),
        (["--store", "{store}"], "{store}"),
        (["{store}"], "{store}"),
    ],
)
def test_a_command_that_cannot_run_is_an_error(tmp_path, arguments, named):
    app = typer.Typer()
    app.command()(main)
    done = CliRunner().invoke(app, [word.format(store=tmp_path) for word in arguments])
    assert done.exit_code == 2
    assert named.format(store=tmp_path) in done.stderr
