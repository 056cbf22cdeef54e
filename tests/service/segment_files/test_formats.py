"""Segment files, read back by other libraries' parsers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pysubs2
import pytest

from service.inference.segmentation import Segment
from service.segment_files.formats import (
    GROWING,
    WRITERS,
    SegmentWriter,
    UnknownFormat,
    format_of,
    growing_file,
    whole_file,
)

FIELDS: list[tuple[Any, ...]] = [
    (0.0, 2.5, "waving, left to right", 3, 0.8712, 4),
    (2.5, 3.25, None, None, 0.21, 1),
    (3.25, 3725.0625, 'a "quoted" line\nbreak --> é 波', 0, 0.5, 3700),
]
SEGMENTS = [Segment(*fields) for fields in FIELDS]

ROWS: list[dict[str, Any]] = [
    {
        "start_seconds": segment.start,
        "end_seconds": segment.end,
        "label": segment.label,
        "index": segment.index,
        "probability": segment.probability,
        "num_windows": segment.num_windows,
    }
    for segment in SEGMENTS
]


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Saves segments under a name, as a whole file."""

    def save(name: str, segments: list[Segment] = SEGMENTS) -> Path:
        with whole_file(tmp_path / name) as writer:
            for segment in segments:
                writer.add(segment)
        return tmp_path / name

    return save


def test_srt_has_a_cue_for_each_named_segment(saved: Callable[..., Path]) -> None:
    cues = pysubs2.load(str(saved("clip.srt")))
    assert [(cue.start, cue.end) for cue in cues] == [(0, 2500), (3250, 3725062)]
    assert [cue.plaintext for cue in cues] == ["waving, left to right (87 %)", 'a "quoted" line break -> é 波 (50 %)']


def test_csv_has_a_row_for_each_segment(saved: Callable[..., Path]) -> None:
    with saved("clip.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{name: "" if value is None else str(value) for name, value in row.items()} for row in ROWS]


def test_json_is_an_array_of_all_segments(saved: Callable[..., Path]) -> None:
    assert json.loads(saved("clip.json").read_text("utf-8")) == ROWS
    assert json.loads(saved("none.json", []).read_text("utf-8")) == []


def test_json_lines_have_one_for_each_segment(saved: Callable[..., Path]) -> None:
    assert [json.loads(line) for line in saved("clip.NDJSON").read_bytes().splitlines()] == ROWS


@pytest.mark.parametrize("suffix", WRITERS)
def test_no_segments_make_a_file_that_can_be_read(saved: Callable[..., Path], suffix: str) -> None:
    assert saved(f"none.{suffix}", []).is_file()


def fail_after(writer: SegmentWriter) -> None:
    writer.add(SEGMENTS[0])
    raise ZeroDivisionError


def test_a_whole_file_is_there_only_when_all_went_well(tmp_path: Path) -> None:
    (tmp_path / "old.srt").write_text("old")
    for name in ("old.srt", "new.srt"):
        with pytest.raises(ZeroDivisionError), whole_file(tmp_path / name) as writer:
            fail_after(writer)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("old.srt", "old")]


@pytest.mark.parametrize("suffix", GROWING)
def test_a_growing_file_holds_every_segment_at_once(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"camera.{suffix}"
    with growing_file(path) as writer:
        sizes = [path.stat().st_size]
        for segment in (SEGMENTS[0], SEGMENTS[2]):
            writer.add(segment)
            sizes.append(path.stat().st_size)
    assert sizes == sorted(set(sizes))
    with pytest.raises(FileExistsError), growing_file(path):
        pass


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    assert format_of(Path("CLIP.SRT")) == "srt"
    for name in ("clip.txt", "clip", "clip.mp4.gz"):
        with pytest.raises(UnknownFormat, match=r"\.srt"), whole_file(tmp_path / name):
            pass
    with pytest.raises(UnknownFormat), growing_file(tmp_path / "camera.json"):
        pass
    assert list(tmp_path.iterdir()) == []
