import pickle

import numpy as np
import pytest

from clips.decoding.decode import decode
from tests.helpers.training.frame_folders import FILE_NAME, read_frame, write_frames
from training.data.readers import FrameFolderReader, UnreadableItem, VideoReader
from training.lists.item_list import ListItem

READER = FrameFolderReader(FILE_NAME)


@pytest.fixture
def folder(tmp_path):
    return write_frames(tmp_path / "folder", 6)


def test_frames_come_in_the_order_asked_for(folder):
    asked_of = []

    def pick(num_frames):
        asked_of.append(num_frames)
        return [4, 0, 4, 5]

    frames = READER.read(folder, pick)
    assert asked_of == [6]
    for frame, index in zip(frames, [4, 0, 4, 5], strict=True):
        np.testing.assert_array_equal(frame, read_frame(folder, index))
    assert frames[0] is frames[2]


def test_only_the_frames_asked_for_are_opened(folder):
    for number in (1, 2, 4, 5, 6):
        (folder.path / FILE_NAME.format(number)).unlink()
    assert len(READER.read(folder, lambda _: [2])) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "img_00003.jpg: No such file"),
        (b"", "img_00003.jpg"),
        (b"not a picture", "img_00003.jpg"),
        (0.5, "img_00003.jpg"),
    ],
)
def test_a_broken_frame_is_named_with_its_folder(folder, content, reason, capfd):
    path = folder.path / FILE_NAME.format(3)
    whole = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(whole[: len(whole) // 2] if content == 0.5 else content)
    with pytest.raises(UnreadableItem, match=reason) as raised:
        READER.read(folder, range)
    assert raised.value.path == folder.path
    assert str(raised.value).startswith(f"{folder.path}: ")


def test_frames_of_several_sizes_are_broken(folder, tmp_path):
    other = write_frames(tmp_path / "other", 3, width=64)
    (other.path / FILE_NAME.format(3)).replace(folder.path / FILE_NAME.format(3))
    with pytest.raises(UnreadableItem, match="folder: "):
        READER.read(folder, range)


def test_a_folder_listed_as_a_video_is_the_callers_mistake(folder):
    with pytest.raises(ValueError, match="folder"):
        READER.read(ListItem(folder.path, 0), range)


def test_a_video_is_decoded_as_by_the_gateway(make_video):
    path = make_video(20)
    frames = VideoReader().read(ListItem(path, 0), lambda num_frames: [num_frames - 1, 3])
    np.testing.assert_array_equal(frames, decode(path, lambda _: [19, 3]).images)


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (b"not a video", "video"), (b"", "empty")])
def test_a_broken_video_is_named(tmp_path, content, reason):
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableItem, match=reason) as raised:
        VideoReader().read(ListItem(path, 0), range)
    assert str(raised.value).startswith(f"{path}: ")


def test_the_error_goes_from_one_process_to_another(tmp_path):
    error = pickle.loads(pickle.dumps(UnreadableItem(tmp_path, "it is broken")))
    assert (error.path, str(error)) == (tmp_path, f"{tmp_path}: it is broken")
