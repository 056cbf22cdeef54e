"""Tests of the command `python -m training.prepare`."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.helpers.commands import invoke
from tests.helpers.paths import REPOSITORY
from tests.helpers.training.official_files import (
    STHV1_LABELS,
    STHV2_LABELS,
    write,
    write_kinetics400,
    write_sthv1,
    write_sthv2,
)
from training.lists.item_list import read_item_list
from training.lists.labels import read_labels
from training.prepare import cli
from training.synthetic.video_encoder import ENCODINGS


def prepare(*arguments):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "training.prepare", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def run(*arguments):
    return invoke(cli, *arguments)


def lists(out):
    return {path.name: path.read_text(encoding="utf-8").splitlines() for path in out.glob("*.txt")}


def check_summary(lines, out, *, classes, train, val, missing=0, unreadable=0):
    """A line for each file, with its counts."""
    counts = {"labels": (classes,), "train": train, "val": val, "missing": (missing,), "unreadable": (unreadable,)}
    assert [line.partition(": ")[0] for line in lines] == [f"{out}/{name}.txt" for name in counts]
    for line, expected in zip(lines, counts.values(), strict=True):
        assert tuple(map(int, re.findall(r"\d+", line.partition(": ")[2]))) == expected


def next_command(recipe, root, out):
    settings = {
        "root": root,
        "train": f"{out}/train.txt",
        "validation": f"{out}/val.txt",
        "labels": f"{out}/labels.txt",
    }
    start = f"python -m training.train {recipe} --work-dir work-dirs/{recipe}"
    return " ".join([f"next: {start}", *(f"--set data.{key}={path}" for key, path in settings.items())])


def test_kinetics400_lists_the_videos_that_are_there(tmp_path, make_video):
    train = [
        ("tap dancing", "aaaaaaaaaaa", "0", "10"),
        ("abseiling", "b-b_bbbbbbb", "417", "427"),
        ("zumba", "gone", "1", "11"),
    ]
    val = [("zumba", "ccccccccccc", "1234", "1244"), ("abseiling", "empty", "5", "15")]
    annotations = write_kinetics400(tmp_path / "annotations", train, val)
    videos, out = tmp_path / "videos", tmp_path / "out"
    files = (
        "tap dancing/aaaaaaaaaaa_000000_000010.mp4",
        "b-b_bbbbbbb_000417_000427.mp4",
        "zumba/ccccccccccc_001234_001244.webm",
    )
    for file in files:
        (videos / file).parent.mkdir(parents=True, exist_ok=True)
        os.link(make_video(3), videos / file)
    write(videos / "abseiling" / "empty_000005_000015.mp4", "")
    done = prepare("kinetics400", annotations, videos, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert lists(out) == {
        "labels.txt": ["abseiling", "tap dancing", "zumba"],
        "train.txt": [f"{files[0]} 1", f"{files[1]} 0"],
        "val.txt": [f"{files[2]} 2"],
        "missing.txt": ["gone_000001_000011"],
        "unreadable.txt": ["empty_000005_000015: abseiling/empty_000005_000015.mp4 is empty"],
    }
    *summary, last = done.stdout.splitlines()
    check_summary(summary, out, classes=3, train=(2, 3), val=(1, 2), missing=1, unreadable=1)
    assert last == next_command("tin_tsm_finetune_r50_kinetics400", videos, out)


def test_sthv1_counts_the_frames(tmp_path):
    annotations = write_sthv1(tmp_path / "annotations", [("100218", 2), ("24413", 0), ("9", 1)], [("74225", 1)])
    frames, out = tmp_path / "frames", tmp_path / "out"
    for name, numbers in {"100218": range(1, 49), "24413": (1, 2, 4), "74225": range(1, 13), "5": (1,)}.items():
        for number in numbers:
            write(frames / name / f"{number:05}.jpg", "x")
    done = prepare("sthv1", annotations, frames, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert lists(out) == {
        "labels.txt": list(STHV1_LABELS),
        "train.txt": ["100218 48 2"],
        "val.txt": ["74225 12 1"],
        "missing.txt": ["9"],
        "unreadable.txt": ["24413: 00003.jpg is missing from its frames"],
    }
    *summary, last = done.stdout.splitlines()
    check_summary(summary, out, classes=3, train=(1, 3), val=(1, 1), missing=1, unreadable=1)
    assert last == next_command("tin_r50_sthv1", frames, out)


@pytest.fixture
def sthv2(tmp_path, make_video):
    """Annotations and videos: two that can be read, one cut short, one that is not there."""
    annotations = write_sthv2(tmp_path / "annotations", [("11", 1), ("12", 0), ("13", 0)], [("21", 0)])
    videos = tmp_path / "videos" / "20bn-something-something-v2"
    videos.mkdir(parents=True)
    os.link(make_video(12, ENCODINGS[3]), videos / "11.webm")
    os.link(make_video(9, ENCODINGS[3]), videos / "21.webm")
    (videos / "12.webm").write_bytes(make_video(9, ENCODINGS[3]).read_bytes()[:100])
    return annotations, videos.parent


STHV2_LISTS = {
    "labels.txt": list(STHV2_LABELS),
    "train.txt": ["11 12 1"],
    "val.txt": ["21 9 0"],
    "missing.txt": ["13"],
    "unreadable.txt": ["12: the video is damaged or cut short: its header cannot be read"],
}


def test_sthv2_extracts_frames_and_lists_them_and_a_second_time_nothing_changes(tmp_path, sthv2):
    out = tmp_path / "out"
    first = prepare("sthv2", *sthv2, "--out", out, "--height", "32", "--workers", "2")
    assert (first.returncode, first.stderr) == (0, "")
    assert lists(out) == STHV2_LISTS
    *summary, last = first.stdout.splitlines()
    check_summary(summary, out, classes=2, train=(1, 3), val=(1, 1), missing=1, unreadable=1)
    assert last == next_command("tin_r50_sthv2", out / "frames", out)
    assert len(list((out / "frames" / "11").glob("img_000??.jpg"))) == 12
    again = run("sthv2", *sthv2, "--out", out, "--height", "32", "--workers", "1")
    assert (again.stdout, lists(out)) == (first.stdout, STHV2_LISTS)


def test_a_name_with_a_space_can_be_pasted_from_the_next_command(tmp_path, sthv2):
    done = run("sthv2", *sthv2, "--out", tmp_path / "my data", "--workers", "1")
    assert f"data.labels={tmp_path / 'my data' / 'labels.txt'}" in shlex.split(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("data_set", ["kinetics400", "sthv1", "sthv2"])
def test_bad_input_is_one_line_and_no_list(tmp_path, data_set):
    write_kinetics400(tmp_path / "kinetics400", [("zumba", "a", "0", "10")], [("zumba", "b", "0", "10")])
    write_sthv1(tmp_path / "sthv1", [("1", 0)], [("2", 0)])
    write_sthv2(tmp_path / "sthv2", [("1", 0)], [("2", 0)])
    (tmp_path / "empty").mkdir()
    annotations, out = tmp_path / data_set, tmp_path / "out"
    name = "a_000000_000010" if data_set == "kinetics400" else "1"
    for folder, named in {"none": "", "empty": name}.items():
        done = run(data_set, annotations, tmp_path / folder, "--out", out)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: {tmp_path}/{folder} ")
        assert named in done.stderr
        assert done.stderr.count("\n") == 1
    assert not out.exists()


def test_a_malformed_annotation_is_one_line_that_names_it(tmp_path):
    annotations = write_sthv1(tmp_path / "annotations", [("1", 0)], [("2", 0)])
    write(annotations / "something-something-v1-validation.csv", "2;Flying\n")
    done = prepare("sthv1", annotations, tmp_path, "--out", tmp_path / "out")
    place = f"{annotations}/something-something-v1-validation.csv, line 1"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {place}: ")
    assert "'Flying'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_height_that_the_frames_do_not_have_is_an_error(tmp_path, sthv2):
    out = tmp_path / "out"
    assert run("sthv2", *sthv2, "--out", out, "--height", "32", "--workers", "1").exit_code == 0
    done = run("sthv2", *sthv2, "--out", out, "--workers", "1")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: {out}/frames ")
    assert "height 32" in done.stderr
    assert "height 240" in done.stderr


@pytest.fixture
def gestures(tmp_path, make_video):
    """A folder of two classes of five clips each, with a name with a space and files that are no clips."""
    root = tmp_path / "gestures"
    for number in range(10):
        label = ("wave", "thumbs_up")[number % 2]
        (root / label).mkdir(parents=True, exist_ok=True)
        os.link(make_video(5 + number), root / label / f"take {number}.mp4")
    write(root / "wave" / "notes.txt", "x")
    return root


def files_in(out):
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_a_folder_of_classes_becomes_lists_that_recipes_read(tmp_path, gestures):
    out = tmp_path / "out"
    done = prepare("folder", gestures, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert files_in(out) == {"labels.txt", "train.txt", "val.txt", "unreadable.txt"}
    labels = read_labels(out / "labels.txt")
    items = {
        part: read_item_list(out / f"{part}.txt", root=gestures, num_classes=2, with_frames=False)
        for part in ("train", "val")
    }
    assert (labels, {part: len(found) for part, found in items.items()}) == (
        ("thumbs_up", "wave"),
        {"train": 8, "val": 2},
    )
    assert all(item.path.parent == gestures / labels[item.label] for found in items.values() for item in found)
    rows = [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines()]
    assert ["thumbs_up", "4", "1", "0.4 s"] in rows
    assert ["wave", "4", "1", "0.4 s"] in rows
    words = shlex.split(done.stdout.splitlines()[-1])
    assert {f"data.root={gestures}", f"data.train={out}/train.txt", "model.num_classes=2"} <= set(words)


def test_the_same_seed_gives_the_same_lists(tmp_path, gestures):
    for name, seed in {"a": 3, "b": 3, "c": 4}.items():
        assert run("folder", gestures, "--out", tmp_path / name, "--seed", seed).exit_code == 0
    assert lists(tmp_path / "a") == lists(tmp_path / "b")
    assert lists(tmp_path / "a") != lists(tmp_path / "c")


def test_unreadable_clips_of_a_folder_are_left_out_when_asked(tmp_path, gestures):
    write(gestures / "wave" / "bad.mp4", "x")
    out = tmp_path / "out"
    done = run("folder", gestures, "--out", out)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert str(gestures / "wave" / "bad.mp4") in done.stderr
    assert not out.exists()
    assert run("folder", gestures, "--out", out, "--skip-unreadable").exit_code == 0
    assert [line.partition(":")[0] for line in lists(out)["unreadable.txt"]] == ["wave/bad.mp4"]


@pytest.fixture
def table(gestures):
    """A CSV file of the gestures: three persons, of whom the third has two clips."""
    rows = [f"{path.relative_to(gestures)},{path.parent.name}" for path in sorted(gestures.rglob("*.mp4"))]
    people = ["anna", "bob", "anna", "bob", "cy"] * 2
    lines = [f"{row},{person},1" for row, person in zip(rows, people, strict=True)]
    write(gestures / "clips.csv", "\n".join(["file,label,person,camera", *lines]))
    return gestures / "clips.csv"


def test_a_fold_for_each_person_of_a_csv_file(tmp_path, table):
    out = tmp_path / "out"
    done = run("csv", table, "--out", out, "--folds-by", "person", "--ignore", "camera")
    assert (done.exit_code, done.stderr) == (0, "")
    folds = {f"fold-{number}/{part}.txt" for number in (1, 2, 3) for part in ("train", "val")}
    assert files_in(out) == {"labels.txt", "unreadable.txt", *folds}
    assert [len((out / f"fold-{number}" / "val.txt").read_text().splitlines()) for number in (1, 2, 3)] == [4, 4, 2]
    assert run("csv", table, "--out", out, "--folds", "2", "--ignore", "camera", "--ignore", "person").exit_code == 0
    assert files_in(out) == {"labels.txt", "unreadable.txt", *(name for name in folds if "fold-3" not in name)}


def test_shares_that_groups_do_not_allow_are_named(tmp_path, table):
    done = run("csv", table, "--out", tmp_path / "out", "--group", "person", "--ignore", "camera", "--val-share", "0.4")
    assert not re.findall(r"^(?:wave|thumbs_up): ", done.stdout, re.MULTILINE)
    write(table, table.read_text().replace("cy", "bob"))
    done = run("csv", table, "--out", tmp_path / "out", "--group", "person", "--ignore", "camera")
    assert re.findall(r"^(wave|thumbs_up): ", done.stdout, re.MULTILINE) == ["thumbs_up", "wave"]


@pytest.mark.parametrize(
    "options",
    [
        ("--folds", "2", "--folds-by", "person", "--ignore", "camera"),
        ("--folds-by", "person", "--group", "camera"),
        ("--folds-by", "camera", "--ignore", "person"),
        ("--folds", "11", "--ignore", "camera", "--ignore", "person"),
        (),
    ],
)
def test_bad_options_for_a_csv_file_are_one_line_and_no_list(tmp_path, table, options):
    done = run("csv", table, "--out", tmp_path / "out", *options)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert not (tmp_path / "out").exists()


def test_each_data_set_has_its_help():
    for data_set in ("folder", "csv", "kinetics400", "sthv1", "sthv2"):
        assert data_set in run("--help").stdout
        assert "--out" in run(data_set, "--help").stdout
