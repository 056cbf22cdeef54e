"""Worst clips: those whose label is the least probable, read again from the data set."""

import cv2
import numpy as np
import pytest
import torch

from tests.helpers.training.tiny_data import LABELS, make_frame_data
from training.engine.data_source import open_data_source
from training.engine.distributed import Processes
from training.engine.evaluation import ClipScores
from training.recipes.recipe import load_recipe
from training.reports.worst_clips import STRIP_HEIGHT, strip_of, worst_clips

ALONE = Processes(torch.device("cpu"))
RENDERED = [f"data.{setting}" for setting in ("validation_clips=5", "batch_size=2", "workers=0", "steps_per_epoch=1")]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return open_data_source(load_recipe(str(make_frame_data(tmp_path_factory.mktemp("data")))), 0, ALONE, print)


def test_the_least_probable_labels_come_first_with_their_names(source):
    shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]])
    logits = np.log(shares)[:, None].astype(np.float32)
    scores = ClipScores(logits, np.array([0, 2, 0]), np.array([0, 3, 6]))
    worst = worst_clips(scores, LABELS, source, 0, 2)
    assert [(clip.name, clip.label, clip.answer) for clip in worst] == [
        ("clip 013", "still", "left"),
        ("clip 016", "right", "still"),
    ]
    assert worst[0].probability == pytest.approx(0.3)
    assert worst[0].answer_probability == pytest.approx(0.6)
    seen = next(iter(source.validation_batches(0))).clips[3, 0].numpy()
    assert worst[0].strip == strip_of(seen), "the strip shows what the network saw"


def test_a_rendered_clip_is_rendered_again_to_the_bit():
    source = open_data_source(load_recipe("tin_motion", RENDERED), 0, ALONE, print)
    clips = torch.cat([batch.clips for batch in source.validation_batches(0)])
    for index in (0, 3, 4):
        name, views = source.validation_clip(0, index)
        assert str(index) in name
        np.testing.assert_array_equal(views, clips[index].numpy())


def test_a_strip_holds_the_frames_side_by_side_in_colour():
    colours = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200]], np.uint8)
    frames = np.broadcast_to(colours[:, None, None], (3, 48, 48, 3))
    image = cv2.imdecode(np.frombuffer(strip_of(frames), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    assert image.shape == (STRIP_HEIGHT, 3 * STRIP_HEIGHT, 3)
    middles = image[48, [48, 144, 240]].astype(int)
    assert np.abs(middles - colours).max() < 12
