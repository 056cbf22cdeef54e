import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from training.data.rendered import SyntheticClips
from training.synthetic.figures.gestures import GESTURES, Course, CourseKind, Gesture, Limb, Walk, draw_goal
from training.synthetic.figures.joints import Joints, stride
from training.synthetic.figures.scene import FigureScene
from training.synthetic.studio import Studio
from training.synthetic.textures import TexturePool

SPEC = ClipSpec(crop=64, view=View.SQUEEZE)
MOMENTS = np.linspace(0, 1, 21)


@pytest.fixture(scope="module")
def studio():
    return Studio(0, num_textures=4)


def test_every_limb_has_every_course_and_walks_have_none():
    assert len(set(GESTURES)) == len(GESTURES) == len(Limb) * len(CourseKind) + len(Walk)
    assert GESTURES[0] == Gesture(Limb.ARM, CourseKind.OUT)
    assert GESTURES[-1] == Gesture(walk=Walk.NONE)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("kind", "first", "last"), [("out", 0, 1), ("back", 1, 0), ("stroke", 0, 0)])
def test_a_course_starts_and_ends_where_its_kind_says(kind, first, last, seed):
    course = Course.draw(CourseKind(kind), np.random.default_rng(seed))
    amounts = [course.amount(moment) for moment in MOMENTS]
    assert amounts[0] == pytest.approx(first, abs=0.02)
    assert amounts[-1] == pytest.approx(last, abs=0.02)
    assert max(amounts) > 0.9
    assert min(amounts) >= 0


def test_a_repeated_course_goes_out_and_back_at_least_twice():
    course = Course.draw(CourseKind.REPEATED, np.random.default_rng(0))
    high = np.array([course.amount(moment) for moment in np.linspace(0, 1, 200)]) > 0.5
    assert np.count_nonzero(np.diff(high.astype(int)) == 1) >= 2


@pytest.mark.parametrize("limb", Limb)
def test_a_goal_names_joints_that_a_figure_moves(limb):
    goal = draw_goal(limb, np.random.default_rng(1))
    there = Joints.draw_rest(np.random.default_rng(2)).towards(goal, 1.0)
    assert all(getattr(there, name) == pytest.approx(angle) for name, angle in goal.items())


def test_legs_swing_against_each_other_in_a_stride():
    assert stride(1.0)["hip"] == pytest.approx(-stride(1.0)["far_hip"])


@pytest.mark.parametrize(("walk", "closer"), [(Walk.APPROACH, True), (Walk.PART, False)])
@pytest.mark.parametrize("seed", range(8))
def test_two_figures_meet_and_part(walk, closer, seed):
    rng = np.random.default_rng(seed)
    scene = FigureScene.draw(GESTURES.index(Gesture(walk=walk)), TexturePool(rng, 2), rng, aspect=1.5)
    one, other = scene.figures
    before, after = (abs(one.position(moment) - other.position(moment)) for moment in (0.0, 1.0))
    assert (after < before) is closer


@pytest.mark.parametrize("label", range(len(GESTURES)))
def test_every_gesture_is_rendered_and_moves(studio, label):
    film = studio.draw_gesture(label)
    frames = [film.scene.render(float(moment), width=film.width, height=film.height) for moment in MOMENTS]
    assert all(frame.shape == (film.height, film.width, 3) and frame.dtype == np.uint8 for frame in frames)
    assert any((frame != frames[0]).any() for frame in frames)


def test_equal_seeds_render_equal_gestures():
    one, other = (Studio(7, num_textures=4).draw_gesture_example(SPEC) for _ in range(2))
    assert one[1] == other[1]
    np.testing.assert_array_equal(one[0], other[0])


def test_gestures_take_their_share_of_the_examples_with_labels_after_the_motions():
    examples = iter(SyntheticClips(SPEC, difficulty=0.2, seed=(3,), gestures_share=0.5))
    labels = np.array([next(examples).label for _ in range(60)])
    assert 15 < np.count_nonzero(labels >= 16) < 45
    assert labels.max() < 16 + len(GESTURES)
    without = iter(SyntheticClips(SPEC, difficulty=0.2, seed=(3,)))
    assert all(next(without).label < 16 for _ in range(20))
