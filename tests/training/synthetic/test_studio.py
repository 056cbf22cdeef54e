import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from training.synthetic.motions import LABELS, MOTIONS
from training.synthetic.studio import Studio

SPEC = ClipSpec(crop=64, view=View.SQUEEZE)
MOMENTS = (np.arange(8) + 0.5) / 8


@pytest.fixture(scope="module")
def studio():
    return Studio(0, num_textures=8)


def test_labels_are_eight_pairs():
    assert len(LABELS) == len(set(LABELS)) == 16 == 2 * len(MOTIONS)
    assert LABELS[0] == "Moving something from left to right"
    assert LABELS[13] == "Moving two things apart"


def test_equal_seeds_render_equal_clips():
    clips = [Studio(7, num_textures=4).draw_example(SPEC, 1.0) for _ in range(2)]
    assert clips[0][1] == clips[1][1]
    np.testing.assert_array_equal(clips[0][0], clips[1][0])
    assert clips[0][0].shape == (8, 64, 64, 3)


@pytest.mark.parametrize("label", range(0, 16, 2))
def test_only_the_order_of_frames_tells_a_pair_apart(studio, label):
    film = studio.draw(label, difficulty=0.0)
    forward = list(film.frames(MOMENTS, studio.noise))
    backward = list(film.backwards().frames(MOMENTS, studio.noise))
    assert not all(np.array_equal(frame, forward[0]) for frame in forward), "nothing happens"
    for frame, reversed_frame in zip(forward, backward[::-1], strict=True):
        difference = np.abs(frame.astype(int) - reversed_frame)
        assert difference.mean() < 8, "more than noise differs"


def centre_of_objects(motion, share):
    return np.mean(
        [(start.towards(end, share).x, start.towards(end, share).y) for start, end in motion.objects], axis=0
    )


@pytest.mark.parametrize("seed", range(20))
def test_motions_go_the_way_their_labels_say(seed):
    motions = [draw(np.random.default_rng(seed)) for draw in MOTIONS]
    right, up, closer, clockwise, covering, light, together, camera = motions
    assert centre_of_objects(right, 1)[0] - centre_of_objects(right, 0)[0] > 0.3
    assert centre_of_objects(up, 0)[1] - centre_of_objects(up, 1)[1] > 0.3
    assert closer.objects[0][1].size > 1.4 * closer.objects[0][0].size
    assert clockwise.objects[0][1].angle - clockwise.objects[0][0].angle >= 50
    (hidden, _), (start, rest) = covering.objects
    assert rest.size > hidden.size
    assert np.hypot(rest.x - hidden.x, rest.y - hidden.y) < np.hypot(start.x - hidden.x, start.y - hidden.y)
    assert light.dark_gain <= 0.5
    distances = [np.hypot(a.x - b.x, a.y - b.y) for a, b in zip(*together.objects, strict=True)]
    assert distances[1] < distances[0] - 0.25
    assert camera.picture_shift[0] > 0
