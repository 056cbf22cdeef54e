"""The evaluation as a user starts it, in small."""

import json

import numpy as np
import pytest

from clips.spec import ClipSpec
from clips.transform import make_views
from tests.training.tiny_data import NUM_FRAMES, make_frame_data, overrides, run
from training.checkpoint import Checkpoint, save_checkpoint
from training.network import build_network
from training.recipe import load_recipe

METRICS = ("--eval", "top_k_accuracy", "mean_class_accuracy")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def recipe(data):
    return make_frame_data(data)


@pytest.fixture(scope="module")
def checkpoint(data, recipe):
    path = data / "checkpoint.safetensors"
    loaded = load_recipe(str(recipe))
    model = build_network(loaded)
    save_checkpoint(Checkpoint(model.architecture, loaded.clip, ("right", "left", "still"), model.state_dict()), path)
    return path


@pytest.fixture(scope="module")
def evaluated(recipe, checkpoint, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "result.json"
    done = run("evaluate", recipe, checkpoint, *METRICS, "--out", out, *overrides("data.batch_size=2"))
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


def test_the_figures_are_printed_and_written(evaluated):
    assert evaluated["clips"] == 7
    assert {"top1_acc", "top5_acc", "mean_class_accuracy"} <= evaluated.keys()
    assert evaluated["top5_acc"] == 1, "there are three classes"
    assert evaluated["top1_acc"] * 7 == pytest.approx(round(evaluated["top1_acc"] * 7))


def test_sharded_evaluation_equals_unsharded_exactly(evaluated, recipe, checkpoint, tmp_path):
    out = tmp_path / "result.json"
    arguments = (recipe, checkpoint, *METRICS, "--out", out, "--scores", tmp_path / "scores.npy")
    done = run("evaluate", *arguments, *overrides("data.batch_size=2"), processes=2)
    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text()) == evaluated
