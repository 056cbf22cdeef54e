"""Calibration and validation clips of a folder, a list, or rendered."""

import dataclasses
import itertools

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from export.errors import ExportError
from export.graph import calibration
from export.graph.calibration import calibration_clips, clip_sets, source_files, validation_clips
from tests.helpers.videos.moving_square import moving_square
from training.data.dataset import read_views
from training.data.readers import VideoReader
from training.lists.item_list import ListItem
from training.synthetic.video_encoder import ENCODINGS, encode_video

SPEC = ClipSpec(crop=32, view=View.SQUEEZE)


@pytest.fixture
def folder(tmp_path):
    """Five real videos, of which one lies a level deeper, and a hidden file."""
    for index, encoding in enumerate(ENCODINGS):
        path = tmp_path / ("deeper" if index == 4 else ".") / f"{index}.{encoding.container}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_video(moving_square(10 + index), encoding, 25))
    (tmp_path / ".hidden").touch()
    return tmp_path


def as_served(paths):
    return [read_views(ListItem(path, 0), VideoReader(), SPEC) for path in paths]


def test_a_folders_videos_are_dealt_to_calibration_and_validation(folder):
    videos = source_files(folder)
    assert [path.stem for path in videos] == ["0", "1", "2", "3", "4"]
    np.testing.assert_array_equal(list(calibration_clips(folder, SPEC)), as_served(videos[0::2]))
    np.testing.assert_array_equal(list(validation_clips(folder, SPEC)), as_served(videos[1::2]))


def test_a_list_names_videos_beside_it_or_anywhere_each_once(folder):
    names = folder / "names.txt"
    names.write_text(f"2.avi\n\n  {folder / '1.mp4'}\n2.avi\n")
    assert source_files(names) == [folder / "1.mp4", folder / "2.avi"]
    np.testing.assert_array_equal(list(calibration_clips(names, SPEC)), as_served([folder / "1.mp4"]))


def test_a_byte_order_mark_is_no_part_of_the_first_name(folder):
    names = folder / "names.txt"
    names.write_text("1.mp4\n2.mp4\n", encoding="utf-8-sig")
    assert source_files(names) == [folder / "1.mp4", folder / "2.mp4"]


def test_three_views_are_three_clips(folder):
    spec = ClipSpec(crop=32, view=View.THREE)
    assert next(calibration_clips(folder, spec)).shape == (3, 8, 32, 32, 3)


def test_of_many_videos_some_are_taken_from_all_over(folder, monkeypatch):
    monkeypatch.setattr(calibration, "NUM_CALIBRATION", 2)
    videos = source_files(folder)
    np.testing.assert_array_equal(list(calibration_clips(folder, SPEC)), as_served([videos[0], videos[2]]))


def test_what_cannot_be_read_is_skipped_by_name(folder, caplog):
    (folder / "0.mp4").write_bytes(b"no video")
    assert len(list(calibration_clips(folder, SPEC))) == 2
    assert "skipped" in caplog.text
    assert str(folder / "0.mp4") in caplog.text


def test_a_source_of_nothing_readable_is_an_error(tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("a.mp4\nb.mp4\n")
    with pytest.raises(ExportError, match=r"names\.txt"):
        list(calibration_clips(names, SPEC))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "No such file"), (b"", "fewer than two"), (b"a.mp4\n", "fewer than two"), (b"\xff\xfe\x00", "neither a")],
)
def test_a_source_that_names_no_videos_is_an_error(tmp_path, content, complaint):
    source = tmp_path / "names.txt"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(ExportError, match=complaint) as raised:
        calibration_clips(source, SPEC)
    assert str(source) in str(raised.value)


def test_a_model_of_real_clips_is_not_calibrated_on_rendered_ones(checkpoint):
    with pytest.raises(ExportError, match="--videos"):
        clip_sets(checkpoint, None)


def test_a_model_of_rendered_clips_is_given_new_ones(checkpoint, folder):
    learned = dataclasses.replace(checkpoint, training={"recipe": {"data": {"kind": "synthetic"}}})
    rendered = clip_sets(learned, None)
    for clips in rendered:
        first, second = itertools.islice(clips, 2)
        assert first.shape == second.shape == (1, 8, 32, 32, 3)
        assert (first != second).any()
    assert next(clip_sets(learned, folder).calibration).shape == (1, 8, 32, 32, 3)
