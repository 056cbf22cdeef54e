import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from clips.decoding.decode import decode
from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import children_of, has_ended
from tests.helpers.videos.moving_square import moving_square
from tests.helpers.waiting import until
from training.lists.extract_frames import CHUNK_FRAMES, SETTINGS, ExtractionError, extract
from training.lists.frame_folder import FrameFolder
from training.synthetic.video_encoder import ENCODINGS, encode_video

H264, WEBM = ENCODINGS[0], ENCODINGS[3]


def run(videos, root, *, height=64, quality=95, workers=1):
    return list(extract(videos, root, height=height, quality=quality, workers=workers))


def read(path):
    image = cv2.imread(str(path))
    assert image is not None
    return image[..., ::-1]


def contents(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_frames_are_those_of_the_video_in_their_order(tmp_path, make_video):
    num_frames = CHUNK_FRAMES + 6
    video = make_video(num_frames, WEBM)
    assert run({"7": video}, tmp_path / "frames") == [FrameFolder("7", num_frames)]
    images = decode(video, range).images
    folder = tmp_path / "frames" / "7"
    assert sorted(os.listdir(folder)) == [f"img_{number:05}.jpg" for number in range(1, num_frames + 1)]
    for number, image in enumerate(images, start=1):
        differences = [np.abs(read(folder / f"img_{number:05}.jpg").astype(int) - other).mean() for other in images]
        assert np.argmin(differences) == number - 1, f"frame {number} of a {image.shape} video"
        assert min(differences) < 3


@pytest.mark.parametrize(("width", "height", "scaled"), [(96, 64, (48, 72)), (64, 96, (48, 32)), (62, 48, (48, 62))])
def test_the_aspect_is_kept(tmp_path, make_video, width, height, scaled):
    run({"7": make_video(3, width=width, height=height)}, tmp_path / "frames", height=48)
    assert read(tmp_path / "frames" / "7" / "img_00003.jpg").shape == (*scaled, 3)


def test_quality_is_jpegs(tmp_path, make_video):
    video = make_video(2)
    for quality in (30, 95):
        run({"7": video}, tmp_path / str(quality), quality=quality)
    sizes = [(tmp_path / str(quality) / "7" / "img_00001.jpg").stat().st_size for quality in (30, 95)]
    assert 1.5 * sizes[0] < sizes[1]


def test_what_cannot_be_read_says_why_and_stops_no_other(tmp_path, make_video):
    good = make_video(5)
    videos = {name: tmp_path / f"{name}.webm" for name in ("1", "2", "3", "4")} | {"5": good}
    videos["1"].write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    videos["2"].write_text("no video at all")
    videos["3"].touch()
    found = run(videos, tmp_path / "frames", workers=2)
    assert [(folder.name, folder.num_frames) for folder in found] == [*((name, 0) for name in "1234"), ("5", 5)]
    assert all(folder.problem for folder in found[:4])
    assert found[4].problem == ""
    assert sorted(os.listdir(tmp_path / "frames")) == ["5", SETTINGS]


def test_a_finished_folder_is_left_alone(tmp_path, make_video):
    video = make_video(4)
    run({"7": video}, tmp_path / "frames")
    before = (tmp_path / "frames" / "7").stat()
    video.unlink()
    assert run({"7": video}, tmp_path / "frames") == [FrameFolder("7", 4)]
    assert (tmp_path / "frames" / "7").stat() == before


def test_a_finished_folder_that_lost_a_frame_is_a_problem(tmp_path, make_video):
    video = make_video(4)
    run({"7": video}, tmp_path / "frames")
    (tmp_path / "frames" / "7" / "img_00002.jpg").unlink()
    assert run({"7": video}, tmp_path / "frames") == [
        FrameFolder("7", problem="img_00002.jpg is missing from its frames")
    ]


def test_frames_of_other_settings_are_not_mixed(tmp_path, make_video):
    video = make_video(2)
    run({"7": video}, tmp_path / "frames", height=32)
    with pytest.raises(ExtractionError, match=r"height 32, quality 95.* height 64, quality 95"):
        run({"8": video}, tmp_path / "frames")
    assert not (tmp_path / "frames" / "8").exists()


def test_a_second_run_at_the_same_time_is_refused(tmp_path, make_video):
    video = make_video(2)
    first = extract({"7": video, "8": video}, tmp_path / "frames", height=64, quality=95, workers=1)
    next(first)
    with pytest.raises(ExtractionError, match=re.escape(str(tmp_path / "frames"))):
        run({"9": video}, tmp_path / "frames")
    assert list(first) == [FrameFolder("8", 2)]


def test_a_disk_that_takes_no_frames_stops_the_run(tmp_path, make_video):
    frames = tmp_path / "frames"
    frames.mkdir()
    (frames / "7").touch()
    with pytest.raises(OSError, match="Not a directory") as raised:
        run({"7": make_video(2)}, frames)
    assert str(frames / "7") in str(raised.value)
    assert sorted(os.listdir(frames)) == ["7", SETTINGS]


SCRIPT = """
import sys
from pathlib import Path
from training.lists.extract_frames import extract
if __name__ == "__main__":
    videos = {path.stem: path for path in sorted(Path(sys.argv[1]).iterdir())}
    for folder in extract(videos, Path(sys.argv[2]), height=240, quality=95, workers=2):
        print(folder, flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Start an extraction of 24 videos in a process of its own."""
    (tmp_path / "videos").mkdir()
    for number in range(24):
        frames = moving_square(48)[:: 1 - 2 * (number % 2)]
        (tmp_path / "videos" / f"{number:02}.mp4").write_bytes(encode_video(frames, H264, 12))
    (tmp_path / "run.py").write_text(SCRIPT)

    def start(out):
        command = [sys.executable, str(tmp_path / "run.py"), str(tmp_path / "videos"), str(tmp_path / out)]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def test_a_killed_run_ends_everywhere_and_the_next_one_finishes_its_work(tmp_path, start):
    frames = tmp_path / "frames"
    killed = start("frames")
    until((frames / "02").exists)
    children = children_of(killed.pid)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=20)
    assert len(children) >= 2
    until(lambda: all(map(has_ended, children)))
    finished = {path.name: path.stat() for path in frames.glob("[0-9]*")}
    assert 2 <= len(finished) < 24
    assert all(len(os.listdir(frames / name)) == 48 for name in finished)

    out, errors = start("frames").communicate(timeout=60)
    assert (out.count("num_frames=48"), errors) == (24, "")
    assert all((frames / name).stat() == before for name, before in finished.items())

    unbroken, _ = start("unbroken").communicate(timeout=60)
    assert unbroken == out
    assert contents(frames) == contents(tmp_path / "unbroken")


def test_a_killed_process_is_one_error_that_names_what_it_was_at(tmp_path, start):
    run_of_two = start("frames")
    until((tmp_path / "frames" / "02").exists)
    workers = [pid for pid in children_of(run_of_two.pid) if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(workers[0], signal.SIGKILL)
    _, errors = run_of_two.communicate(timeout=60)
    last = errors.splitlines()[-1]
    assert "ExtractionError" in last
    assert str(tmp_path / "frames") in last
    assert not (tmp_path / "frames" / ".unfinished").exists()
