"""Command `python -m export.reexport`, on a store that is read meanwhile, and killed at any time."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
import typer
from typer.testing import CliRunner

from export.publishing.rebuild import RebuildTask, rebuild
from export.reexport import main
from service.store.atomic import ASIDE
from service.store.model_store import ModelStore
from tests.helpers.paths import REPOSITORY


def command(store, *arguments):
    return [sys.executable, "-m", "export.reexport", "--store", str(store), *arguments]


def run(store, *arguments):
    return subprocess.run(command(store, *arguments), cwd=REPOSITORY, capture_output=True, text=True, check=False)


def run_here(*arguments):
    """Run the command in this process."""
    app = typer.Typer()
    app.command()(main)
    return CliRunner().invoke(app, list(arguments))


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
    steps = [line for line in done.stderr.splitlines() if "letters 1: onnx: " in line]
    assert len(steps) == 3
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


@pytest.mark.parametrize(("fmt", "code", "named"), [("onnx-int8", 2, "--videos"), ("tensorrt", 3, "TensorRT")])
def test_a_format_that_cannot_be_made_is_refused_before_any_is_rebuilt(store, fmt, code, named):
    if fmt == "tensorrt" and shutil.which("nvidia-smi"):
        pytest.skip("this machine may have the device")
    make_stale(store, "1")
    (store / "letters" / "2" / "checkpoint.json").write_text("{}")
    before = (store / "letters" / "1").stat().st_ino
    done = run_here("--store", str(store), "--formats", f"onnx,{fmt}")
    assert done.exit_code == code
    assert {"letters", "1:"} <= set(done.stderr.split())
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (store / "letters" / "1").stat().st_ino == before


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--store", "{store}", "--formats", "coreml"], "coreml"),
        (["--store", "{store}"], "{store}"),
        (["{store}"], "{store}"),
    ],
)
def test_a_command_that_cannot_run_is_an_error(tmp_path, arguments, named):
    done = run_here(*(word.format(store=tmp_path) for word in arguments))
    assert done.exit_code == 2
    assert named.format(store=tmp_path) in done.stderr
