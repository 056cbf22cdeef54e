import pytest

from training.lists.frame_folder import FrameFolder, count_frames


def folder_of(tmp_path, *names):
    folder = tmp_path / "78687"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("file_name", ["{:05}.jpg", "img_{:05}.jpg"])
def test_frames_are_counted_whatever_lies_beside_them(tmp_path, file_name):
    folder = folder_of(tmp_path, *map(file_name.format, range(1, 13)), "flow_x_00001.jpg", "x00013.jpg", "00013.png")
    assert count_frames(folder, file_name) == FrameFolder("78687", num_frames=12)


def test_more_than_five_digits_are_counted(tmp_path):
    folder = folder_of(tmp_path, *(f"{number:02}.jpg" for number in range(1, 121)))
    assert count_frames(folder, "{:02}.jpg").num_frames == 120


def test_a_gap_is_a_problem(tmp_path):
    folder = folder_of(tmp_path, "00001.jpg", "00002.jpg", "00004.jpg")
    assert count_frames(folder, "{:05}.jpg") == FrameFolder("78687", problem="00003.jpg is missing from its frames")


def test_a_folder_without_frames_is_a_problem(tmp_path):
    folder = folder_of(tmp_path, "img_00001.jpg")
    assert count_frames(folder, "{:05}.jpg") == FrameFolder("78687", problem="its folder has no 00001.jpg")
