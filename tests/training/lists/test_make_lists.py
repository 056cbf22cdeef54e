from pathlib import Path

from tests.helpers.training.official_files import write
from training.lists.annotations import Annotation, Annotations
from training.lists.clip_set import LabelledClip
from training.lists.frame_folder import FrameFolder
from training.lists.make_lists import DatasetScan, videos_by_name, write_lists, write_splits
from training.lists.splits import Split


def test_videos_are_found_at_any_depth_and_by_their_suffix(tmp_path):
    for file in ("a.mp4", "tap dancing/b.webm", "train/tap_dancing/c.MKV", "d.mp4.part", "e.json", "f/g.mp4/h.txt"):
        write(tmp_path / "videos" / file, "x")
    write(tmp_path / "elsewhere" / "i.mp4", "x")
    (tmp_path / "videos" / "link").symlink_to(tmp_path / "elsewhere")
    assert videos_by_name(tmp_path / "videos") == {
        "a": Path("a.mp4"),
        "b": Path("tap dancing/b.webm"),
        "c": Path("train/tap_dancing/c.MKV"),
        "i": Path("link/i.mp4"),
    }


def test_of_two_videos_of_one_name_the_first_counts(tmp_path):
    for file in ("b/x.mp4", "a/x.webm", "c/x.avi"):
        write(tmp_path / file, "x")
    assert videos_by_name(tmp_path) == {"x": Path("a/x.webm")}


def test_lists_say_what_is_there_and_what_is_not(tmp_path):
    write(tmp_path / "tap dancing" / "4.mp4", "x")
    write(tmp_path / "5.mp4", "")
    items = [Annotation(str(number), number % 2) for number in range(1, 6)]
    scan = DatasetScan()
    assert scan.find("12345", {"2", "3", "4", "5"}) == ["2", "3", "4", "5"]
    scan.add_frames(FrameFolder("2", num_frames=48))
    scan.add_frames(FrameFolder("3", problem="damaged"))
    scan.add_video(Path("tap dancing/4.mp4"), tmp_path)
    scan.add_video(Path("5.mp4"), tmp_path)
    out = tmp_path / "data" / "out"
    write_lists(Annotations(("hold", "wirbeln \u2192"), {"train": items[:2], "val": items[2:]}), scan, out)
    assert {path.name: path.read_text(encoding="utf-8") for path in out.iterdir()} == {
        "labels.txt": "hold\nwirbeln \u2192\n",
        "train.txt": "2 48 0\n",
        "val.txt": "tap dancing/4.mp4 0\n",
        "missing.txt": "1\n",
        "unreadable.txt": "3: damaged\n5: 5.mp4 is empty\n",
    }


def test_a_later_scan_replaces_the_lists(tmp_path):
    annotations = Annotations(("a",), {"train": [Annotation("1", 0)], "val": [Annotation("2", 0)]})
    write_lists(annotations, DatasetScan(missing=["1", "2"]), tmp_path)
    write_lists(annotations, DatasetScan(usable={"1": "1 8", "2": "2 9"}), tmp_path)
    assert (tmp_path / "missing.txt").read_text() == ""
    assert (tmp_path / "train.txt").read_text() == "1 8 0\n"


def files_of(folder):
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}


def test_splits_are_written_and_those_of_an_earlier_call_removed(tmp_path):
    a, b, c = (LabelledClip(Path(f"{label}/{label} 1.mp4"), label) for label in "abc")
    write_splits("abc", {".": Split((a, c), (b,), (b, a))}, tmp_path)
    whole = {"labels.txt": "a\nb\nc\n", "train.txt": "a/a 1.mp4 0\nc/c 1.mp4 2\n", "val.txt": "b/b 1.mp4 1\n"}
    assert files_of(tmp_path) == {**whole, "test.txt": "b/b 1.mp4 1\na/a 1.mp4 0\n"}
    write(tmp_path / "notes.txt", "x")
    write_splits("abc", {"fold-1": Split((a,), (b,)), "fold-2": Split((b,), (a,))}, tmp_path)
    write(tmp_path / "fold-2" / "notes.txt", "x")
    labels = {"labels.txt": "a\nb\nc\n", "notes.txt": "x"}
    lists = {"train.txt": "a/a 1.mp4 0\n", "val.txt": "b/b 1.mp4 1\n"}
    assert set(files_of(tmp_path)) == {
        *labels,
        "fold-2/notes.txt",
        *(f"fold-{number}/{name}" for number in (1, 2) for name in lists),
    }
    write_splits("abc", {".": Split((a, c), (b,))}, tmp_path)
    assert files_of(tmp_path) == {**whole, **labels, "fold-2/notes.txt": "x"}
    assert not (tmp_path / "fold-1").exists()
