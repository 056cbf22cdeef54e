"""Tests of the command `python -m training.evaluate` on a small data set."""

import json
import shutil

import numpy as np
import pytest

from tests.helpers.training.tiny_data import make_frame_data, overrides, run
from training.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from training.engine.build_model import build_model
from training.recipes.recipe import load_recipe

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
    model = build_model(loaded)
    save_checkpoint(Checkpoint(model.architecture, loaded.clip, ("right", "left", "still"), model.state_dict()), path)
    return path


def evaluate(recipe, checkpoint, folder, *settings, protocol=None, processes=1):
    """Run the command; return the figures and the scores of every clip."""
    chosen = ("--protocol", protocol) if protocol else ()
    files = ("--out", folder / "result.json", "--scores", folder / "scores.npz")
    done = run("evaluate", recipe, checkpoint, *METRICS, *files, *chosen, *overrides(*settings), processes=processes)
    assert done.returncode == 0, done.stderr
    with np.load(folder / "scores.npz") as scores:
        return json.loads((folder / "result.json").read_text()), dict(scores)


@pytest.fixture(scope="module")
def evaluated(recipe, checkpoint, tmp_path_factory):
    return evaluate(recipe, checkpoint, tmp_path_factory.mktemp("out"), "data.batch_size=2")


def test_the_figures_are_those_of_the_scores(evaluated):
    figures, scores = evaluated
    assert figures["clips"] == 7
    assert scores["labels"].tolist() == [number % 3 for number in range(10, 17)]
    assert figures["top1_acc"] == np.mean(scores["probabilities"].argmax(axis=1) == scores["labels"])
    assert "top5_acc" not in figures, "there are three classes"
    assert "mean_class_accuracy" in figures


def test_sharded_evaluation_equals_unsharded_to_the_bit(evaluated, recipe, checkpoint, tmp_path):
    figures, scores = evaluate(recipe, checkpoint, tmp_path, "data.batch_size=2", processes=2)
    assert figures == evaluated[0] | {"seconds_per_clip": figures["seconds_per_clip"]}
    for name, array in evaluated[1].items():
        np.testing.assert_array_equal(scores[name], array)


def test_the_accurate_protocol_averages_all_views_and_costs_as_many_passes(evaluated, recipe, checkpoint, tmp_path):
    accurate = "accurate={view: three, clips: 2, crop: 36}"
    figures, scores = evaluate(recipe, checkpoint, tmp_path, accurate, protocol="accurate")
    assert (figures["protocol"], figures["views_per_clip"], figures["forward_passes"]) == ("accurate", 6, 42)
    assert figures["seconds_per_clip"] > 0
    views = ("clip.view=three", "clip.clips=2", "clip.crop=36")
    own, expected = evaluate(recipe, checkpoint, tmp_path, *views)
    assert (own["protocol"], own["views_per_clip"]) == ("recipe", 6)
    np.testing.assert_array_equal(scores["probabilities"], expected["probabilities"])
    assert not np.allclose(scores["probabilities"], evaluated[1]["probabilities"])


def test_the_fast_protocol_is_one_centre_crop(evaluated, recipe, checkpoint, tmp_path):
    figures, scores = evaluate(recipe, checkpoint, tmp_path, "clip.view=ten", "data.batch_size=2", protocol="fast")
    assert (figures["views_per_clip"], figures["forward_passes"]) == (1, 7)
    np.testing.assert_array_equal(scores["probabilities"], evaluated[1]["probabilities"])


def test_an_unreadable_clip_is_left_out_and_named(evaluated, data, recipe, checkpoint, tmp_path):
    lists = tmp_path / "frames"
    shutil.copytree(data / "frames", lists)
    (lists / "clip 010" / "img_00004.jpg").write_bytes(b"no picture")
    settings = ("data.batch_size=2", f"data.root={lists}")
    done = run("evaluate", recipe, checkpoint, "--out", tmp_path / "result.json", *overrides(*settings))
    assert done.returncode == 0, done.stderr
    assert "clip 010: img_00004.jpg" in done.stderr.replace("\n", "")
    assert json.loads((tmp_path / "result.json").read_text())["clips"] == 6


def test_a_checkpoint_of_another_network_is_refused_in_one_line(recipe, checkpoint):
    done = run("evaluate", recipe, checkpoint, *overrides("model.temporal=none"))
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "temporal" in line
    assert str(checkpoint) in line


def test_a_report_is_a_page_and_the_same_as_json(evaluated, recipe, checkpoint, tmp_path):
    done = run("evaluate", recipe, checkpoint, "--report", tmp_path / "report", *overrides("data.batch_size=2"))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["report.html", "report.json"]
    figures = json.loads((tmp_path / "report" / "report.json").read_text())
    assert figures["top1_acc"] == figures["controls"]["sampled"] == evaluated[0]["top1_acc"]
    assert (figures["clips"], figures["views_per_clip"], figures["forward_passes"]) == (7, 1, 21)
    assert np.sum(figures["confusion_matrix"], axis=1).tolist() == np.bincount(evaluated[1]["labels"]).tolist()
    own = np.take_along_axis(evaluated[1]["probabilities"], evaluated[1]["labels"][:, None], axis=1)[:, 0]
    assert [clip["name"] for clip in figures["worst_clips"]] == [f"clip {10 + row:03}" for row in np.argsort(own)]


def test_calibration_writes_the_temperature_that_later_evaluations_take(evaluated, recipe, checkpoint, tmp_path):
    own = tmp_path / checkpoint.name
    for suffix in (".safetensors", ".json"):
        shutil.copy(checkpoint.with_suffix(suffix), own.with_suffix(suffix))
    done = run("evaluate", recipe, own, "--calibrate", *overrides("data.batch_size=2"))
    assert done.returncode == 0, done.stderr
    assert load_checkpoint(own).threshold is None
    temperature = load_checkpoint(own).temperature
    assert temperature not in {1, load_checkpoint(checkpoint).temperature}
    figures, scores = evaluate(recipe, own, tmp_path, "data.batch_size=2", "model={}", "clip=null")
    assert figures["temperature"] == temperature
    powers = evaluated[1]["probabilities"] ** (1 / temperature)
    np.testing.assert_allclose(scores["probabilities"], powers / powers.sum(1, keepdims=True), rtol=1e-6)


def test_a_published_file_is_not_calibrated(recipe, tmp_path):
    done = run("evaluate", recipe, tmp_path / "published.pth", "--calibrate")
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "published.pth" in line
