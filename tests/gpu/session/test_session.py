"""`python -m tests.gpu`: steps within a time, figures as they come, and a machine without a GPU."""

import io
import json
import os
import subprocess
import sys

import pytest
import torch

from tests.gpu.session.session import LEAST_SECONDS, Session
from tests.gpu.session.step import STEPS, Step
from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import has_ended
from tests.helpers.waiting import until

BLOCKED = REPOSITORY / "tests/gpu/blocked"
without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@without_gpu
def test_without_a_gpu_each_step_goes_as_far_as_it_can(tmp_path):
    # nor has a machine with one av or pydantic, which are blocked
    command = [sys.executable, "-m", "tests.gpu", "--out", str(tmp_path), "--seconds", "600"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(BLOCKED), str(REPOSITORY)])}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for step in STEPS:
        result = json.loads((tmp_path / f"{step.name}.json").read_text())
        assert result["outcome"] == "skipped", result
        assert "no CUDA GPU" in result["reason"] or "is not installed" in result["reason"]
        assert step.shows in done.stdout
    (together,) = tmp_path.glob("gpu-*.json")
    assert list(json.loads(together.read_text())) == [step.name for step in STEPS]
    assert json.loads((tmp_path / "bandwidth.json").read_text())["figures"]["ptx_bytes"] > 1000


def made(name, seconds=60.0):
    return Step(name, seconds, "", "tests.gpu.session.made_steps")


def run(folder, *steps, seconds=100.0):
    told = io.StringIO()
    code = Session(folder, seconds, told).run(steps)
    (together,) = folder.glob("gpu-*.json")
    return code, json.loads(together.read_text()), told.getvalue()


def test_a_failed_step_hides_no_later_one(tmp_path):
    code, results, told = run(tmp_path, made("wrong"), made("crash"), made("good"))
    assert code == 1
    assert {name: result["outcome"] for name, result in results.items()} == {
        "wrong": "failed",
        "crash": "failed",
        "good": "done",
    }
    assert "no kernel image" in results["wrong"]["reason"]
    assert "3 ms" in told
    for name, result in results.items():
        assert result["figures"]["ms"] == 3
        assert json.loads((tmp_path / f"{name}.json").read_text()) == result


def test_a_step_that_is_cut_keeps_its_figures_and_its_processes_end(tmp_path):
    code, results, _ = run(tmp_path, made("slow", seconds=LEAST_SECONDS))
    assert code == 1
    assert results["slow"]["outcome"] == "cut"
    until(lambda: has_ended(results["slow"]["figures"]["child"]))


def test_no_step_starts_that_has_no_time(tmp_path):
    code, results, _ = run(tmp_path, made("good"), seconds=LEAST_SECONDS - 1)
    assert code == 0
    assert results["good"]["outcome"] == "not run"
