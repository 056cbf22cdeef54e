"""Results file: the lines it takes, the failures it leaves out, and resuming it."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import pytest

from service.api.schemas.predict import Action, Clip, ModelRef, PredictionResponse, Timing
from service.batch.errors import ResultsFileError
from service.batch.request import PredictOptions
from service.batch.results.result import Answer, Failed
from service.batch.results.results_file import ResultsFile

OPTIONS = PredictOptions("colours", "2", 1)


def answered(
    file: str, version: str = "2", num_actions: int = 1, features: list[float] | None = None
) -> Answer[PredictionResponse]:
    response = PredictionResponse(
        predictions=[Action(rank=n + 1, label="Grün zeigen", index=n, probability=0.1) for n in range(num_actions)],
        model=ModelRef(name="colours", version=version, digest="sha256:" + "0" * 64),
        clip=Clip(
            container="mp4", codec="h264", size_bytes=1, width=2, height=2, duration_seconds=1, frames=8, sampled=[]
        ),
        timing_ms=Timing(decode=1, transform=1, infer=1, total=3),
        features=features,
    )
    return Answer(file, response)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def write(path: Path, *results: Answer[PredictionResponse] | Failed) -> None:
    with ResultsFile.open(path, OPTIONS) as answers:
        for result in results:
            answers.add(result)


def reopened(path: Path) -> tuple[set[str], set[str]]:
    with ResultsFile.open(path, OPTIONS) as answers:
        return answers.answered, answers.unanswerable


def test_a_line_is_an_answer_with_its_file(path):
    write(path, answered("ä.mp4"))
    (line,) = path.read_text("utf-8").splitlines()
    assert "Grün" in line
    assert json.loads(line) == {"file": "ä.mp4", **answered("").response.model_dump(exclude_none=True)}


def test_only_what_would_fail_again_has_a_line(path):
    write(path, Failed("gone.mp4", "no such file"), Failed("text.mp4", "not a video", lasts=True))
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"file": "text.mp4", "error": "not a video"}
    ]


def test_the_next_run_knows_what_is_settled(path):
    write(path, answered("a.mp4"), Failed("b.mp4", "not a video", lasts=True), Failed("c.mp4", "no such file"))
    write(path, answered("d.mp4"))
    assert reopened(path) == ({"a.mp4", "d.mp4"}, {"b.mp4"})
    with ResultsFile.open(path, OPTIONS) as answers:
        assert [answers.settles(f"{name}.mp4") for name in "abcd"] == [True, True, False, True]


def test_a_line_that_was_cut_off_goes_wherever_it_was_cut(path):
    write(path, answered("a.mp4"))
    whole = path.read_bytes()
    for end in range(1, len(whole)):
        path.write_bytes(whole + whole[:end])
        assert reopened(path) == ({"a.mp4"}, set())
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "content",
    [
        b"my notes",
        b"my notes\n",
        b"{}\n",
        b"[1]\n",
        b"7\n",
        b'{"file": "a.mp4"}\n',
        b"\xff\n",
        b"\n",
        b"\0" * 3_000_000,
    ],
)
def test_a_file_of_something_else_is_left_alone(path, content):
    path.write_bytes(content)
    with pytest.raises(ResultsFileError, match="line 1"):
        reopened(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "other",
    [answered("a.mp4", version="1"), answered("a.mp4", num_actions=2), answered("a.mp4", features=[0.5])],
)
def test_answers_to_other_options_are_not_mixed_in(path, other):
    write(path, other)
    with pytest.raises(ResultsFileError, match="colours 2"):
        reopened(path)


def test_one_run_at_a_time_writes(path):
    with ResultsFile.open(path, OPTIONS), pytest.raises(ResultsFileError, match="answers"):
        reopened(path)


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "no" / "folder", "No such file or directory")):
        with pytest.raises(ResultsFileError, match=f"{path}: {reason}"):
            reopened(path)


def test_what_goes_wrong_elsewhere_is_not_told_of_the_file(path):
    with pytest.raises(OSError, match="Input/output error"), ResultsFile.open(path, OPTIONS):
        raise OSError(5, "Input/output error")


def test_a_full_disk_is_told_and_leaves_what_was_whole(path):
    write(path, answered("a.mp4"))
    whole, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, limits[1]))
        with pytest.raises(ResultsFileError, match=f"{path}: File too large"):
            write(path, answered("b.mp4"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(path.read_bytes()) > len(whole)
    assert reopened(path) == ({"a.mp4"}, set())
    assert path.read_bytes() == whole


def test_a_name_that_is_no_text_comes_back_as_it_was(path):
    name = os.fsdecode(b"caf\xe9.mp4")
    write(path, answered(name))
    assert reopened(path) == ({name}, set())
    assert json.loads(path.read_text("utf-8"))["file"] == name
