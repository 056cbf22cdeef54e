"""`python -m clips`: output, files and exit codes."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
import pytest

from clips.__main__ import cli
from clips.decoding.decode import decode
from clips.sampling import evaluation_indices
from tests.helpers.commands import invoke


@pytest.fixture
def run():
    return partial(invoke, cli)


def test_probe_prints_a_table(run, make_video):
    done = run("probe", make_video(20))
    assert done.exit_code == 0
    for fact in ("h264", "96x64", "20", "0.800 s", "minimal", "of 20 packets"):
        assert fact in done.stdout


def test_probe_prints_json(run, make_video):
    facts = json.loads(run("probe", "--json", make_video(20)).stdout)
    assert (facts["codec"], facts["frames"], facts["width"]) == ("h264", 20, 96)
    assert [frame["index"] for frame in facts["sampled"]] == evaluation_indices(20, 8)
    assert facts["decoding"]["path"] == "minimal"


def test_probe_reads_a_pipe(run, make_video, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(pipe.write_bytes, make_video(20).read_bytes())
        assert json.loads(run("probe", "--json", pipe).stdout)["frames"] == 20


def test_frames_writes_the_evaluation_frames(run, make_video, tmp_path):
    path, out = make_video(20), tmp_path / "new" / "folder"
    assert run("frames", path, "--out", out).exit_code == 0
    assert sorted(file.name for file in out.iterdir()) == [f"{number}.png" for number in range(8)]
    images = decode(path, lambda num_frames: evaluation_indices(num_frames, 8)).images
    for number, image in enumerate(images):
        np.testing.assert_array_equal(cv2.imread(str(out / f"{number}.png"), cv2.IMREAD_COLOR_RGB), image)


@pytest.mark.parametrize("content", [None, b"", b"only words " * 50, b"\0\0\0\x18ftypmp42" + bytes(50)])
@pytest.mark.parametrize("command", ["probe", "frames"])
def test_a_bad_file_is_one_line_and_nothing_written(run, tmp_path, content, command):
    path, out = tmp_path / "bad.mp4", tmp_path / "out"
    if content is not None:
        path.write_bytes(content)
    done = run(command, path, *(["--out", out] if command == "frames" else []))
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert "bad.mp4" in done.stderr
    assert done.stdout == ""
    assert not out.exists()


def test_an_out_that_is_a_file_is_an_error(run, make_video, tmp_path):
    (tmp_path / "taken").write_text("mine")
    done = run("frames", make_video(8), "--out", tmp_path / "taken")
    assert done.exit_code == 2
    assert "taken" in done.stderr
    assert (tmp_path / "taken").read_text() == "mine"
