import json
import math
import subprocess
import sys
import time
from dataclasses import fields

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.helpers.paths import REPOSITORY
from tests.helpers.training.steps import make_step
from training.engine.loops import Step
from training.engine.run_log import RunLog

KILLED_RUN = """
import os, pathlib, signal
from tests.helpers.training.steps import make_step
from training.engine.run_log import RunLog

run_log = RunLog(pathlib.Path("."))
run_log.on_step(0, make_step(0))
run_log.on_validation(0, {"top1": 0.5})
run_log.on_step(1, make_step(1))
os.kill(os.getpid(), signal.SIGKILL)
"""


def objects_in(work_dir):
    return [json.loads(line) for line in (work_dir / "log.jsonl").read_text().splitlines()]


def curve_in(work_dir, name):
    curves = EventAccumulator(str(work_dir / "tensorboard")).Reload()
    return [(point.step, point.value) for point in curves.Scalars(name)]


def run(work_dir, steps, *, first_step=0, offset=0.0):
    """Log two steps per epoch, with the step's number plus `offset` as its loss."""
    if work_dir.joinpath("tensorboard").exists():
        time.sleep(1 - time.time() % 1)  # TensorBoard reads event files in the order of their seconds.
    with RunLog(work_dir, first_step=first_step) as run_log:
        for number in steps:
            run_log.on_step(number // 2, make_step(number, loss=number + offset))
            if number % 2:
                run_log.on_validation(number // 2, {"top1": number / 8})


def test_a_run_is_told_in_three_ways(tmp_path):
    run(tmp_path / "run", range(4))
    told = objects_in(tmp_path / "run")
    assert [(line["mode"], line["epoch"], line["step"]) for line in told] == [
        ("train", 0, 0), ("train", 0, 1), ("val", 0, 1), ("train", 1, 2), ("train", 1, 3), ("val", 1, 3),
    ]  # fmt: skip
    assert {**told[3], "loss": 2.0} == told[3]
    assert set(told[0]) == {"mode", "epoch", "step"} | {field.name for field in fields(Step)} - {"number"}
    assert curve_in(tmp_path / "run", "train/loss") == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert curve_in(tmp_path / "run", "val/top1") == [(1, 0.125), (3, 0.375)]
    text = (tmp_path / "run/train.log").read_text()
    assert "  epoch 1, step 0: loss 0, " in text
    assert "  epoch 2: top1 0.375\n" in text


def test_a_run_that_goes_on_tells_every_step_once(tmp_path):
    run(tmp_path, range(5))
    run(tmp_path, range(2, 6), first_step=2, offset=0.5)
    told = objects_in(tmp_path)
    losses = [(0, 0), (1, 1), (2, 2.5), (3, 3.5), (4, 4.5), (5, 5.5)]
    assert [(line["step"], line["loss"]) for line in told if line["mode"] == "train"] == losses
    assert [line["step"] for line in told if line["mode"] == "val"] == [1, 3, 5]
    assert curve_in(tmp_path, "train/loss") == losses
    assert [step for step, _ in curve_in(tmp_path, "val/top1")] == [1, 3, 5]


def test_a_new_run_in_an_old_folder_starts_anew(tmp_path):
    run(tmp_path, range(4))
    run(tmp_path, range(1), offset=0.5)
    assert [(line["step"], line["loss"]) for line in objects_in(tmp_path)] == [(0, 0.5)]
    assert curve_in(tmp_path, "train/loss") == [(0, 0.5)]
    assert (tmp_path / "train.log").read_text().count("step 0:") == 2


@pytest.mark.parametrize("torn", [b'{"mode": "train", "epoch": 1, "st', b'{"mode": "tr\xff', b"\0\0\0", b"7"])
def test_a_line_torn_by_a_kill_is_dropped(tmp_path, torn):
    run(tmp_path, range(2))
    whole = (tmp_path / "log.jsonl").read_bytes()
    (tmp_path / "log.jsonl").write_bytes(whole + torn)
    run(tmp_path, range(2, 3), first_step=2)
    assert (tmp_path / "log.jsonl").read_bytes().startswith(whole)
    assert [line["step"] for line in objects_in(tmp_path)] == [0, 1, 1, 2]


def test_what_was_told_survives_a_kill(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED_RUN], cwd=tmp_path, env={"PYTHONPATH": str(REPOSITORY)}, check=False
    )
    assert done.returncode == -9
    assert [line["step"] for line in objects_in(tmp_path)] == [0, 0, 1]
    assert curve_in(tmp_path, "val/top1") == [(0, 0.5)]
    assert "step 0:" in (tmp_path / "train.log").read_text()


def test_numbers_that_are_not_finite_stay_json(tmp_path):
    with RunLog(tmp_path) as run_log:
        run_log.on_step(0, make_step(0, gradient_norm=math.inf, accuracy=math.nan))
    told = json.loads((tmp_path / "log.jsonl").read_text(), parse_constant=pytest.fail)
    assert (told["gradient_norm"], told["accuracy"]) == (None, None)


def test_the_text_says_what_ended_a_run(tmp_path):
    def fail():
        with RunLog(tmp_path) as run_log:
            run_log.on_message("seed 0")
            raise RuntimeError("the loss is nan at step 3")

    with pytest.raises(RuntimeError):
        fail()
    first, last = (tmp_path / "train.log").read_text().splitlines()
    assert first.endswith("  seed 0")
    assert last.endswith("  stopped by RuntimeError: the loss is nan at step 3")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        RunLog(tmp_path / "file")
