"""The command `tin finetune`: from a folder of clips to a published model."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from statistics import median

import numpy as np
import pytest
import yaml

import tin
from clips.decoding.decode import decode
from export.finetune import main
from export.start_model import ORIGIN
from service.store.manifest import TimelineDefaults
from service.store.model_store import ModelStore
from tests.helpers.commands import invoke
from tests.helpers.paths import REPOSITORY
from tests.helpers.training.action_clips import make_action_clips
from tests.helpers.training.tiny_data import run as run_training
from training.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from training.engine.trainer import BEST, LAST, RESUME_STATE

QUICK = ("--side", 32, "--epochs", 2, "--formats", "onnx,onnx-int8")


def command(*arguments):
    return [sys.executable, "-m", "tin", "finetune", *map(str, arguments)]


def finetune(*arguments):
    """Run the command in a process of its own, with events as JSON; return its exit code and the events."""
    done = subprocess.run(command(*arguments, "--json"), cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def events_named(events, name):
    return [event for event in events if event["event"] == name]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return make_action_clips(tmp_path_factory.mktemp("data") / "clips", 5)


@pytest.fixture(scope="module")
def start(checkpoint, tmp_path_factory):
    """The small network as a file to start from."""
    path = tmp_path_factory.mktemp("start") / "letters.safetensors"
    save_checkpoint(checkpoint, path)
    return path


@pytest.fixture(scope="module")
def taught(clips, start, tmp_path_factory):
    """A published model: the folder of its run, the store, and the events."""
    folder = tmp_path_factory.mktemp("run")
    options = ("--name", "moves", "--from", start, "--store", folder / "store", "--work-dir", folder / "work")
    code, events = finetune(clips, *options, *QUICK)
    assert code == 0, events
    return folder / "work", folder / "store", events


def test_a_folder_of_clips_becomes_a_model_that_answers(taught, clips):
    _, store, _ = taught
    with tin.load("moves", store=store, onnx_threads=1) as model:
        assert model.labels == ("left", "right")
        assert model.spec.crop == 32
        assert {score.label for score in model.predict(clips / "left" / "take 0.mp4").predictions} == {"left", "right"}


def test_the_store_has_the_formats_with_proofs_and_the_temperature(taught, start):
    work_dir, store, _ = taught
    manifest = ModelStore(store).open("moves").manifest
    assert manifest.artifacts[0].format == "onnx"
    assert manifest.temperature == load_checkpoint(work_dir / LAST).temperature
    assert manifest.training[ORIGIN] == str(start)


def test_the_window_of_timelines_is_as_long_as_the_clips(taught, clips):
    _, store, _ = taught
    lengths = [decode(clip, lambda _: [0]).video.duration_seconds for clip in clips.rglob("take *.*")]
    timeline = ModelStore(store).open("moves").manifest.timeline
    assert timeline == TimelineDefaults(window_seconds=round(median(lengths), 1))


def test_events_tell_of_every_stage(taught):
    work_dir, _, events = taught
    (counted,), (plan,) = events_named(events, "clips"), events_named(events, "plan")
    assert counted == {"event": "clips", "classes": {"left": 5, "right": 5}, "train": 8, "validation": 2}
    assert (plan["side"], plan["epochs"], type(plan["reason"])) == (32, 2, str)
    stages = list(dict.fromkeys(event["stage"] for event in events_named(events, "stage")))
    assert stages == ["read", "train", "evaluate", "export", "publish"]
    last = events_named(events, "progress")[-1]
    assert (last["done"], last["total"], last["epoch"], last["eta_seconds"]) == (2, 2, 2, 0)
    assert [event["epoch"] for event in events_named(events, "validation")] == [1, 2]
    assert events[-1]["event"] == "published"
    assert (events[-1]["model"], events[-1]["version"]) == ("moves", "1")
    assert 0 <= events[-1]["accuracy"] <= 1
    assert events[-1]["report"] == str(work_dir / "report" / "report.html")


def test_left_and_right_are_not_mirrored_unless_that_is_asked_for(taught):
    work_dir, _, _ = taught
    assert yaml.safe_load((work_dir / "recipe.yaml").read_text())["data"]["flip"] == 0


def test_the_report_lies_in_the_folder_of_the_run(taught):
    work_dir, _, events = taught
    figures = json.loads((work_dir / "report" / "report.json").read_text())
    assert figures["labels"] == ["left", "right"]
    assert figures["top1_acc"] == events[-1]["accuracy"]
    assert (work_dir / "report" / "report.html").stat().st_size > 1000


def test_the_recipe_trains_the_same_weights_to_the_bit(taught, tmp_path):
    work_dir, _, _ = taught
    words = (work_dir / "recipe.yaml").read_text().splitlines()[0].removeprefix("# tin train ").split()
    done = run_training("train", *[tmp_path if word == "OTHER" else word for word in words])
    assert done.returncode == 0, done.stderr
    for name in (LAST, BEST):
        assert (tmp_path / name).read_bytes() == (work_dir / name).read_bytes()


def test_a_run_is_not_begun_over_another(taught, clips, start):
    work_dir, store, _ = taught
    options = ("--name", "moves", "--from", start, "--store", store, "--work-dir", work_dir)
    done = invoke(main, clips, *options)
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert "--resume" in done.stderr


def test_an_interrupted_run_keeps_its_best_and_goes_on_to_the_same_weights(clips, start, tmp_path):
    options = (clips, "--name", "moves", "--from", start, "--store", tmp_path / "store", "--work-dir", tmp_path / "w")
    arguments = (*options, "--side", 32, "--epochs", 8, "--no-publish", "--json")
    with subprocess.Popen(command(*arguments), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as running:
        while not ((tmp_path / "w" / RESUME_STATE).exists() and (tmp_path / "w" / LAST).exists()):
            assert running.poll() is None, "it ended before it could be stopped"
            time.sleep(0.01)
        running.send_signal(signal.SIGTERM)  # a shell's background job ignores SIGINT
        assert running.stdout is not None
        *_, note, error = map(json.loads, running.stdout.read().splitlines())
    assert running.returncode == 130
    assert (note["event"], error["event"]) == ("note", "error")
    assert str(tmp_path / "w" / LAST) in note["text"]
    assert load_checkpoint(tmp_path / "w" / LAST).labels == ("left", "right")
    assert load_checkpoint(tmp_path / "w" / LAST).training["metrics"]["epochs"] < 8
    code, events = finetune(*arguments[:-1], "--resume")
    assert (code, events[-1]["event"]) == (0, "note"), events
    assert load_checkpoint(tmp_path / "w" / LAST).training["metrics"]["epochs"] == 8
    assert not (tmp_path / "store" / "moves").exists()


BAD_INPUT = {
    "a single class": (("left",), (), ("left",)),
    "a name that no folder has": (("left", "right"), ("--name", "a/b"), ("a/b",)),
    "an unknown format": (("left", "right"), ("--formats", "coreml"), ("coreml",)),
    "an unknown start": (("left", "right"), ("--from", "nothing"), ("nothing", "--from")),
    "nothing to go on with": (("left", "right"), ("--resume",), ("--resume",)),
    "a column for a folder": (("left", "right"), ("--group", "person"), ("CSV",)),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_clear_line_before_any_training(case, start, tmp_path):
    labels, options, named = BAD_INPUT[case]
    folder = make_action_clips(tmp_path / "clips", 2, labels=labels)
    given = {"--name": "moves", "--from": start, "--store": tmp_path / "store", "--work-dir": tmp_path / "work"}
    given |= dict(zip(options[::2], options[1::2], strict=True)) if len(options) > 1 else {}
    words = [word for pair in given.items() for word in pair]
    done = invoke(main, folder, *words, *(options if len(options) == 1 else ()))
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1), done.output
    assert done.stderr.startswith("error: ")
    assert all(part in done.stderr for part in named)
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(("spoil", "named"), [
    (lambda root: [path.unlink() for path in (root / "left").iterdir()], "left"),
    (lambda root: [path.write_bytes(b"x") for path in (root / "left").iterdir()], "left"),
    (lambda root: (root / "left" / "take 0.mp4").unlink(), "left"),
])  # fmt: skip
def test_a_class_without_enough_clips_is_one_clear_line(spoil, named, start, tmp_path):
    folder = make_action_clips(tmp_path / "clips", 2)
    spoil(folder)
    options = ("--name", "moves", "--from", start, "--store", tmp_path / "store", "--work-dir", tmp_path / "work")
    code, events = finetune(folder, *options)
    assert (code, events[-1]["event"]) == (2, "error")
    assert named in events[-1]["text"]
    assert not (tmp_path / "work").exists()


def test_cross_validation_measures_each_clip_once_and_publishes_nothing(start, tmp_path):
    folder = make_action_clips(tmp_path / "clips", 4)
    rows = [f"{path.relative_to(folder)},{path.parent.name},p{path.stem[-1]}" for path in folder.rglob("take*")]
    (folder / "clips.csv").write_text("\n".join(["file,label,person", *rows]))
    options = ("--name", "moves", "--from", start, "--store", tmp_path / "store", "--work-dir", tmp_path / "work")
    code, events = finetune(folder / "clips.csv", *options, "--side", 32, "--epochs", 1, "--folds", "person")
    assert (code, events[-1]["event"], events[-1]["folds"]) == (0, "cross_validation", 4), events
    figures = json.loads((tmp_path / "work" / "cross_validation.json").read_text())
    assert [(fold["group"], fold["clips"]) for fold in figures["folds"]] == [(f"p{number}", 2) for number in range(4)]
    assert np.sum(figures["confusion_matrix"]) == 8
    assert figures["mean"] == events[-1]["mean"]
    assert not (tmp_path / "store").exists()
    again, events = finetune(
        folder / "clips.csv", *options, "--side", 32, "--epochs", 1, "--folds", "person", "--resume"
    )
    assert (again, events[-1]["mean"]) == (0, figures["mean"])
    assert not events_named(events, "progress"), "every fold was finished"
