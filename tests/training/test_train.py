"""The trainer as a user starts it, in small."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training.checkpoint import load_checkpoint

ROOT = Path(__file__).parents[2]
TINY = (
    "lessons=[{epochs: 2, side: 96, difficulty: 0.0}]",
    "data.batch_size=2",
    "data.steps_per_epoch=2",
    "data.validation_clips=1",
)


def train(work_dir, *arguments, overrides=TINY):
    settings = [word for override in overrides for word in ("--set", override)]
    command = [sys.executable, "-m", "training.train", "tin_motion", "--work-dir", str(work_dir), *settings, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp("run")
    done = train(work_dir)
    assert done.returncode == 0, done.stderr
    return work_dir


def test_a_run_leaves_a_checkpoint_and_a_log(trained):
    checkpoint = load_checkpoint(trained / "checkpoint.safetensors")
    assert checkpoint.training["recipe"]["data"]["batch_size"] == 2
    assert checkpoint.training["metrics"]["epochs"] == 2
    lines = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert [line["number"] for line in lines if "loss" in line] == [0, 1, 2, 3]
    assert sum("validation_top1" in line for line in lines) == 2


def test_equal_seeds_give_equal_weights(trained, tmp_path):
    assert train(tmp_path).returncode == 0
    first, second = (load_checkpoint(folder / "checkpoint.safetensors").tensors for folder in (trained, tmp_path))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_can_go_on_from_a_checkpoint(trained, tmp_path):
    start = trained / "checkpoint.safetensors"
    assert train(tmp_path, "--start-from", str(start), "--seed", "1").returncode == 0
    further = load_checkpoint(tmp_path / "checkpoint.safetensors")
    assert further.training["started_from"] == load_checkpoint(start).training
    assert not torch.equal(further.tensors["head.weight"], load_checkpoint(start).tensors["head.weight"])


@pytest.mark.parametrize(
    ("arguments", "overrides", "said"),
    [
        ((), ("optim.muon_rl=1",), "did you mean muon_lr?"),
        (("--start-from", "gone.safetensors"), TINY, "gone.safetensors cannot be read"),
        (("--start-from",), (*TINY, "model.width=0.5"), "do not fit the model"),
    ],
)
def test_bad_input_is_one_clear_line(trained, tmp_path, arguments, overrides, said):
    if arguments == ("--start-from",):
        arguments = ("--start-from", str(trained / "checkpoint.safetensors"))
    done = train(tmp_path / "none", *arguments, overrides=overrides)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "none").exists()
